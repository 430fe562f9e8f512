"""Places orders: validates the body of `POST /orders` and stores the order.

A page can place an order without HTTP:

    with database.writing.begin() as session:
        answer = placing.place_once(shop_of(session), caller="shop_window", key="a key of the form", body={
            "product_id": "prd_…", "quantity": 2, "buyer": {…}, "ship_to": {…}})

    answer.status               201, or 404, 409, 422, 429 for a problem
    json.loads(answer.body)     a `schemas.orders.Order`, or a `problems.Problem` (`detail`, `reason`, `errors`)

The same key and body give the same answer again and order nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Discriminator, StringConstraints, Tag, ValidationError
from sqlalchemy import func, select

from marketplace_api import idempotency, locks, models, problems
from marketplace_api.catalogue.categories import Category
from marketplace_api.fields import (
    Body,
    Country,
    Day,
    ExpectedTotal,
    Id,
    LateRoot,
    Line,
    Locale,
    Msisdn,
    Name,
    Note,
    Price,
    Quantity,
    Title,
    WebUrl,
    terms_apply,
)
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.orders import briefs, orders, paying
from marketplace_api.payments import charges, storefronts
from marketplace_api.refused import Refused
from marketplace_api.schemas.orders import Address, Order
from marketplace_api.shop import Shop


class BuyerIn(Body):
    """The buyer; `phone` in E.164 or as dialled in the shop's country. English stands in for an unknown `locale`."""

    name: Name
    phone: Msisdn
    locale: Locale


class AddressIn(Body):
    """The address of the buyer; `country` is ISO 3166 alpha-2."""

    name: Name
    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Line | None = None
    country: Country


class ByStorefront(Body):
    """The storefront that places the order vouches for it, and owes us its price."""

    by: Literal["storefront"]


class ByMpesa(Body):
    """The buyer pays from a phone, on which a prompt asks for it."""

    by: Literal["mpesa"]
    phone: Msisdn


class ByCard(Body):
    """The buyer pays with a card in `currency` on a page, which then leads to `return_url`."""

    by: Literal["card"]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    return_url: WebUrl


def _payer(payment: object) -> str:
    """Who pays; in parentheses, so that the pointer of an error leaves it out (`problems`)."""
    return f"({payment.get('by')})" if isinstance(payment, dict) else ""


_ANY_PAYER = Discriminator(
    _payer,
    custom_error_type="unknown_payer",
    custom_error_message="takes `by`: storefront, mpesa or card",
)


class PaymentIn(
    LateRoot[
        Annotated[
            Annotated[ByStorefront, Tag("(storefront)")]
            | Annotated[ByMpesa, Tag("(mpesa)")]
            | Annotated[ByCard, Tag("(card)")],
            _ANY_PAYER,
        ]
    ]
):
    """How an order is paid."""


class OrderIn(Body):
    """The buyer and the address. An order that does not cost `expected_total` is refused with `price_changed`.

    `payment` says how it is paid; without it, the storefront vouches, if its key may. Only an order that is vouched for
    carries the `shipping` that its storefront names; for any other, ours is charged.
    """

    buyer: BuyerIn
    ship_to: AddressIn
    note: Note | None = None
    external_ref: Line | None = None
    expected_total: ExpectedTotal | None = None
    payment: PaymentIn | None = None
    shipping: ExpectedTotal | None = None


class ProductOrderIn(OrderIn):
    """An order for a product."""

    product_id: Id
    quantity: Quantity
    brief: None = None


class BriefIn(Body):
    """Many pieces, to be at the kiosk by a day; without `kiosk_id`, at any kiosk."""

    title: Title
    category: Category
    unit_price: Price
    quantity: Quantity
    due_on: Day
    kiosk_id: Id | None = None


class BriefOrderIn(OrderIn):
    """An order by brief: it is offered to the artisans of the craft, and each accepts a part."""

    brief: BriefIn
    product_id: None = None
    quantity: None = None


def _kind(body: object) -> str:
    """The kind of order in a body, so that its errors are only those of this kind."""
    return "(brief)" if isinstance(body, dict) and body.get("brief") is not None else "(product)"


class AnyOrderIn(
    LateRoot[
        Annotated[
            Annotated[ProductOrderIn, Tag("(product)")] | Annotated[BriefOrderIn, Tag("(brief)")],
            Discriminator(_kind),
        ]
    ]
):
    """An order for a product, or by brief."""


UNPAID_AT_MOST = 3
"""Unpaid orders of one phone."""


def place(shop: Shop, caller: str, body: AnyOrderIn) -> models.Order:
    """Place the order for `caller`, the id of an API key or of our own shop window.

    Raises `Refused` as `orders.place`, `briefs.place` and `paying.start…` do, and with `payment_needed`,
    `credit_exhausted`, `external_ref_known`, `no_shipping_there`, `other_currency` or `too_many_unpaid_orders`.
    """
    order_in = body.root
    payment = order_in.payment.root if order_in.payment else ByStorefront(by="storefront")
    vouched = isinstance(payment, ByStorefront)
    terms = storefronts.terms_for_vouching(shop, caller) if vouched else None
    if not vouched:
        _limit_unpaid(shop, order_in.buyer.phone)
    if order_in.external_ref:
        _check_external_ref(shop, caller, order_in.external_ref)
    request = orders.NewOrder(
        buyer_name=order_in.buyer.name,
        buyer_msisdn=order_in.buyer.phone,
        buyer_locale=_spoken(shop, order_in.buyer.locale),
        ship_to=Address(**order_in.ship_to.model_dump()),
        caller=caller,
        note=order_in.note,
        external_ref=order_in.external_ref,
        expected_total=order_in.expected_total.minor_units() if order_in.expected_total else None,
        vouched=vouched,
    )
    order = _place(shop, _with_charges(shop, request, order_in), order_in)
    if terms:
        storefronts.check_credit(shop, terms)
    if not isinstance(payment, ByStorefront):
        start_payment(shop, order, payment)
    return order


def _spoken(shop: Shop, locale: str) -> str:
    """The locale if the shop speaks its language, else English."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return locale if language in shop.terms.languages else "en"


def try_again(shop: Shop, order: models.Order, payment: PaymentIn) -> models.BuyerPayment:
    """Pay for an order whose earlier payment has failed: its storefront vouches, or its buyer is asked.

    `Refused` as `paying.vouch` and `start_payment` do.
    """
    if isinstance(payment.root, ByStorefront):
        return paying.vouch(shop, order)
    return start_payment(shop, orders.lock(shop, order), payment.root)


def start_payment(shop: Shop, order: models.Order, payment: ByMpesa | ByCard) -> models.BuyerPayment:
    """Ask the buyer of an unpaid order to pay; the caller has locked the order or just created it.

    `Refused` as `paying.start_by_phone` and `paying.start_by_card` do.
    """
    match payment:
        case ByMpesa(phone=phone):
            return paying.start_by_phone(shop, order, phone)
        case ByCard(currency=currency, return_url=return_url):
            return paying.start_by_card(shop, order, currency, return_url)


def _place(shop: Shop, request: orders.NewOrder, order_in: ProductOrderIn | BriefOrderIn) -> models.Order:
    if isinstance(order_in, ProductOrderIn):
        return orders.place(shop, request, order_in.product_id, order_in.quantity)
    brief = order_in.brief
    wanted = briefs.NewBrief(
        brief.title, brief.category, brief.unit_price.minor_units(), brief.quantity, brief.due_on, brief.kiosk_id
    )
    return briefs.place(shop, request, wanted)


def _with_charges(shop: Shop, request: orders.NewOrder, order_in: ProductOrderIn | BriefOrderIn) -> orders.NewOrder:
    """The order with its shipping and tax."""
    if request.vouched:
        return replace(request, shipping=order_in.shipping.minor_units() if order_in.shipping else 0)
    country = request.ship_to.country
    quantity = order_in.quantity if isinstance(order_in, ProductOrderIn) else order_in.brief.quantity
    return replace(
        request,
        shipping=charges.shipping(shop, country, quantity),
        tax_points=charges.tax_points(shop, country),
    )


def _check_external_ref(shop: Shop, caller: str, external_ref: str) -> None:
    """`Refused` with `external_ref_known` if the caller has placed an order with this reference."""
    locks.take_name(shop, f"external_ref {external_ref} of {caller}")
    order = models.Order
    same = order.external_ref == external_ref, order.placed_by == caller
    if first := shop.session.execute(select(order.id, order.code).where(*same).limit(1)).one_or_none():
        raise Refused("external_ref_known", order_id=first.id, code=first.code, external_ref=external_ref)


def _limit_unpaid(shop: Shop, msisdn: str) -> None:
    """`Refused` if the phone has `UNPAID_AT_MOST` unpaid orders."""
    locks.take_name(shop, f"unpaid orders of {msisdn}")
    order = models.Order
    count = shop.session.scalar(
        select(func.count(order.id)).where(order.buyer_msisdn == msisdn, order.status == "unpaid")
    )
    if count and count >= UNPAID_AT_MOST:
        raise Refused("too_many_unpaid_orders", 429, most=UNPAID_AT_MOST)


def place_once(shop: Shop, caller: str, key: str, body: Mapping[str, object]) -> StoredAnswer:
    """Validate `body` as `POST /orders` does and place the order, once for the caller's idempotency key `key`.

    Returns the answer of the API: status and JSON. A refusal is stored and answered again. An invalid body is not
    stored, so the same key may be used for a corrected one. Commit afterwards, whatever the answer is.
    """

    def perform() -> StoredAnswer:
        with terms_apply(shop.terms):
            order = place(shop, caller, AnyOrderIn.model_validate(body))
        return StoredAnswer(201, Order.of(order).model_dump_json())

    fingerprints = idempotency.fingerprints_of(shop, "POST", "/orders", json.dumps(body).encode())
    try:
        return idempotency.answer_once(shop, caller, key, fingerprints, perform)
    except Refused as refused:
        return idempotency.refusal_answer(refused)
    except ValidationError as error:
        problem = problems.not_valid(error.errors())
        return StoredAnswer(problem.status, problem.as_json())
