"""`GET /orders` filters orders, and shows a storefront only its own."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from marketplace_api.catalogue import products
from marketplace_api.orders import lists, orders
from marketplace_api.rest.app import MarketplaceApi
from tests.marketplace.conftest import Sample, ShopDatabase, client, order_body, register


@pytest.fixture
def shop_of_two(storefront: FlaskClient, database: ShopDatabase, sample: Sample) -> FlaskClient:
    """A storefront that ordered from two artisans; the first accepted."""
    with database.open() as shop:
        other = register(shop, sample.kiosk, "+254722000000", name="Wanjiku")
        pot = products.list_product(shop, other, title="Pot", category="pottery", price=1, quantity=9)
    for product, ref in ((sample.product, "web-1"), (pot, "web-2")):
        database.advance(minutes=1)
        assert storefront.post("/orders", json=order_body(product, external_ref=ref)).status_code == 201
    with database.open() as shop:
        (offered,) = lists.parts_of(shop, sample.artisan, "offered")
        orders.accept(shop, sample.artisan, offered.order.code)
    return storefront


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["web-2", "web-1"]),
        ("external_ref=web-1", ["web-1"]),
        ("external_ref=web", []),
        ("status=accepted", ["web-1"]),
        ("status=placed", ["web-2"]),
        ("status=delivered", []),
        ("artisan={artisan}", ["web-1"]),
        ("artisan={artisan}&status=placed", []),
        ("artisan=art_nobody", []),
    ],
)
def test_orders_are_filtered(shop_of_two: FlaskClient, sample: Sample, query: str, found: list[str]) -> None:
    answer = shop_of_two.get("/orders?" + query.format(artisan=sample.artisan.id))
    assert [order["external_ref"] for order in answer.json["data"]] == found


def test_no_filter_shows_another_storefronts_order(
    shop_of_two: FlaskClient, api: MarketplaceApi, database: ShopDatabase, operator: FlaskClient, sample: Sample
) -> None:
    other = client(api, database, "storefront")
    for query in ("external_ref=web-1", "status=accepted", f"artisan={sample.artisan.id}"):
        assert other.get(f"/orders?{query}").json["data"] == []
        assert len(operator.get(f"/orders?{query}").json["data"]) == 1


def test_an_unknown_status_is_refused(storefront: FlaskClient) -> None:
    assert storefront.get("/orders?status=lost").status_code == 422
