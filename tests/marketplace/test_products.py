"""Products: whose they are, and how many there are."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest

from marketplace_api.catalogue import products
from marketplace_api.events import events
from marketplace_api.refused import Refused
from tests.marketplace.conftest import Market, Stand, place, register


def test_price_and_stock_are_hers_to_change(market: Market, stand: Stand) -> None:
    market.passes(hours=1)
    with market.open() as shop:
        products.set_price(shop, stand.artisan, stand.product.code.lower(), 120_000)
        product = products.set_stock(shop, stand.artisan, stand.product.code, 0)
        assert (product.price, product.status, product.updated_at) == (120_000, "sold_out", market.now)
        assert products.set_stock(shop, stand.artisan, product.code, 5).status == "listed"
        assert [event.type for event in events.since(shop, 2, 9)] == ["product.updated"] * 3


def test_a_withdrawn_product_is_gone_for_good(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        products.withdraw(shop, stand.artisan, stand.product.code)
        assert products.of_artisan(shop, stand.artisan) == []
        with pytest.raises(Refused, match="product_withdrawn"):
            products.set_stock(shop, stand.artisan, stand.product.code, 5)
        with pytest.raises(Refused, match="product_withdrawn"):
            place(shop, stand.product)


def test_nobody_changes_the_product_of_another(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        other = register(shop, stand.kiosk, "+254722000000")
        with pytest.raises(Refused, match="not_your_product"):
            products.set_price(shop, other, stand.product.code, 1)
        with pytest.raises(Refused, match="unknown_code"):
            products.set_price(shop, other, "Z9Z9", 1)


def test_an_order_keeps_the_price_it_was_placed_at(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        order = place(shop, stand.product, 1)
        products.set_price(shop, stand.artisan, stand.product.code, 1)
    assert (order.unit_price, order.total) == (150_000, 150_000)


def test_more_than_there_is_cannot_be_ordered(market: Market, stand: Stand) -> None:
    with market.open() as shop:
        place(shop, stand.product, 2)
        with pytest.raises(Refused, match="not_enough_stock") as refused:
            place(shop, stand.product, 2)
        assert refused.value.values["available"] == 1


def test_two_buyers_never_get_the_same_piece(market: Market, stand: Stand) -> None:
    buyers = 8
    together = Barrier(buyers)
    outcomes: list[str] = []

    def buy() -> None:
        together.wait()
        try:
            with market.open() as shop:
                outcomes.append(place(shop, stand.product, 1).status)
        except Refused as refused:
            outcomes.append(refused.reason)

    threads = [Thread(target=buy) for _ in range(buyers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["not_enough_stock"] * 5 + ["placed"] * 3
    with market.open() as shop:
        assert products.by_id(shop, stand.product.id).quantity == 0
