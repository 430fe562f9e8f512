"""How fast workers drain a queue of different texts through the real SDK, to a carrier that answers in 100 ms.

Each rate stands beside what the SDK gives as it comes, in the same run: it makes a TLS context a call, so that
its rate is one processor's however many threads call it. Rates are told as multiples of that, and of the most
there could be: hands by the answers a second that one hand can get.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import certifi
from sqlalchemy import Connection, Engine, text

from bot.db.engine import create_engine
from bot.messaging.dispatcher import WORKERS
from bot.messaging.queue import KIND, Priority
from bot.migrations import upgrade
from bot.runtime.settings import Settings
from state.tables import message, outbox
from tests.servers import free_port, running_postgres

TEXTS = 20_000
SOME = 200
"""Enough to see what the SDK gives as it comes."""
LATENCY_S = 0.1


def measure(folder: Path, texts: int = TEXTS) -> list[dict[str, Any]]:
    """A row for the SDK as it comes and for each set of workers: texts a second, and what that is a multiple of."""
    with carrier(folder) as environment, running_postgres() as postgres, postgres.fresh_database() as postgres_url:
        as_it_comes = sdk_alone(environment)
        rows = [{"what": f"the SDK as it comes, {WORKERS} threads", "per_second": round(as_it_comes, 1)}]
        for what, url, workers in (
            ("1 worker, SQLite", f"sqlite:///{folder}/drain.db", 1),
            ("1 worker, PostgreSQL", postgres_url, 1),
            ("2 workers, PostgreSQL", postgres_url, 2),
        ):
            rate = drained(url, environment, workers, texts)
            share = rate / (workers * WORKERS / LATENCY_S)
            multiple, share = round(rate / as_it_comes, 1), round(share, 2)
            rows.append({"what": what, "per_second": round(rate, 1), "x_sdk": multiple, "of_possible": share})
    return rows


@contextmanager
def carrier(folder: Path) -> Iterator[dict[str, str]]:
    """A carrier that runs; the environment in which workers find and trust it."""
    certificate, key, port = folder / "certificate.pem", folder / "key.pem", free_port()
    made = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} -out {certificate}"
    subject = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made.split(), *subject], check=True, capture_output=True)
    command = [sys.executable, "-m", "tests.bench.carrier", str(port), str(certificate), str(key), str(LATENCY_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        # beside those that everybody trusts, since reading them all is what a call costs as the SDK comes
        certificate.write_text(certificate.read_text() + Path(certifi.where()).read_text())
        yield {"AT_BASE_URL": f"https://127.0.0.1:{port}", "REQUESTS_CA_BUNDLE": str(certificate)}
    finally:
        process.terminate()
        process.wait()


def sdk_alone(environment: dict[str, str]) -> float:
    """Texts a second through the SDK's own class, nothing in it replaced but the address."""
    service = importlib.import_module("africastalking.SMS").SMSService("soko", "key")
    service._baseUrl = environment["AT_BASE_URL"] + "/version1"
    os.environ["REQUESTS_CA_BUNDLE"] = environment["REQUESTS_CA_BUNDLE"]
    with ThreadPoolExecutor(WORKERS) as threads:
        begun = time.monotonic()
        list(threads.map(lambda n: service.send(f"Text {n}", ["+254711000111"]), range(SOME)))
        return SOME / (time.monotonic() - begun)


def drained(url: str, environment: dict[str, str], workers: int, texts: int) -> float:
    """Texts a second, from the first that is sent to the last."""
    carried = {"SMS_PROVIDER": "africastalking", "AT_USERNAME": "soko", "AT_API_KEY": "key", "HOURLY_CAP": "1000000"}
    upgrade.upgrade(Settings(database_url=url))
    engine = create_engine(url)
    with engine.begin() as conn:
        fill(conn, texts)
    with ExitStack() as running:
        for _ in range(workers):
            process = subprocess.Popen(
                [sys.executable, "-m", "bot.worker"],
                env={**os.environ, **environment, **carried, "DATABASE_URL": url},
                stderr=subprocess.DEVNULL,
            )
            running.callback(process.wait)
            running.callback(process.terminate)
        first = awaited(engine, "status = 'sent'", 1)
        last = awaited(engine, "status IN ('queued', 'sending')", 0)
    with engine.begin() as conn:
        sent = conn.execute(text("SELECT count(*) FROM message WHERE status = 'sent'")).scalar_one()
        conn.execute(text("DELETE FROM message"))
        conn.execute(text("DELETE FROM outbox"))
    engine.dispose()
    assert sent == texts, f"{sent} of {texts} texts were sent"
    return texts / (last - first)


def fill(conn: Connection, texts: int) -> None:
    """As `queue.add` would, many rows a statement."""
    now, bodies = datetime.now(UTC), [f"Order K{n} is on its way. Tracking number {n * 7919}." for n in range(texts)]
    each: dict[str, Any] = {
        "direction": "out",
        "channel": "sms",
        "status": "queued",
        "encoding": "GSM-7",
        "segments": 1,
    }
    each |= {"topic": "order.shipped", "created_at": now}
    job = {"kind": KIND, "priority": Priority.NOTIFICATION.value, "due_at": now, "created_at": now, "attempts": 0}
    phones = [f"+2547{n:08}" for n in range(texts)]
    conn.execute(
        message.insert(),
        [each | {"id": f"msg_{n}", "msisdn": phones[n], "text": body} for n, body in enumerate(bodies)],
    )
    conn.execute(
        outbox.insert(),
        [
            job | {"key": f"drain:{n}", "ordering_key": phones[n], "payload": f'{{"message":"msg_{n}"}}'}
            for n in range(texts)
        ],
    )


def awaited(engine: Engine, which: str, least: int) -> float:
    """When there are `least` such texts at last, or, for 0, none any more."""
    while True:
        with engine.connect().execution_options(read_only=True) as conn:
            found = conn.execute(text(f"SELECT count(*) FROM (SELECT 1 FROM message WHERE {which} LIMIT 1) AS one"))
            if found.scalar_one() == least:
                return time.monotonic()
        time.sleep(0.05)


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"\n{'':<38}{'texts/s':>9}{'x the SDK':>13}{'of possible':>13}"]
    lines += [
        f"{row['what']:<38}{row['per_second']:>9.1f}{row.get('x_sdk', 1.0):>13.1f}{row.get('of_possible', ''):>13}"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(measure(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else TEXTS)))
