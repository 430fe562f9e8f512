"""Africa's Talking on a bad day: it refuses, hangs, breaks off, and reports late, twice and in any order.

Like the real one it repeats what it posts until it is answered 200, and sometimes once more.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, PriorityQueue
from random import Random
from urllib.parse import parse_qs

import urllib3

HANGS_S = 12.0
"""Longer than any client of ours waits."""
LATE_S = 2.0
"""By how much posts may overtake each other."""
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Taken:
    """A text that it took, whoever heard of that."""

    id: str
    msisdn: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class Post:
    """What it has to tell us, when, and in which order it came to know."""

    at: float
    number: int
    url: str = field(compare=False)
    form: dict[str, str] = field(compare=False)


@dataclass
class Carrier:
    """What it did; `reports_to` is where its delivery reports go."""

    chance: Random
    reports_to: str = ""
    url: str = ""
    taken: list[Taken] = field(default_factory=list)
    calm: threading.Event = field(default_factory=threading.Event)
    """Set when the bad day is over."""
    _to_post: PriorityQueue[Post] = field(default_factory=PriorityQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _posts: int = 0

    def sent(self, numbers: list[str], text: str) -> tuple[int, bytes, float]:
        """How a send is answered: the status, the body, and after how long. A status of 0 hangs up."""
        with self._lock:
            mood = 1.0 if self.calm.is_set() else self.chance.random()
            if mood < 0.04:
                return 500, b"Please try again later", 0
            if mood < 0.06:
                return 201, _answer([_refusal(number) for number in numbers]), 0
            body = _answer([self._take(number, text) for number in numbers])
            if mood < 0.07:
                return 201, body, HANGS_S
            if mood < 0.08:
                return 0, b"", 0
            return 201, body, self.chance.random() * 0.05

    def _take(self, number: str, text: str) -> dict[str, object]:
        taken = Taken(f"ATXid_{len(self.taken)}", number, text)
        self.taken.append(taken)
        said = ["Sent", "Success"] if self.chance.random() < 0.5 else ["Success"]
        if self.chance.random() < 0.2:
            said *= 2
        for status in said:
            report = {"id": taken.id, "status": status, "phoneNumber": number, "networkCode": "63902"}
            self._post(self.reports_to, report)
        return {"statusCode": 101, "number": number, "status": "Success", "cost": "KES 0.8000", "messageId": taken.id}

    def maybe_repeat(self, url: str, form: dict[str, str]) -> None:
        """A text that was brought is now and then brought again, after others that she wrote since."""
        with self._lock:
            if self.chance.random() < 0.1:
                self._post(url, form)

    def _post(self, url: str, form: dict[str, str]) -> None:
        self._posts += 1
        self._to_post.put(Post(time.monotonic() + self.chance.random() * LATE_S, self._posts, url, form))

    @property
    def owes(self) -> int:
        """How many posts have not been answered 200."""
        return self._to_post.unfinished_tasks

    def post(self, stop: threading.Event) -> None:
        """Posts what it owes until told to stop."""
        with urllib3.PoolManager(retries=False) as web:
            while not stop.is_set():
                try:
                    post = self._to_post.get(timeout=0.1)
                except Empty:
                    continue
                stop.wait(max(0.0, post.at - time.monotonic()))
                if not _is_taken(web, post):
                    self._to_post.put(Post(time.monotonic() + AGAIN_S, post.number, post.url, post.form))
                self._to_post.task_done()


def _is_taken(web: urllib3.PoolManager, post: Post) -> bool:
    try:
        return web.request("POST", post.url, fields=post.form, encode_multipart=False, timeout=30).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def _refusal(number: str) -> dict[str, object]:
    return {"statusCode": 501, "number": number, "status": "GatewayError", "cost": "0", "messageId": "None"}


def _answer(recipients: list[dict[str, object]]) -> bytes:
    return json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": recipients}}).encode()


@contextmanager
def working(carrier: Carrier, posting: int = 4) -> Iterator[None]:
    """The carrier at its address; so many of its posts may overtake each other."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body, after_s = carrier.sent(form["to"][0].split(","), form["message"][0])
            carrier.calm.wait(after_s)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # a killed worker hangs up in the middle of a word
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """A stand-in says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256  # with the usual 5, many callers at once are hung up on before they were heard

    stop = threading.Event()
    server = Server(("127.0.0.1", 0), Handler)
    carrier.url = f"http://127.0.0.1:{server.server_port}"
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})]
    threads += [threading.Thread(target=carrier.post, args=(stop,)) for _ in range(posting)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join()
