"""What a kiosk expects and has received is read without the parts of other kiosks."""

from __future__ import annotations

from collections import Counter

from marketplace_api.catalogue import products
from marketplace_api.kiosks import activity, kiosks
from marketplace_api.orders import orders, receiving
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, register, seed_sample
from tests.recorded_sql import counted_steps

OTHERS = 11


def at_another_kiosk(shop: Shop, number: int) -> None:
    """A part that another kiosk expects, and one that it has received today."""
    kiosk = kiosks.create(shop, name="Lamu", town="Lamu", agent_name="Ali", agent_msisdn=f"+2547220000{number:02}")
    artisan = register(shop, kiosk, f"+2547110000{number:02}")
    product = products.list_product(shop, artisan, title="Mat", category="baskets", price=150_000, quantity=2)
    for quantity in (1, 1):
        order = place(shop, product, quantity)
        orders.accept(shop, artisan, order.code)
    bring(shop, kiosk, order, 1)


def steps_of_a_day(database: ShopDatabase, sample: Sample) -> Counter[str]:
    """The steps that SQLite takes for each statement about a kiosk's day, when its connection is open."""
    with database.open() as shop:
        kiosk, midnight = kiosks.by_id(shop, sample.kiosk.id), shop.midnight(shop.today)
        with counted_steps(database.engine) as steps:
            expected = receiving.count_expected(shop, kiosk)
            listed = receiving.expected_parts(shop, kiosk)
            received = activity.parts_received_since(shop, kiosk, midnight)
            pieces = activity.pieces_received(shop, kiosk, midnight, shop.now)
    assert (expected.all, len(listed), received, pieces) == (1, 1, 1, 0)
    return steps


def test_a_kiosks_day_takes_no_step_for_a_part_of_another_kiosk(sqlite_database: ShopDatabase) -> None:
    sample = seed_sample(sqlite_database)
    with sqlite_database.open() as shop:
        for _ in range(2):
            order = place(shop, sample.product, 1)
            orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)
        at_another_kiosk(shop, 0)
    few = steps_of_a_day(sqlite_database, sample)
    with sqlite_database.open() as shop:
        for number in range(OTHERS):
            at_another_kiosk(shop, number + 1)

    grown = {statement: steps - few[statement] for statement, steps in steps_of_a_day(sqlite_database, sample).items()}
    assert {statement: more for statement, more in grown.items() if more >= OTHERS} == {}
