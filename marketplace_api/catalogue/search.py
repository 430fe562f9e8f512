"""Looking for products by words: any order, any case, with or without accents, and beginnings are enough.

Each word of a product stands in a table of its own, since no kind of full-text index is at home on SQLite and
PostgreSQL alike. `BASKETS sisal` finds the "Sisal basket", as `bask` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from unicodedata import combining, normalize

from sqlalchemy import ColumnElement, Select, and_, exists, func, insert, literal, select

from marketplace_api.models import Product, ProductWord
from marketplace_api.shop import Shop

LONGEST_WORD = 40
"""What follows in a word tells no two words apart, and an index takes no word of any length."""

FEW = 1000
"""From a word that fewer products have, we go to these products; else we go through the newest until a page is full."""

_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = str.maketrans("", "", "'’ʼ‘`")
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class SearchConditions:
    """A search, as conditions on `Product`; `few` says that they leave few of them."""

    conditions: tuple[ColumnElement[bool], ...]
    few: bool


def words(text: str) -> set[str]:
    """The words in `text`, folded: `Ng'ombe à l'école` has ngombe, a and lecole."""
    folded = normalize("NFKD", normalize("NFKD", text).casefold()).translate(_APOSTROPHES)
    plain = "".join(character for character in folded if not combining(character))
    return {word[:LONGEST_WORD] for word in _WORD.findall(plain)}


def index_rows(product_id: str, code: str, title: str, description: str) -> list[dict[str, str]]:
    """The rows of `ProductWord` by which a product is found."""
    found = words(f"{code} {title} {description}")
    return [{"product_id": product_id, "word": word} for word in sorted(found)]


def index_product(shop: Shop, product: Product) -> None:
    """Let a new product be found from now on."""
    shop.session.execute(insert(ProductWord), index_rows(product.id, product.code, product.title, product.description))


def conditions_for(shop: Shop, q: str) -> SearchConditions:
    """The products that have every word of `q`; none when there is no word in it."""
    beginnings = sorted({_singular(word) for word in words(q)})
    if not beginnings:
        return SearchConditions((literal(False),), few=True)
    bearers = [select(ProductWord.product_id).where(_begins(beginning)) for beginning in beginnings]
    rarest, bearers_of_rarest = min(zip(_counts(shop, bearers), bearers, strict=True), key=lambda pair: pair[0])
    each = tuple(exists().where(ProductWord.product_id == Product.id, _begins(beginning)) for beginning in beginnings)
    if rarest < FEW:
        return SearchConditions((Product.id.in_(bearers_of_rarest), *each), few=True)
    return SearchConditions(each, few=False)


def _counts(shop: Shop, bearers: list[Select[str]]) -> list[int]:
    """How many bear each word; whoever has counted to `FEW` knows enough."""
    counted = [select(func.count()).select_from(each.limit(FEW).subquery()).scalar_subquery() for each in bearers]
    return list(shop.session.execute(select(*counted)).one())


def _begins(beginning: str) -> ColumnElement[bool]:
    return and_(ProductWord.word >= beginning, ProductWord.word <= beginning + _LAST)


def _singular(word: str) -> str:
    """English and French plurals find the singular too, as its beginning finds them."""
    return word.removesuffix("s") if len(word) > 3 else word
