"""Our own storefront: reads products and places orders for the shop pages. Each call is one transaction.

Nobody vouches for an order that is placed here, so it passes the door first, and its buyer has to have a phone of a
country in which buyers may be texted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from babel import Locale
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.web.door import Door, Stranger
from flows import msisdn
from marketplace_api.catalogue import products
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.models import SHOP_WINDOW
from marketplace_api.orders import placing
from marketplace_api.problems import FieldError, Problem
from marketplace_api.rest.errors import STATUS_DETAILS
from marketplace_api.schemas.products import Product
from marketplace_api.shop import Shop, Terms

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShopWindow:
    """The storefront of one shop. `open_shop` makes the shop of a database session.

    `countries` are the countries (ISO 3166) in which buyers may be texted.
    """

    database: Database
    open_shop: Callable[[Session], Shop]
    door: Door
    terms: Terms
    countries: Collection[str]

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

    def place_order(self, body: Mapping[str, object], idempotency_key: str, address: str) -> StoredAnswer:
        """Place the order that the body of `POST /orders` asks for, once for each key; the answer is the API's.

        Refused before anything is stored: 422 for a phone of another country, 429 when there are too many orders.
        """
        phone = self._phone(body)
        country = msisdn.country(phone) if phone else None
        stranger = Stranger(address, phone, str(body.get("product_id")), country)
        if phone and country not in self.countries:
            self.door.count("refused_order", stranger)
            return self._other_country()
        if seconds := self.door.count("order", stranger):
            return _too_many(seconds)
        answer = self._place(body, idempotency_key)
        if answer.status != 201:
            self.door.take_back(stranger)
        return answer

    def _place(self, body: Mapping[str, object], idempotency_key: str) -> StoredAnswer:
        try:
            with self.database.writing.begin() as session:
                return placing.place_once(self.open_shop(session), SHOP_WINDOW, idempotency_key, body)
        except OperationalError:
            log.exception("the database does not answer")
            return _problem(Problem.of(503, STATUS_DETAILS[503]))

    def _phone(self, body: Mapping[str, object]) -> str | None:
        """The buyer's MSISDN; None for one that the marketplace will refuse."""
        buyer = body.get("buyer")
        typed = buyer.get("phone") if isinstance(buyer, Mapping) else None
        try:
            return self.terms.parse_msisdn(str(typed)) if typed else None
        except ValueError:
            return None

    def _other_country(self) -> StoredAnswer:
        names = Locale("en").territories
        detail = f"is not a phone in {' or '.join(sorted(names.get(code, code) for code in self.countries))}"
        error = FieldError(detail=f"{detail}, where we can text buyers", pointer="#/buyer/phone")
        return _problem(Problem.of(422, "One field is not valid.", errors=[error]))


def _too_many(seconds: int) -> StoredAnswer:
    minutes = -(-seconds // 60)
    detail = f"There were too many orders, so nothing was ordered. Please try again in {minutes} minutes."
    return _problem(Problem.of(429, detail))


def _problem(problem: Problem) -> StoredAnswer:
    return StoredAnswer(problem.status, problem.as_json())
