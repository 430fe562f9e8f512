"""What the address of the window asks for.

    /?q=sisal&category=baskets&town=Kitui&min=500&max=2000&sort=cheapest
    /?page=2                                the second page
    /?page=3&after=1764576000000000~prd_1   the page behind the product with this time and id

A link to the next page says behind which product it begins, so a far page costs as little as a near one, and new
products shift nothing. A number alone reaches the first `MOST_COUNTED` pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from babel.numbers import get_currency_precision

from flows.kit import N_
from marketplace_api.catalogue.browsing import ORDERS, PER_PAGE, Browse, Sort, Start
from marketplace_api.catalogue.categories import CATEGORIES

ON_FIRST_PAGE = 7
"""How many products the first page of a list without a filter shows. A browser on a slow line fetches the pictures of a
whole page at once, so these are few: the page and its pictures take at most 12 requests."""
MOST_COUNTED = 100
LONGEST = 100
"""Of the words, in characters."""
FILTERS = ("q", "category", "town", "min", "max", "sort")
SORTS: Mapping[Sort, str] = {
    "newest": N_("Newest first"),
    "cheapest": N_("Lowest price first"),
    "dearest": N_("Highest price first"),
}
# Translators: these stand on a page, beside a field or in place of the goods; they may be a little longer.
NO_AMOUNT = N_("Please type a whole amount, such as 1500.")
LESS_THAN_LOWEST = N_("This is less than the lowest price.")
TOO_LONG = N_("Please use at most {most} characters.")
NO_CATEGORY = N_("We have no such kind of goods. Choose one from the list.")
NO_TOWN = N_("Nobody sells from there. Choose a town from the list.")
NO_PAGE = N_("There is no such page. Please begin with the first one.")
Items = tuple[tuple[str, str], ...]
_AMOUNT = re.compile(r"\d{1,10}")
_PAGE = re.compile(r"[1-9]\d{0,5}")
_AFTER = re.compile(r"(\d{1,17})~(\w{1,40})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class BrowseQuery:
    """`browse` from `start` is page `page`. `refusals` say by field what is wrong, `gone` why there is no such page."""

    browse: Browse
    start: Start
    page: int
    typed: Mapping[str, str]
    refusals: Mapping[str, str] = field(default_factory=dict)
    gone: str = ""

    @property
    def is_first(self) -> bool:
        """True for the page that people come to first: without a filter, and not a later one."""
        return self.page == 1 and not _is_filtered(self.typed)

    @property
    def most(self) -> int:
        """How many products the page shows at most."""
        return ON_FIRST_PAGE if self.is_first else PER_PAGE

    def form(self) -> tuple[Items, Items, Sort]:
        """What the form of the page shows: what was typed, what is wrong with it, and the order."""
        typed = tuple((name, self.typed[name]) for name in FILTERS if name in self.typed)
        return typed, tuple(self.refusals.items()), self.browse.sort

    def address(self, page: int, start: Start | None = None) -> Mapping[str, str]:
        """The parameters of another page of the same products."""
        kept = {name: self.typed[name] for name in FILTERS if name in self.typed}
        after = {"after": _written(start.after)} if start and start.after else {}
        return kept | ({"page": str(page)} if page > 1 else {}) | after


def read(args: Mapping[str, str], currency: str) -> BrowseQuery:
    """What the parameters ask for. Prices in them are whole money of `currency`; what is not valid is left out."""
    typed = {name: _clean(value) for name, value in args.items() if _clean(value)}
    refusals: dict[str, str] = {}
    minor = 10 ** get_currency_precision(currency)
    bounds: dict[str, int | None] = {}
    for name in ("min", "max"):
        if (amount := typed.get(name)) and not _AMOUNT.fullmatch(amount):
            refusals[name] = NO_AMOUNT
        bounds[name] = int(amount) * minor if amount and name not in refusals else None
    lowest, highest = bounds["min"], bounds["max"]
    if lowest is not None and highest is not None and highest < lowest:
        refusals["max"] = LESS_THAN_LOWEST
    words, category = typed.get("q", ""), typed.get("category", "")
    if len(words) > LONGEST:
        refusals["q"] = TOO_LONG
    sort: Sort = next((name for name in SORTS if name == typed.get("sort")), "newest")
    first = PER_PAGE if _is_filtered(typed) else ON_FIRST_PAGE
    page, start = _start(typed.get("page", "1"), typed.get("after", ""), sort, first)
    gone = NO_CATEGORY if category and category not in CATEGORIES else "" if page else NO_PAGE
    browse = Browse(words, category, typed.get("town", ""), lowest, highest, sort=sort)
    return BrowseQuery(browse, start, page or 1, typed, refusals, gone)


def read_page(args: Mapping[str, str], currency: str) -> BrowseQuery:
    """Which page of a list without filters the parameters ask for."""
    return read({name: args[name] for name in ("page", "after") if name in args}, currency)


def _is_filtered(typed: Mapping[str, str]) -> bool:
    return any(name in typed for name in FILTERS)


def _start(page: str, after: str, sort: Sort, first: int) -> tuple[int | None, Start]:
    """The number of the page and where it begins, if page 1 has `first` products; no number for one that cannot be."""
    if not _PAGE.fullmatch(page):
        return None, Start()
    number, place = int(page), _AFTER.fullmatch(after)
    if place:
        value = int(place[1])
        moment_or_price = _EPOCH + value * _MICROSECOND if ORDERS[sort].column == "created_at" else value
        return (number, Start((moment_or_price, place[2]))) if number > 1 else (None, Start())
    if after or number > MOST_COUNTED:
        return None, Start()
    return number, Start(skip=first + (number - 2) * PER_PAGE if number > 1 else 0)


def _written(place: tuple[datetime | int, str]) -> str:
    value, id = place
    return f"{(value - _EPOCH) // _MICROSECOND if isinstance(value, datetime) else value}~{id}"


def _clean(text: str) -> str:
    """The text without characters that no keyboard types, on one line."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
