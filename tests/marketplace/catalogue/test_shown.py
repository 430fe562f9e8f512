"""Products as lists show them are at each time what the API shows of each, and take one statement."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import photos, products, shown
from marketplace_api.models import Artisan, Kiosk, Product
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase
from tests.recorded_sql import recorded_sql


def rename(shop: Shop, product: Product) -> None:
    artisans.rename(shop, product.artisan, "Amina Wekesa")


def move_kiosk(shop: Shop, product: Product) -> None:
    product.artisan.kiosk.town = "Lamu"


def attach(shop: Shop, product: Product) -> None:
    number = len(product.photos)
    photos.attach(
        shop, product.code, id=f"pht_{product.code.lower()}{number}", digest=f"{number}", width=1200, height=900
    )


CHANGES: dict[str, Callable[[Shop, Product], object]] = {
    "price": lambda shop, product: products.set_price(shop, product.artisan, product.code, 990_00),
    "title": lambda shop, product: products.set_title(shop, product.artisan, product.code, "Kikapu — été"),
    "stock": lambda shop, product: products.reserve(shop, product.id, 2),
    "artisan": rename,
    "town": move_kiosk,
    "first photo": attach,
    "second photo": attach,
    "sold out": lambda shop, product: products.reserve(shop, product.id, 1),
}


@pytest.fixture
def listed(database: ShopDatabase, sample: Sample) -> list[str]:
    """The codes of two products, newest first."""
    database.advance(minutes=1)
    with database.open() as shop:
        artisan = shop.session.scalars(select(Artisan)).one()
        newer = products.list_product(shop, artisan, title="Mat", category="baskets", price=100, quantity=1)
    return [newer.code, sample.product.code]


def test_it_shows_what_the_api_shows_of_a_product_after_each_change(database: ShopDatabase, sample: Sample) -> None:
    for what, change in CHANGES.items():
        database.advance(minutes=1)
        with database.open() as shop:
            change(shop, products.by_id(shop, sample.product.id))
        with database.open() as shop:
            found = shown.by_code(shop, sample.product.code)
            row = products.by_id(shop, sample.product.id)
            assert found is not None
            assert found.schema == products.to_schema(shop, row), what
            assert [each.schema for each in shown.newest(shop, row.status, 5)] == [found.schema], what


def test_newest_first_and_no_more_than_the_limit(database: ShopDatabase, listed: list[str]) -> None:
    with database.open() as shop:
        for limit in (1, 2, 9):
            assert [each.schema.code for each in shown.newest(shop, "listed", limit)] == listed[:limit]
        assert [each.schema.code for each in shown.newest_of(shop, 9, Product.title == "Mat")] == listed[:1]
        assert shown.newest(shop, "withdrawn", 9) == []
        assert shown.by_code(shop, "Z9Z9") is None


def test_products_with_photos_take_one_statement(database: ShopDatabase, listed: list[str]) -> None:
    with database.open() as shop:
        for product in shop.session.scalars(select(Product)).all():
            attach(shop, product)
            attach(shop, product)
    with database.open() as shop, recorded_sql(database.engine) as statements:
        assert [len(each.schema.photos) for each in shown.newest(shop, "listed", 9)] == [2, 2]
    assert [statement.split()[0] for statement in statements if "BEGIN" not in statement] == ["SELECT"]


def test_a_product_is_made_once_until_something_changes(database: ShopDatabase, listed: list[str]) -> None:
    def read() -> list[shown.ShownProduct]:
        with database.open() as shop:
            return shown.newest(shop, "listed", 9)

    before, unchanged = read(), read()
    with database.open() as shop:
        shop.session.scalars(select(Kiosk)).one().town = "Lamu"
    changed = read()

    assert [one is other for one, other in zip(before, unchanged, strict=True)] == [True, True]
    assert [one is other for one, other in zip(before, changed, strict=True)] == [False, False]
