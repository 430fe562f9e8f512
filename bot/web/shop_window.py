"""Our own storefront: reads products and places orders for the shop pages. Each call is one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from marketplace_api.catalogue import products
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.orders import placing
from marketplace_api.problems import Problem
from marketplace_api.rest.errors import STATUS_DETAILS
from marketplace_api.schemas.products import Product
from marketplace_api.shop import Shop

CALLER = "shop_window"
"""Stored with each order as the storefront that placed it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShopWindow:
    """The storefront of one shop. `open_shop` makes the shop of a database session."""

    database: Database
    open_shop: Callable[[Session], Shop]

    def catalogue(self) -> Sequence[Product]:
        """The newest 100 products that can be ordered, newest first."""
        with self.database.reading() as session:
            shop = self.open_shop(session)
            return [products.to_schema(shop, row) for row in products.newest_listed(shop)]

    def product(self, code: str) -> Product | None:
        """The product with this code, or None; also None if it is withdrawn."""
        with self.database.reading() as session:
            shop = self.open_shop(session)
            row = products.by_code(shop, code)
            return products.to_schema(shop, row) if row and row.status != "withdrawn" else None

    def place_order(self, body: Mapping[str, object], idempotency_key: str) -> StoredAnswer:
        """Place the order that the body of `POST /orders` asks for, once for each key; the answer is the API's."""
        try:
            with self.database.writing.begin() as session:
                return placing.place_once(self.open_shop(session), CALLER, idempotency_key, body)
        except OperationalError:
            log.exception("the database does not answer")
            return StoredAnswer(503, Problem.of(503, STATUS_DETAILS[503]).as_json())
