"""An order's money is in its purse from the moment when it is paid or vouched for until it is earned or given back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from marketplace_api.models import Event, Kiosk, Order, Refund
from marketplace_api.orders import briefs, closing, corrections, orders, receiving
from marketplace_api.payments import audit, ledger, purse
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, register, request

STOREFRONT = ledger.storefront_account("window")
PRICE = 1_500_00


def balances(shop: Shop, order: Order) -> tuple[int, int]:
    """What is in the purse, and what the storefront owes; the books are right."""
    assert list(audit.inconsistencies(shop)) == []
    return purse.held(shop, order), ledger.balance(shop, STOREFRONT)


def test_a_storefront_owes_the_price_of_an_order_and_the_purse_holds_it(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 2)

        assert order.payment_status == "vouched"
        assert balances(shop, order) == (2 * PRICE, 2 * PRICE)


@pytest.mark.parametrize("ending", ["decline", "cancel", "expire"])
def test_an_order_that_ends_unfulfilled_is_owed_no_more(database: ShopDatabase, sample: Sample, ending: str) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        if ending == "decline":
            orders.decline(shop, sample.artisan, order.code)
        else:
            {"cancel": orders.cancel, "expire": orders.expire}[ending](shop, order)

        assert balances(shop, order) == (0, 0)


def test_pieces_that_the_artisan_does_not_accept_are_owed_no_more(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 3)
        orders.accept(shop, sample.artisan, order.code, 2)

        assert balances(shop, order) == (2 * PRICE, 2 * PRICE)


def test_received_goods_are_paid_from_the_purse_and_missing_ones_are_owed_no_more(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 3)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1, follows=True)
        assert balances(shop, order) == (2 * PRICE, 3 * PRICE)

        bring(shop, sample.kiosk, order, 1)

        assert order.status == "at_kiosk"
        assert balances(shop, order) == (0, 2 * PRICE)


def test_shipping_is_used_when_the_order_is_shipped(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        charged = replace(request(), shipping=400_00, tax_points=16_00)
        order = orders.place(shop, charged, sample.product.id, 1)
        assert (order.total, order.shipping, order.tax) == (2_204_00, 400_00, 304_00)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)
        assert balances(shop, order) == (704_00, 2_204_00)

        orders.ship(shop, order, "Posta", "RR1")

        assert balances(shop, order) == (0, 2_204_00)
        assert (ledger.balance(shop, ledger.CARRIERS), ledger.balance(shop, ledger.TAX)) == (-400_00, -304_00)


def test_shipping_of_an_order_that_is_voided_at_the_kiosk_is_owed_no_more(
    database: ShopDatabase, sample: Sample
) -> None:
    with database.open() as shop:
        order = orders.place(shop, replace(request(), shipping=400_00), sample.product.id, 1)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)

        closing.void(shop, order, "the buyer has moved")

        assert balances(shop, order) == (0, PRICE)


def test_a_reversed_receipt_puts_the_money_back_into_the_purse(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        orders.accept(shop, sample.artisan, order.code)
        part = bring(shop, sample.kiosk, order, 2)

        corrections.reverse(shop, f"earned:{part.id}", "counted wrong")

        assert balances(shop, order) == (2 * PRICE, 2 * PRICE)


@pytest.fixture
def brief(database: ShopDatabase, sample: Sample) -> Order:
    """Ten pieces at 100 shillings, of which Amina and Wanjiru accept six and four."""
    with database.open() as shop:
        wanjiru = register(shop, sample.kiosk, "+254711222333", name="Wanjiru")
        wanted = briefs.NewBrief("Gift baskets", "baskets", 100_00, 10, shop.today.replace(year=2027))
        order = briefs.place(shop, request(), wanted)
        orders.accept(shop, sample.artisan, order.code, 6)
        orders.accept(shop, wanjiru, order.code, 4)
    return order


def reject(shop: Shop, kiosk: Kiosk, order: Order, count: int) -> None:
    part = next(part for part in order.assignments if part.status == "accepted" and part.quantity == count)
    receiving.receive(shop, kiosk, part.id, 0, refused=count, reason="broken")


def test_a_part_that_is_given_back_is_offered_again_while_its_money_is_there(
    database: ShopDatabase, sample: Sample, brief: Order
) -> None:
    with database.open() as shop:
        third = register(shop, sample.kiosk, "+254711222444", name="Achieng")
        assert third
        orders.release(shop, sample.artisan, brief.code)
        order = orders.by_id(shop, brief.id)

        assert order.status == "accepted", "nobody was passed over, so nobody can be asked again"
        assert balances(shop, order) == (400_00, 400_00)


def test_a_part_is_not_offered_again_when_money_of_the_order_went_back(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        wanjiru = register(shop, sample.kiosk, "+254711222333", name="Wanjiru")
        register(shop, sample.kiosk, "+254711222444", name="Achieng")
        wanted = briefs.NewBrief("Gift baskets", "baskets", 100_00, 10, shop.today.replace(year=2027))
        order = briefs.place(shop, request(), wanted)
        orders.accept(shop, sample.artisan, order.code, 6)
        orders.accept(shop, wanjiru, order.code, 4)
        reject(shop, sample.kiosk, order, 4)
        assert balances(shop, order) == (600_00, 600_00)

        orders.release(shop, sample.artisan, order.code)

        assert order.status == "declined", "the purse cannot pay for ten pieces any more"
        assert balances(shop, order) == (0, 0)


def test_the_ledger_refuses_to_pay_more_than_the_purse_holds(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        account, thief = ledger.purse(order.id), ledger.artisan_account(sample.artisan.id)

        with pytest.raises(Refused, match="not_funded"):
            ledger.post(shop, "theft", "", {account: 2 * PRICE + 1, thief: -2 * PRICE - 1}, floor=account)

        assert balances(shop, order) == (2 * PRICE, 2 * PRICE)


def test_the_audit_finds_a_purse_that_is_short(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        ledger.post(shop, "lost", "", {ledger.purse(order.id): 1, ledger.BANK: -1})

        assert list(audit.inconsistencies(shop)) == [
            f"the purse of order {order.code} (placed) holds 299999 and should hold 300000"
        ]


def test_an_order_that_is_vouched_for_has_no_refunds(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        orders.cancel(shop, place(shop, sample.product, 2))

        assert shop.session.scalars(select(Refund)).all() == []
        assert not shop.session.scalars(select(Event).where(Event.type.like("refund.%"))).all()
