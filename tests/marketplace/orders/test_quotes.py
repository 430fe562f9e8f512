"""What an order would cost, how it can be paid, and when one ends that nobody pays."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from marketplace_api.fields import terms_apply
from marketplace_api.models import Order
from marketplace_api.orders import deadlines, paying, placing, quotes
from marketplace_api.orders.placing import AnyOrderIn
from marketplace_api.payments import charges, exchange
from marketplace_api.refused import Refused
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, order_body
from tests.marketplace.orders.test_placing import place

BY_MPESA = {"by": "mpesa", "phone": "0733000333"}


def place_unpaid(shop: Shop, sample: Sample) -> Order:
    """An order of three pieces that its buyer pays by M-PESA."""
    with terms_apply(shop.terms):
        body = AnyOrderIn.model_validate(order_body(sample.product, quantity=3, payment=BY_MPESA))
        return placing.place(shop, "shop_window", body)


def test_a_quote_is_what_the_order_then_costs(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        charges.set_shipping(shop, "GB", 2, 900_00)
        charges.set_tax(shop, "GB", 20_00)
        quote = quotes.quote(shop, 1500_00, 3, "GB")
        order = place_unpaid(shop, sample)

    amounts = [quote.goods, quote.shipping, quote.tax, quote.total, quote.earns]
    assert [money.amount for money in amounts] == [4500_00, 1800_00, 1260_00, 7560_00, 4050_00]
    assert {money.currency for money in amounts} == {"KES"}
    assert (order.shipping, order.tax, order.total, order.artisan_earns) == (1800_00, 1260_00, 7560_00, 4050_00)


def test_nothing_is_quoted_where_we_do_not_ship(database: ShopDatabase) -> None:
    with database.open() as shop:
        charges.set_shipping(shop, "KE", 2, 300_00)
        with pytest.raises(Refused, match="no_shipping_there"):
            quotes.quote(shop, 1500_00, 1, "GB")


def test_a_card_has_a_price_in_each_currency_whose_rate_is_of_today(database: ShopDatabase) -> None:
    with database.open() as shop:
        exchange.set_rate(shop, "EUR", Decimal(140), Decimal(0))
    database.advance(hours=25)
    with database.open() as shop:
        exchange.set_rate(shop, "USD", Decimal(100), Decimal(0))
        exchange.set_rate(shop, "USD", Decimal(125), Decimal(0))
        ways = quotes.ways_to_pay(shop, 1500_00)

    assert (ways.methods, ways.network, ways.stale) == (["mpesa", "card"], "M-PESA", ["EUR"])
    assert ways.by_card == [Money(amount=150_000, currency="KES"), Money(amount=12_00, currency="USD")]


def test_a_paused_collector_and_one_that_is_not_there_are_no_ways_to_pay(database: ShopDatabase) -> None:
    with database.open() as shop:
        other = replace(shop, terms=replace(shop.terms, collectors={"mpesa": "mpesa", "card": "stripe"}))
        paying.pause_collecting(shop, "stripe", "wrong key")
        assert quotes.ways_to_pay(other, 1500_00).methods == ["mpesa"]
        paying.pause_collecting(shop, "mpesa", "wrong passkey")
        ways = quotes.ways_to_pay(other, 1500_00)
    assert (ways.methods, ways.by_card, ways.stale) == ([], (), ())


@pytest.mark.parametrize(
    ("payment", "pointer"),
    [
        ({"by": "mpesa", "phone": "12"}, "#/payment/phone"),
        ({"by": "card", "currency": "usd", "return_url": "https://shop.example"}, "#/payment/currency"),
        ({"by": "cash"}, "#/payment"),
        ({}, "#/payment"),
        ("mpesa", "#/payment"),
    ],
)
def test_an_error_in_a_payment_points_to_its_place_in_the_body(
    database: ShopDatabase, sample: Sample, payment: object, pointer: str
) -> None:
    answer = place(database, order_body(sample.product, payment=payment))
    assert answer.status == 422
    assert f'"pointer": "{pointer}"' in answer.body


def test_an_order_that_nobody_pays_ends_after_a_quarter_of_an_hour(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order_id = place_unpaid(shop, sample).id
    database.advance(minutes=14)
    with database.open() as shop:
        assert deadlines.expire_unpaid(shop) == 0
    database.advance(minutes=1)
    with database.open() as shop:
        assert deadlines.expire_unpaid(shop) == 1
        order = shop.session.get_one(Order, order_id)
        assert (order.status, order.payments[0].status, order.product.reserved if order.product else None) == (
            "expired",
            "lapsed",
            0,
        )
