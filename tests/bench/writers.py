"""How many transactions that write an event PostgreSQL commits in a second, by the number of writers.

A commit takes 2 ms, as with a standby that confirms it. Before revision 0040 writers waited for one another until they
had committed. The ratio compares with one writer at the same revision.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from bot.db.engine import create_engine
from bot.migrations import upgrade
from tests.servers import Postgres, running_postgres

REVISIONS = {"one after another": "0037", "together": "head"}
WRITERS = 1, 2, 4
TURNS, EACH = 5, 300
"""Transactions of each writer in a turn."""
SLOW_COMMITS = {"fsync": "on", "commit_delay": "2000", "commit_siblings": "0"}
"""2,000 microseconds, also of the only transaction. PostgreSQL waits only where it would write to a disk."""
EVENT = """
INSERT INTO event (id, type, created_at, data) VALUES
('evt_' || gen_random_uuid(), 'product.updated', now(), json_build_object('id', 'prd_1', 'more', repeat('x', 1000)))
"""


def measure(folder: Path) -> list[dict[str, Any]]:
    """A row for each way to write and number of writers."""
    script = folder / "event.sql"
    script.write_text(EVENT.strip().replace("\n", " ") + ";\n")
    subjects = [(how, writers) for how in REVISIONS for writers in WRITERS]
    rates: dict[tuple[str, int], list[float]] = {subject: [] for subject in subjects}
    with running_postgres(**SLOW_COMMITS) as server, ExitStack() as stack:
        urls = {how: stack.enter_context(_at(server, revision)) for how, revision in REVISIONS.items()}
        for _ in range(TURNS):
            for how, writers in subjects:
                rates[how, writers].append(server.benchmark(urls[how], script, writers, EACH))
    medians = {subject: median(found) for subject, found in rates.items()}
    return [
        {
            "what": f"events written {how}, writers: {writers}",
            "per_s": round(rate),
            "ratio": round(rate / medians[how, 1], 2),
        }
        for (how, writers), rate in medians.items()
    ]


@contextmanager
def _at(server: Postgres, revision: str) -> Iterator[str]:
    """The URL of an empty database at this revision."""
    with server.fresh_database() as url:
        engine = create_engine(url, is_limited=False)
        upgrade.move(engine, revision)
        engine.dispose()
        yield url


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows for people."""
    lines = [f"\n{'':<50}{'a second':>9}{'x 1 writer':>13}"]
    lines += [f"{row['what']:<50}{row['per_s']:>9}{row['ratio']:>13.2f}" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.stdout.write(table(measure(Path(temporary))))
