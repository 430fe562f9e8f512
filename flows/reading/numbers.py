"""Amounts of money and counts, as people type them.

money("Ksh1.5k")     Read(150000)                    minor units
money("15OO")        Read(150000, certain=False)     letters in place of digits: ask whether it is right
quantity("tatu")     Read(3)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from . import number_words
from .folding import clean, fold
from .result import Read, Unreadable, UnreadableReason
from .vocabulary import AT, CURRENCIES, EACH, HOW_MANY, NUMBERS, PIECES, PRICE, THOUSAND

MAX_LENGTH = 40
"""Characters of an amount or a count; a longer text is not one."""
_MAX_AMOUNT, _MAX_QUANTITY = Decimal(100_000_000), Decimal(1_000_000)

LOOKALIKES = str.maketrans("oil|", "0111")
"""Letters that people type in place of digits, in lower case."""
_NUMERIC = re.compile(r"[\doil|., ']*(?:\d|oo)[\doil|., ']*")
_FORMATS = (  # of a number: the characters that only group its digits, and whether there is only one way to read it
    (re.compile(r"\d+(?:\.\d{1,2})?"), "", True),
    (re.compile(r"[1-9]\d{0,2}(?:(?:, ?| |')\d{3})+(?:\.\d{1,2})?"), ", '", True),
    (re.compile(r"(?:[1-9]\d{0,2}(?:[. ]\d{3})+|\d{4,}),\d{1,2}"), ". ", True),
    (re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+"), ".", False),
)
_FORMATS_BEFORE_K = ((re.compile(r"\d{1,5}(?:[.,]\d{1,2})?"), "", True),)  # here a comma can only be a decimal point


def money(text: str, currency: str = "KES") -> Read[int]:
    """An amount in minor units of the currency. Raises Unreadable."""
    normalized = _normalized(text)
    match = _amount_pattern(currency).fullmatch(normalized.strip(" *:="))
    if not match and (written := number_words.read(_beside_names(currency).sub(" ", normalized))):
        return _minor_units(Decimal(written.value), currency, certain=written.certain)
    if not match:
        raise Unreadable(_why_no_number(normalized))
    thousands = bool(match["lead"] or match["thousand"])
    number = _number(match["number"], _FORMATS_BEFORE_K if thousands else _FORMATS)
    return _minor_units(number.value * (1000 if thousands else 1), currency, certain=number.certain)


def _minor_units(amount: Decimal, currency: str, *, certain: bool) -> Read[int]:
    if amount > _MAX_AMOUNT:
        raise Unreadable("too_big")
    return Read(_whole(amount.scaleb(_decimals(currency)), "too_fine"), certain)


def format_money(amount: int, currency: str = "KES") -> str:
    """An amount in minor units as `money` reads it back: 150000 is `1500.00`."""
    return str(Decimal(amount).scaleb(-_decimals(currency)))


def quantity(text: str) -> Read[int]:
    """A count, in digits or as a word; among other words (`only 3`, `3 baskets`) it is a guess. Raises Unreadable."""
    normalized = fold(_normalized(text)).strip(" .,:!?()#*")
    if written_out := number_words.read(_PIECES_WORD.sub(" ", normalized)):
        return written_out
    if (count := _count_among_words(normalized)) is not None:
        return Read(count, certain=False)
    match = _COUNT.fullmatch(normalized)
    written = match["number"] if match else ""
    if written in NUMBERS:
        return Read(NUMBERS[written])
    number = _number(written, _FORMATS)
    if number.value > _MAX_QUANTITY:
        raise Unreadable("too_big")
    return Read(_whole(number.value, "whole"), number.certain)


def names_of(currency: str) -> str:
    """A pattern of the names that people use for the currency."""
    return CURRENCIES.get(currency, (2, re.escape(currency.casefold())))[1]


def _decimals(currency: str) -> int:
    return CURRENCIES.get(currency, (2, ""))[0]


def _count_among_words(text: str) -> int | None:
    """The count in a text of several words if it is the only one and all other words have letters only; else None."""
    words = [word for word in text.split() if not re.fullmatch(rf"{PIECES}|[x×]", word)]
    counts = [word for word in words if word in NUMBERS or re.fullmatch(r"\d{1,6}", word)]
    plain = len(counts) == 1 < len(words) and all(word in counts or word.isalpha() for word in words)
    if not plain or re.fullmatch(HOW_MANY, words[0]):
        return None
    return NUMBERS.get(counts[0]) or int(counts[0])


def _normalized(text: str) -> str:
    normalized = clean(text).casefold().replace("’", "'")
    if not normalized:
        raise Unreadable("empty")
    if len(normalized) > MAX_LENGTH:
        raise Unreadable("number")
    return normalized


def _number(written: str, formats: Iterable[tuple[re.Pattern[str], str, bool]]) -> Read[Decimal]:
    """A number in one of the formats; with letters among its digits (`lOO`) it is a guess."""
    if not _NUMERIC.fullmatch(written):
        raise Unreadable(_why_no_number(written))
    written = written.rstrip(" .,'")
    digits = written.translate(LOOKALIKES)
    for pattern, grouping, certain in formats:
        if pattern.fullmatch(digits):
            value = digits.translate(dict.fromkeys(map(ord, grouping))).replace(",", ".")
            return Read(Decimal(value), certain and digits == written)
    raise Unreadable("ambiguous")


def _why_no_number(text: str) -> UnreadableReason:
    return "negative" if re.match(r"[-−–]\s?\d", text) else "number"


def _whole(value: Decimal, reason: UnreadableReason) -> int:
    if value != int(value):
        raise Unreadable(reason)
    return int(value)


@cache
def _amount_pattern(currency: str) -> re.Pattern[str]:
    names = names_of(currency)
    return re.compile(
        rf"(?:(?:{names}|{PRICE}|{AT})[.:=,]*\s*)*"
        rf"(?P<lead>elfu\s)?(?P<number>[\doil|][\doil|., ']*?)\s*(?P<thousand>{THOUSAND})?"
        rf"\s*(?:/[=-]*|=|-)?\s*(?:(?:{names}|{EACH}|@)\.?\s*)*[.!]?"
    )


@cache
def _beside_names(currency: str) -> re.Pattern[str]:
    """What may stand beside an amount in words."""
    return re.compile(rf"(?<!\w)(?:{names_of(currency)}|{PRICE}|{AT}|{EACH})(?!\w)")


_PIECES_WORD = re.compile(rf"(?<!\w)(?:{PIECES})(?!\w)")
_COUNT = re.compile(
    rf"(?:(?:{HOW_MANY}|{PIECES})[.:=]?\s*|[x×]\s?(?=[\doil]))?"
    r"(?P<number>.+?)"
    rf"(?:(?<=\d)\s?[x×]|(?<=\d)(?:{PIECES})|\s(?:{PIECES}))?"
)
