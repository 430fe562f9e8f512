"""`script/bench --wire`: processor time, rate and latency of hops through the wire, beside peers in the same run.

A session is a dial and four hops through menus. Servers, load and stores are processes of their own: the server that is
measured has one processor, all others share another one. In each round every server takes its turn. `x Flask` compares
with a bare Flask view that reads one form field, on the same web server with the same settings.

script/bench --wire --rounds 3 --only 'Flask|embedded'
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench import wire_servers
from tests.bench.wire_load import LoadJob, LoadResult
from tests.bench.wire_servers import ANSWERS, ARTISANS, ECHO, Loader, Running, Subject, soko, web
from tests.databases import migrate, migrated_sqlite
from tests.servers import running_postgres, running_redis

ROUNDS = 5
CONNECTIONS = 16
CALLS = 1_000
"""Of a turn. The kernel counts processor time in hundredths of a second, and a turn takes one or more seconds."""
WARM_CALLS = 10 * ARTISANS
"""So many that the session of each artisan has all that it keeps of earlier calls."""
LOADED = 0.6
"""The rate at which the latency is measured, as a part of the greatest one."""
FLASK, FLASK_APP = "bare Flask form view", "tests.bench.peers.flask_form:app"
EMBEDDED = "Soko embedded (SQLite)"

WORKERS = {"ratio": " of one worker", "ratio_without_load": " without the load"}

Row = dict[str, Any]
_numbers = count()


@dataclass
class Figures:
    """What was measured of a server in each of its turns; microseconds of processor time and requests a second."""

    session: list[float] = field(default_factory=list)
    dial: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def row(self, name: str) -> Row:
        session, dial = median(self.session), median(self.dial)
        hops = len(ANSWERS) + 1
        return {
            "what": name,
            "session_cpu_us": round(session, 1),
            "dial_cpu_us": round(dial, 1),
            "later_hop_cpu_us": round((hops * session - dial) / (hops - 1), 1),
            "per_second": round(median(self.rate)),
            "p99_ms": round(median(self.p99) * 1000, 2),
        }


def measure(rounds: int, connections: int, only: str = "") -> list[Row]:
    """A row for each server whose name matches `only`, with its ratios to the bare Flask view."""
    servers, others = _processors()
    os.sched_setaffinity(0, others)  # the stores inherit it
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loader = Loader(others, connections)
        stack.callback(loader.close)
        subjects = [subject for subject in stack.enter_context(_subjects(folder)) if re.search(only, subject.name)]
        started = [stack.enter_context(wire_servers.running(subject, servers)) for subject in subjects]
        figures = {one.subject.name: Figures() for one in started}
        for one in started:
            _run(loader, one, WARM_CALLS)
        for _ in range(rounds):
            for one in started:
                _turn(loader, one, figures[one.subject.name])
        rows = [found.row(name) for name, found in figures.items()]
        _add_ratios(rows)
        scaled = [scaled for name, scaled in _scaled(folder).items() if re.search(only, name)]
        return [*rows, *(row for scale in scaled for row in _two_workers(scale, rounds, connections))]


def _processors() -> tuple[set[int], set[int]]:
    """One processor for the server that is measured, and another one for the rest if there is one."""
    first, *others = sorted(os.sched_getaffinity(0))
    return {first}, set(others[:1]) or {first}


@contextmanager
def _subjects(folder: Path) -> Iterator[list[Subject]]:
    with ExitStack() as stack:
        sqlite, url = _sqlite(folder / "soko.db"), stack.enter_context(running_redis()).url
        postgres = stack.enter_context(stack.enter_context(running_postgres()).fresh_database())
        migrate(postgres)
        wire_servers.add_artisans(postgres)
        floor = "tests.bench.peers.floor"
        with_sqlite, with_redis = {"DATABASE_URL": _sqlite(folder / "floor.db")}, {"REDIS_URL": url}
        found = [
            Subject("an empty WSGI callable", web(f"{floor}:empty")),
            Subject("callable + form + SQLite", web(f"{floor}:form_and_store"), environment=with_sqlite),
            Subject("callable + form + Redis", web(f"{floor}:form_and_store"), environment=with_redis),
            Subject(FLASK, web(FLASK_APP), shows=ECHO),
            soko(EMBEDDED, DATABASE_URL=sqlite, REDIS_URL=""),
            soko("Soko, Redis + PostgreSQL", DATABASE_URL=postgres, REDIS_URL=url),
            stack.enter_context(wire_servers.express(url)),
        ]
        yield [subject for subject in found if subject]


def _sqlite(file: Path) -> str:
    url = migrated_sqlite(file)
    wire_servers.add_artisans(url)
    return url


def _turn(loader: Loader, server: Running, figures: Figures) -> None:
    result, cpu_us = _timed(loader, server, CALLS)
    figures.session.append(cpu_us)
    figures.rate.append(result.requests / result.seconds)
    figures.dial.append(_timed(loader, server, CALLS * 3, dials_only=True)[1])
    loaded = _run(loader, server, CALLS // 2, per_second=LOADED * figures.rate[-1])
    figures.p99.append(loaded.p99)


def _timed(loader: Loader, server: Running, calls: int, *, dials_only: bool = False) -> tuple[LoadResult, float]:
    """The result of a turn, and the processor time of the server's process tree in microseconds a request."""
    before = server.cpu_s()
    result = _run(loader, server, calls, dials_only=dials_only)
    return result, (server.cpu_s() - before) / result.requests * 1e6


def _run(
    loader: Loader, server: Running, calls: int, *, dials_only: bool = False, per_second: float | None = None
) -> LoadResult:
    first = next(_numbers) * 1_000_000
    answers = () if dials_only else ANSWERS
    shows = tuple(server.subject.shows[: len(answers) + 1])
    return loader.run(
        LoadJob(
            server.port,
            server.subject.path,
            first,
            calls,
            answers,
            shows,
            ARTISANS,
            loader.connections,
            per_second,
        )
    )


def _scaled(folder: Path) -> dict[str, Callable[[int], Subject]]:
    """The servers that are measured with two workers too. The Flask view shows what this machine can show of it."""
    return {
        FLASK: lambda workers: Subject("Flask view", web(FLASK_APP, workers), shows=ECHO),
        EMBEDDED: lambda workers: soko(
            "Soko embedded", workers, DATABASE_URL=_sqlite(folder / f"{workers}.db"), REDIS_URL=""
        ),
    }


def _two_workers(scale: Callable[[int], Subject], rounds: int, connections: int) -> list[Row]:
    """Hops a second of one web worker on one processor, and of two on two, where the load runs too.

    The second ratio leaves out the processor time that the load takes from the two workers.
    """
    servers, others = _processors()
    both, rates, used = servers | others, list[float](), list[float]()
    for workers, processors in ((1, servers), (2, both)):
        loader, subject = Loader(both if workers == 2 else others, connections), scale(workers)
        with wire_servers.running(subject, processors) as server:
            _run(loader, server, WARM_CALLS)
            results = [_run(loader, server, CALLS) for _ in range(rounds)]
        loader.close()
        rates.append(median(result.requests / result.seconds for result in results))
        used.append(median(result.cpu / result.seconds for result in results))
    one, two = rates
    return [
        {"what": f"{subject.name}, WEB_WORKERS=1", "per_second": round(one), "ratio": 1.0},
        {
            "what": f"{subject.name}, WEB_WORKERS=2",
            "per_second": round(two),
            "ratio": round(two / one, 2),
            "ratio_without_load": round(two * len(both) / (len(both) - used[-1]) / one, 2),
        },
    ]


def _add_ratios(rows: Sequence[Row]) -> None:
    base = next((row for row in rows if row["what"] == FLASK), None)
    for row in rows if base else ():
        assert base
        for name in ("session_cpu_us", "dial_cpu_us", "later_hop_cpu_us", "p99_ms"):
            row[f"{name}_ratio"] = round(row[name] / base[name], 2)


def table(rows: Sequence[Row]) -> str:
    columns = {
        "session_cpu_us": "session, us a hop",
        "session_cpu_us_ratio": "x Flask",
        "dial_cpu_us": "dial",
        "dial_cpu_us_ratio": "x Flask",
        "later_hop_cpu_us": "later",
        "per_second": "hops/s",
        "p99_ms": "p99 ms",
        "p99_ms_ratio": "x Flask",
    }
    lines = [f"{'':<40}" + "".join(f"{title:>{len(title) + 2}}" for title in columns.values())]
    for row in rows:
        figures = (f"{row.get(name, ''):>{len(title) + 2}}" for name, title in columns.items())
        ratios = [f"  x {row[name]}{words}" for name, words in WORKERS.items() if name in row]
        lines.append(f"{row['what']:<40}" + "".join([*figures, *ratios]))
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--only", default="", help="measure only the servers whose names match this")
    options.add_argument("--connections", type=int, default=CONNECTIONS, help="at once (%(default)s)")
    chosen = options.parse_args(arguments)
    rows = measure(chosen.rounds, chosen.connections, chosen.only)
    sys.stdout.write(json.dumps(rows, indent=2) + "\n" if chosen.json else table(rows))


if __name__ == "__main__":
    main()
