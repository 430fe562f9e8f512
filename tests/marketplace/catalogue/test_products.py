"""Products: who may change them, and their stock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, place, recorded, register
from tests.threads import together

pytestmark = pytest.mark.every_store


def test_an_artisan_changes_price_and_stock(database: ShopDatabase, sample: Sample) -> None:
    database.advance(hours=1)
    with database.open() as shop:
        products.set_price(shop, sample.artisan, sample.product.code.lower(), 120_000)
        product = products.set_stock(shop, sample.artisan, sample.product.code, 0)
        assert (product.price, product.status, product.updated_at) == (120_000, "sold_out", database.now)
        assert products.set_stock(shop, sample.artisan, product.code, 5).status == "listed"
        assert [event.type for event in recorded(shop)[3:]] == ["product.updated"] * 3


def test_a_withdrawn_product_cannot_be_changed(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        products.withdraw(shop, sample.artisan, sample.product.code)
        assert products.of_artisan(shop, sample.artisan) == []
        with pytest.raises(Refused, match="product_withdrawn"):
            products.set_stock(shop, sample.artisan, sample.product.code, 5)
        with pytest.raises(Refused, match="product_withdrawn"):
            place(shop, sample.product)


def test_a_text_that_lures_people_away_is_refused(database: ShopDatabase, sample: Sample) -> None:
    lure, artisan, code = "Pay at evil.co.ke", sample.artisan, sample.product.code
    asked: list[Callable[[Shop], object]] = [
        lambda shop: products.set_title(shop, artisan, code, lure),
        lambda shop: products.set_description(shop, artisan, code, lure),
        lambda shop: products.list_product(shop, artisan, title=lure, category="baskets", price=1, quantity=1),
        lambda shop: artisans.rename(shop, artisan, lure),
    ]
    for ask in asked:
        with database.open() as shop, pytest.raises(Refused) as refused:
            ask(shop)
        assert (refused.value.reason, refused.value.status) == ("unsafe_text", 422)


def test_an_artisan_cannot_change_the_product_of_another(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        other = register(shop, sample.kiosk, "+254722000000")
        with pytest.raises(Refused, match="not_your_product"):
            products.set_price(shop, other, sample.product.code, 1)
        with pytest.raises(Refused, match="unknown_code"):
            products.set_price(shop, other, "Z9Z9", 1)


def test_an_order_keeps_the_price_it_was_placed_at(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 1)
        products.set_price(shop, sample.artisan, sample.product.code, 1)
    assert (order.unit_price, order.total) == (150_000, 150_000)


def test_no_more_than_the_stock_can_be_ordered(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        place(shop, sample.product, 2)
        with pytest.raises(Refused, match="not_enough_stock") as refused:
            place(shop, sample.product, 2)
        assert refused.value.values["available"] == 1


def test_two_buyers_never_get_the_same_piece(database: ShopDatabase, sample: Sample) -> None:
    def buy(_number: int) -> str:
        try:
            with database.open() as shop:
                return place(shop, sample.product, 1).status
        except Refused as refused:
            return refused.reason

    assert sorted(together(8, buy)) == ["not_enough_stock"] * 5 + ["placed"] * 3
    with database.open() as shop:
        assert products.by_id(shop, sample.product.id).quantity == 0
