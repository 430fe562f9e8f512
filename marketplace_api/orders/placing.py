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
from typing import Annotated

from pydantic import BaseModel, Discriminator, RootModel, Tag, ValidationError
from sqlalchemy import func, select

from marketplace_api import idempotency, locks, models, problems
from marketplace_api.catalogue.categories import Category
from marketplace_api.fields import (
    Country,
    Day,
    ExpectedTotal,
    Id,
    Line,
    Locale,
    Msisdn,
    Name,
    Note,
    Price,
    Quantity,
    Title,
    terms_apply,
)
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.orders import briefs, orders
from marketplace_api.refused import Refused
from marketplace_api.schemas.orders import Address, Order
from marketplace_api.shop import Shop


class BuyerIn(BaseModel):
    """The buyer; `phone` in E.164 or as dialled in the shop's country."""

    name: Name
    phone: Msisdn
    locale: Locale


class AddressIn(BaseModel):
    """The address of the buyer; `country` is ISO 3166 alpha-2."""

    name: Name
    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postal_code: Line | None = None
    country: Country


class OrderIn(BaseModel):
    """The buyer and the address. An order that does not cost `expected_total` is refused with `price_changed`."""

    buyer: BuyerIn
    ship_to: AddressIn
    note: Note | None = None
    external_ref: Line | None = None
    expected_total: ExpectedTotal | None = None


class ProductOrderIn(OrderIn):
    """An order for a product."""

    product_id: Id
    quantity: Quantity
    brief: None = None


class BriefIn(BaseModel):
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
    RootModel[
        Annotated[
            Annotated[ProductOrderIn, Tag("(product)")] | Annotated[BriefOrderIn, Tag("(brief)")],
            Discriminator(_kind),
        ]
    ]
):
    """An order for a product, or by brief."""


UNPAID_AT_MOST = 3
"""Open orders of one phone for which nobody vouches."""


def place(shop: Shop, caller: str, body: AnyOrderIn) -> models.Order:
    """Place the order for `caller`, the id of an API key or of our own shop window.

    Raises `Refused` as `orders.place` and `briefs.place` do, and with `other_currency` or `too_many_unpaid_orders`.
    """
    order_in = body.root
    if caller == models.SHOP_WINDOW:
        _limit_unpaid(shop, order_in.buyer.phone)
    request = orders.NewOrder(
        buyer_name=order_in.buyer.name,
        buyer_msisdn=order_in.buyer.phone,
        buyer_locale=order_in.buyer.locale,
        ship_to=Address(**order_in.ship_to.model_dump()),
        caller=caller,
        note=order_in.note,
        external_ref=order_in.external_ref,
        expected_total=order_in.expected_total.minor_units() if order_in.expected_total else None,
    )
    if isinstance(order_in, ProductOrderIn):
        return orders.place(shop, request, order_in.product_id, order_in.quantity)
    brief = order_in.brief
    wanted = briefs.NewBrief(
        brief.title, brief.category, brief.unit_price.minor_units(), brief.quantity, brief.due_on, brief.kiosk_id
    )
    return briefs.place(shop, request, wanted)


def _limit_unpaid(shop: Shop, msisdn: str) -> None:
    """`Refused` if the phone has `UNPAID_AT_MOST` open orders that were placed in the shop window."""
    locks.take_name(shop, f"unpaid orders of {msisdn}")
    order = models.Order
    is_open = order.status.in_(("placed", "accepted")), order.placed_by == models.SHOP_WINDOW
    count = shop.session.scalar(select(func.count(order.id)).where(order.buyer_msisdn == msisdn, *is_open))
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

    fingerprint = idempotency.fingerprint_of("POST", "/orders", json.dumps(body).encode())
    try:
        return idempotency.answer_once(shop, caller, key, fingerprint, perform)
    except Refused as refused:
        return idempotency.refusal_answer(refused)
    except ValidationError as error:
        problem = problems.not_valid(error.errors())
        return StoredAnswer(problem.status, problem.as_json())
