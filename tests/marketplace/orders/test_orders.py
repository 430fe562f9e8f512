"""Orders from placed to delivered, by the domain functions alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Order
from marketplace_api.orders import lists, orders, receiving
from marketplace_api.payments import balances, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, recorded, register

pytestmark = pytest.mark.every_store


def reason(act: Callable[[], Any]) -> str:
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.reason


def event_types(shop: Shop) -> list[str]:
    return [event.type for event in recorded(shop)]


def test_a_basket_goes_to_the_buyer_and_its_payout_to_the_artisan(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, quantity=2)
        assert [part.order_id for part in lists.parts_of(shop, sample.artisan, "offered")] == [order.id]
        orders.accept(shop, sample.artisan, order.code)
        assert [part.order_id for part in receiving.expected_parts(shop, sample.kiosk)] == [order.id]
        bring(shop, sample.kiosk, order, 2)
        assert [found.id for found in receiving.received_at_kiosk(shop, sample.kiosk)] == [order.id]
        (payout,) = balances.balance_of(shop, sample.artisan).last
        settlement.begin_sending(shop, payout.id)
        settlement.settle_paid(shop, payout.id, "SFF6XYZ123")
        orders.ship(shop, order, "Posta", "RR123")
        orders.deliver(shop, order)
    assert event_types(shop) == [
        "kiosk.opened",
        "artisan.registered",
        "product.listed",
        "order.placed",
        "order.accepted",
        "order.at_kiosk",
        "payout.created",
        "payout.paid",
        "order.shipped",
        "order.delivered",
    ]
    assert [entry.status for entry in order.timeline] == [
        "placed",
        "accepted",
        "at_kiosk",
        "shipped",
        "delivered",
    ]
    assert (payout.amount, payout.provider_reference, payout.paid_at) == (270_000, "SFF6XYZ123", database.now)


def test_an_event_holds_the_resource_as_operators_see_it(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _opened, registered, listed = recorded(shop)[:3]
    assert registered.data["id"] == sample.artisan.id
    assert registered.data["phone"] == "+254712345678"
    assert listed.data["price"] == {"amount": 150_000, "currency": "KES"}


def test_accepting_a_part_lowers_the_money_and_restocks_the_rest(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, quantity=3)
        assert (order.product.quantity, order.product.status) == (0, "sold_out")
        orders.accept(shop, sample.artisan, order.code, 2)
    assert (order.quantity, order.assignments[0].quantity) == (3, 2)
    assert (order.total, order.commission, order.artisan_earns) == (300_000, 30_000, 270_000)
    assert (order.product.quantity, order.product.status) == (1, "listed")


@pytest.mark.parametrize("count", [0, -1, 4])
def test_an_artisan_accepts_at_least_one_piece_and_at_most_all(
    database: ShopDatabase, sample: Sample, count: int
) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        assert reason(lambda: orders.accept(shop, sample.artisan, order.code, count)) == "wrong_count"
        assert order.status == "placed"


def test_only_the_pieces_received_are_paid(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)
        (payout,) = balances.balance_of(shop, sample.artisan).last
    assert (order.total, payout.amount) == (150_000, 135_000)
    assert order.product.quantity == 0


def decline(shop: Shop, sample: Sample, order: Order) -> Order:
    return orders.decline(shop, sample.artisan, order.code, "no reeds").order


def cancel(shop: Shop, sample: Sample, order: Order) -> Order:
    return orders.cancel(shop, order)


def expire(shop: Shop, sample: Sample, order: Order) -> Order:
    return orders.expire(shop, order)


ENDS = [(decline, "declined"), (cancel, "cancelled"), (expire, "expired")]


@pytest.mark.parametrize(("end", "status"), ENDS)
def test_an_order_that_ends_is_restocked(
    database: ShopDatabase, sample: Sample, end: Callable[[Shop, Sample, Order], Order], status: str
) -> None:
    with database.open() as shop:
        order = end(shop, sample, place(shop, sample.product))
        assert (order.status, order.assignments[0].status) == (status, status)
        assert (order.product.quantity, order.product.status) == (3, "listed")
        assert event_types(shop)[-1] == f"order.{status}"


@pytest.mark.parametrize(("end", "status"), ENDS)
def test_an_accepted_order_is_not_ended_and_nothing_changes(
    database: ShopDatabase, sample: Sample, end: Callable[[Shop, Sample, Order], Order], status: str
) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        orders.accept(shop, sample.artisan, order.code)
        before = event_types(shop)
        assert reason(lambda: end(shop, sample, order)) == "order_not_open"
        assert (order.status, order.product.quantity, event_types(shop)) == ("accepted", 0, before)


def test_restocking_does_not_put_a_withdrawn_product_on_sale(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, quantity=1)
        products.withdraw(shop, sample.artisan, sample.product.code)
        orders.cancel(shop, order)
        assert (order.product.quantity, order.product.status) == (3, "withdrawn")


def test_an_artisan_without_a_part_is_refused_with_a_reason(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        other = register(shop, sample.kiosk, "+254722000000")
        elsewhere = kiosks.create(shop, name="K2", town="Voi", agent_name="J", agent_msisdn="+254711000002")
        assert reason(lambda: orders.accept(shop, other, order.code)) == "not_your_order"
        assert reason(lambda: orders.accept(shop, sample.artisan, "Z9Z9Z9")) == "unknown_code"
        assert reason(lambda: orders.accept(shop, sample.artisan, "basket")) == "unknown_code"
        assert reason(lambda: bring(shop, sample.kiosk, order, 3)) == "order_not_expected"
        orders.accept(shop, sample.artisan, order.code)
        assert reason(lambda: orders.accept(shop, sample.artisan, order.code)) == "order_not_open"
        assert reason(lambda: bring(shop, elsewhere, order, 3)) == "other_kiosk"
        assert reason(lambda: orders.ship(shop, order, "Posta", "RR1")) == "order_not_at_kiosk"
        assert reason(lambda: orders.deliver(shop, order)) == "order_not_shipped"
    assert (order.status, order.carrier) == ("accepted", None)


def test_a_part_is_ready_since_the_artisan_first_said_so(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        orders.accept(shop, sample.artisan, order.code)
        orders.mark_ready(shop, sample.artisan, order.code)
    first = database.now
    database.advance(hours=1)
    with database.open() as shop:
        again = orders.mark_ready(shop, sample.artisan, order.code)
    assert (again.status, again.ready_at) == ("accepted", first)
    assert event_types(shop)[-2:] == ["order.accepted", "order.ready"]


def test_only_an_accepted_part_can_be_ready(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        other = register(shop, sample.kiosk, "+254722000111")
        assert reason(lambda: orders.mark_ready(shop, sample.artisan, order.code)) == "order_not_expected"
        orders.accept(shop, sample.artisan, order.code)
        assert reason(lambda: orders.mark_ready(shop, other, order.code)) == "not_your_order"
        bring(shop, sample.kiosk, order, 3)
        assert reason(lambda: orders.mark_ready(shop, sample.artisan, order.code)) == "order_not_expected"


def test_the_event_says_why_the_artisan_declined(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        orders.decline(shop, sample.artisan, order.code, "material")
        declined = recorded(shop)[-1]
    assert (declined.type, declined.data["assignments"][0]["reason"]) == ("order.declined", "material")


def test_goods_received_twice_are_paid_once(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 3)
        again = reason(lambda: bring(shop, sample.kiosk, order, 3))
        assert again == "order_not_expected"
        assert len(balances.balance_of(shop, sample.artisan).last) == 1


def test_open_orders_are_listed_for_artisan_kiosk_and_buyer(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        first = place(shop, sample.product, 1)
        database.advance(minutes=1)
    with database.open() as shop:
        second = place(shop, sample.product, 1)
        orders.accept(shop, sample.artisan, first.code)
        assert [part.order_id for part in lists.parts_of(shop, sample.artisan, "offered")] == [second.id]
        assert [part.order_id for part in lists.parts_of(shop, sample.artisan, "accepted")] == [first.id]
        assert [order.id for order in lists.of_buyer(shop, "+447400123456")] == [second.id, first.id]
        found = orders.by_code(shop, f" {first.code.lower()} ")
        assert found is not None
        assert found.id == first.id
        assert orders.by_code(shop, "nothing") is None


def test_the_next_payout_uses_the_last_chosen_method(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        amina = artisans.by_id(shop, sample.artisan.id)
        assert (amina.payout_method, amina.payout_msisdn) == ("mobile_money", "+254712345678")
        artisans.set_payout_method(shop, amina, "kiosk_cash")
        order = place(shop, sample.product)
        orders.accept(shop, amina, order.code)
        bring(shop, sample.kiosk, order, 3)
        (payout,) = balances.balance_of(shop, amina).last
    assert (payout.status, payout.method, payout.msisdn) == ("awaiting_collection", "kiosk_cash", None)


def test_a_phone_registers_once(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        assert reason(lambda: register(shop, sample.kiosk, "+254712345678")) == "already_registered"
        assert reason(lambda: register(shop, sample.kiosk, "+254722000000", craft="jam")) == "unknown_category"


def test_an_artisan_changes_name_language_and_kiosk(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        amina = artisans.by_msisdn(shop, "+254712345678")
        assert amina is not None
        elsewhere = kiosks.create(shop, name="K2", town="Voi", agent_name="J", agent_msisdn="+254711000002")
        artisans.rename(shop, amina, "Amina W.")
        artisans.set_language(shop, amina, "en")
        artisans.set_kiosk(shop, amina, elsewhere.id)
        assert (amina.name, amina.language, amina.kiosk.town) == ("Amina W.", "en", "Voi")


def test_the_newest_kiosk_counts_for_an_agent_of_several(database: ShopDatabase, sample: Sample) -> None:
    database.advance(days=1)
    with database.open() as shop:
        newer = kiosks.create(shop, name="K2", town="Voi", agent_name="J", agent_msisdn="+254711000001")
        assert kiosks.by_agent(shop, "+254711000001") is newer
        assert kiosks.by_agent(shop, "+254799999999") is None
        assert [kiosk.town for kiosk in kiosks.list_all(shop)] == ["Kisumu", "Voi"]
