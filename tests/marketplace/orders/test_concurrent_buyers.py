"""Fifty buyers at once want more than there is: no piece is sold twice, and every no is an answer."""

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

BUYERS = 50
ON_SALE = {"Kiondo": 4, "Sisal mat": 10, "Stool": 16}
"""Pieces there are; of each ware more than thirty are wanted."""
PATIENCE_S = 120


@dataclass(frozen=True, slots=True)
class BuyersClient:
    """It sends what its buyers order, each on a connection of her own, and keeps what each key was answered."""

    url: str
    api_key: str
    wares: Sequence[Product]
    answers: dict[str, list[requests.Response]] = field(default_factory=lambda: defaultdict(list))

    def order(self, ware: Product, quantity: int, key: str) -> requests.Response:
        answer = self._post("/orders", json=order_body(ware, quantity), headers={"Idempotency-Key": key})
        self.answers[key].append(answer)
        return answer

    def cancel(self, order_id: str) -> None:
        assert self._post(f"/orders/{order_id}/cancel").status_code == 200

    def _post(self, path: str, headers: dict[str, str] | None = None, **what: Any) -> requests.Response:
        signed = {"Authorization": f"Bearer {self.api_key}"} | (headers or {})
        return requests.post(f"{self.url}{path}", headers=signed, timeout=PATIENCE_S, **what)


@pytest.fixture
def storefront(database: ShopDatabase, sample: Sample, api: MarketplaceApi) -> Iterator[BuyersClient]:
    with database.open() as shop:
        wares = [
            products.list_product(shop, sample.artisan, title=title, category="baskets", price=100, quantity=pieces)
            for title, pieces in ON_SALE.items()
        ]
        key = api_keys.create(shop, "a storefront", "storefront")
    with running_app(api) as url:
        yield BuyersClient(url, key, wares)


def test_fifty_buyers_at_once_are_never_sold_more_than_the_stock(
    storefront: BuyersClient, database: ShopDatabase
) -> None:
    rush(storefront)

    given = {key: answered_alike(answers) for key, answers in storefront.answers.items()}
    placed = sorted(answer.json()["id"] for answer in given.values() if answer.status_code == 201)
    refused = [answer for answer in given.values() if answer.status_code != 201]
    assert {reason(answer) for answer in refused} == {"not_enough_stock"}

    with database.open() as shop:
        assert sorted(shop.session.scalars(select(Order.id))) == placed
        for ware in storefront.wares:
            now = products.by_id(shop, ware.id)
            of_it = select(func.sum(Order.quantity)).where(Order.product_id == ware.id, Order.status == "placed")
            reserved = shop.session.scalar(of_it) or 0
            assert now.quantity >= 0
            assert now.quantity + reserved == ON_SALE[ware.title]
            assert (now.status == "sold_out") == (now.quantity == 0)


def rush(storefront: BuyersClient) -> None:
    """All order at the same moment; the last ten are repeats of the first ten, by a storefront that lost patience.

    Of the others every third thinks better of it, and then again.
    """
    together = Barrier(BUYERS)

    def buy(number: int) -> None:
        buyer = number % 40
        ware, quantity = storefront.wares[buyer % 3], 2 + buyer % 4
        together.wait()
        answer = storefront.order(ware, quantity, f"buyer-{buyer}")
        if 10 <= number < 40 and number % 3 == 0 and answer.status_code == 201:
            storefront.cancel(answer.json()["id"])
            storefront.order(ware, quantity, f"buyer-{buyer}-again")

    with ThreadPoolExecutor(BUYERS) as crowd:
        list(crowd.map(buy, range(BUYERS)))


def answered_alike(answers: Sequence[requests.Response]) -> requests.Response:
    """What a key was answered, however often it was sent; only that it is still being dealt with may be said too."""
    final = [answer for answer in answers if answer.status_code == 201 or reason(answer) != "still_running"]
    assert len({(answer.status_code, answer.content) for answer in final}) == 1
    return final[0]


def reason(refused: requests.Response) -> str:
    """Why it was refused: a conflict with the state of the shop, never a failure of it."""
    assert (refused.status_code, refused.headers["Content-Type"]) == (409, "application/problem+json")
    return str(refused.json()["reason"])
