"""Payouts that wait before they are paid, and what an agent may not do for goods of her own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from marketplace_api.accounts import artisans
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Event, Order, Payout
from marketplace_api.orders import orders, paying
from marketplace_api.payments import audit, buyer_payments, cash_payouts, holds, purse, returns, settlement
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, request

OTHER_PHONE = "+254733000000"
EARNED = 1_350_00
"""For one piece."""


def with_terms(shop: Shop, **terms: object) -> Shop:
    return replace(shop, terms=replace(shop.terms, **terms))  # type: ignore[arg-type]


def received(shop: Shop, sample: Sample, count: int = 1) -> tuple[Order, Payout]:
    """An order that is at its kiosk, and its payout."""
    order = place(shop, sample.product, count)
    orders.accept(shop, sample.artisan, order.code)
    bring(shop, sample.kiosk, order, count)
    return order, shop.session.scalars(select(Payout).where(Payout.order_id == order.id)).one()


def ship(shop: Shop, order: Order) -> None:
    orders.ship(shop, order, "Posta", "RR1")


def state(payout: Payout) -> tuple[str, str | None]:
    return payout.status, payout.hold


def check(shop: Shop) -> None:
    assert list(audit.inconsistencies(shop)) == []


@pytest.mark.parametrize(("limit", "expected"), [(EARNED, "pending"), (EARNED - 1, "held"), (0, "pending")])
def test_a_large_payout_is_held_until_the_kiosk_ships(
    database: ShopDatabase, sample: Sample, limit: int, expected: str
) -> None:
    with database.open() as shop:
        shop = with_terms(shop, hold_above=limit)
        order, payout = received(shop, sample)
        assert payout.status == expected
        check(shop)

        ship(shop, order)

        assert state(payout) == ("pending", None)
        check(shop)


def test_the_first_payouts_of_an_artisan_are_held(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        shop = with_terms(shop, hold_first=2)

        assert [state(received(shop, sample)[1]) for _ in range(3)] == [
            ("held", "first"),
            ("held", "first"),
            ("pending", None),
        ]


def test_an_operator_releases_a_held_payout_once(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(with_terms(shop, hold_above=1), sample)
        holds.release(shop, payout.id)
        assert payout.status == "pending"

        with pytest.raises(Refused, match="payout_not_held"):
            holds.release(shop, payout.id)
        assert shop.session.scalars(select(Event.type).where(Event.type.like("payout.%"))).all() == [
            *("payout.created", "payout.released"),
        ]


def test_a_held_payout_in_cash_gets_its_code_when_it_is_released(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, "kiosk_cash")
        order, payout = received(with_terms(shop, hold_above=1), sample)
        assert state(payout) == ("held", "large")

        ship(shop, order)

        assert payout.status == "awaiting_collection"
        check(shop)


def test_a_new_phone_is_paid_after_three_days(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, waiting = received(shop, sample)
        artisans.set_payout_method(shop, sample.artisan, "mobile_money", OTHER_PHONE)
        _, later = received(shop, sample)
        assert [state(waiting), state(later)] == [("held", "new_phone")] * 2
        check(shop)
    database.advance(days=2, hours=23)
    with database.open() as shop:
        assert holds.release_due(shop) == 0
    database.advance(hours=1)
    with database.open() as shop:
        assert holds.release_due(shop) == 2
        assert {(row.status, row.msisdn) for row in shop.session.scalars(select(Payout))} == {("pending", OTHER_PHONE)}
        check(shop)


def test_a_phone_that_is_changed_again_waits_again(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, "mobile_money", OTHER_PHONE)
        received(shop, sample)
    database.advance(days=2)
    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, "mobile_money", "+254733000001")
    database.advance(days=1, hours=1)
    with database.open() as shop:
        assert holds.release_due(shop) == 0


def first_phone(shop: Shop, artisan: Artisan) -> None:
    artisans.set_payout_method(shop, artisan, "mobile_money")


def the_same_phone(shop: Shop, artisan: Artisan) -> None:
    artisans.set_payout_method(shop, artisan, "mobile_money", artisan.payout_msisdn)


def cash_and_back(shop: Shop, artisan: Artisan) -> None:
    artisans.set_payout_method(shop, artisan, "kiosk_cash")
    artisans.set_payout_method(shop, artisan, "mobile_money")


@pytest.mark.parametrize("change", [first_phone, the_same_phone, cash_and_back])
def test_the_artisans_own_phone_is_no_new_one(
    database: ShopDatabase, sample: Sample, change: Callable[[Shop, Artisan], None]
) -> None:
    with database.open() as shop:
        change(shop, sample.artisan)

        assert state(received(shop, sample)[1]) == ("pending", None)


def test_who_chooses_cash_does_not_wait_for_the_new_phone(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, "mobile_money", OTHER_PHONE)
        _, payout = received(shop, sample)
        artisans.set_payout_method(shop, sample.artisan, "kiosk_cash")

        assert payout.status == "awaiting_collection"


def test_a_shipped_order_of_an_artisan_with_a_new_phone_still_waits(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        shop = with_terms(shop, hold_above=1)
        order, payout = received(shop, sample)
        artisans.set_payout_method(shop, sample.artisan, "mobile_money", OTHER_PHONE)
        ship(shop, order)

        assert state(payout) == ("held", "new_phone")


def test_what_is_above_the_cap_of_a_day_waits_for_the_next_day(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        shop = with_terms(shop, payout_day_cap=2 * EARNED)
        assert [received(shop, sample)[1].status for _ in range(3)] == ["pending", "pending", "held"]
        assert holds.release_due(shop) == 0
    database.advance(days=1)
    with database.open() as shop:
        assert holds.release_due(with_terms(shop, payout_day_cap=2 * EARNED)) == 1
        check(shop)


def test_one_payout_above_the_cap_is_paid_on_the_next_day(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        assert received(with_terms(shop, payout_day_cap=1), sample)[1].status == "held"
    database.advance(days=1)
    with database.open() as shop:
        assert holds.release_due(with_terms(shop, payout_day_cap=1)) == 1


def test_a_held_payout_can_be_paid_elsewhere_or_end(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(with_terms(shop, hold_above=1), sample)
        returns.cancel(shop, payout.id, "miscounted")
        assert payout.status == "cancelled"


# -- disputes


def test_payouts_of_a_disputed_order_wait_for_the_end_of_the_dispute(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = orders.place(shop, replace(request(), vouched=False), sample.product.id, 1)
        started = paying.start_by_phone(shop, orders.lock(shop, order), OTHER_PHONE)
        buyer_payments.begin_asking(shop, started.id)
        paying.settle_captured(shop, started.id, "SG1")
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)
        payment = purse.kept_payment(shop, order)
        payout = shop.session.scalars(select(Payout)).one()
        assert payment

        paying.dispute(shop, payment.id)
        assert state(payout) == ("held", "disputed")
        paying.end_dispute(shop, payment.id, won=True)
        assert state(payout) == ("pending", None)
        check(shop)


# -- nobody on both sides


def test_an_agent_does_not_receive_goods_that_the_agent_made(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 1)
        orders.accept(shop, sample.artisan, order.code)
        kiosks.update(shop, sample.kiosk, agent_msisdn=sample.artisan.msisdn)

        with pytest.raises(Refused, match="own_goods"):
            bring(shop, kiosks.by_id(shop, sample.kiosk.id), order, 1)


def test_an_agent_does_not_pay_the_agent_in_cash(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        artisans.set_payout_method(shop, sample.artisan, "kiosk_cash")
        _, payout = received(shop, sample)
        kiosks.update(shop, sample.kiosk, agent_msisdn=sample.artisan.msisdn)

        with pytest.raises(Refused, match="own_goods"):
            cash_payouts.collect(shop, sample.kiosk, payout.id)


def test_an_artisan_does_not_pay_for_what_the_artisan_makes(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        own = replace(request(), buyer_msisdn=sample.artisan.msisdn, vouched=False)
        with pytest.raises(Refused, match="own_product"):
            orders.place(shop, own, sample.product.id, 1)

        order = orders.place(shop, replace(request(), vouched=False), sample.product.id, 1)
        with pytest.raises(Refused, match="own_product"):
            paying.start_by_phone(shop, orders.lock(shop, order), sample.artisan.msisdn)


def test_a_failed_payout_to_a_phone_that_was_changed_waits(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        _, payout = received(shop, sample)
        settlement.begin_sending(shop, payout.id)
        settlement.settle_failed(shop, payout.id, "no such phone", "recipient")
        artisans.set_payout_method(shop, sample.artisan, "mobile_money", OTHER_PHONE)

        assert state(payout) == ("held", "new_phone")
        check(shop)
