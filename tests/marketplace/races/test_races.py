"""Any two commands at the same moment: the result is one of those that they give one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from random import Random

import pytest

from tests.marketplace.conftest import ShopDatabase
from tests.marketplace.races.commands import COMMANDS
from tests.marketplace.races.racing import HOLDS, Pair, Race, RaceTrack
from tests.runs import is_full, seed

pytestmark = pytest.mark.every_store

PAIRS: Sequence[Pair] = list(combinations_with_replacement(COMMANDS, 2))
USUAL = 15
"""How many pairs a usual run takes, each in one race; a full run takes all, each in two."""


@pytest.fixture
def track(postgres_database: ShopDatabase) -> Iterator[RaceTrack]:
    with RaceTrack.on(postgres_database) as track:
        yield track


def check(track: RaceTrack, races: Sequence[Race]) -> None:
    """Fail with a line for each race whose result the commands do not give one after another."""
    mistakes = [sentence for race in races for sentence in track.mistakes(race)]
    if mistakes:
        pytest.fail("\n".join(mistakes), pytrace=False)


CLOSE_RACES = (
    # what was decided on was read before the lock
    Race(("receive all", "receive all"), held="order", first=0),
    Race(("receive all", "release"), held="order", first=1),
    Race(("receive all", "change kiosk"), held="artisan", first=1),
    Race(("decline", "remind"), held="events", first=1),
    Race(("release", "give up late"), held="order", first=0),
    Race(("ship", "void unshipped"), held="order", first=0),
    Race(("second leaves", "second accepts"), held="order", first=0),
    Race(("second leaves", "second lists"), held="artisan", first=0),
    Race(("second leaves", "expire brief"), held="order", first=1),
    Race(("second leaves", "place brief"), held="events", first=0),
    Race(("third leaves", "place brief"), held="artisan", first=0),
    Race(("third leaves", "reopen"), held="artisan", first=0),
    # locks were taken in different orders
    Race(("begin sending", "pending paid elsewhere"), held="payout", first=0),
    Race(("collect", "awaiting paid elsewhere"), held="payout", first=0),
    Race(("retry", "choose cash"), held="payout", first=0),
    Race(("retry", "choose phone"), held="events", first=1),
    # a look-up stood in for a constraint, or a constraint was broken without a refusal
    Race(("settle paid", "unknown paid"), held="events", first=0),
    Race(("pending paid elsewhere", "second paid elsewhere"), held="events", first=0),
    Race(("settle failed by us", "unknown failed by us"), held="events", first=0),
    Race(("pause", "pause"), held="events", first=0),
    Race(("register", "register"), held="events", first=0),
    Race(("ask for help", "ask for help"), held="events", first=0),
    Race(("create endpoint", "create endpoint"), held="endpoints", first=0),
    Race(("create endpoint by settings", "create endpoint by settings"), held="endpoints", first=0),
    Race(("create endpoint", "revoke key"), held="endpoints", first=0),
)
"""Races that ended badly before locks and constraints were as they are now: `docs/adr/0024-order-of-locks.md`."""


def test_races_that_were_close_end_like_the_commands_one_after_another(track: RaceTrack) -> None:
    check(track, CLOSE_RACES)


def test_any_two_commands_at_once_end_like_one_after_another(track: RaceTrack) -> None:
    chance = Random(seed())
    pairs = PAIRS if is_full() else chance.sample(PAIRS, USUAL)
    races = [
        Race(pair, held=chance.choice(list(HOLDS)), first=first)
        for pair in pairs
        for first in ((0, 1) if is_full() else (chance.randrange(2),))
    ]
    check(track, races)
