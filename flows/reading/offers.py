"""An offer in one text: a title, the price of one piece and how many there are, in any order.

read("kiondo 1,650/= x3")     Offer("kiondo", price=165000, quantity=3)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from . import number_words
from .keywords import tokens, without_courtesy
from .numbers import MAX_LENGTH, money, names_of, quantity
from .result import Read
from .vocabulary import AT, EACH, HOW_MANY, MEASURES, PIECES, PRICE

_MIN_BARE_PRICE = 50  # an unmarked number below this is a count, not a price


@dataclass(frozen=True, slots=True)
class Offer:
    """What an offer says; None if it does not say this clearly. `price` is in minor units."""

    title: str
    price: int | None = None
    quantity: int | None = None


def read(text: str, currency: str = "KES") -> Offer:
    """The offer in a text.

    Marked numbers are taken first (`1500/=`, `@1500`, `1,650`, `1.5k`; `x3`, `3 pcs`). A number without a mark is the
    price or the count that is still missing; if both are missing, its size decides. Measures (`30cm`, `set of 6`) stay
    in the title.
    """
    rest = _PAIR.sub(_paired, " ".join(_with_digits(tokens(without_courtesy(text)))))
    prices, rest = _take(_marked_price(currency), rest)
    counts, rest = _take(_MARKED_COUNT, rest)
    if not (prices and counts):
        bare, rest = _take(_BARE, rest)
        bare_prices, bare_counts = (bare, bare) if prices or counts else _by_size(bare)
        prices, counts = prices or bare_prices, counts or bare_counts
    return Offer(_title(rest), _only(prices, lambda price: money(price, currency)), _only(counts, quantity))


_PAIR = re.compile(r"(?<![\w.,])(\d{1,7})(\s?)[x×]\2(\d{1,7})(?!\w)", re.IGNORECASE)
_MARKED_COUNT = re.compile(
    rf"(?<![\w.,])(?:(?:[x×]|(?:{HOW_MANY})[.:=]?)\s?\d{{1,3}}(?!\w|[.,]\d)(?:\s(?:{PIECES})(?!\w)\.?)?"
    rf"|\d{{1,3}}(?:\s?(?:{PIECES})(?!\w|\s?\d)\.?|\s?[x×](?!\w)))",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<![\w.,])(?<!\bof )(?:\d{1,3}(?: \d{3})+|\d[\doil]*|[il]o[\do]+)"
    rf"(?!\w|[.,]\d|\s?(?:{MEASURES})(?!\w))",
    re.IGNORECASE,
)


@cache
def _marked_price(currency: str) -> re.Pattern[str]:
    names, number = names_of(currency), r"\d[\doil]*(?:[.,][\doil]+)*"
    before = rf"(?<!\w)(?:(?:{names}|{PRICE}|(?:{AT})(?=\s\d{{3}}))[.:=]?\s?){{1,3}}{number}(?:\s?k|/[=-])?"
    after = rf"(?<![\w.,]){number}(?:\s?k|/[=-]|\s?(?:{names})|(?=\s(?:{EACH})))"
    alone = r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+(?:\.\d\d)?|\d+\.\d\d)"
    return re.compile(rf"(?:{before}|{after}|{alone})(?!\w)(?:\s(?:{EACH})(?!\w))?", re.IGNORECASE)


def _paired(pair: re.Match[str]) -> str:
    """`3 x 1500` is a count and a price; two similar numbers, as in `30 x 40`, are a measure."""
    few, many = sorted((int(pair[1]), int(pair[3])))
    return f"{many} x{few}" if few < _MIN_BARE_PRICE <= many else f"{pair[1]}x{pair[3]}"


def _with_digits(parts: list[str]) -> list[str]:
    """The parts with a price in words, such as `mia tano`, in digits; only in an offer without digits for a price."""
    if any(part.isdecimal() and int(part) >= _MIN_BARE_PRICE for part in parts):
        return parts
    for begin, end, number in number_words.longest(parts):
        if end - begin > 1 and number >= _MIN_BARE_PRICE:
            return [*parts[:begin], f"{number}/=", *parts[end:]]
    return parts


def _take(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """What the pattern finds, and the text without it."""
    return pattern.findall(text), pattern.sub(" ", text)


def _by_size(bare: Sequence[str]) -> tuple[list[str], list[str]]:
    """Numbers without a mark as prices and counts; `3 500` may be one or two numbers, so it is neither."""
    sure = [number for number in bare if number.isdecimal() and len(number) < MAX_LENGTH]
    return [n for n in sure if int(n) >= _MIN_BARE_PRICE], [n for n in sure if int(n) < _MIN_BARE_PRICE]


def _only(found: Sequence[str], read: Callable[[str], Read[int]]) -> int | None:
    """The value that was found; None if there is none, if there are several, or if it is a guess."""
    try:
        (only,) = map(read, found)
    except ValueError:  # none, several, or Unreadable
        return None
    return only.value if only.certain else None


def _title(rest: str) -> str:
    return " ".join(word for word in rest.split() if any(map(str.isalnum, word))).strip(" .,:;!?<>\"'#-=@")
