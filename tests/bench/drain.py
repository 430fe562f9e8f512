"""How fast workers send a queue of different texts through the real SDK, to a provider that answers in 100 ms.

Each rate is compared with the unchanged SDK's in the same run, and with the possible maximum: the number of threads
times the answers per second that one thread can get. The unchanged SDK makes a TLS context for each call, so that its
rate is that of one processor, however many threads call it.
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
from state.tables import message, outbox
from tests.databases import migrated_postgres, migrated_sqlite
from tests.servers import free_port, running_postgres

TEXTS = 20_000
SDK_TEXTS = 200
"""Enough to measure the unchanged SDK."""
LATENCY_S = 0.1
STARTS_WITHIN_S = 60.0
LIMIT_S = 3600.0
"""How long a queue may take."""


def measure(folder: Path, texts: int = TEXTS) -> list[dict[str, Any]]:
    """A row for the unchanged SDK and for each set of workers: texts per second, and the ratios of that."""
    with (
        tls_provider(folder) as environment,
        running_postgres() as postgres,
        migrated_postgres(postgres) as postgres_url,
    ):
        unchanged = sdk_alone(environment)
        rows = [{"what": f"the SDK alone, {WORKERS} threads", "per_second": round(unchanged, 1)}]
        for what, url, workers in (
            ("1 worker, SQLite", migrated_sqlite(folder / "drain.db"), 1),
            ("1 worker, PostgreSQL", postgres_url, 1),
            ("2 workers, PostgreSQL", postgres_url, 2),
        ):
            rate = drained(url, environment, workers, texts)
            share = rate / (workers * WORKERS / LATENCY_S)
            multiple, share = round(rate / unchanged, 1), round(share, 2)
            rows.append({"what": what, "per_second": round(rate, 1), "x_sdk": multiple, "of_possible": share})
    return rows


@contextmanager
def tls_provider(folder: Path) -> Iterator[dict[str, str]]:
    """Run a provider; yields the environment variables with which workers find and trust it."""
    certificate, key, port = folder / "certificate.pem", folder / "key.pem", free_port()
    make_certificate = (
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {key} -out {certificate}"
    )
    subject = ["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*make_certificate.split(), *subject], check=True, capture_output=True)
    command = [sys.executable, "-m", "tests.bench.tls_provider", str(port), str(certificate), str(key), str(LATENCY_S)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        # the usual certificates are added: reading them is most of the cost of a call with the unchanged SDK
        certificate.write_text(certificate.read_text() + Path(certifi.where()).read_text())
        yield {"AT_BASE_URL": f"https://127.0.0.1:{port}", "REQUESTS_CA_BUNDLE": str(certificate)}
    finally:
        process.terminate()
        process.wait(STARTS_WITHIN_S)


def sdk_alone(environment: dict[str, str]) -> float:
    """Texts per second through the SDK's own class, in which only the address is replaced."""
    service = importlib.import_module("africastalking.SMS").SMSService("soko", "key")
    service._baseUrl = environment["AT_BASE_URL"] + "/version1"
    os.environ["REQUESTS_CA_BUNDLE"] = environment["REQUESTS_CA_BUNDLE"]
    with ThreadPoolExecutor(WORKERS) as threads:
        begun = time.monotonic()
        list(threads.map(lambda n: service.send(f"Text {n}", ["+254711000111"]), range(SDK_TEXTS)))
        return SDK_TEXTS / (time.monotonic() - begun)


def drained(url: str, environment: dict[str, str], workers: int, texts: int) -> float:
    """Texts per second, from the first that is sent to the last."""
    provider = {"SMS_PROVIDER": "africastalking", "AT_USERNAME": "soko", "AT_API_KEY": "key", "HOURLY_CAP": "1000000"}
    engine = create_engine(url)
    with engine.begin() as conn:
        fill(conn, texts)
    with ExitStack() as running:
        for _ in range(workers):
            process = subprocess.Popen(
                [sys.executable, "-m", "bot.worker"],
                env={**os.environ, **environment, **provider, "DATABASE_URL": url},
                stderr=subprocess.DEVNULL,
            )
            running.callback(process.wait, STARTS_WITHIN_S)
            running.callback(process.terminate)
        first = time_of(engine, "status = 'sent'", 1)
        last = time_of(engine, "status IN ('queued', 'sending')", 0)
    with engine.begin() as conn:
        sent = conn.execute(text("SELECT count(*) FROM message WHERE status = 'sent'")).scalar_one()
        conn.execute(text("DELETE FROM message"))
        conn.execute(text("DELETE FROM outbox"))
    engine.dispose()
    assert sent == texts, f"{sent} of {texts} texts were sent"
    return texts / (last - first)


def fill(conn: Connection, texts: int) -> None:
    """Queue the messages as `queue.add` does, with many rows in one statement."""
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


def time_of(engine: Engine, which: str, least: int) -> float:
    """Wait for a first text that matches `which` (`least` 1), or until none matches (`least` 0); returns the time."""
    ends_at = time.monotonic() + LIMIT_S
    while time.monotonic() < ends_at:
        with engine.connect().execution_options(read_only=True) as conn:
            found = conn.execute(text(f"SELECT count(*) FROM (SELECT 1 FROM message WHERE {which} LIMIT 1) AS one"))
            if found.scalar_one() == least:
                return time.monotonic()
        time.sleep(0.05)
    raise TimeoutError(f"after {LIMIT_S} s the workers are not at the point where {which}")


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
