"""Fifty buyers order at once more than the stock: no piece is sold twice, and each refusal has a reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from marketplace_api.accounts import api_keys
from marketplace_api.catalogue import products
from marketplace_api.models import Order, Product
from marketplace_api.rest.app import MarketplaceApi
from tests.http_server import running_app
from tests.marketplace.conftest import Sample, ShopDatabase, order_body

pytestmark = pytest.mark.every_store

BUYERS = 50
ON_SALE = {"Kiondo": 4, "Sisal mat": 10, "Stool": 16}
"""The stock of each product; more than thirty pieces of each are ordered."""
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class BuyersClient:
    """Sends the orders of its buyers, each on another connection, and keeps the answers by idempotency key."""

    url: str
    api_key: str
    products_on_sale: Sequence[Product]
    answers: dict[str, list[requests.Response]] = field(default_factory=lambda: defaultdict(list))

    def order(self, product: Product, quantity: int, key: str) -> requests.Response:
        answer = self._post("/orders", json=order_body(product, quantity), headers={"Idempotency-Key": key})
        self.answers[key].append(answer)
        return answer

    def cancel(self, order_id: str) -> None:
        assert self._post(f"/orders/{order_id}/cancel").status_code == 200

    def _post(self, path: str, headers: dict[str, str] | None = None, **what: Any) -> requests.Response:
        signed = {"Authorization": f"Bearer {self.api_key}"} | (headers or {})
        return requests.post(f"{self.url}{path}", headers=signed, timeout=TIMEOUT_S, **what)


@pytest.fixture
def storefront(database: ShopDatabase, sample: Sample, api: MarketplaceApi) -> Iterator[BuyersClient]:
    with database.open() as shop:
        products_on_sale = [
            products.list_product(shop, sample.artisan, title=title, category="baskets", price=100, quantity=pieces)
            for title, pieces in ON_SALE.items()
        ]
        key = api_keys.create(shop, "a storefront", "storefront")
    with running_app(api) as url:
        yield BuyersClient(url, key, products_on_sale)


def test_fifty_buyers_at_once_are_never_sold_more_than_the_stock(
    storefront: BuyersClient, database: ShopDatabase
) -> None:
    order_at_once(storefront)

    final_answers = {key: final_answer(answers) for key, answers in storefront.answers.items()}
    placed = sorted(answer.json()["id"] for answer in final_answers.values() if answer.status_code == 201)
    refused = [answer for answer in final_answers.values() if answer.status_code != 201]
    assert {reason(answer) for answer in refused} == {"not_enough_stock"}

    with database.open() as shop:
        assert sorted(shop.session.scalars(select(Order.id))) == placed
        for product in storefront.products_on_sale:
            stored = products.by_id(shop, product.id)
            of_it = select(func.sum(Order.quantity)).where(Order.product_id == product.id, Order.status == "placed")
            reserved = shop.session.scalar(of_it) or 0
            assert stored.quantity >= 0
            assert stored.quantity + reserved == ON_SALE[product.title]
            assert (stored.status == "sold_out") == (stored.quantity == 0)


def order_at_once(storefront: BuyersClient) -> None:
    """All buyers order at the same moment. The last ten requests repeat the first ten.

    Of the others, every third buyer cancels and then orders again.
    """
    together = Barrier(BUYERS)

    def buy(number: int) -> None:
        buyer = number % 40
        product, quantity = storefront.products_on_sale[buyer % 3], 2 + buyer % 4
        together.wait()
        answer = storefront.order(product, quantity, f"buyer-{buyer}")
        if 10 <= number < 40 and number % 3 == 0 and answer.status_code == 201:
            storefront.cancel(answer.json()["id"])
            storefront.order(product, quantity, f"buyer-{buyer}-again")

    with ThreadPoolExecutor(BUYERS) as pool:
        list(pool.map(buy, range(BUYERS)))


def final_answer(answers: Sequence[requests.Response]) -> requests.Response:
    """The answer to a key, the same for every repetition; only `still_running` may come before it."""
    final = [answer for answer in answers if answer.status_code == 201 or reason(answer) != "still_running"]
    assert len({(answer.status_code, answer.content) for answer in final}) == 1
    return final[0]


def reason(refused: requests.Response) -> str:
    """The reason of a refusal, which must be a 409."""
    assert (refused.status_code, refused.headers["Content-Type"]) == (409, "application/problem+json")
    return str(refused.json()["reason"])
