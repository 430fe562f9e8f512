"""Pages of lists: no row is shown twice or left out."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from marketplace_api.catalogue import products
from tests.marketplace.conftest import Sample, ShopDatabase

pytestmark = pytest.mark.every_store


def list_product(database: ShopDatabase, sample: Sample, title: str) -> None:
    with database.open() as shop:
        products.list_product(shop, sample.artisan, title=title, category="pottery", price=1, quantity=9)


def page(client: FlaskClient, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200
    return answer.json


def test_new_rows_do_not_shift_the_pages(anonymous: FlaskClient, database: ShopDatabase, sample: Sample) -> None:
    for number in range(6):  # three at the same instant, then three more
        database.advance(seconds=number // 3)
        list_product(database, sample, f"Pot {number}")
    before = {product["title"] for product in page(anonymous, "/products")["data"]}
    seen: list[str] = []
    answer = page(anonymous, "/products", limit=2)
    while True:
        seen += [product["title"] for product in answer["data"]]
        if not answer["has_more"]:
            break
        database.advance(seconds=1)
        list_product(database, sample, f"New pot {len(seen)}")
        answer = page(anonymous, "/products", limit=2, cursor=answer["next_cursor"])
    assert answer["next_cursor"] is None
    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == before


def test_a_list_is_newest_first(anonymous: FlaskClient, database: ShopDatabase, sample: Sample) -> None:
    for number in range(3):
        database.advance(seconds=1)
        list_product(database, sample, f"Pot {number}")
    titles = [product["title"] for product in page(anonymous, "/products")["data"]]
    assert titles == ["Pot 2", "Pot 1", "Pot 0", "Kiondo basket"]
