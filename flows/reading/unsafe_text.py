"""Finds what may not stand in names, titles and notes, because we text them to other people under our name.

is_unsafe("Win at bit.ly/x", OUR_NAME)        a link
is_unsafe("Dial *384*22#", OUR_NAME)          a code to dial
is_unsafe("S0KO: you won", OUR_NAME)          reads like our sender
is_unsafe("Dr. Otieno 2.5 kg", OUR_NAME)      False
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

import phonenumbers

from flows.reading.folding import clean, fold

OUR_NAME = ("Soko", "ሶኮ")
"""The name with which our texts begin, in each script."""

# The endings that phones show as a link: those of countries, and the most common of the others (IANA's list has 1,400).
_COMMON_ENDINGS = """
com net org info biz name pro mobi app dev xyz top site online store shop club live link click buzz icu vip fun space
website tech work world today life cloud page one win bet loan cash money gift support help email asia africa int edu
gov mil zip mov eu uk su tk рф
"""
_ENDINGS = frozenset(_COMMON_ENDINGS.split()) | {region.lower() for region in phonenumbers.SUPPORTED_REGIONS}
_TITLES = frozenset({"dr", "mr", "mrs", "ms", "no", "prof", "st"})
"""Abbreviations that people write without a space after the dot: `Mr.Ng`."""

_SCHEME_OR_WWW = re.compile(r"[a-z]\s*:\s*//|(?<!\w)www\d?(?!\w)")
_DOTTED = re.compile(r"\w[\w-]*(?:\.\w[\w-]*)+/?")
_IP_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_CODE_TO_DIAL = re.compile(r"[*#]{1,2}\d[\d*]+#|\*\s*\d{2,}(?:\s*\*\s*\d+)*\s*#|\*\d{2,}\*\d+")
_DOTS = str.maketrans("。｡․", "...")

# characters that look like a Latin letter
_CONFUSABLE = str.maketrans("05$1|!3@4іїɪӏοоօσкκѕсеаᴏᴋꜱ", "ossiiieaaiiiiooookksceaoks")
_WORD = re.compile(r"[\w$@!|][\w$@!|'._-]*")


def is_unsafe(text: str, names: Collection[str]) -> bool:
    """True if the text has a web address or a code to dial, or reads as if it came from one of `names`.

    `names` are the names and numbers that our texts come from.
    """
    plain = fold(unicodedata.normalize("NFKC", clean(text))).translate(_DOTS)
    return (
        _SCHEME_OR_WWW.search(plain) is not None
        or _IP_ADDRESS.search(plain) is not None
        or _CODE_TO_DIAL.search(plain) is not None
        or any(_is_domain(found.group()) for found in _DOTTED.finditer(plain))
        or any(_reads_as(plain, name) for name in names)
    )


def _is_domain(dotted: str) -> bool:
    """True if an ending of the internet follows a label, as in `soko.example.com/pay`."""
    *labels, last = dotted.rstrip("/").split(".")
    for label, ending in zip(labels, [*labels[1:], last], strict=True):
        if label in _TITLES or not (ending in _ENDINGS or ending.startswith("xn--")):
            continue
        # one letter and a dot are initials, unless it is one of the well-known short addresses: t.me, x.com, t.co
        if len(label) > 1 or dotted.endswith("/") or ending in ("com", "co", "me"):
            return True
    return False


def _reads_as(plain: str, name: str) -> bool:
    """True if a text begins like a message from `name`, or names it before a colon; a number counts anywhere."""
    if (digits := name.lstrip("+")).isdecimal():
        return re.search(rf"(?<!\d){digits}(?!\d)", plain) is not None
    wanted = _letters(name)
    for number, word in enumerate(_WORD.finditer(plain)):
        is_claimed = number == 0 or plain[word.end() :].lstrip().startswith(":")
        first = re.split(r"[._-]", word.group())[0]
        if is_claimed and wanted in (_letters(word.group()), _letters(first)):
            return True
    return False


def _letters(word: str) -> str:
    """A word as it looks: Latin letters in place of those that look like them, without punctuation."""
    return re.sub(r"[\W_]", "", fold(word).translate(_CONFUSABLE))
