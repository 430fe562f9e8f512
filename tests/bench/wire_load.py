"""The load of `script/bench --wire`, in a process of its own: calls of artisans, as Africa's Talking posts them.

Each line of standard input is a `LoadJob` in JSON, and each line of standard output its `LoadResult`. A connection
carries one call after another. Every answer is compared with what the dialogue shows there.
"""

from __future__ import annotations

import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from statistics import quantiles
from typing import NoReturn
from urllib.parse import quote_plus, urlencode

import msgspec

_LENGTH = re.compile(rb"content-length: (\d+)\r\n", re.IGNORECASE)
LIMIT_S = 30.0
"""How long an answer may take before the run fails."""


class LoadJob(msgspec.Struct, frozen=True):
    """So many calls to one server. Call number `n` has the session `n` and comes from artisan `n` modulo `artisans`."""

    port: int
    path: str
    first: int
    """The number of the first call; no two calls of a run have the same."""
    calls: int
    answers: tuple[str, ...]
    shows: tuple[str, ...]
    """A part of each screen of a call: of the first one, and of the one after each answer."""
    artisans: int
    connections: int
    per_second: float | None = None
    """Requests come at random times at this rate, and wait if all connections are in use; None: as fast as answered."""
    requests: tuple[bytes, ...] = ()
    """Whole requests that are sent instead of calls, each once; `calls` is how many."""


class LoadResult(msgspec.Struct, frozen=True):
    """What was measured; times in seconds. A request that had to wait counts from the time at which it was due."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu: float
    """Processor time of the load itself."""


def msisdn(number: int) -> str:
    """The phone of an artisan."""
    return f"+2547{number:08}"


def calls_of(job: LoadJob) -> Iterator[list[bytes]]:
    """The requests of each call, made before the measurement begins."""
    if job.requests:
        yield from ([request] for request in job.requests)
        return
    for number in range(job.first, job.first + job.calls):
        yield [_request(job, number, job.answers[:hop]) for hop in range(len(job.answers) + 1)]


def _request(job: LoadJob, number: int, typed: tuple[str, ...]) -> bytes:
    fields = {
        "sessionId": f"ATUid_{number:032x}",
        "phoneNumber": msisdn(number % job.artisans),
        "networkCode": "63902",
        "serviceCode": "*384*22#",
        "text": "*".join(typed),
    }
    body = urlencode(fields, quote_via=quote_plus)
    # Africa's Talking brings back the metadata of our last answer
    metadata = f"at-ussd-hop-metadata: {len('*'.join(typed[:-1]))}\r\n" if typed else ""
    head = (
        f"POST {job.path} HTTP/1.1\r\nHost: 127.0.0.1:{job.port}\r\nAccept: */*\r\n{metadata}"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


@dataclass(slots=True, eq=False)
class _Line:
    """A connection, and what is left of the call that it carries."""

    socket: socket.socket
    requests: deque[bytes] = field(default_factory=deque)
    due_at: float = 0.0
    received: bytes = b""

    def fileno(self) -> int:
        return self.socket.fileno()


class Load:
    """Runs one job."""

    def __init__(self, job: LoadJob) -> None:
        self._job = job
        self._shows = [text.encode() for text in job.shows]
        self._total = job.calls * len(job.shows)
        self._calls = calls_of(job)
        self._lines = [_Line(_connected(job.port)) for _ in range(min(job.connections, job.calls))]
        self._latencies: list[float] = []

    def run(self) -> LoadResult:
        self._calls = iter(list(self._calls))
        began_at, began_cpu = time.perf_counter(), time.process_time()
        if self._job.per_second is None:
            self._as_fast_as_answered()
        else:
            self._at_random_times(self._job.per_second)
        seconds, cpu = time.perf_counter() - began_at, time.process_time() - began_cpu
        for line in self._lines:
            line.socket.close()
        cuts = quantiles(self._latencies, n=100)
        return LoadResult(self._total, seconds, cuts[49], cuts[98], cpu)

    def _as_fast_as_answered(self) -> None:
        poll = select.epoll()
        by_number = {line.fileno(): line for line in self._lines}
        for line in self._lines:
            poll.register(line.fileno(), select.EPOLLIN)
            self._send(line, time.perf_counter())
        while len(self._latencies) < self._total:
            for number, _ in poll.poll(LIMIT_S) or _fail("no answer came in time"):
                if self._receive(by_number[number]):
                    self._send(by_number[number], time.perf_counter())
        poll.close()

    def _at_random_times(self, per_second: float) -> None:
        idle, busy = deque(self._lines), set[_Line]()
        gaps, due_at = Random(self._job.first), time.perf_counter()
        while len(self._latencies) < self._total:
            while idle and due_at <= time.perf_counter():
                line = idle.popleft()
                if self._send(line, due_at):
                    busy.add(line)
                    due_at += gaps.expovariate(per_second)
            # `epoll` would round the pause to milliseconds
            for line in select.select(busy, (), (), max(due_at - time.perf_counter(), 0.0) if idle else LIMIT_S)[0]:
                if self._receive(line):
                    busy.discard(line)
                    idle.append(line)

    def _send(self, line: _Line, due_at: float) -> bool:
        """Send the next request of the connection's call, or of the next call; False if all have been made."""
        if not line.requests:
            line.requests = deque(next(self._calls, ()))
        if not line.requests:
            return False
        line.due_at = due_at
        line.socket.send(line.requests.popleft())
        return True

    def _receive(self, line: _Line) -> bool:
        """True if the whole answer is there."""
        line.received += line.socket.recv(65536) or _fail("the server has closed a connection")
        head, found, body = line.received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not found or length is None or len(body) < int(length[1]):
            return False
        self._latencies.append(time.perf_counter() - line.due_at)
        if not head.startswith(b"HTTP/1.1 200") or self._shows[-1 - len(line.requests)] not in body:
            _fail(f"an answer is {line.received!r}")
        line.received = b""
        return True


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), LIMIT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _fail(why: str) -> NoReturn:
    raise SystemExit(why)


def main() -> None:
    for line in sys.stdin:
        result = Load(msgspec.json.decode(line, type=LoadJob)).run()
        sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
