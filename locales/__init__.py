"""The words people read, and how each language writes money and days.

English is the text in the source itself; every other language has one `<code>/LC_MESSAGES/messages.po`,
compiled in memory when it is first asked for:

    catalogue("sw").text("More")               "Zaidi"
    catalogue("en").money(150000, "KES")       "KSh 1,500"
    catalogue("fr").money(165050, "KES")       "1 650,50 KSh"

Everything but a language's own letters can be sent as GSM-7: no narrow or hard spaces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache, partial
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from babel import Locale
from babel.core import get_global
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import get_currency_precision, get_decimal_symbol, get_group_symbol

SOURCE = "en"
FOLDER = Path(__file__).parent

_SYMBOLS = {"KES": "KSh", "UGX": "USh", "TZS": "TSh", "RWF": "RF", "BIF": "FBu", "ETB": "Br"}
# French may write aout without its hat (since 1990), which GSM-7 lacks.
_SENDABLE = str.maketrans({"\u00a0": " ", "\u202f": " ", "û": "u"})


@dataclass(frozen=True, slots=True)
class Language:
    """One language as people read it. `money` takes minor units, `moment` an aware time and a zone."""

    code: str
    name: str
    text: Callable[[str], str]
    plural: Callable[[str, str, int], str]
    money: Callable[[int, str], str]
    day: Callable[[date], str]
    moment: Callable[[datetime, tzinfo], str]
    latin: bool
    """Whether it is written in Latin letters."""


@cache
def catalogue(language: str) -> Language:
    """The language of a code, read once a process. Raises LookupError when there is none."""
    words = _translations(language)
    return Language(
        language,
        (Locale.parse(language).language_name or language).capitalize(),
        words.gettext,
        words.ngettext,
        partial(_money, language),
        partial(_day, language),
        partial(_moment, language),
        "_Latn_" in get_global("likely_subtags")[language],
    )


def languages(offered: Sequence[str]) -> list[Language]:
    """The languages offered, in that order, each with its own name for itself."""
    return [catalogue(code) for code in offered]


def available() -> list[str]:
    """The codes of all languages there are, English first."""
    return [SOURCE, *sorted(po.parent.parent.name for po in FOLDER.glob("*/LC_MESSAGES/messages.po"))]


def best(tag: str | None, offered: Sequence[str]) -> str:
    """The language offered that suits a locale tag (`sw-KE`, `fr_RW`); the first one when none does."""
    wanted = (tag or "").replace("_", "-").casefold()
    known = {code.replace("_", "-").casefold(): code for code in offered}
    return known.get(wanted) or known.get(wanted.partition("-")[0]) or offered[0]


def path(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


class _Translations(GNUTranslations):
    """Gettext, except that no words stay none: gettext answers the empty text with the file's header."""

    def gettext(self, message: str) -> str:
        return super().gettext(message) if message else ""


def _translations(language: str) -> NullTranslations:
    if language == SOURCE:
        return NullTranslations()
    if language not in available():
        raise LookupError(f"no catalogue for {language}")
    with path(language).open("rb") as source:
        catalog = read_po(source, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return _Translations(compiled)


@dataclass(frozen=True, slots=True)
class _Habit:
    """How a language writes a currency. Babel knows, but takes 40 µs an amount; this takes one."""

    before: str
    after: str
    group: str
    point: str
    digits: int


@cache
def _habit(language: str, currency: str) -> _Habit:
    symbol = _SYMBOLS.get(currency, currency)
    leads = Locale.parse(language).currency_formats["standard"].pattern.startswith("¤")
    return _Habit(
        before=f"{symbol} " if leads else "",
        after="" if leads else f" {symbol}",
        group=get_group_symbol(language).translate(_SENDABLE),
        point=get_decimal_symbol(language),
        digits=get_currency_precision(currency),
    )


def _money(language: str, amount: int, currency: str) -> str:
    habit = _habit(language, currency)
    whole, rest = divmod(abs(amount), 10**habit.digits)
    sign = "-" if amount < 0 else ""
    cents = f"{habit.point}{rest:0{habit.digits}}" if rest else ""
    grouped = f"{whole:,}".replace(",", habit.group)
    return f"{sign}{habit.before}{grouped}{cents}{habit.after}"


@lru_cache(maxsize=1024)
def _day(language: str, day: date) -> str:
    return format_date(day, "d MMM", language).translate(_SENDABLE)


def _moment(language: str, at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{_day(language, local.date())} {local:%H:%M}"
