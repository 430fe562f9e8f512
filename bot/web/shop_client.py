"""Our own storefront: what the pages here ask of the marketplace API, through the API like anybody else."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from sqlalchemy.orm import Session
from werkzeug.test import Client

from bot.db.unit_of_work import Database
from marketplace_api.catalogue import products
from marketplace_api.shop import Shop

Resource = dict[str, Any]
NAME = "shop_window"


def key(secret: str) -> str:
    """The key of our own storefront: the same in every process, known to nobody else."""
    return "soko_storefront_" + hmac.new(secret.encode(), NAME.encode(), hashlib.sha256).hexdigest()


class Storefront:
    """A client of the API that needs no socket."""

    def __init__(self, api: WSGIApplication, secret: str, shop: Callable[[Session], Shop], database: Database) -> None:
        self._client = Client(api, use_cookies=False)
        self._shop, self._database = shop, database
        self._headers = {"Authorization": f"Bearer {key(secret)}"}

    def catalogue(self) -> list[Resource]:
        """What is on sale, newest first."""
        answer = self._client.get("/products?limit=100", headers=self._headers)
        return answer.get_json()["data"]  # type: ignore[no-any-return]

    def product(self, code: str) -> Resource | None:
        """The product with this code, unless it was withdrawn; the API knows products by their ids alone."""
        with self._database.reading() as session:
            shop = self._shop(session)
            row = products.by_code(shop, code)
            return products.to_schema(shop, row).model_dump(mode="json") if row and row.status != "withdrawn" else None

    def place_order(self, body: Resource, idempotency_key: str) -> tuple[int, Resource]:
        """The API's status and answer; the same key never orders twice."""
        answer = self._client.post("/orders", json=body, headers={**self._headers, "Idempotency-Key": idempotency_key})
        return answer.status_code, answer.get_json()
