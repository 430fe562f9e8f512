"""A town's people go about their business while processes are killed; then everything is counted.

`script/test tests/chaos --people 500` plays it; `--people 5000` is a long one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from bot.database import create_engine
from tests import servers
from tests.chaos import town
from tests.chaos.carrier import Carrier, working
from tests.chaos.town import Server, Town

PAUSE_S = 3.0
"""Between two blows, on the average."""
AT_ONCE = 16
"""People who act at the same time."""
PEOPLE_A_BLOW = 30


@dataclass(frozen=True, slots=True)
class Person:
    number: int

    @property
    def msisdn(self) -> str:
        return f"+2547{self.number:08}"

    @property
    def sells(self) -> bool:
        return self.number % 5 == 0


def registers(there: Town, person: Person, again: str = "") -> None:
    for step, said in enumerate((f"JOIN Person{person.number}", "1", "1", "1")):
        there.text(person.msisdn, said, f"sms-{person.number}-{step}{again}")


def sells(there: Town, person: Person, again: str = "") -> None:
    for step, said in enumerate((f"SELL Pot{person.number} 900 x4", "6", "yes")):
        there.text(person.msisdn, said, f"sell-{person.number}-{step}{again}")


def is_ordered(there: Town, person: Person) -> None:
    """A storefront orders what she sells, and she takes the order."""
    found = there.api("GET", f"/products?q=Pot{person.number}&limit=100")["data"]
    product = next((product for product in found if product["title"] == f"Pot{person.number}"), None)
    if product is None:
        return  # a conversation that Redis lost; she tells it again when the storm is over
    order = there.api("POST", "/orders", order_for(person, product["id"]), key=f"order-{person.number}")
    there.text(person.msisdn, f"YES {order['code']}", f"yes-{person.number}")


def order_for(person: Person, product_id: str) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": f"+2541{person.number:08}", "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        "external_ref": f"ref-{person.number}",
    }


def story(there: Town, person: Person) -> None:
    there.dial(person.msisdn, f"ATUid_{person.number}", "")
    there.dial(person.msisdn, f"ATUid_{person.number}", "1")
    registers(there, person)
    if person.sells:
        sells(there, person)
        is_ordered(there, person)


@pytest.fixture(params=["sqlite", "postgresql-redis"])
def stores(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[dict[str, str], list[Callable[[], object]]]]:
    """Where the service keeps things, and what befalls it there. These servers are this test's own to kill."""
    if request.param == "sqlite":
        yield {"DATABASE_URL": f"sqlite:///{tmp_path}/soko.db"}, []
        return
    with ExitStack() as running:
        postgres, redis = (
            running.enter_context(servers.running_postgres()),
            running.enter_context(servers.running_redis()),
        )
        url = running.enter_context(postgres.fresh_database())
        yield {"DATABASE_URL": url, "REDIS_URL": redis.url}, [redis.kill, postgres.restart]


def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(
    stores: tuple[dict[str, str], list[Callable[[], object]]], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environment, befalls = stores
    people = [Person(number) for number in range(int(request.config.getoption("--people")) // 2)]
    chance = Random(request.config.getoption("--chaos-seed"))
    carrier = Carrier(Random(chance.random()))
    with working(carrier), town.open_for_business(carrier, tmp_path, **environment) as (server, there):
        there.api("POST", "/kiosks", KIOSK, key="kiosk")
        worst = len(people) // PEOPLE_A_BLOW + 1
        with town.storm(blows(server, befalls), chance, PAUSE_S, worst) as dealt, ThreadPoolExecutor(AT_ONCE) as crowd:
            list(crowd.map(partial(story, there), people))
        carrier.calm = True
        there.settle()
        tell_again(there, people, environment["DATABASE_URL"])
        there.settle()
        assert server.stop() < 10
    assert dealt, "it was a fine day, and nothing was shown"
    with reading(environment["DATABASE_URL"]) as rows:
        everything_is_there_once(rows, there, people)
        texts_arrived_once_or_say_so(rows, carrier, sum(name != "kill_web" for name in dealt))
        the_books_balance(rows)


KIOSK = {"name": "Lakeside", "town": "Kisumu", "agent": {"name": "Otieno", "phone": "+254722000222"}}


def blows(server: Server, befalls: list[Callable[[], object]]) -> list[Callable[[], object]]:
    def kill_worker() -> None:
        server.kill_one("bot.worker")

    def kill_web() -> None:
        server.kill_one("granian")

    def kill_everything() -> None:
        server.kill()
        server.start()

    return [kill_worker, kill_web, *befalls, kill_everything]


@contextmanager
def reading(url: str) -> Iterator[Callable[[str], list[Any]]]:
    """What SQL fetches from the database, from outside."""
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(read_only=True) as conn:
            yield lambda sql: list(conn.execute(text(sql)).all())
    finally:
        engine.dispose()


def tell_again(there: Town, people: list[Person], url: str) -> None:
    """Who was forgotten in the middle of a sentence, as when Redis died, says it once more."""
    with reading(url) as rows:
        joined = {row.msisdn for row in rows("SELECT msisdn FROM artisan")}
        on_sale = {row.title for row in rows("SELECT title FROM product")}
    for person in people:
        if person.msisdn not in joined:
            registers(there, person, "-again")
        if person.sells and f"Pot{person.number}" not in on_sale:
            sells(there, person, "-again")
            is_ordered(there, person)


def everything_is_there_once(rows: Callable[[str], list[Any]], there: Town, people: list[Person]) -> None:
    kept = Counter(row.provider_id for row in rows("SELECT provider_id FROM message WHERE direction = 'in'"))
    assert {id: kept[id] for id in there.heard if kept[id] != 1} == {}, "acknowledged texts that are not kept once"
    answers = Counter(row.about for row in rows("SELECT about FROM message WHERE topic = 'reply'"))
    assert {id: answers[id] for id in there.heard if answers[id] != 1} == {}, "texts that are not answered once"

    artisans = Counter(row.msisdn for row in rows("SELECT msisdn FROM artisan"))
    assert artisans == Counter(person.msisdn for person in people)
    sellers = [person for person in people if person.sells]
    assert Counter(row.title for row in rows("SELECT title FROM product")) == Counter(
        f"Pot{person.number}" for person in sellers
    )
    orders = Counter(row.external_ref for row in rows('SELECT external_ref FROM "order"'))
    assert orders == Counter(f"ref-{person.number}" for person in sellers)
    placed = Counter(row.about for row in rows("SELECT about FROM message WHERE topic = 'order.placed'"))
    assert set(placed.values()) == {2}, "each order is told to its buyer and its artisan, once"


def texts_arrived_once_or_say_so(rows: Callable[[str], list[Any]], carrier: Carrier, kills: int) -> None:
    """Each text came once; more often only if a worker died sending it, at most once a death, and it says so."""
    came = Counter((taken.msisdn, taken.text) for taken in carrier.taken)
    written, repeats = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows("SELECT msisdn, text, status, repeats FROM message WHERE direction = 'out'"):
        assert row.status in ("sent", "delivered"), row
        assert row.repeats <= kills
        written[row.msisdn, row.text] += 1
        repeats[row.msisdn, row.text] += row.repeats
    lost = {text: count for text, count in written.items() if came[text] < count}
    assert lost == {}, "texts that did not come"
    unsaid = {text: came[text] for text in came if came[text] > written[text] + repeats[text]}
    assert unsaid == {}, "texts that came more often than is known"


def the_books_balance(rows: Callable[[str], list[Any]]) -> None:
    """No payout is left halfway, and none is made twice."""
    payouts = rows("SELECT id, status FROM payout")
    assert [row for row in payouts if row.status in ("sending", "unknown")] == []
