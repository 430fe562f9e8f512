"""Makes texts comparable: removes invisible characters, writes digits in ASCII, and folds case and accents."""

from __future__ import annotations

import re
import unicodedata

_DIGITS = {ord(zero) + n: str(n) for zero in "٠۰０" for n in range(10)} | {ord("፩") + n: str(n + 1) for n in range(9)}
_ARABIC_SEPARATORS = {ord("٫"): ".", ord("٬"): ","}
_KEYCAP = {0xFE0F: "", 0x20E3: ""}  # the two characters that make an emoji of the 1 in 1️⃣
_TO_ASCII = _DIGITS | _ARABIC_SEPARATORS | _KEYCAP
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})  # Unicode categories: control, format (zero-width, bidi) and surrogate

PUNCTUATION = " .,:;!?()[]{}<>\"'#-*/_=~|`´…“”„‘’‚«»‹›•·–—።፣፤፥፦፧"
"""Characters that may surround a word without being part of it."""
LOST_LETTER = "\ufffd"
"""Stands for a letter that a gateway sent in an unknown encoding."""
WORD = re.compile(rf"(?:[^\W_]|{LOST_LETTER})+")
"""Letters and digits; every other character is a mark that separates words."""


def clean(text: str) -> str:
    """The text in NFC with ASCII digits and single spaces, trimmed, without invisible characters."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    visible = "".join(char for char in text if char.isspace() or unicodedata.category(char) not in _INVISIBLE)
    return " ".join(unicodedata.normalize("NFC", visible).translate(_TO_ASCII).split())


def fold(text: str) -> str:
    """The text for comparison: without case and accents."""
    text = text.casefold()
    if text.isascii():
        return text
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


def words(text: str) -> list[str]:
    """The words of a text, cleaned and folded, without the punctuation around them."""
    stripped = (word.strip(PUNCTUATION) for word in fold(clean(text)).split())
    return [word for word in stripped if word]


def plain_words(text: str) -> list[str]:
    """The words of a text, cleaned and folded; every character that is no letter and no digit ends a word."""
    return WORD.findall(fold(clean(text)))
