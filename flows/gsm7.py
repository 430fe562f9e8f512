"""The GSM 7-bit alphabet (3GPP TS 23.038), and the segments of a message (3GPP TS 23.040).

One character outside the alphabet turns the whole message into UCS-2, which more than halves what fits:

    segments("Bei: 1,500/=")   Segments("GSM-7", 12, 1)
    segments("Bei: 1,500 ₣")   Segments("UCS-2", 12, 1)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from anyascii import anyascii

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")  # each needs an escape, so two septets

CACHED_TEXTS = 1024
"""The number of cached transliterated texts; most texts of a menu are the same for all callers."""

_WITHOUT_BASIC = dict.fromkeys(map(ord, BASIC))

_REPLACEMENTS = {
    "'": "‘’‚‛`´ʹʻʼʽˈ′",
    '"': "“”„‟«»″",
    "-": "‐‑‒–—―−•‣·",
    "<": "‹",
    ">": "›",
    "/": "⁄∕÷",
    "*": "∗",
    "x": "×",
    "...": "…",
    "1/2": "½",
    "1/4": "¼",
    "3/4": "¾",
    " deg ": "°",
    "No": "№",
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u2028\u2029\x85",
}
_INVISIBLE = [0xAD, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], "") | {0x0A: "\n"}
_TYPOGRAPHY = {ord(char): replacement for replacement, chars in _REPLACEMENTS.items() for char in chars}
_PLAIN = _CONTROLS | dict.fromkeys(_INVISIBLE, "") | _TYPOGRAPHY


@dataclass(frozen=True, slots=True)
class Segments:
    """How a text is sent: the encoding, the length in the units of that encoding, and the number of segments."""

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    count: int


def septets(text: str) -> int | None:
    """The length of a text in GSM-7; None if one of its characters is outside the alphabet."""
    not_basic = text.translate(_WITHOUT_BASIC)
    return len(text) + len(not_basic) if EXTENSION.issuperset(not_basic) else None


def is_gsm7(text: str) -> bool:
    """True if every character is in the alphabet."""
    return EXTENSION.issuperset(text.translate(_WITHOUT_BASIC))


def units(text: str) -> int:
    """The length of a text as it is sent: septets in GSM-7, otherwise 16-bit units."""
    length = septets(text)
    return _utf16(text) if length is None else length


def segments(text: str) -> Segments:
    """How a text is sent as SMS; an empty one counts as one segment."""
    length = septets(text)
    if length is None:
        costs = (1 + (char > "\uffff") for char in text)
        length = _utf16(text)
        return Segments("UCS-2", length, 1 if length <= 70 else _segments(costs, 67))
    costs = (1 + (char in EXTENSION) for char in text)
    return Segments("GSM-7", length, 1 if length <= 160 else _segments(costs, 153))


def plain(text: str) -> str:
    """The text with plain typography: nothing a reader needs is lost, and most texts become GSM-7.

    Quotes, dashes, spaces, fractions and the like get their keyboard form, line ends become LF, and invisible
    characters are removed. Letters stay as they are, composed (NFC).
    """
    if is_gsm7(text) and "\r" not in text and "\f" not in text:
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


@lru_cache(CACHED_TEXTS)
def transliterate(text: str) -> str:
    """The text in GSM-7: letters outside the alphabet become Latin ones, emoji are removed."""
    text = plain(text)
    return text if is_gsm7(text) else plain("".join(map(_latin, text)))


def _latin(char: str) -> str:
    if char in BASIC or char in EXTENSION:
        return char
    latin = anyascii(char)
    return "" if len(latin) > 1 and latin[0] == latin[-1] == ":" else latin  # the :name: of an emoji


def _utf16(text: str) -> int:
    return len(text) + sum(char > "\uffff" for char in text)


def _segments(costs: Iterable[int], capacity: int) -> int:
    """The number of segments. A character of two units is not split, so a segment may end one unit early."""
    count, left = 1, capacity
    for cost in costs:
        if cost > left:
            count, left = count + 1, capacity
        left -= cost
    return count
