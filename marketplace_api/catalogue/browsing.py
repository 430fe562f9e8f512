"""What buyers browse: the listed products by words, category, town and price, page by page.

    asked = Browse(words="sisal", town="Kitui", sort="cheapest")
    page = browse(shop, asked, Start())         its products, and `page.next`, where the next page begins
    browse(shop, asked, page.next)

A page takes at most two statements. The first one is needed only with a filter: it looks which filter few products
fulfil. If one does, the database begins with these products; otherwise it reads products in their order until the page
is full.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Select, exists, select, tuple_

from marketplace_api.catalogue import search, shown
from marketplace_api.catalogue.shown import ShownProduct, Sorting
from marketplace_api.models import Artisan, Kiosk, Product
from marketplace_api.shop import Shop

PER_PAGE = 24
Sort = Literal["newest", "cheapest", "dearest"]
ORDERS: Mapping[Sort, Sorting] = {
    "newest": shown.NEWEST_FIRST,
    "cheapest": Sorting("price", is_descending=False),
    "dearest": Sorting("price", is_descending=True),
}


@dataclass(frozen=True, slots=True)
class Browse:
    """What is asked for; an empty field leaves nothing out. Prices are in minor units of the shop's currency."""

    words: str = ""
    category: str = ""
    town: str = ""
    lowest: int | None = None
    highest: int | None = None
    artisan_id: str = ""
    kiosk_id: str = ""
    sort: Sort = "newest"


@dataclass(frozen=True, slots=True)
class Start:
    """Where a page begins: behind the product with this time or price and this id, or behind `skip` products."""

    after: tuple[datetime | int, str] | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class BrowsedPage:
    """Some products; `next` is None on the last page."""

    products: Sequence[ShownProduct]
    next: Start | None


def browse(shop: Shop, asked: Browse, start: Start, most: int = PER_PAGE) -> BrowsedPage:
    """A page of at most `most` of the listed products that are asked for."""
    order = ORDERS[asked.sort]
    if asked == Browse() and start.after is None:
        found = shown.newest(shop, "listed", most + 1, start.skip)
    else:
        conditions = [*_conditions(shop, asked)]
        if start.after:
            conditions.append(_behind(order, start.after))
        found = shown.ordered(shop, order, most + 1, start.skip, *conditions)
    products = found[:most]
    return BrowsedPage(products, Start(_place(order, products[-1])) if len(found) > most else None)


def towns(shop: Shop) -> Sequence[str]:
    """The towns of all kiosks, in alphabetical order."""
    return shop.session.connection().scalars(_TOWNS).all()


_TOWNS = select(Kiosk.town).distinct().order_by(Kiosk.town)


def _behind(order: Sorting, place: tuple[datetime | int, str]) -> ColumnElement[bool]:
    row: Any = tuple_(getattr(Product, order.column), Product.id)
    return cast(ColumnElement[bool], row < place if order.is_descending else row > place)


def _place(order: Sorting, product: ShownProduct) -> tuple[datetime | int, str]:
    schema = product.schema
    return (schema.created_at if order.column == "created_at" else schema.price.amount), schema.id


def _conditions(shop: Shop, asked: Browse) -> Iterator[ColumnElement[bool]]:
    status = cast(ColumnElement[str], Product.status.expression)
    starts = list(_starts(asked))
    if asked.words:
        with_words = search.products_with(asked.words)
        starts += with_words
        yield from search.has_all(asked.words)
    fewest = search.fewest(shop, starts)
    if fewest is not None:
        yield Product.id.in_(fewest)
        # no index matches this expression, so the database begins with the few products
        status = status.concat("")
    if asked.category:
        yield Product.category == asked.category
    if asked.artisan_id:
        yield Product.artisan_id == asked.artisan_id
    if asked.kiosk_id:
        yield exists().where(Artisan.id == Product.artisan_id, Artisan.kiosk_id == asked.kiosk_id)
    if asked.town:
        of_artisan = Artisan.id == Product.artisan_id, Kiosk.id == Artisan.kiosk_id
        yield exists().where(*of_artisan, Kiosk.town == asked.town)
    yield from _in_range(asked)
    yield status == "listed"


def _starts(asked: Browse) -> Iterator[Select[str]]:
    """For each filter the ids of the products that fulfil it, found by an index."""
    listed = select(Product.id).where(Product.status == "listed")
    if asked.category:
        yield listed.where(Product.category == asked.category)
    if asked.artisan_id:
        yield select(Product.id).where(Product.artisan_id == asked.artisan_id)
    of_artisans = select(Product.id).join(Artisan, Artisan.id == Product.artisan_id)
    if asked.kiosk_id:
        yield of_artisans.where(Artisan.kiosk_id == asked.kiosk_id)
    if asked.town:
        yield of_artisans.join(Kiosk, Kiosk.id == Artisan.kiosk_id).where(Kiosk.town == asked.town)
    if asked.lowest is not None or asked.highest is not None:
        yield listed.where(*_in_range(asked))


def _in_range(asked: Browse) -> Iterator[ColumnElement[bool]]:
    if asked.lowest is not None:
        yield Product.price >= asked.lowest
    if asked.highest is not None:
        yield Product.price <= asked.highest
