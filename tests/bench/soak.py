"""`script/bench --soak`: people live whole stories, which begin at random times, for a quarter of an hour or for hours.

Each story is a product: its artisan joins, lists it, is offered an order that a buyer has paid, takes it, makes it and
brings it to a kiosk; the agent receives and ships it, the artisan is paid, and the buyer says that it came. Stories
begin at the rate that is asked for, whether or not the service keeps up. At the end, what was promised is counted in
the database, in the ledger and at the provider of texts.

script/bench --soak --minutes 120 --rate 2 --only embedded
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import linear_regression, quantiles
from typing import Any

from tests.bench.soak_phones import KEY, LOST_AFTER_S, SLOW_S, Measured, Town, arriving
from tests.bench.soak_provider import CalmProvider
from tests.bench.wire_servers import cpu_s
from tests.chaos import invariants, processes
from tests.chaos.faulty_provider import FaultyProvider
from tests.chaos.processes import ServerProcess
from tests.http_client import HttpClient
from tests.servers import free_port, running_postgres, running_redis

MINUTES, PER_SECOND, WARM_UP = 15.0, 1.0, 0.5
"""The length of a run, the stories a second, and the share of a run at its beginning that memory is not judged by."""
SAMPLES_EVERY_S = 5.0
SETTLES_WITHIN_S = 120.0
ANSWER_LIMIT_S = 30.0
EMBEDDED, SCALED = "embedded (SQLite)", "Redis + PostgreSQL"
PROCESSES = {"web": "granian", "worker": "bot.worker"}
QUEUES = {"oldest job, s": "soko_outbox_oldest_seconds", "untold events": "soko_events_untold"}
UNFINISHED = re.compile(r"^soko_(?:outbox_due_jobs|events_untold) (\S+)$", re.MULTILINE)
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
Row = dict[str, Any]


@dataclass
class Samples:
    """What was seen of the processes every `SAMPLES_EVERY_S`."""

    at: list[float] = field(default_factory=list)
    megabytes: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in PROCESSES})
    queues: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in QUEUES})

    async def take(self, server: ServerProcess, gateway: HttpClient) -> None:
        self.at.append(time.monotonic())
        for name, command in PROCESSES.items():
            self.megabytes[name].append(sum(map(_resident, server.running(command))) / 1e6)
        page = (await gateway.request("GET", "/metrics")).text
        for name, metric in QUEUES.items():
            found = re.search(rf"^{metric} (\S+)$", page, re.MULTILINE)
            self.queues[name].append(float(found[1]) if found else 0.0)

    def row(self) -> Row:
        first = int(len(self.at) * WARM_UP)
        hours = [at / 3600 for at in self.at[first:]]
        return {
            "memory": {
                name: {
                    "mb": [round(seen[(len(seen) - 1) * quarter // 4], 1) for quarter in range(5)],
                    "mb_per_hour": round(linear_regression(hours, seen[first:]).slope, 1),
                }
                for name, seen in self.megabytes.items()
            },
            "queues": {name: {"p50": _cut(seen, 50), "max": round(max(seen), 2)} for name, seen in self.queues.items()},
        }


def _resident(pid: int) -> int:
    """Bytes of memory that only this process has; those that it shares with its parent are not counted twice."""
    resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
    return (resident - shared) * PAGE_BYTES


def measure(minutes: float, per_second: float, web_workers: int, only: str, seed: int) -> list[Row]:
    """A row for each deployment whose name matches `only`."""
    rows = []
    for name, deployed in ((EMBEDDED, _embedded), (SCALED, _scaled)):
        if re.search(only, name):
            with tempfile.TemporaryDirectory() as folder, deployed(Path(folder)) as deployment:
                deployment.environment["WEB_WORKERS"] = str(web_workers)
                soaked = _soak(deployment, Path(folder), minutes, per_second, seed)
                rows.append({"what": name, **asyncio.run(soaked)})
    return rows


@dataclass(frozen=True, slots=True)
class Deployment:
    """The settings that name its stores, and the ids of their processes by name."""

    environment: dict[str, str]
    processes: dict[str, int] = field(default_factory=dict)


@contextmanager
def _embedded(folder: Path) -> Iterator[Deployment]:
    yield Deployment({"DATABASE_URL": f"sqlite:///{folder}/soko.db", "REDIS_URL": ""})


@contextmanager
def _scaled(folder: Path) -> Iterator[Deployment]:
    # as PostgreSQL is in production, unlike in tests
    safe = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
    with running_redis() as redis, running_postgres(**safe) as postgres, postgres.fresh_database() as url:
        environment = {"DATABASE_URL": url, "REDIS_URL": redis.url}
        yield Deployment(environment, {"PostgreSQL": postgres.pid, "Redis": redis.pid})


async def _soak(deployment: Deployment, folder: Path, minutes: float, per_second: float, seed: int) -> Row:
    port, provider, samples = free_port(), CalmProvider(), Samples()
    town = Town(HttpClient(port, ANSWER_LIMIT_S), provider, Random(seed))
    async with provider.running(town.report):
        settings = _settings(port, provider.url, folder)
        with processes.running(settings | deployment.environment, folder / "server.log") as server:
            await _until_ready(town.gateway)
            await town.open_kiosks()
            town.measured = measured = Measured()
            began, before = time.monotonic(), _cpu(server, deployment)
            async with arriving(town, per_second, minutes * 60):
                await _sample(samples, server, town.gateway, minutes * 60)
            written = _written(deployment.environment["DATABASE_URL"])
            used = {name: cpu - before[name] for name, cpu in _cpu(server, deployment).items()}
            seconds = time.monotonic() - began
            await _until_settled(town.gateway)
            await provider.until_reported()
            town.gateway.close()
            assert await asyncio.to_thread(server.stop) == 0
    return {
        "minutes": minutes,
        "stories_per_second": per_second,
        **{name: getattr(measured, name) for name in ("begun", "done", "examples")},
        "problems": dict(measured.problems),
        "wrong_at_the_end": _wrong_at_the_end(deployment.environment["DATABASE_URL"], measured, provider),
        "times": _times(measured),
        **samples.row(),
        "cpu": {
            name: {"share": round(cpu / seconds, 3), "ms_per_story": round(cpu / max(measured.begun, 1) * 1000, 1)}
            for name, cpu in used.items()
        },
        "written_per_story": {name: round(count / max(measured.begun, 1)) for name, count in written.items()},
        "load_late_ms": round(measured.late_s * 1000, 1),
    }


def _settings(port: int, provider_url: str, folder: Path) -> dict[str, str]:
    return {
        "PORT": str(port),
        "DEMO": "off",
        "BOOTSTRAP_API_KEY": KEY,
        "SMS_PROVIDER": "africastalking",
        "AT_USERNAME": "soko",
        "AT_API_KEY": "key",
        "AT_BASE_URL": provider_url,
        "PHOTOS_DIR": str(folder / "photos"),
        # all stories come from one address, and a run may last into the night
        "HOURLY_CAP": "1000",
        "QUIET_HOURS": "03:00-03:01",
        "API_RATE": "1000000/minute",
        "PUBLIC_RATE": "1000000/minute",
    }


async def _until_ready(gateway: HttpClient) -> None:
    async with asyncio.timeout(SETTLES_WITHIN_S):
        while True:
            with suppress(OSError, EOFError):
                if (await gateway.request("GET", "/readyz")).status == 200:
                    return
            await asyncio.sleep(0.1)


async def _sample(samples: Samples, server: ServerProcess, gateway: HttpClient, seconds: float) -> None:
    for _ in range(max(int(seconds / SAMPLES_EVERY_S), 2)):
        await asyncio.sleep(SAMPLES_EVERY_S)
        await samples.take(server, gateway)


async def _until_settled(gateway: HttpClient) -> None:
    """Wait until no job is due and every event is told; what is still there then is counted as wrong at the end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SETTLES_WITHIN_S):
            while True:
                page = (await gateway.request("GET", "/metrics")).text
                if not any(map(float, UNFINISHED.findall(page))):
                    return
                await asyncio.sleep(0.5)


def _cpu(server: ServerProcess, deployment: Deployment) -> dict[str, float]:
    """The processor time of the processes, of the stores and of the load itself, in seconds."""
    used = {name: cpu_s(server.running(command)[0]) for name, command in PROCESSES.items()}
    used |= {name: cpu_s(pid) for name, pid in deployment.processes.items()}
    return used | {"load": time.process_time()}


def _written(url: str) -> dict[str, int]:
    """What PostgreSQL has counted in this database so far; for SQLite nothing."""
    if not url.startswith("postgresql"):
        return {}
    counted = "xact_commit AS commits, tup_inserted + tup_updated + tup_deleted AS rows_written"
    with invariants.reading(url) as rows:
        (row,) = rows(f"SELECT {counted} FROM pg_stat_database WHERE datname = current_database()")
    return dict(row._mapping)


def _wrong_at_the_end(url: str, measured: Measured, provider: CalmProvider) -> list[str]:
    """What does not hold of the database, the ledger and the provider's own records."""
    found = []
    arrived = FaultyProvider(Random(), accepted=provider.accepted)
    checks = {
        "texts": lambda rows: invariants.check_messages_arrived_once_or_are_known_as_repeated(rows, arrived, 0),
        "stories": lambda rows: _check_stories(rows, measured),
        "ledger": lambda _rows: invariants.check_the_ledger_balances(url),
    }
    with invariants.reading(url) as rows:
        for name, check in checks.items():
            try:
                check(rows)
            except AssertionError as error:
                found.append(f"{name}: {str(error)[:500]}")
    return found


def _check_stories(rows: invariants.Rows, measured: Measured) -> None:
    """Each story that was completed left one delivered order and one paid payout."""
    orders = Counter(row.status for row in rows('SELECT status FROM "order"'))
    payouts = Counter(row.status for row in rows("SELECT status FROM payout"))
    assert orders["delivered"] == measured.done, f"{measured.done} stories, and orders are {dict(orders)}"
    assert measured.done <= payouts["paid"] <= measured.begun, f"payouts are {dict(payouts)}"
    assert sum(payouts.values()) == payouts["paid"], f"payouts are {dict(payouts)}"


def _times(measured: Measured) -> list[Row]:
    rows = []
    for what, seconds in sorted(measured.seconds.items()):
        slow_s = SLOW_S["text" if what.startswith("text:") else ""]
        row: Row = {"what": what, "count": len(seconds)}
        row |= {f"p{percent}_ms": round(_cut(seconds, percent) * 1000, 1) for percent in (50, 95, 99)}
        rows.append({**row, "max_ms": round(max(seconds) * 1000, 1), "slow": sum(each > slow_s for each in seconds)})
    return rows


def _cut(values: Sequence[float], percent: int) -> float:
    return round(quantiles(values, n=100, method="inclusive")[percent - 1], 4) if len(values) > 1 else values[0]


def table(rows: Sequence[Row]) -> str:
    return "\n".join(line for row in rows for line in _lines(row)) + "\n"


def _lines(row: Row) -> Iterator[str]:
    yield f"\n{row['what']}: {row['minutes']:g} minutes, {row['stories_per_second']:g} stories a second"
    problems = ", ".join(f"{count} {name}" for name, count in row["problems"].items()) or "none lost, wrong or failed"
    yield f"stories: {row['begun']} begun, {row['done']} done, {problems}"
    yield from row["examples"]
    yield from (f"wrong at the end: {wrong}" for wrong in row["wrong_at_the_end"])
    yield f"\n{'':<42}{'count':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'max ms':>9}{'slow':>6}"
    for each in row["times"]:
        cuts = "".join(f"{each[name]:>9.0f}" for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms"))
        yield f"{each['what']:<42}{each['count']:>8}{cuts}{each['slow']:>6}"
    yield ""
    for name, seen in row["memory"].items():
        megabytes = ", ".join(map(str, seen["mb"]))
        yield f"memory of {name}: {megabytes} MB by quarter, {seen['mb_per_hour']:+g} MB an hour in the second half"
    for name, seen in row["queues"].items():
        yield f"{name}: {seen['p50']:g} at the median, {seen['max']:g} at most"
    for name, used in row["cpu"].items():
        yield f"processor of {name}: {used['share']:.0%} of one, {used['ms_per_story']:g} ms a story"
    for name, count in row["written_per_story"].items():
        yield f"{name.replace('_', ' ')}: {count} a story"
    yield f"the load was late by {row['load_late_ms']:g} ms at most; a text is lost after {LOST_AFTER_S:g} s"


def main(arguments: Sequence[str]) -> None:
    options = argparse.ArgumentParser(
        prog="script/bench --soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--minutes", type=float, default=MINUTES, help="of each deployment (%(default)g)")
    options.add_argument("--rate", type=float, default=PER_SECOND, help="stories that begin each second (%(default)g)")
    options.add_argument("--web-workers", type=int, default=1, help="WEB_WORKERS (%(default)s)")
    options.add_argument("--only", default="", help=f"a pattern of {EMBEDDED!r} and {SCALED!r}")
    options.add_argument("--seed", type=int, default=1, help="of the random times (%(default)s)")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args(arguments)
    rows = measure(chosen.minutes, chosen.rate, chosen.web_workers, chosen.only, chosen.seed)
    sys.stdout.write(json.dumps(rows, indent=2) + "\n" if chosen.json else table(rows))
    if any(row["problems"] or row["wrong_at_the_end"] for row in rows):
        raise SystemExit(1)
