"""Our own storefront: reads products and places orders for the shop pages. Each call is one transaction.

Nobody vouches for an order that is placed here, so it is offered to nobody before its buyer has paid. It passes the
door first, and its buyer has to have a phone of a country in which buyers may be texted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from babel.lists import format_list
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.db.replica import LateReads
from bot.db.unit_of_work import Database
from bot.web import formats, order_words, preferences
from bot.web.door import Door, Stranger
from bot.web.order_words import IN_OUR_WORDS
from bot.web.preferences import translated
from flows import msisdn
from flows.kit import N_
from marketplace_api import idempotency
from marketplace_api.catalogue import browsing, makers, shown
from marketplace_api.catalogue.browsing import Browse, BrowsedPage, Start
from marketplace_api.catalogue.makers import ShownKiosk, ShownMaker
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.models import SHOP_WINDOW
from marketplace_api.orders import orders, paying, placing, quotes
from marketplace_api.orders.quotes import Quote, WaysToPay
from marketplace_api.payments import exchange
from marketplace_api.problems import FieldError, Problem
from marketplace_api.refused import Refused
from marketplace_api.rest.errors import STATUS_DETAILS
from marketplace_api.schemas.products import Product
from marketplace_api.shop import OpenShop, Shop, Terms

# Translators: these stand on a page, not in a text; they may be a little longer.
OTHER_COUNTRY = N_("This is not a phone in {countries}, where we can text buyers.")
TOO_MANY = N_("There were too many orders, so nothing was ordered. Please try again in {minutes} minutes.")
log = logging.getLogger(__name__)


class PlacedOrder(BaseModel):
    """The answer to an order that was placed, of which the page needs the id."""

    id: str


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """A product, what some pieces of it cost when sent to some country, and how to pay.

    `quote` is None for a country to which we do not ship.
    `rates` are those of `exchange.valid_rates`.
    """

    product: Product
    quote: Quote | None
    ways: WaysToPay
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ShownWindow:
    """A page of products, and what stands around it.

    `is_open` is True if an order that is placed here can be paid. `rates` are those of `exchange.valid_rates`.
    """

    page: BrowsedPage
    towns: Sequence[str]
    is_open: bool
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class MakersPage:
    """An artisan, and a page of the goods; `rates` are those of `exchange.valid_rates`."""

    maker: ShownMaker
    page: BrowsedPage
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class KiosksPage:
    """A kiosk, its artisans, and a page of their goods; `rates` are those of `exchange.valid_rates`."""

    kiosk: ShownKiosk
    makers: Sequence[ShownMaker]
    page: BrowsedPage
    rates: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class ShopWindow:
    """The storefront of one shop. `open_shop` makes the shop of a database session.

    `countries` are the countries (ISO 3166) in which buyers may be texted, `country` is the shop's. `link` makes the
    URL of an order's page.
    """

    database: Database
    reads: LateReads
    open_shop: OpenShop
    door: Door
    terms: Terms
    countries: Collection[str]
    country: str
    link: Callable[[str], str]

    def browse(self, asked: Browse, start: Start, most: int) -> ShownWindow:
        """A page of at most `most` of the products that are asked for; none from a town that has no kiosk."""

        def read(session: Session) -> ShownWindow:
            shop = self.open_shop(session)
            towns = browsing.towns(shop)
            has_town = not asked.town or asked.town in towns
            page = browsing.browse(shop, asked, start, most) if has_town else BrowsedPage([], None)
            return ShownWindow(page, towns, bool(paying.open_collectors(shop)), exchange.valid_rates(shop))

        return self.reads.run(read)

    def maker(self, artisan_id: str, start: Start, most: int) -> MakersPage | None:
        """An artisan with a page of the goods; None if there is none."""

        def read(session: Session) -> MakersPage | None:
            shop = self.open_shop(session)
            maker = makers.maker(shop, artisan_id)
            return MakersPage(maker, *_goods(shop, Browse(artisan_id=artisan_id), start, most)) if maker else None

        return self.reads.run(read)

    def kiosk(self, kiosk_id: str, start: Start, most: int) -> KiosksPage | None:
        """A kiosk with its artisans and a page of their goods; None if there is none."""

        def read(session: Session) -> KiosksPage | None:
            shop = self.open_shop(session)
            kiosk = makers.kiosk(shop, kiosk_id)
            if kiosk is None:
                return None
            return KiosksPage(
                kiosk, makers.of_kiosk(shop, kiosk_id), *_goods(shop, Browse(kiosk_id=kiosk_id), start, most)
            )

        return self.reads.run(read)

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
        ways = quotes.ways_to_pay(shop, total)
        return PricedProduct(found.schema, quote, ways, exchange.valid_rates(shop))

    def place_order(self, body: Mapping[str, object], idempotency_key: str, address: str) -> StoredAnswer:
        """Place the order that the body of `POST /orders` asks for, once for each key; the answer is the API's.

        Refused before anything is stored: 422 for a phone of another country, 429 when there are too many orders.
        """
        body = self._with_msisdns(body)
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

    def phone_country(self, chosen: str) -> str:
        """In which country's form a phone number is read: the chosen country's, if buyers there may be texted."""
        return chosen if chosen in self.countries else self.country

    def _with_msisdns(self, body: Mapping[str, object]) -> Mapping[str, object]:
        """The body, in which the phones that are valid in the buyer's country are in E.164."""
        ship_to = body.get("ship_to")
        country = self.phone_country(str(ship_to.get("country")) if isinstance(ship_to, Mapping) else "")
        changed = dict(body)
        for name in ("buyer", "payment"):
            part = body.get(name)
            if isinstance(part, Mapping) and "phone" in part:
                with suppress(ValueError):
                    changed[name] = {**part, "phone": msisdn.parse(str(part["phone"]), country)}
        return changed

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
        names = sorted(formats.country_name(code) for code in self.countries)
        countries = format_list(names, "or", preferences.current().language)
        error = FieldError(detail=translated(OTHER_COUNTRY, countries=countries), pointer="#/buyer/phone")
        return _problem(Problem.of(422, translated(order_words.CORRECT), IN_OUR_WORDS, [error]))


def _goods(shop: Shop, asked: Browse, start: Start, most: int) -> tuple[BrowsedPage, Mapping[str, Decimal]]:
    return browsing.browse(shop, asked, start, most), exchange.valid_rates(shop)


def _too_many(seconds: int) -> StoredAnswer:
    minutes = -(-seconds // 60)
    return _problem(Problem.of(429, translated(TOO_MANY, minutes=minutes), IN_OUR_WORDS))


def _problem(problem: Problem) -> StoredAnswer:
    return StoredAnswer(problem.status, problem.as_json())
