"""Africa's Talking on a bad day: it refuses, hangs, breaks off, and reports late, twice and in any order.

Like the real one it repeats what it posts until it is answered 200.
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

import requests

HANGS_S = 12.0
"""Longer than any client of ours waits."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A text that it took, whoever heard of that."""

    id: str
    msisdn: str
    text: str


@dataclass
class Carrier:
    """What it did; `reports_to` is where its delivery reports go."""

    chance: Random
    reports_to: str = ""
    taken: list[Taken] = field(default_factory=list)
    calm: bool = False
    url: str = ""
    _owed: PriorityQueue[tuple[float, int, dict[str, str]]] = field(default_factory=PriorityQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _posted: int = 0

    def sent(self, numbers: list[str], text: str) -> tuple[int, bytes, float]:
        """How a send is answered: the status, the body, and after how long. A status of 0 hangs up."""
        with self._lock:
            mood = 1.0 if self.calm else self.chance.random()
            if mood < 0.04:
                return 500, b"Please try again later", 0
            if mood < 0.06:
                return 201, _answer([self._refusal(number) for number in numbers]), 0
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
            self._posted += 1
            report = {"id": taken.id, "status": status, "phoneNumber": number, "networkCode": "63902"}
            self._owed.put((time.monotonic() + self.chance.random(), self._posted, report))
        return {"statusCode": 101, "number": number, "status": "Success", "cost": "KES 0.8000", "messageId": taken.id}

    def _refusal(self, number: str) -> dict[str, object]:
        return {"statusCode": 501, "number": number, "status": "GatewayError", "cost": "0", "messageId": "None"}

    @property
    def owes(self) -> int:
        return self._owed.qsize()

    def report(self, stop: threading.Event) -> None:
        """Posts what it owes until told to stop."""
        with requests.Session() as session:
            while not stop.is_set():
                try:
                    due_at, number, report = self._owed.get(timeout=0.1)
                except Empty:
                    continue
                stop.wait(max(0.0, due_at - time.monotonic()))
                if not _posted(session, self.reports_to, report):
                    self._owed.put((time.monotonic() + 0.5, number, report))


def _posted(session: requests.Session, url: str, form: dict[str, str]) -> bool:
    try:
        return session.post(url, data=form, timeout=15).status_code == 200
    except requests.RequestException:
        return False


def _answer(recipients: list[dict[str, object]]) -> bytes:
    return json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": recipients}}).encode()


@contextmanager
def working(carrier: Carrier, reporters: int = 4) -> Iterator[None]:
    """The carrier at its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, body, after_s = carrier.sent(form["to"][0].split(","), form["message"][0])
            stop.wait(after_s)
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
    threads += [threading.Thread(target=carrier.report, args=(stop,)) for _ in range(reporters)]
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
