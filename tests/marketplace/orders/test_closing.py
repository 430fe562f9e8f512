"""An order that waits ends by an operator or by time, and the money of what was received stays where it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from marketplace_api.models import Order
from marketplace_api.orders import closing, corrections, orders
from marketplace_api.payments import audit, balances
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, recorded
from tests.recorded_sql import recorded_sql


def accepted(shop: Shop, sample: Sample) -> Order:
    order = place(shop, sample.product, 2)
    orders.accept(shop, sample.artisan, order.code)
    return order


def at_kiosk(shop: Shop, sample: Sample) -> Order:
    order = accepted(shop, sample)
    bring(shop, sample.kiosk, order, 2)
    return order


def shipped(shop: Shop, sample: Sample) -> Order:
    return orders.ship(shop, at_kiosk(shop, sample), "DHL", "7")


def last_event(shop: Shop) -> str:
    return recorded(shop)[-1].type


Made = Callable[[Shop, Sample], Order]


@pytest.mark.parametrize(("made", "owed"), [(accepted, 0), (at_kiosk, 2_700_00), (shipped, 2_700_00)])
def test_an_operator_voids_an_order_and_what_was_earned_stays(
    operator: FlaskClient, storefront: FlaskClient, database: ShopDatabase, sample: Sample, made: Made, owed: int
) -> None:
    with database.open() as shop:
        order_id = made(shop, sample).id

    refused = storefront.post(f"/orders/{order_id}/void", json={"reason": "lost"})
    answer, again = (operator.post(f"/orders/{order_id}/void", json={"reason": "lost"}) for _ in range(2))

    assert (refused.status_code, answer.status_code, again.status_code) == (403, 200, 409)
    assert answer.json["status"] == "cancelled"
    with database.open() as shop:
        assert last_event(shop) == "order.voided"
        assert balances.balance_of(shop, sample.artisan).owed == owed
        assert list(audit.inconsistencies(shop)) == []


def test_an_order_that_is_only_offered_is_not_voided(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 1)
        with pytest.raises(Refused, match="order_not_voidable"):
            closing.void(shop, order, "lost")


def test_a_part_that_is_never_brought_is_given_up_after_its_day(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        orders.accept(shop, sample.artisan, order.code, promised_on=shop.today + timedelta(days=4))
    database.advance(days=25)
    with database.open() as shop:
        assert closing.give_up_late(shop) == 0
    database.advance(days=1)
    with database.open() as shop:
        assert closing.give_up_late(shop) == 1
        assert closing.give_up_late(shop) == 0
        order = orders.by_id(shop, order.id)
        assert (order.status, order.assignments[0].status) == ("declined", "released")
        assert order.assignments[0].reason == closing.NOT_BROUGHT
        assert last_event(shop) == "order.declined"


def test_without_a_promised_day_the_day_of_the_order_counts(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        accepted(shop, sample)
    for days, given_up in ((21, 0), (1, 1)):
        database.advance(days=days)
        with database.open() as shop:
            assert closing.give_up_late(shop) == given_up


def test_goods_that_are_never_shipped_end_with_their_order(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = at_kiosk(shop, sample)
    for days, voided in ((29, 0), (1, 1), (1, 0)):
        database.advance(days=days)
        with database.open() as shop:
            assert closing.void_unshipped(shop) == voided
    with database.open() as shop:
        assert orders.by_id(shop, order.id).status == "cancelled"
        assert list(audit.inconsistencies(shop)) == []


def test_the_agent_is_reminded_once_before_goods_that_are_not_shipped_end_with_their_order(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = at_kiosk(shop, sample)
        ends_on = shop.today + timedelta(days=30)
    for days, reminded in ((26, 0), (1, 1), (1, 0), (1, 0)):
        database.advance(days=days)
        with database.open() as shop:
            assert (closing.remind_to_ship(shop), closing.void_unshipped(shop)) == (reminded, 0)
            order = orders.by_id(shop, order.id)
            assert closing.ship_by(shop, order) == ends_on - timedelta(days=1) >= shop.today
    with database.open() as shop:
        assert last_event(shop) == "order.shipping_reminded"


@pytest.mark.parametrize(("made", "days"), [(accepted, 28), (shipped, 28), (at_kiosk, 30)])
def test_an_agent_is_not_reminded_of_goods_that_are_elsewhere_or_whose_order_ends_at_once(
    database: ShopDatabase, sample: Sample, made: Made, days: int
) -> None:
    with database.open() as shop:
        made(shop, sample)
    database.advance(days=days)
    with database.open() as shop:
        assert closing.remind_to_ship(shop) == 0


def test_an_agent_is_reminded_again_of_goods_that_came_a_second_time(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = at_kiosk(shop, sample)
    database.advance(days=28)
    with database.open() as shop:
        assert closing.remind_to_ship(shop) == 1
        order = orders.by_id(shop, order.id)
        corrections.reverse(shop, f"earned:{order.assignments[0].id}", "miscounted")
    database.advance(days=1)
    with database.open() as shop:
        bring(shop, sample.kiosk, orders.by_id(shop, order.id), 2)
        assert closing.remind_to_ship(shop) == 0
    database.advance(days=27)
    with database.open() as shop:
        assert closing.remind_to_ship(shop) == 1


def test_the_buyer_is_asked_once_and_without_an_answer_the_order_is_closed(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = shipped(shop, sample)
    for days, asked, closed in ((9, 0, 0), (1, 1, 0), (30, 0, 0), (5, 0, 1), (1, 0, 0)):
        database.advance(days=days)
        with database.open() as shop:
            assert (closing.ask_whether_it_came(shop), closing.assume_delivered(shop)) == (asked, closed)
    with database.open() as shop:
        assert orders.by_id(shop, order.id).status == "delivered"
        types = [event.type for event in recorded(shop)]
        assert types[-2:] == ["order.delivery_asked", "order.assumed_delivered"]


def test_an_order_whose_buyer_was_not_asked_is_not_closed(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        shipped(shop, sample)
    database.advance(days=60)
    with database.open() as shop:
        assert closing.assume_delivered(shop) == 0
        assert closing.ask_whether_it_came(shop) == 1


def test_who_says_that_it_came_is_not_asked(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        orders.deliver(shop, shipped(shop, sample))
    database.advance(days=60)
    with database.open() as shop:
        assert (closing.ask_whether_it_came(shop), closing.assume_delivered(shop)) == (0, 0)


def test_parts_that_are_late_are_found_among_old_open_orders(sqlite_database: ShopDatabase, sample: Sample) -> None:
    """Not among all accepted parts, of which a large shop has many that are not late."""
    with sqlite_database.open() as shop, recorded_sql(sqlite_database.engine) as executed:
        closing.give_up_late(shop)
        (found,) = (statement for statement in executed if "promised_on" in statement)
        plan = shop.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {found}", (None,) * found.count("?"))
        steps = [row[3] for row in plan]
    assert any("ix_order_status_created_at_id (status=? AND created_at<?)" in step for step in steps), steps
    assert not any("assignment USING INDEX ix_assignment_status" in step for step in steps), steps
