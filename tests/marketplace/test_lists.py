"""Pages: nothing is shown twice or left out, and a longer list costs no more queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from marketplace_api import help_requests, orders, products
from tests.marketplace.conftest import Market, Stand, bring, place, register


def sell(market: Market, stand: Stand, title: str) -> None:
    with market.open() as shop:
        products.list_product(shop, stand.artisan, title=title, category="pottery", price=1, quantity=9)


def page(client: FlaskClient, path: str, **query: Any) -> dict[str, Any]:
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200
    return answer.json


def test_rows_that_come_in_meanwhile_move_nothing(anybody: FlaskClient, market: Market, stand: Stand) -> None:
    for number in range(6):  # three at the same instant, then three more
        market.passes(seconds=number // 3)
        sell(market, stand, f"Pot {number}")
    before = {product["title"] for product in page(anybody, "/products")["data"]}
    seen: list[str] = []
    answer = page(anybody, "/products", limit=2)
    while True:
        seen += [product["title"] for product in answer["data"]]
        if not answer["has_more"]:
            break
        market.passes(seconds=1)
        sell(market, stand, f"New pot {len(seen)}")
        answer = page(anybody, "/products", limit=2, cursor=answer["next_cursor"])
    assert answer["next_cursor"] is None
    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == before


def test_a_list_is_newest_first(anybody: FlaskClient, market: Market, stand: Stand) -> None:
    for number in range(3):
        market.passes(seconds=1)
        sell(market, stand, f"Pot {number}")
    titles = [product["title"] for product in page(anybody, "/products")["data"]]
    assert titles == ["Pot 2", "Pot 1", "Pot 0", "Kiondo basket"]


@pytest.mark.parametrize(
    "path", ["/products", "/artisans", "/orders", "/payouts", "/kiosks", "/help-requests", "/events"]
)
def test_a_longer_list_costs_no_more_queries(operator: FlaskClient, market: Market, stand: Stand, path: str) -> None:
    def busy_day(number: int) -> None:
        with market.open() as shop:
            artisan = register(shop, stand.kiosk, f"+25472200000{number}")
            product = products.list_product(shop, artisan, title="Pot", category="pottery", price=1, quantity=9)
            order = place(shop, product, 1)
            orders.accept(shop, artisan, order.code)
            bring(shop, stand.kiosk, order, 1)
            help_requests.request(shop, artisan.msisdn)

    busy_day(0)
    few = queries(market, lambda: page(operator, path))
    for number in range(1, 6):
        busy_day(number)
    assert queries(market, lambda: page(operator, path)) == few


def queries(market: Market, act: Callable[[], object]) -> int:
    said: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(market.engine, "before_cursor_execute", note)
    act()
    event.remove(market.engine, "before_cursor_execute", note)
    return len(said)
