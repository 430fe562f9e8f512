"""The stock of a product: what the artisan has, what of it is reserved for orders, and what can be ordered."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from marketplace_api.catalogue import products
from marketplace_api.models import Order
from marketplace_api.orders import closing, orders
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place
from tests.runs import some_of

Stock = tuple[int, int, int, str]


def stock(shop: Shop, sample: Sample) -> Stock:
    """On hand, reserved, free to order, and the status."""
    product = products.by_id(shop, sample.product.id)
    return product.on_hand, product.reserved, product.quantity, product.status


def test_an_order_reserves_pieces_that_the_artisan_still_has(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        place(shop, sample.product, 2)
        assert stock(shop, sample) == (3, 2, 1, "listed")
        place(shop, sample.product, 1)
        assert stock(shop, sample) == (3, 3, 0, "sold_out")


def accepted(shop: Shop, sample: Sample, quantity: int = 2) -> Order:
    order = place(shop, sample.product, quantity)
    orders.accept(shop, sample.artisan, order.code)
    return order


def declined(shop: Shop, sample: Sample) -> None:
    orders.decline(shop, sample.artisan, place(shop, sample.product, 2).code)


def cancelled(shop: Shop, sample: Sample) -> None:
    orders.cancel(shop, place(shop, sample.product, 2))


def accepted_in_part(shop: Shop, sample: Sample) -> None:
    orders.accept(shop, sample.artisan, place(shop, sample.product, 2).code, 1)


def released(shop: Shop, sample: Sample) -> None:
    orders.release(shop, sample.artisan, accepted(shop, sample).code)


def received(shop: Shop, sample: Sample) -> None:
    bring(shop, sample.kiosk, accepted(shop, sample), 2)


def received_in_part(shop: Shop, sample: Sample) -> None:
    bring(shop, sample.kiosk, accepted(shop, sample), 1)


def received_at_first_in_part(shop: Shop, sample: Sample) -> None:
    bring(shop, sample.kiosk, accepted(shop, sample), 1, follows=True)


def voided(shop: Shop, sample: Sample) -> None:
    closing.void(shop, accepted(shop, sample), "no longer wanted")


def turned_back(shop: Shop, sample: Sample) -> None:
    bring(shop, sample.kiosk, accepted(shop, sample), 0, refused=2, reason="damaged")


@pytest.mark.parametrize(
    ("end", "after"),
    [
        (accepted, (3, 2, 1, "listed")),
        (declined, (3, 0, 3, "listed")),
        (cancelled, (3, 0, 3, "listed")),
        (accepted_in_part, (3, 1, 2, "listed")),
        (released, (1, 0, 1, "listed")),
        (received, (1, 0, 1, "listed")),
        (received_in_part, (1, 0, 1, "listed")),
        (received_at_first_in_part, (2, 1, 1, "listed")),
        (turned_back, (1, 0, 1, "listed")),
        (voided, (1, 0, 1, "listed")),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_becomes_of_an_order_changes_both_numbers(
    database: ShopDatabase, sample: Sample, end: Callable[[Shop, Sample], object], after: Stock
) -> None:
    with database.open() as shop:
        end(shop, sample)
        assert stock(shop, sample) == after


@pytest.mark.parametrize(
    ("counted", "besides_orders", "after"),
    [
        (5, False, (5, 2, 3, "listed")),
        (2, False, (2, 2, 0, "sold_out")),
        (1, False, (1, 2, 0, "sold_out")),
        (0, False, (0, 2, 0, "sold_out")),
        (4, True, (6, 2, 4, "listed")),
        (0, True, (2, 2, 0, "sold_out")),
    ],
)
def test_a_count_of_what_the_artisan_has_leaves_the_ordered_pieces_reserved(
    database: ShopDatabase, sample: Sample, counted: int, besides_orders: bool, after: Stock
) -> None:
    with database.open() as shop:
        accepted(shop, sample)
        products.set_stock(shop, sample.artisan, sample.product.code, counted, besides_orders=besides_orders)
        assert stock(shop, sample) == after


def test_more_than_what_is_free_cannot_be_ordered(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        accepted(shop, sample)
        with pytest.raises(Refused, match="not_enough_stock"):
            place(shop, sample.product, 2)
        assert stock(shop, sample) == (3, 2, 1, "listed")


@pytest.mark.parametrize("seed", some_of(range(20)))
def test_what_is_reserved_is_always_the_pieces_of_open_orders(
    database: ShopDatabase, sample: Sample, seed: int
) -> None:
    random = Random(seed)
    acts: list[Callable[[Shop, Order], object]] = [
        lambda shop, order: orders.accept(shop, sample.artisan, order.code, random.randint(1, order.quantity)),
        lambda shop, order: orders.decline(shop, sample.artisan, order.code),
        lambda shop, order: orders.release(shop, sample.artisan, order.code),
        lambda shop, order: orders.cancel(shop, order),
        lambda shop, order: bring(shop, sample.kiosk, order, 1, follows=random.random() < 0.5),
        lambda shop, order: bring(shop, sample.kiosk, order, 0, refused=1, follows=random.random() < 0.5),
        lambda shop, _: products.set_stock(shop, sample.artisan, sample.product.code, random.randint(0, 9)),
    ]
    placed: list[Order] = []
    with database.open() as shop:
        for _ in range(60):
            try:
                with shop.session.begin_nested():
                    if not placed or random.random() < 0.3:
                        placed.append(place(shop, sample.product, random.randint(1, 3)))
                    else:
                        random.choice(acts)(shop, random.choice(placed))
            except Refused:
                continue
        parts = [part for order in placed for part in orders.by_id(shop, order.id).assignments]
        on_hand, reserved, free, _ = stock(shop, sample)
        assert reserved == sum(part.quantity for part in parts if part.status in ("offered", "accepted"))
        assert free == max(on_hand - reserved, 0)
