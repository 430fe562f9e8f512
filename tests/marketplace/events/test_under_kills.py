"""Processes that write and read events are killed all the time: every event is read once, and in order.

`script/test tests/marketplace/events/test_under_kills.py --full --events 1000000` goes on until there are so many.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from random import Random

import pytest
from sqlalchemy import Connection, text

from tests.marketplace.conftest import ShopDatabase
from tests.marketplace.events import under_kills
from tests.runs import cases, seed

pytestmark = pytest.mark.every_store

WRITERS = 3
READERS = "one", "one", "other"
"""The names of the readers' cursors: two share one."""
KILLS = 40
"""How often a process is killed."""
UNDONE = 8
"""Fewer than one in so many events is undone."""
LIMIT_S = 60.0
"""How long nothing may happen."""
LOOK_AGAIN_S = 0.05


@dataclass
class Processes:
    """The writers and readers, each of which is started again when it was killed."""

    url: str
    chance: Random
    running: dict[int, BaseProcess] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([under_kills.__name__])  # to import it takes longer than all the rest

    def start(self, number: int) -> None:
        if number < WRITERS:
            process = self._context.Process(target=under_kills.write, args=(self.url, self.chance.random()))
        else:
            process = self._context.Process(target=under_kills.read, args=(self.url, READERS[number - WRITERS]))
        process.start()
        self.running[number] = process

    def kill(self, number: int) -> None:
        """As `kill -9`. Fails if it had ended before, which no process does by itself."""
        assert self.running[number].exitcode is None, f"process {number} has ended by itself"
        self.running[number].kill()
        self.running[number].join()


@contextmanager
def running(url: str) -> Iterator[Processes]:
    processes = Processes(url, Random(seed()))
    try:
        for number in range(WRITERS + len(READERS)):
            processes.start(number)
        yield processes
    finally:
        for process in processes.running.values():
            process.kill()
            process.join()


def until(connection: Connection, query: str, least: int) -> None:
    """Return when the number that the query gives is so large; fail when it no longer grows."""
    reached, since = -1, time.monotonic()
    while (now := connection.execute(text(query)).scalar_one()) < least:
        if now > reached:
            reached, since = now, time.monotonic()
        assert time.monotonic() < since + LIMIT_S, f"{query} stays {reached}, and should become {least}"
        time.sleep(LOOK_AGAIN_S)


WRITTEN = "SELECT count(*) FROM event"
PROGRESS = "SELECT CASE WHEN count(*) = 2 THEN min(position) ELSE 0 END FROM cursor"
"""The number that the slower reader has reached; some numbers have no event, because it was undone."""
HANDLED_BY_THE_SLOWER = """
    SELECT least(count(*) FILTER (WHERE consumer = 'one'), count(*) FILTER (WHERE consumer = 'other')) FROM handled
"""
WRITERS_LEFT = f"SELECT -count(*) FROM pg_stat_activity WHERE application_name = '{under_kills.WRITER}'"
MISTAKES = {
    "gaps": """
        SELECT name, event.seq FROM event, unnest(ARRAY['one', 'other']) AS name
        WHERE NOT EXISTS (SELECT FROM handled WHERE consumer = name AND handled.seq = event.seq)
    """,
    "doubles": "SELECT consumer, seq FROM handled GROUP BY consumer, seq HAVING count(*) > 1",
    "out of order": """
        SELECT * FROM (
            SELECT consumer, seq, xid, lag((xid, seq)) OVER (PARTITION BY consumer ORDER BY place) AS before
            FROM handled JOIN event USING (seq)
        ) AS read WHERE before > (xid, seq)
    """,
}


def test_every_event_is_read_once_while_writers_and_readers_are_killed(
    postgres_database: ShopDatabase, request: pytest.FixtureRequest
) -> None:
    most = request.config.option.events or cases(10_000)
    url = postgres_database.engine.url.render_as_string(hide_password=False)
    connecting = postgres_database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    with connecting as connection:
        connection.execute(text(under_kills.HANDLED))
        with running(url) as processes:
            _kill_them(connection, processes, most)

        written = connection.execute(text(WRITTEN)).scalar_one()
        assert written >= most
        for what, query in MISTAKES.items():
            assert connection.execute(text(f"{query} LIMIT 5")).all() == [], what


def _kill_them(connection: Connection, processes: Processes, most: int) -> None:
    """Kill one process after another while `most` events are written and read."""
    kills = cases(KILLS)
    last = most + most // UNDONE
    for number in range(1, kills + 1):
        until(connection, PROGRESS, last * number // kills)
        victim = processes.chance.randrange(len(processes.running))
        processes.kill(victim)
        processes.start(victim)
    for writer in range(WRITERS):
        processes.kill(writer)
    until(connection, WRITERS_LEFT, 0)
    until(connection, HANDLED_BY_THE_SLOWER, connection.execute(text(WRITTEN)).scalar_one())
