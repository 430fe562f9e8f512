"""A town's people go about their business while processes are killed; then everything is counted.

`script/test tests/chaos --people 5000 --chaos-seed 7` is a long storm, and another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests import servers
from tests.chaos import counting, people, town
from tests.chaos.carrier import Carrier, working
from tests.chaos.people import Person
from tests.chaos.town import Storm, Town
from tests.runs import cases

AT_ONCE = 16
"""People who act at the same time."""
ASKS_A_BLOW = 250
"""Fewer in a small town, so that each blow falls there too."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the service keeps things, and what befalls it there."""

    environment: dict[str, str]
    blows: list[Callable[[], object]] = field(default_factory=list)


@pytest.fixture(params=["sqlite", "postgresql-redis"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """These servers are this test's own to kill."""
    if request.param == "sqlite":
        yield Stores({"DATABASE_URL": f"sqlite:///{tmp_path}/soko.db"})
        return
    with ExitStack() as running:
        postgres = running.enter_context(servers.running_postgres())
        redis = running.enter_context(servers.running_redis())
        url = running.enter_context(postgres.fresh_database())
        yield Stores({"DATABASE_URL": url, "REDIS_URL": redis.url}, [redis.kill, postgres.restart])


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(
    stores: Stores, tmp_path: Path, seed: int, request: pytest.FixtureRequest
) -> None:
    chosen, people_count = request.config.getoption("--chaos-seed"), request.config.getoption("--people")
    chance = Random(seed if chosen is None else chosen)
    crowd = [Person(number) for number in range((people_count or cases(500)) // 2)]
    carrier = Carrier(Random(chance.random()))
    with working(carrier), town.open_for_business(carrier, tmp_path, chance, **stores.environment) as there:
        people.opens(there)
        dealt = live_through_a_storm(there, crowd, stores.blows)
        there.settle()
        counting.repeated_calls_are_answered_alike(there, crowd)
        assert there.server.stop() == 0
    assert there.unlike == []
    deaths = sum(blow in ("kill_worker", "kill_everything", "restart") for blow in dealt)
    with counting.reading(stores.environment["DATABASE_URL"]) as rows:
        counting.every_text_is_there_once(rows, there)
        counting.every_deed_is_done_once(rows, there, crowd)
        counting.every_message_came_once_or_says_so(rows, carrier, deaths)
        counting.every_part_is_paid_once(rows, there)
    counting.the_books_balance(stores.environment["DATABASE_URL"])


def live_through_a_storm(there: Town, crowd: list[Person], blows: list[Callable[[], object]]) -> list[str]:
    """Everybody's story, and the names of the blows that fell meanwhile."""
    server = there.server
    blows = [server.kill_worker, server.kill_web_child, *blows, server.kill_web, server.kill_everything]
    there.storm = storm = Storm(blows, there.chance, min(ASKS_A_BLOW, len(crowd)))
    with ThreadPoolExecutor(AT_ONCE) as going:
        list(going.map(partial(people.story, there), crowd))
    assert len(storm.dealt) >= len(blows), "a fine day shows nothing"
    return storm.dealt
