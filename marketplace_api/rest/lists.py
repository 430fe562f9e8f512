"""Lists with pages.

    {"object": "list", "data": […], "has_more": true, "next_cursor": "WyIyMDI2…"}

A page begins after the row that its cursor points to (keyset pagination), so new rows do not shift it.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, WithJsonSchema
from sqlalchemy import ColumnElement, Select, tuple_

from marketplace_api.fields import Id, LateModel, Limit, Moment
from marketplace_api.models import (
    Artisan,
    BuyerPayment,
    HelpRequest,
    Kiosk,
    Order,
    Payout,
    Product,
    Refund,
    WebhookDelivery,
    WebhookEndpoint,
)
from marketplace_api.rest.access import shop

Schema = TypeVar("Schema", bound=BaseModel)
Row = TypeVar("Row")
Dated = TypeVar(
    "Dated", Artisan, BuyerPayment, HelpRequest, Kiosk, Order, Payout, Product, Refund, WebhookDelivery, WebhookEndpoint
)


def _decoder(place: TypeAdapter[Any]) -> BeforeValidator:
    """Decodes a cursor into the position that it contains."""

    def decode(cursor: object) -> object:
        try:
            return place.validate_json(urlsafe_b64decode(str(cursor)))
        except ValueError:
            raise ValueError("is not a cursor that a list gave you; leave it out to begin again") from None

    return BeforeValidator(decode)


def _documented(format: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": format, "description": "`next_cursor` of the page before."})


_ROW = TypeAdapter(tuple[Moment, Id])
_NUMBER = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**63)]])
_ID = TypeAdapter(tuple[Id])
_KEY = Annotated[str, Field(max_length=100, pattern=r"^[^\x00]*$")]
_CURRENCY = Annotated[str, Field(pattern=r"^[A-Z]{0,3}$")]
_TEXTS = TypeAdapter(tuple[_KEY, _CURRENCY])

RowCursor = Annotated[tuple[datetime, str], _decoder(_ROW), _documented("cursor")]
NumberCursor = Annotated[tuple[int], _decoder(_NUMBER), _documented("event-cursor")]
IdCursor = Annotated[tuple[str], _decoder(_ID), _documented("id-cursor")]
TextCursor = Annotated[tuple[str, str], _decoder(_TEXTS), _documented("text-cursor")]


class PageQuery(LateModel):
    """The page of a list."""

    limit: Limit = 20
    cursor: RowCursor | None = None


class Page(LateModel, Generic[Schema]):
    """A page of a list; `next_cursor` asks for the next page."""

    object: Literal["list"]
    data: list[Schema]
    has_more: bool
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        return f"{params[0].__name__}List"


def newest_first(
    model: type[Dated], found: Select[Dated], query: PageQuery, show: Callable[[Dated], Schema]
) -> Page[Schema]:
    """A page of `found`, newest first."""
    if query.cursor:
        found = found.where(after(model, query.cursor))
    latest = found.order_by(model.created_at.desc(), model.id.desc()).limit(query.limit + 1)
    rows = shop().session.scalars(latest).all()
    return as_page(rows, query.limit, show, lambda row: (row.created_at.isoformat(), row.id))


def as_page(
    rows: Sequence[Row],
    limit: int,
    show: Callable[[Row], Schema],
    place: Callable[[Row], tuple[object, ...]],
    *,
    endless: bool = False,
) -> Page[Schema]:
    """The page with the first `limit` of `rows`; pass one row more if there is one, for `has_more`.

    The cursor is the `place` of the last row on the page, in the order of the list. The last page has no cursor,
    unless the list is `endless` because more rows will follow later.
    """
    shown, has_more = rows[:limit], len(rows) > limit
    return Page(
        object="list",
        data=[show(row) for row in shown],
        has_more=has_more,
        next_cursor=encoded(place(shown[-1])) if shown and (has_more or endless) else None,
    )


def after(model: type[Dated], cursor: tuple[datetime, str]) -> ColumnElement[bool]:
    """The condition for rows behind the one of a cursor, newest first."""
    return tuple_(model.created_at, model.id) < cursor


def encoded(place: tuple[object, ...]) -> str:
    """The cursor of a place in a list."""
    return urlsafe_b64encode(json.dumps(place).encode()).decode()
