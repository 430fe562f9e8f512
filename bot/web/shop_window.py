"""Our own storefront: reads products and places orders for the shop pages. Each call is one transaction.

Nobody vouches for an order that is placed here, so it is offered to nobody before its buyer has paid. It passes the
door first, and its buyer has to have a phone of a country in which buyers may be texted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from babel import Locale
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.db.replica import LateReads
from bot.db.unit_of_work import Database
from bot.web.door import Door, Stranger
from flows import msisdn
from marketplace_api import idempotency
from marketplace_api.catalogue import shown
from marketplace_api.catalogue.shown import ShownProduct
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.models import SHOP_WINDOW
from marketplace_api.orders import orders, paying, placing, quotes
from marketplace_api.orders.quotes import Quote, WaysToPay
from marketplace_api.problems import FieldError, Problem
from marketplace_api.refused import Refused
from marketplace_api.rest.errors import STATUS_DETAILS
from marketplace_api.schemas.products import Product
from marketplace_api.shop import OpenShop, Shop, Terms

ON_WINDOW = 100
log = logging.getLogger(__name__)


class PlacedOrder(BaseModel):
    """The answer to an order that was placed, of which the page needs the id."""

    id: str


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """A product, what some pieces of it cost when sent to some country, and how to pay.

    `quote` is None for a country to which we do not ship.
    """

    product: Product
    quote: Quote | None
    ways: WaysToPay


@dataclass(frozen=True, slots=True)
class ShopWindow:
    """The storefront of one shop. `open_shop` makes the shop of a database session.

    `countries` are the countries (ISO 3166) in which buyers may be texted. `link` makes the URL of an order's page.
    """

    database: Database
    reads: LateReads
    open_shop: OpenShop
    door: Door
    terms: Terms
    countries: Collection[str]
    link: Callable[[str], str]

    def catalogue(self) -> Sequence[ShownProduct]:
        """The newest `ON_WINDOW` products that can be ordered, newest first."""

        def read(session: Session) -> Sequence[ShownProduct]:
            return shown.newest(self.open_shop(session), "listed", ON_WINDOW)

        return self.reads.run(read)

    def is_open(self) -> bool:
        """True if an order that is placed here can be paid."""
        return self.reads.run(lambda session: bool(paying.open_collectors(self.open_shop(session))))

    def offer(self, code: str, quantity: int, country: str) -> PricedProduct | None:
        """The product with this code, and its price; None if there is none, or if it is withdrawn."""

        def read(session: Session) -> PricedProduct | None:
            return self._offer(self.open_shop(session), code, quantity, country)

        found = self.reads.run(read)
        if found is None:  # a product that was listed a moment ago
            with self.database.reading() as session:
                found = read(session)
        return found

    def _offer(self, shop: Shop, code: str, quantity: int, country: str) -> PricedProduct | None:
        found = shown.by_code(shop, code)
        if found is None or found.schema.status == "withdrawn":
            return None
        price = found.schema.price.amount
        try:
            quote = quotes.quote(shop, price, quantity, country)
        except Refused:
            quote = None
        total = quote.total.amount if quote else price * quantity
        return PricedProduct(found.schema, quote, quotes.ways_to_pay(shop, total))

    def place_order(self, body: Mapping[str, object], idempotency_key: str, address: str) -> StoredAnswer:
        """Place the order that the body of `POST /orders` asks for, once for each key; the answer is the API's.

        Refused before anything is stored: 422 for a phone of another country, 429 when there are too many orders.
        """
        phone = self._phone(body.get("buyer"))
        country = msisdn.country(phone) if phone else None
        charged = self._phone(body.get("payment"))
        stranger = Stranger(address, phone, charged, str(body.get("product_id")), country)
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
                shop = self.open_shop(session)
                answer = placing.place_once(shop, SHOP_WINDOW, idempotency_key, body)
                if answer.status == 201:
                    self._lead_back(shop, PlacedOrder.model_validate_json(answer.body).id)
                return answer
        except OperationalError:
            log.exception("the database does not answer")
            return _problem(Problem.of(503, STATUS_DETAILS[503]))

    def _lead_back(self, shop: Shop, order_id: str) -> None:
        """Let the page of the collector lead the buyer back to the order's page, which has no link before it exists."""
        for payment in orders.by_id(shop, order_id).payments:
            if payment.return_url:
                payment.return_url = self.link(order_id)

    def order_of_form(self, idempotency_key: str) -> str | None:
        """The id of the order that was placed with this key; None if there is none."""
        with self.database.reading() as session:
            answer = idempotency.stored(self.open_shop(session), SHOP_WINDOW, idempotency_key)
        return PlacedOrder.model_validate_json(answer.body).id if answer and answer.status == 201 else None

    def _phone(self, of: object) -> str | None:
        """The MSISDN of the buyer, or of a payment; None for one that the marketplace will refuse."""
        typed = of.get("phone") if isinstance(of, Mapping) else None
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
