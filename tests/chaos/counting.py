"""What must be so when the storm is over, read from the database and from the carrier's books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import text

from bot.db.engine import create_engine
from bot.providers import registry
from bot.services import build
from bot.simulator import wallet
from marketplace_api.payments import audit, ledger
from tests.chaos.carrier import Carrier
from tests.chaos.people import Person, order_for
from tests.chaos.town import Town

Rows = Callable[[str], list[Any]]


@contextmanager
def reading(url: str) -> Iterator[Rows]:
    """What SQL fetches from the database, from outside."""
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(read_only=True) as conn:
            yield lambda sql: list(conn.execute(text(sql)).all())
    finally:
        engine.dispose()


def repeated_calls_are_answered_alike(there: Town, people: list[Person]) -> None:
    for person in people:
        if person.sells:
            first = there.orders[person.reference]
            again = order_for(person, first["product"]["id"])
            assert there.api("POST", "/orders", again, key=person.reference) == first


def every_text_is_there_once(rows: Rows, there: Town) -> None:
    kept = Counter(row.provider_id for row in rows("SELECT provider_id FROM message WHERE direction = 'in'"))
    assert {id: kept[id] for id in there.heard if kept[id] != 1} == {}, "acknowledged texts that are not kept once"
    answers = Counter(row.about for row in rows("SELECT about FROM message WHERE topic = 'reply'"))
    assert {id: answers[id] for id in there.heard if answers[id] != 1} == {}, "texts that are not answered once"
    told = rows("SELECT text FROM message WHERE topic = 'reply' AND about LIKE 'yes-%'")
    assert [row.text for row in told if " is yours: " not in row.text] == [], "what was accepted is told to be"


def every_deed_is_done_once(rows: Rows, there: Town, people: list[Person]) -> None:
    sellers = [person for person in people if person.sells]
    assert _counted(rows("SELECT msisdn FROM artisan")) == Counter(person.msisdn for person in people)
    assert _counted(rows("SELECT title FROM product")) == Counter(person.ware for person in sellers)
    acknowledged = Counter((ref, order["id"], "at_kiosk") for ref, order in there.orders.items())
    assert _counted(rows('SELECT external_ref, id, status FROM "order"')) == acknowledged
    steps = _counted(rows("SELECT order_id, status FROM order_timeline"))
    assert steps == Counter(
        (order["id"], status) for order in there.orders.values() for status in ("placed", "accepted", "at_kiosk")
    )
    told = _counted(rows("SELECT about FROM message WHERE topic = 'order.placed'"))
    assert set(told.values()) == {2}, "each order is told to its buyer and its artisan, once"


def every_message_came_once_or_says_so(rows: Rows, carrier: Carrier, deaths: int) -> None:
    """Each text came once; more often only if a worker died sending it, at most once a death, and it says so."""
    came = Counter((taken.msisdn, taken.text) for taken in carrier.taken)
    written, repeats = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows("SELECT msisdn, text, status, repeats FROM message WHERE direction = 'out'"):
        assert row.status in ("sent", "delivered"), row
        assert row.repeats <= deaths, row
        written[row.msisdn, row.text] += 1
        repeats[row.msisdn, row.text] += row.repeats
    lost = {text: count for text, count in written.items() if came[text] < count}
    assert lost == {}, "texts that did not come"
    unsaid = {text: came[text] for text in came if came[text] > written[text] + repeats[text]}
    assert unsaid == {}, "texts that came more often than is known"


def every_part_is_paid_once(rows: Rows, there: Town) -> None:
    """Each part that came to a kiosk is paid once, and all that was paid is what the orders say is earned."""
    paid = rows("SELECT assignment_id, status, amount, provider_reference FROM payout")
    assert _counted((row.status,) for row in paid) == Counter({"paid": len(there.orders)})
    assert {row.assignment_id for row in paid} == {row.id for row in rows("SELECT id FROM assignment")}
    assert sum(row.amount for row in paid) == sum(
        row.artisan_earns for row in rows('SELECT artisan_earns FROM "order"')
    )
    told = _counted(rows("SELECT about FROM message WHERE topic = 'payout.paid'"))
    assert list(told.values()) == [1] * len(paid), "each payout is told to its artisan, once"


def the_books_balance(url: str) -> None:
    """The ledger by itself, beside the payouts, and beside what the provider says it paid."""
    with closing(build(registry.make_settings(database_url=url))) as services, services.database.reading() as session:
        shop = services.shop(session)
        assert list(audit.inconsistencies(shop)) == []
        assert wallet.total_paid(session.connection()) == -ledger.balance(
            shop, ledger.provider_account(wallet.SimulatorPayer.name)
        )


def _counted(rows: Any) -> Counter[Any]:
    """How often each row is there; of rows with one column, how often each value is."""
    return Counter(tuple(row) if len(row) > 1 else row[0] for row in rows)
