"""Buyers find every listed product once, in the asked order, by words, category, town and price, at little cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import browsing, products, search
from marketplace_api.catalogue.browsing import Browse, Start
from marketplace_api.kiosks import kiosks
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase
from tests.recorded_sql import full_scans, recorded_sql

PER_PAGE = 2
PRICES = [300_00, 100_00, 200_00, 100_00, 500_00]


@pytest.fixture
def database(database: ShopDatabase, sample: Sample) -> ShopDatabase:
    """Besides the sample's basket: five mats from Lamu, of which two cost the same, and one that is withdrawn."""
    with database.open() as shop:
        kiosk = kiosks.create(shop, name="Seafront", town="Lamu", agent_name="Swaleh", agent_msisdn="+254722000227")
        fields = {"language": "en", "craft": "textiles", "payout_method": "mobile_money", "payout_msisdn": None}
        artisan = artisans.register(shop, name="Zuhura", msisdn="+254711000204", kiosk_id=kiosk.id, **fields)
    for number, price in enumerate([*PRICES, 400_00]):
        database.advance(minutes=1)
        with database.open() as shop:
            mat = f"Mat {number}", "textiles", price
            product = products.list_product(
                shop, artisan, title=mat[0], category=mat[1], price=price, quantity=1, description="Woven of palm"
            )
            if number == len(PRICES):
                products.withdraw(shop, artisan, product.code)
    return database


def pages(shop: Shop, asked: Browse) -> Iterator[list[str]]:
    """The titles on each page."""
    start: Start | None = Start()
    while start:
        page = browsing.browse(shop, asked, start, PER_PAGE)
        yield [product.schema.title for product in page.products]
        start = page.next


def found(database: ShopDatabase, asked: Browse) -> list[str]:
    with database.open() as shop:
        return [title for page in pages(shop, asked) for title in page]


NEWEST = ["Mat 4", "Mat 3", "Mat 2", "Mat 1", "Mat 0"]


def test_every_listed_product_is_on_one_page(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        assert list(pages(shop, Browse())) == [NEWEST[:2], NEWEST[2:4], [NEWEST[4], sample.product.title]]
        second = browsing.browse(shop, Browse(), Start(skip=2), PER_PAGE)
    assert [product.schema.title for product in second.products] == NEWEST[2:4]


@pytest.mark.parametrize("few", [1000, 1], ids=["begins with few products", "reads in order"])
@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        (Browse(town="Lamu"), NEWEST),
        (Browse(category="textiles"), NEWEST),
        (Browse(words="palm MAT"), NEWEST),
        (Browse(words="palm 3"), ["Mat 3"]),
        (Browse(words="!"), []),
        (Browse(lowest=200_00, highest=300_00, town="Lamu"), ["Mat 2", "Mat 0"]),
        (Browse(highest=99_99), []),
        (Browse(town="Lamu", sort="dearest"), ["Mat 4", "Mat 0", "Mat 2", "Mat 3", "Mat 1"]),
        (Browse(town="Kitui"), []),
    ],
    ids=str,
)
def test_filters_and_orders(
    database: ShopDatabase, monkeypatch: pytest.MonkeyPatch, few: int, asked: Browse, titles: list[str]
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    titles_found = found(database, asked)
    if asked.sort == "dearest":  # two cost the same, so their ids decide
        assert titles_found[:3] == titles[:3]
        assert sorted(titles_found[3:]) == sorted(titles[3:])
        assert found(database, replace(asked, sort="cheapest")) == titles_found[::-1]
    else:
        assert titles_found == titles


def test_the_wares_of_an_artisan_and_of_a_kiosk(database: ShopDatabase, sample: Sample) -> None:
    assert found(database, Browse(artisan_id=sample.artisan.id)) == [sample.product.title]
    assert found(database, Browse(kiosk_id=sample.kiosk.id)) == [sample.product.title]


def test_a_page_takes_at_most_two_statements_that_read_by_indexes(database: ShopDatabase) -> None:
    asked = [Browse(), Browse(sort="cheapest"), Browse("mat", "textiles", "Lamu", 1, 999_00, sort="dearest")]
    for browse, most in zip(asked, (1, 1, 2), strict=True):
        with database.open() as shop, recorded_sql(database.engine) as statements:
            page = browsing.browse(shop, browse, Start(), PER_PAGE)
            browsing.browse(shop, browse, page.next or Start(), PER_PAGE)
        selects = [statement for statement in statements if statement.startswith("SELECT")]
        assert len(selects) <= 2 * most, selects
        if database.engine.dialect.name == "sqlite":
            with database.engine.connect() as conn:
                assert full_scans(conn, selects) == {}
