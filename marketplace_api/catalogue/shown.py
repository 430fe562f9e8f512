"""Products as lists show them: read by one statement without the ORM, and made once for each state of a product.

Most products are shown many times before they change. So what is made of a product's rows is remembered, by the values
of these rows: a changed product, photo, artisan or kiosk has other values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import ColumnElement, Integer, Select, String, bindparam, select, type_coerce
from sqlalchemy.types import NullType

from marketplace_api import codes
from marketplace_api.models import Artisan, Kiosk, Photo, Product
from marketplace_api.schemas import products as schemas
from marketplace_api.schemas.artisans import ArtisanSummary
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop

REMEMBERED = 2000
"""How many states of products a process remembers."""

_Row = tuple[Any, ...]
_COLUMNS = (
    *(Product.id, Product.code, Product.title, Product.category, Product.description, Product.price),
    *(Product.currency, Product.on_hand, Product.reserved, Product.status, Product.artisan_id),
    # as the driver gives them: reading them takes longer than the statement
    type_coerce(Product.created_at, NullType()).label("created_at"),
    type_coerce(Product.updated_at, NullType()).label("updated_at"),
)
_STATUS, _MOST = bindparam("status", type_=String), bindparam("most", type_=Integer)
_SKIP = bindparam("skip", 0, type_=Integer)


@dataclass(frozen=True, slots=True)
class Sorting:
    """An order of products: by a column, then by the id."""

    column: Literal["created_at", "price"]
    is_descending: bool

    def of(self, columns: Any) -> tuple[ColumnElement[Any], ...]:
        """The order by these columns, or those of a table."""
        both = getattr(columns, self.column), columns.id
        return tuple(column.desc() for column in both) if self.is_descending else both


NEWEST_FIRST = Sorting("created_at", is_descending=True)


@dataclass(frozen=True, eq=False)
class ShownProduct:
    """A product as the API shows it. For equal rows it is the same object while it is remembered."""

    schema: schemas.Product

    @cached_property
    def json(self) -> str:
        """Its JSON, as Flask writes it."""
        return json.dumps(self.schema.model_dump(mode="json"), separators=(",", ":"))


def newest(shop: Shop, status: str, limit: int, skip: int = 0) -> list[ShownProduct]:
    """The newest `limit` products of a status behind the first `skip`, newest first."""
    return _read(shop, _newest(), {"status": status, "most": limit, "skip": skip})


def newest_of(shop: Shop, limit: int, *conditions: ColumnElement[bool]) -> list[ShownProduct]:
    """The newest `limit` products that fulfil the conditions, newest first."""
    return ordered(shop, NEWEST_FIRST, limit, 0, *conditions)


def ordered(shop: Shop, order: Sorting, limit: int, skip: int, *conditions: ColumnElement[bool]) -> list[ShownProduct]:
    """The first `limit` products behind `skip` that fulfil the conditions, in this order."""
    return _read(shop, _page(*conditions, order=order), {"most": limit, "skip": skip})


def by_code(shop: Shop, code: str) -> ShownProduct | None:
    """The product with this code, in any case and spacing; None if there is none."""
    return next(iter(_read(shop, _by_code(), {"code": codes.normalise(code), "most": 1})), None)


def _read(shop: Shop, statement: Select[Any], parameters: dict[str, object]) -> list[ShownProduct]:
    found = shop.session.connection().execute(statement, parameters).all()
    return [_shown(rows, shop.terms.photos_url, shop.terms.commission_percent) for rows in _by_product(found)]


def _by_product(found: Any) -> Iterator[tuple[_Row, ...]]:
    """The rows of each product, one for each of its photos, or one without a photo."""
    return (tuple(rows) for _, rows in groupby(map(tuple, found), key=itemgetter(0)))


@cache  # it takes longer to build the statement than to execute it
def _newest() -> Select[Any]:
    return _page(Product.status == _STATUS)


@cache
def _by_code() -> Select[Any]:
    return _page(Product.code == bindparam("code", type_=String))


def _page(*conditions: ColumnElement[bool], order: Sorting = NEWEST_FIRST) -> Select[Any]:
    page = select(*_COLUMNS).where(*conditions).order_by(*order.of(Product)).limit(_MOST).offset(_SKIP).subquery()
    return (
        select(page, Artisan.name, Kiosk.town, Photo.id, Photo.width, Photo.height)
        .join(Artisan, Artisan.id == page.c.artisan_id)
        .join(Kiosk, Kiosk.id == Artisan.kiosk_id)
        .outerjoin(Photo, Photo.product_id == page.c.id)
        .order_by(*order.of(page.c), Photo.number.desc())
    )


@lru_cache(maxsize=REMEMBERED)
def _shown(rows: tuple[_Row, ...], photos_url: str, commission_percent: int) -> ShownProduct:
    id, code, title, category, description, price, currency, on_hand, reserved, status, artisan, *others = rows[0]
    created_at, updated_at, name, town, *_ = others
    return ShownProduct(
        schemas.Product(
            id=id,
            code=code,
            title=title,
            category=category,
            description=description,
            price=Money(amount=price, currency=currency),
            artisan_earns=schemas.artisan_earns(price, currency, commission_percent),
            quantity=max(on_hand - reserved, 0),
            on_hand=on_hand,
            reserved=reserved,
            status=status,
            artisan=ArtisanSummary(id=artisan, name=name, town=town),
            photos=[schemas.Photo.at(photos_url, *row[-3:]) for row in rows if row[-1]],
            created_at=_utc(created_at),
            updated_at=_utc(updated_at),
        )
    )


def _utc(moment: str | datetime) -> datetime:
    """A time of the database: text in UTC from SQLite, and in the zone of the session from PostgreSQL's driver."""
    if isinstance(moment, str):
        return datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment.astimezone(UTC)
