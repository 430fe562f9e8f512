"""A faulty stand-in for Africa's Talking: refuses, hangs, closes connections, and reports late, twice and out of order.

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
"""By how many seconds one post may overtake another."""
AGAIN_S = 0.5
"""After how many seconds a post that was not answered 200 is repeated."""
ANSWER_LIMIT_S = 30.0
STOPS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class AcceptedText:
    """A text that the provider accepted, whether or not the answer arrived."""

    id: str
    msisdn: str
    text: str


@dataclass(frozen=True, slots=True, order=True)
class PendingPost:
    """A callback that the provider has not posted yet: when it is due, and its number."""

    at: float
    number: int
    url: str = field(compare=False)
    form: dict[str, str] = field(compare=False)


@dataclass
class FaultyProvider:
    """The provider's state; `reports_to` is the URL of its delivery reports."""

    random: Random
    reports_to: str = ""
    url: str = ""
    accepted: list[AcceptedText] = field(default_factory=list)
    calm: threading.Event = field(default_factory=threading.Event)
    """Once set, the provider makes no more faults."""
    _to_post: PriorityQueue[PendingPost] = field(default_factory=PriorityQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _posts: int = 0

    def answer(self, numbers: list[str], text: str) -> tuple[int, bytes, float]:
        """The answer to a send: status, body, and the seconds to wait before it. A status of 0 hangs up."""
        with self._lock:
            chance = 1.0 if self.calm.is_set() else self.random.random()
            if chance < 0.04:
                return 500, b"Please try again later", 0
            if chance < 0.06:
                return 201, _body([_refusal(number) for number in numbers]), 0
            body = _body([self._accept(number, text) for number in numbers])
            if chance < 0.07:
                return 201, body, HANGS_S
            if chance < 0.08:
                return 0, b"", 0
            return 201, body, self.random.random() * 0.05

    def _accept(self, number: str, text: str) -> dict[str, object]:
        accepted = AcceptedText(f"ATXid_{len(self.accepted)}", number, text)
        self.accepted.append(accepted)
        statuses = ["Sent", "Success"] if self.random.random() < 0.5 else ["Success"]
        if self.random.random() < 0.2:
            statuses *= 2
        for status in statuses:
            report = {"id": accepted.id, "status": status, "phoneNumber": number, "networkCode": "63902"}
            self._post_later(self.reports_to, report)
        return {
            "statusCode": 101,
            "number": number,
            "status": "Success",
            "cost": "KES 0.8000",
            "messageId": accepted.id,
        }

    def maybe_repeat(self, url: str, form: dict[str, str]) -> None:
        """In one of ten cases post an inbound text again, perhaps after later texts of its sender."""
        with self._lock:
            if self.random.random() < 0.1:
                self._post_later(url, form)

    def _post_later(self, url: str, form: dict[str, str]) -> None:
        self._posts += 1
        self._to_post.put(PendingPost(time.monotonic() + self.random.random() * LATE_S, self._posts, url, form))

    @property
    def pending(self) -> int:
        """How many posts have not been answered 200."""
        return self._to_post.unfinished_tasks

    def post(self, stop: threading.Event) -> None:
        """Make the posts that are due until `stop` is set."""
        with urllib3.PoolManager(retries=False) as web:
            while not stop.is_set():
                try:
                    post = self._to_post.get(timeout=0.1)
                except Empty:
                    continue
                stop.wait(max(0.0, post.at - time.monotonic()))
                if not _is_acknowledged(web, post):
                    self._to_post.put(PendingPost(time.monotonic() + AGAIN_S, post.number, post.url, post.form))
                self._to_post.task_done()


def _is_acknowledged(web: urllib3.PoolManager, post: PendingPost) -> bool:
    try:
        answer = web.request("POST", post.url, fields=post.form, encode_multipart=False, timeout=ANSWER_LIMIT_S)
    except urllib3.exceptions.HTTPError:
        return False
    return answer.status == 200


def _refusal(number: str) -> dict[str, object]:
    return {"statusCode": 501, "number": number, "status": "GatewayError", "cost": "0", "messageId": "None"}


def _body(recipients: list[dict[str, object]]) -> bytes:
    return json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": recipients}}).encode()


@contextmanager
def running(provider: FaultyProvider, posting_threads: int = 4) -> Iterator[None]:
    """Serve the provider's API and make its posts, in `posting_threads` threads at the same time."""

    class FaultyProviderHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body, after_s = provider.answer(form["to"][0].split(","), form["message"][0])
            provider.calm.wait(after_s)
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
            except ConnectionError:  # a killed worker hangs up in the middle of a request
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Log nothing."""

    class LargeBacklogServer(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256  # the usual 5 refuses many callers at once

    stop = threading.Event()
    server = LargeBacklogServer(("127.0.0.1", 0), FaultyProviderHandler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    threads = [threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)]
    threads += [threading.Thread(target=provider.post, args=(stop,), daemon=True) for _ in range(posting_threads)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        for thread in threads:
            thread.join(STOPS_WITHIN_S)
