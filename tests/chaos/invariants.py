"""What must hold when the faults are over, read from the database and from the provider's own records."""

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
from tests.actors import TESTER
from tests.chaos.faulty_provider import FaultyProvider
from tests.chaos.load_users import LoadUser, order_body
from tests.chaos.scenario import Scenario

Rows = Callable[[str], list[Any]]


@contextmanager
def reading(url: str) -> Iterator[Rows]:
    """A function that returns the rows of a query, read from outside the service."""
    engine = create_engine(url)
    try:
        with engine.connect().execution_options(read_only=True) as conn:
            yield lambda sql: list(conn.execute(text(sql)).all())
    finally:
        engine.dispose()


def check_repeated_orders_get_the_same_answer(scenario: Scenario, users: list[LoadUser]) -> None:
    for user in users:
        if user.sells:
            first = scenario.orders[user.reference]
            again = order_body(user, first["product"]["id"])
            assert scenario.api("POST", "/orders", again, key=user.reference) == first


def check_inbound_texts_are_kept_and_answered_once(rows: Rows, scenario: Scenario) -> None:
    acknowledged = scenario.acknowledged_texts
    kept = Counter(row.provider_id for row in rows("SELECT provider_id FROM message WHERE direction = 'in'"))
    assert {id: kept[id] for id in acknowledged if kept[id] != 1} == {}, (
        "acknowledged texts that are not stored exactly once"
    )
    answers = Counter(row.about for row in rows("SELECT about FROM message WHERE topic = 'reply'"))
    assert {id: answers[id] for id in acknowledged if answers[id] != 1} == {}, (
        "texts that are not answered exactly once"
    )
    replies = rows("SELECT text FROM message WHERE topic = 'reply' AND about LIKE 'yes-%'")
    assert [row.text for row in replies if " is yours: " not in row.text] == [], (
        "acceptances whose reply does not confirm them"
    )


def check_commands_are_done_once(rows: Rows, scenario: Scenario, users: list[LoadUser]) -> None:
    sellers = [user for user in users if user.sells]
    assert _counted(rows("SELECT msisdn FROM artisan")) == Counter(user.msisdn for user in users)
    assert _counted(rows("SELECT title FROM product")) == Counter(user.title for user in sellers)
    acknowledged = Counter((reference, order["id"], "at_kiosk") for reference, order in scenario.orders.items())
    assert _counted(rows('SELECT external_ref, id, status FROM "order"')) == acknowledged
    steps = _counted(rows("SELECT order_id, status FROM order_timeline"))
    assert steps == Counter(
        (order["id"], status) for order in scenario.orders.values() for status in ("placed", "accepted", "at_kiosk")
    )
    notified = _counted(rows("SELECT about FROM message WHERE topic = 'order.placed'"))
    assert set(notified.values()) == {2}, "each order is notified to its buyer and its artisan, once"


def check_messages_arrived_once_or_are_known_as_repeated(rows: Rows, provider: FaultyProvider, kills: int) -> None:
    """Each message arrived once. It arrives again only if a worker was killed while sending it; see `repeats`.

    An offer that was answered before it left, or whose order ended, is not sent; if a worker was killed while sending
    it, it may have arrived before.
    """
    arrived = Counter((accepted.msisdn, accepted.text) for accepted in provider.accepted)
    written, repeats = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows("SELECT msisdn, text, status, error, true_while, repeats FROM message WHERE direction = 'out'"):
        if row.true_while and (row.status, row.error) == ("suppressed", "stale"):
            continue
        if row.true_while and row.status == "unknown" and row.error in ("interrupted", "unconfirmed"):
            assert row.repeats < kills, row
            repeats[row.msisdn, row.text] += 1 + row.repeats
            continue
        assert row.status in ("sent", "delivered"), row
        assert row.repeats <= kills, row
        written[row.msisdn, row.text] += 1
        repeats[row.msisdn, row.text] += row.repeats
    lost = {text: count for text, count in written.items() if arrived[text] < count}
    assert lost == {}, "messages that did not arrive"
    unknown = {text: arrived[text] for text in arrived if arrived[text] > written[text] + repeats[text]}
    assert unknown == {}, f"messages that arrived more often than they were sent: {unknown}"


def check_payouts_are_paid_once(rows: Rows, scenario: Scenario) -> None:
    """Each assignment that came to a kiosk is paid once, and the sum equals what the orders say the artisans earn."""
    paid = rows("SELECT assignment_id, status, amount, provider_reference FROM payout")
    assert _counted((row.status,) for row in paid) == Counter({"paid": len(scenario.orders)})
    assert {row.assignment_id for row in paid} == {row.id for row in rows("SELECT id FROM assignment")}
    assert sum(row.amount for row in paid) == sum(
        row.artisan_earns for row in rows('SELECT artisan_earns FROM "order"')
    )
    notified = _counted(rows("SELECT about FROM message WHERE topic = 'payout.paid'"))
    assert list(notified.values()) == [1] * len(paid), "each payout is notified to its artisan, once"


def check_the_ledger_balances(url: str) -> None:
    """The ledger agrees with itself, with the payouts, and with what the provider says it paid."""
    with closing(build(registry.make_settings(database_url=url))) as services, services.database.reading() as session:
        shop = services.shop(session, TESTER)
        assert list(audit.inconsistencies(shop)) == []
        assert wallet.total_paid(session.connection()) == -ledger.balance(
            shop, ledger.provider_account(wallet.SimulatorPayer.name)
        )


def _counted(rows: Any) -> Counter[Any]:
    """How often each row is there; for rows with one column, how often each value is."""
    return Counter(tuple(row) if len(row) > 1 else row[0] for row in rows)
