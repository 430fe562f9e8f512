"""The real web server under bad luck: hops a second while slow bodies are open, and a hop while a store is frozen.

.venv/bin/python -m tests.bench.overload
"""

from __future__ import annotations

import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Any
from urllib.parse import urlencode

from tests.databases import migrate, migrated_sqlite
from tests.servers import running_postgres, running_redis
from tests.web_process import FORM, USSD, WebProcess, web_process

SLOW_BODIES = 200
CLIENTS, ROUNDS, ROUND_S = 4, 7, 2.5
SETTLED_AFTER_S = 1.5
"""Until all slow bodies are open; they stay so for 5 s."""
HALVES = (USSD, "/webhooks/twilio/sms", USSD, "/products/KAPU")
_numbers = count()


def measure(folder: Path) -> list[dict[str, Any]]:
    """A row for each figure: `per_second` and its ratio to a calm server, or `seconds`."""
    with running_redis() as redis, running_postgres() as postgres, postgres.fresh_database() as url:
        migrate(url)
        with web_process(DATABASE_URL=url, REDIS_URL=redis.url) as web:
            rows = _beside_slow_bodies(web)
            rows.append(_frozen_hop(web, "Redis is frozen", redis.frozen))
            rows.append(_frozen_hop(web, "PostgreSQL is frozen", postgres.frozen))
    file = folder / "soko.db"
    with web_process(DATABASE_URL=migrated_sqlite(file), REDIS_URL="") as web:
        rows.append(_frozen_hop(web, "SQLite is locked", lambda: _locked(file)))
    return rows


def _beside_slow_bodies(web: WebProcess) -> list[dict[str, Any]]:
    _hops_per_second(web)  # the first ones open connections
    calm: list[float] = []
    beside: list[float] = []
    for _ in range(ROUNDS):
        calm.append(_hops_per_second(web))
        with _slow_bodies(web):
            beside.append(_hops_per_second(web))
    ratio = median(slow / alone for slow, alone in zip(beside, calm, strict=True))
    name = f"hops beside {SLOW_BODIES} slow bodies"
    return [
        {"what": "hops", "per_second": round(median(calm)), "ratio": 1.0},
        {"what": name, "per_second": round(median(beside)), "ratio": round(ratio, 2)},
    ]


@contextmanager
def _slow_bodies(web: WebProcess) -> Iterator[None]:
    with ExitStack() as stack:
        for number in range(SLOW_BODIES):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            path = HALVES[number % len(HALVES)]
            client.sendall(f"POST {path} HTTP/1.1\r\nHost: soko\r\nContent-Length: 90\r\n\r\nsessionId".encode())
        sleep(SETTLED_AFTER_S)
        yield


def _hops_per_second(web: WebProcess) -> float:
    begun = perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        hops = sum(pool.map(lambda _: _hop_until(web, begun + ROUND_S), range(CLIENTS)))
    return hops / (perf_counter() - begun)


def _hop_until(web: WebProcess, ends_at: float) -> int:
    """Makes calls of one hop over one connection; returns how many."""
    hops = 0
    with closing(HTTPConnection("127.0.0.1", web.port, timeout=10)) as connection:
        while perf_counter() < ends_at:
            number = next(_numbers)
            fields = {"sessionId": f"b{number}", "phoneNumber": f"+2547{number % 1000:08}", "text": ""}
            connection.request("POST", USSD, urlencode(fields), FORM)
            if not connection.getresponse().read().startswith(b"CON "):
                raise RuntimeError("a hop was not answered by a menu")
            hops += 1
    return hops


def _frozen_hop(web: WebProcess, what: str, frozen: Callable[[], AbstractContextManager[None]]) -> dict[str, Any]:
    """The time of the first hop in the frozen state, and whether the service goes on afterwards."""
    web.hop(f"before {what}")
    with frozen():
        begun = perf_counter()
        answer = web.hop(f"while {what}", within_s=30.0)
        seconds = perf_counter() - begun
    if not answer.text.startswith("END "):
        raise RuntimeError(f"a hop was answered while {what}: {answer.text}")
    return {"what": f"a hop while {what}", "seconds": round(seconds, 2)}


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"\n{'':<38}{'hops/s':>9}{'x calm':>13}{'seconds':>9}"]
    for row in rows:
        figures = (row.get("per_second", ""), row.get("ratio", ""), row.get("seconds", ""))
        lines.append(f"{row['what']:<38}{figures[0]:>9}{figures[1]:>13}{figures[2]:>9}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.stdout.write(table(measure(Path(temporary))))
