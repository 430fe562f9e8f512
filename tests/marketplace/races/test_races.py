"""Any two commands at the same moment: the result is one of those that they give one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from random import Random

import pytest
from sqlalchemy.event import listen, remove

from marketplace_api.orders import deadlines, orders
from marketplace_api.payments import audit
from tests.marketplace.conftest import ShopDatabase
from tests.marketplace.races.commands import COMMANDS, SKIPPING_COMMANDS
from tests.marketplace.races.racing import HOLDS, Pair, Race, RaceTrack
from tests.marketplace.races.world import BASKETS, broken_rules, build
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
    Race(("ship", "remind to ship"), held="order", first=0),
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


def test_an_offer_that_ends_while_it_is_answered_ends_like_one_after_another(track: RaceTrack) -> None:
    """The command that starts first has the lock of the order, and waits for the lock of events."""
    pairs = [(other, "expire offers") for other in ("accept one", "decline", "expire")]
    races = [Race(pair, held="events", first=first) for pair in pairs for first in (0, 1)]
    check(track, [*races, Race(("expire offers", "expire offers"), held="events", first=0)])


@pytest.mark.parametrize("other", ["accept", "decline", "expire"])
def test_an_offer_that_is_answered_between_its_finding_and_its_lock_is_not_expired(
    postgres_database: ShopDatabase, other: str
) -> None:
    database = postgres_database
    with database.open() as shop:
        world = build(shop)

    answered = []

    def answer(*args: object) -> None:
        if "SKIP LOCKED" in str(args[2]) and not answered:
            answered.append(other)
            with database.open() as another:
                COMMANDS[other](another, world)

    listen(database.engine, "before_cursor_execute", answer)
    try:
        with database.open() as shop:
            assert SKIPPING_COMMANDS["expire offers"](shop, world) == len((world.brief, world.begun, world.bought))
    finally:
        remove(database.engine, "before_cursor_execute", answer)
    assert answered
    ended = {"accept": "accepted", "decline": "declined", "expire": "expired"}
    with database.open() as shop:
        assert orders.by_id(shop, world.placed).status == ended[other]
        assert [*audit.inconsistencies(shop), *broken_rules(shop)] == []


def test_a_brief_that_is_answered_in_part_while_its_offer_ends_is_closed_by_the_next_run(
    postgres_database: ShopDatabase,
) -> None:
    database = postgres_database
    with database.open() as shop:
        world = build(shop)
        for other in (world.placed, world.brief, world.bought):
            orders.expire(shop, orders.by_id(shop, other))
    database.advance(days=30)

    with database.open() as answering:
        COMMANDS["second accepts"](answering, world)
        with database.open() as shop:
            assert deadlines.expire_offers(shop) == 0
    with database.open() as shop:
        assert deadlines.expire_offers(shop) == 1
        order = orders.by_id(shop, world.begun)
        assert (order.status, order.total) == ("accepted", 80 * BASKETS.unit_price)
        assert [*audit.inconsistencies(shop), *broken_rules(shop)] == []


def test_any_two_commands_at_once_end_like_one_after_another(track: RaceTrack, pytestconfig: pytest.Config) -> None:
    chance, share = Random(seed()), pytestconfig.option.pairs
    both_orders = is_full() or share
    pairs = PAIRS if both_orders else chance.sample(PAIRS, USUAL)
    if share:
        number, of = map(int, share.split("/"))
        pairs = PAIRS[number - 1 :: of]
    races = [
        Race(pair, held=chance.choice(list(HOLDS)), first=first)
        for pair in pairs
        for first in ((0, 1) if both_orders else (chance.randrange(2),))
    ]
    check(track, races)
