"""How the shop's pages write amounts, countries and pictures, in the language and currency of the request.

The functions in `FILTERS` are filters of the templates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import phonenumbers
from babel import Locale
from babel.dates import format_skeleton
from babel.numbers import format_currency, get_currency_name, get_currency_precision
from flask import g
from markupsafe import Markup

from bot.photos.images import SMALL
from bot.web import preferences
from marketplace_api.payments import exchange
from marketplace_api.schemas.money import Money
from marketplace_api.schemas.products import Photo

_DRAWN_CATEGORIES = {drawing.stem for drawing in (Path(__file__).parent / "static" / "wares").glob("*.svg")}


def use_rates(rates: Mapping[str, Decimal]) -> None:
    """The exchange rates with which the page shows amounts in the buyer's currency too."""
    g.rates = rates


def price(money: Money) -> str:
    """150000 minor units of KES as `KES 1,500`; decimals are shown only if they are not zero."""
    return _price(money.amount, money.currency, preferences.current().language)


def also_in(money: Money) -> str:
    """The amount in the currency that the buyer has chosen; empty if none, or if there is no rate of today."""
    wanted = preferences.current()
    rate = g.get("rates", {}).get(wanted.currency)
    if rate is None:
        return ""
    return _converted(money.amount, money.currency, wanted.currency, rate, wanted.language)


@lru_cache(maxsize=1000)
def _converted(amount: int, own: str, currency: str, rate: Decimal, language: str) -> str:
    return _price(exchange.converted(amount, own, currency, rate), currency, language)


@lru_cache(maxsize=1000)  # Babel takes 40 microseconds for each
def _price(amount: int, currency: str, language: str) -> str:
    value = Decimal(amount).scaleb(-get_currency_precision(currency))
    return format_currency(value, currency, "¤¤\xa0#,##0", locale=language, currency_digits=value % 1 != 0)


def amount_of(amount: int, money: Money) -> str:
    """An amount in the currency of `money`, as `price` shows it."""
    return price(Money(amount=amount, currency=money.currency))


@cache
def country_names(language: str) -> Mapping[str, str]:
    """The countries of the world by their codes (ISO 3166), and more territories."""
    return Locale.parse(language).territories


def country_name(code: str) -> str:
    """The name of a country; its code if it has none."""
    return country_names(preferences.current().language).get(code, code)


def country_options(selected: str) -> Markup:
    """The options of all countries."""
    return _country_options(selected, preferences.current().language)


@lru_cache(maxsize=300)  # there are 245 of them, which would be most of the page's work
def _country_options(selected: str, language: str) -> Markup:
    option = Markup('\n              <option value="{}"{}>{}</option>')
    marks = {selected: Markup(" selected")}
    names = country_names(language)
    countries = sorted((names.get(code, code), code) for code in phonenumbers.SUPPORTED_REGIONS)
    return Markup("").join(option.format(code, marks.get(code, ""), name) for name, code in countries)


def path(url: str) -> str:
    """The path of a URL of ours, so that a page loads its pictures from the host name under which it was opened."""
    return urlsplit(url).path


def drawn(category: str) -> str:
    """The category if there is a drawing for it, else `other`."""
    return category if category in _DRAWN_CATEGORIES else "other"


def currency_name(currency: str) -> str:
    """`KES` as `Kenyan Shilling`."""
    return get_currency_name(currency, locale=preferences.current().language)


def ending(msisdn: str) -> str:
    """The last digits of a phone, by which its owner knows it: `333`."""
    return msisdn[-3:]


def month(moment: datetime) -> str:
    """The month of a time, such as `November 2026`."""
    return format_skeleton("yMMMM", moment, locale=preferences.current().language)


def small_width(photo: Photo) -> int:
    """The width of the small file of a photo, in pixels."""
    return min(photo.width, photo.width * SMALL // max(photo.width, photo.height))


FILTERS = (month, small_width, price, also_in, amount_of, drawn, path, currency_name, country_name, ending)
