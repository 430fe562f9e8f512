"""The pages with lists of goods.

GET /               what is on sale: `browse_query` says what its address may ask for
GET /makers/<id>    an artisan and the goods
GET /kiosks/<id>    a kiosk, its artisans and their goods
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from flask import Blueprint, render_template, request
from markupsafe import Markup

from bot.web import browse_query, goods_list, preferences
from bot.web.browse_query import NO_PAGE, NO_TOWN, SORTS, BrowseQuery, Items
from bot.web.preferences import Preferences
from bot.web.preferences import translated as _
from bot.web.shop_window import KiosksPage, MakersPage, ShownWindow
from marketplace_api.catalogue.browsing import Browse, Sort, Start
from marketplace_api.catalogue.categories import CATEGORIES

MAX_AGE_S = 60
"""How long a browser or a proxy shows these pages without asking again."""
_ID = re.compile(r"[a-z]{3}_[0-9a-z]{1,40}")
_CACHED = {"Cache-Control": f"public, max-age={MAX_AGE_S}"}

Page = tuple[str, int, dict[str, str]]


def add(
    shop: Blueprint,
    *,
    browse: Callable[[Browse, Start, int], ShownWindow],
    maker: Callable[[str, Start, int], MakersPage | None],
    kiosk: Callable[[str, Start, int], KiosksPage | None],
    languages: Sequence[str],
    currency: str,
    url: str,
) -> None:
    """Adds the pages to the blueprint. The functions are those of `ShopWindow`.

    `currency` is the shop's, `url` the public URL of the service.
    """
    cards = goods_list.card_maker()

    @shop.get("/")
    def window() -> Page:
        asked = browse_query.read(request.args, currency)
        found = browse(asked.browse, asked.start, asked.most)
        gone = asked.gone or _gone(asked, found)
        products = [] if gone or asked.refusals else found.page.products
        html = render_template(
            "shop/window.html",
            asked=asked,
            has_refusals=bool(asked.refusals),
            finder=finder(preferences.current(), *asked.form(), tuple(found.towns)),
            gone=gone,
            cards=cards(products, found.rates),
            links=goods_list.links(asked, found.page) if products else {},
            is_open=found.is_open,
            is_first=asked.is_first,
            address=f"{url}/",
            choices=goods_list.choices(languages, currency, found.rates),
        )
        return html, 404 if gone else 422 if asked.refusals else 200, _CACHED

    @lru_cache(maxsize=200)  # most people begin without a filter
    def finder(_language: Preferences, typed: Items, refusals: Items, sort: Sort, towns: tuple[str, ...]) -> Markup:
        html = render_template(
            "shop/finder.html",
            typed=dict(typed),
            refusals={name: _(words, most=browse_query.LONGEST) for name, words in refusals},
            sort=sort,
            categories=CATEGORIES,
            towns=towns,
            sorts=SORTS,
            currency=currency,
        )
        return Markup(html)  # noqa: S704 - the template escapes

    @shop.get("/makers/<artisan_id>", endpoint="maker")
    def makers_page(artisan_id: str) -> Page:
        asked = browse_query.read_page(request.args, currency)
        found = maker(artisan_id, asked.start, asked.most) if _ID.fullmatch(artisan_id) else None
        return _list("shop/maker.html", asked, found)

    @shop.get("/kiosks/<kiosk_id>", endpoint="kiosk")
    def kiosks_page(kiosk_id: str) -> Page:
        asked = browse_query.read_page(request.args, currency)
        found = kiosk(kiosk_id, asked.start, asked.most) if _ID.fullmatch(kiosk_id) else None
        return _list("shop/kiosk.html", asked, found)

    def _list(template: str, asked: BrowseQuery, found: MakersPage | KiosksPage | None) -> Page:
        if found is None or asked.gone or (asked.page > 1 and not found.page.products):
            return render_template("shop/missing.html", choices=goods_list.choices(languages, currency, {})), 404, {}
        html = render_template(
            template,
            found=found,
            asked=asked,
            categories=CATEGORIES,
            cards=cards(found.page.products, found.rates),
            links=goods_list.links(asked, found.page),
            choices=goods_list.choices(languages, currency, found.rates),
        )
        return html, 200, _CACHED


def _gone(asked: BrowseQuery, found: ShownWindow) -> str:
    """Why there is no such page; empty if there is one."""
    if asked.browse.town and asked.browse.town not in found.towns:
        return NO_TOWN
    return NO_PAGE if asked.page > 1 and not found.page.products else ""
