"""The goods on a page of the shop, and the links to other pages, languages and currencies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from urllib.parse import urlencode

from flask import render_template, request
from markupsafe import Markup

from bot.messaging import rendering
from bot.web import browse_query, formats, preferences
from bot.web.browse_query import BrowseQuery
from bot.web.preferences import CURRENCY, LANGUAGE, Preferences
from marketplace_api.catalogue.browsing import BrowsedPage, Start
from marketplace_api.catalogue.shown import REMEMBERED, ShownProduct

Cards = Callable[[Sequence[ShownProduct], Mapping[str, Decimal]], Sequence[Markup]]
Choices = Mapping[str, Sequence[tuple[str, str, bool]]]


def card_maker() -> Cards:
    """A function that shows products with the exchange rates of today, and remembers what it has made."""

    # the language and the rate are read by the template's filters
    @lru_cache(maxsize=REMEMBERED)
    def card(product: ShownProduct, _preferences: Preferences, _rate: Decimal | None) -> Markup:
        return Markup(render_template("shop/card.html", product=product.schema))  # noqa: S704 - the template escapes

    def cards(products: Sequence[ShownProduct], rates: Mapping[str, Decimal]) -> Sequence[Markup]:
        formats.use_rates(rates)
        wanted = preferences.current()
        return [card(product, wanted, rates.get(wanted.currency)) for product in products]

    return cards


def links(asked: BrowseQuery, page: BrowsedPage) -> Mapping[str, str]:
    """The addresses of the first, the previous and the next page, those that there are."""

    def to(number: int, start: Start | None = None) -> str:
        return _address(request.script_root + request.path, asked.address(number, start))

    def pages() -> Iterator[tuple[str, str]]:
        if asked.page > 1:
            yield "first", to(1)
        if 2 < asked.page <= browse_query.MOST_COUNTED + 1:
            yield "previous", to(asked.page - 1)
        if page.next:
            yield "next", to(asked.page + 1, page.next)

    return dict(pages())


def choices(languages: Sequence[str], currency: str, rates: Mapping[str, Decimal]) -> Choices:
    """The links in another language, and with another currency: address, name, and whether it is chosen."""
    chosen = preferences.current()
    by_language = [
        (_here(LANGUAGE, code), name, code == chosen.language) for code, name in rendering.language_names(languages)
    ]
    by_currency = [(_here(CURRENCY, code), code, code == chosen.currency) for code in rates]
    if by_currency:
        by_currency.insert(0, (_here(CURRENCY, ""), currency, chosen.currency not in rates))
    return {LANGUAGE: by_language, CURRENCY: by_currency}


def _here(name: str, value: str) -> str:
    """The address of this page with another language or currency."""
    kept = {} if request.method == "POST" else request.args.to_dict()
    return _address(request.script_root + request.path, kept | {name: value})


def _address(path: str, parameters: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path
