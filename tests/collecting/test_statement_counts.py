"""How many SQL statements a payment takes: a worker settles as many payments a second as its processor allows."""

from __future__ import annotations

import pytest

from bot.providers.collector_contracts import Captured
from marketplace_api.payments import buyer_payments
from tests.collecting.till import PRICE, Till
from tests.recorded_sql import recorded_sql

MOST = {"asked": 18, "settled": 24, "given back": 34}
"""For one payment or refund, with those of its job. Locks are statements of their own on PostgreSQL only."""


def test_a_payment_takes_no_more_statements_than_its_bounds(each_till: Till) -> None:
    till, engine = each_till, each_till.services.engine
    counts: dict[str, int] = {}
    till.paid()  # opens the accounts
    order_id, _ = till.order()
    till.services.collection_consumer.consume()  # type: ignore[union-attr]
    for step in MOST:
        if step == "settled":
            till.collector.queries.then(Captured(PRICE, "KES", "SG2"))
            till.pass_time(10)
        elif step == "given back":
            till.cancel(order_id)
            till.services.collection_consumer.consume()  # type: ignore[union-attr]
        with recorded_sql(engine) as executed:
            assert till.runner.step() == 1
        counts[step] = len(executed)

    assert till.refund().status == "done"
    assert {step: count for step, count in counts.items() if count > MOST[step]} == {}


def test_a_payment_is_locked_and_read_once_in_a_transaction(each_till: Till) -> None:
    _, payment_id = each_till.order()
    with each_till.shop() as shop:
        payment = buyer_payments.lock(shop, payment_id)
        with recorded_sql(each_till.services.engine) as executed:
            assert buyer_payments.lock(shop, payment_id) is payment
        assert executed == []
    with each_till.shop() as shop, recorded_sql(each_till.services.engine) as executed:
        buyer_payments.lock(shop, payment_id)
    assert executed


@pytest.mark.parametrize("ends", ["released", "rolled back"])
def test_what_was_locked_in_a_savepoint_is_locked_again_after_it(each_till: Till, ends: str) -> None:
    """When a savepoint is rolled back, PostgreSQL releases its locks."""
    _, payment_id = each_till.order()
    with each_till.shop() as shop:
        with shop.session.begin_nested() as savepoint:
            buyer_payments.lock(shop, payment_id)
            if ends == "rolled back":
                savepoint.rollback()
        with recorded_sql(each_till.services.engine) as executed:
            buyer_payments.lock(shop, payment_id)
        assert executed
