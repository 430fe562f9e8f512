"""Searches products by words: in any order and case, with or without accents, by whole words or their beginnings.

`BASKETS sisal` finds the "Sisal basket", and so does `bask`. Each word of a product is a row of `ProductWord`, because
SQLite and PostgreSQL have no full-text index in common.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import combining, normalize

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, insert, literal, select

from marketplace_api.models import Product, ProductWord
from marketplace_api.shop import Shop

LONGEST_WORD = 40
"""Longer words are cut to this length, because an index entry has a largest size."""

FEW = 1000
"""If fewer products than this have a word, the query begins with these products. Otherwise it reads the newest products
and filters them until a page is full."""

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = str.maketrans("", "", "'’ʼ‘`")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class SearchConditions:
    """A search as conditions on `Product`; `few` is true if fewer than `FEW` products can match."""

    conditions: tuple[ColumnElement[bool], ...]
    few: bool


def words(text: str) -> set[str]:
    """The words in `text`, in lower case and without accents: `Ng'ombe à l'école` has ngombe, a and lecole."""
    folded = normalize("NFKD", normalize("NFKD", text).casefold()).translate(_APOSTROPHES)
    plain = "".join(character for character in folded if not combining(character))
    return {word[:LONGEST_WORD] for word in _WORD.findall(plain)}


def index_rows(product_id: str, code: str, title: str, description: str) -> list[dict[str, str]]:
    """The rows of `ProductWord` by which a product is found."""
    found = words(f"{code} {title} {description}")
    return [{"product_id": product_id, "word": word} for word in sorted(found)]


def index_product(shop: Shop, product: Product) -> None:
    """Add the words of a new product to the index."""
    shop.session.execute(insert(ProductWord), index_rows(product.id, product.code, product.title, product.description))


def index_again(shop: Shop, product: Product) -> None:
    """Replace the words of a product whose title or description has changed."""
    shop.session.execute(delete(ProductWord).where(ProductWord.product_id == product.id))
    index_product(shop, product)


def conditions_for(shop: Shop, q: str) -> SearchConditions:
    """Conditions for products that have every word of `q`; if `q` has no word, no product matches."""
    few = fewest(shop, products_with(q))
    if few is not None:
        return SearchConditions((Product.id.in_(few), *has_all(q)), few=True)
    return SearchConditions(tuple(has_all(q)), few=not words(q))


def products_with(q: str) -> list[Select[str]]:
    """For each word of `q`, the ids of the products that have it."""
    return [select(ProductWord.product_id).where(_begins(beginning)) for beginning in _beginnings(q)]


def has_all(q: str) -> list[ColumnElement[bool]]:
    """Conditions for products that have every word of `q`; if `q` has no word, no product matches."""
    beginnings = _beginnings(q)
    if not beginnings:
        return [literal(False)]
    return [exists().where(ProductWord.product_id == Product.id, _begins(beginning)) for beginning in beginnings]


def fewest(shop: Shop, sets: Sequence[Select[str]]) -> Select[str] | None:
    """The set with the fewest products; None if each has `FEW` or more, or if there is none.

    Takes one statement, which counts each set up to `FEW`.
    """
    if not sets:
        return None
    counted = [select(func.count()).select_from(each.limit(FEW).subquery()).scalar_subquery() for each in sets]
    counts = shop.session.execute(select(*counted)).one()
    count, smallest = min(zip(counts, sets, strict=True), key=lambda pair: pair[0])
    return smallest if count < FEW else None


def _beginnings(q: str) -> list[str]:
    return sorted({_singular(word) for word in words(q)})


def _begins(beginning: str) -> ColumnElement[bool]:
    return and_(ProductWord.word >= beginning, ProductWord.word <= beginning + _LAST)


def _singular(word: str) -> str:
    """The word without a plural s, so that English and French plurals find the singular too."""
    return word.removesuffix("s") if len(word) > 3 else word
