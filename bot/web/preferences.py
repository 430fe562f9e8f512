"""In which language, and with which second currency, the shop's pages are shown.

    /?lang=fr&currency=USD      this page, and by a cookie the next ones too
    /?currency=                 the shop's own currency alone

Without a choice, a page is in the first language of the browser that we speak.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, g, has_request_context, request

from bot.messaging import rendering

LANGUAGE, CURRENCY = "lang", "currency"
"""The names of the parameters and of the cookies."""
ONE_YEAR_S = 365 * 86_400
VARY = "Accept-Language, Cookie"
_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Preferences:
    """A language by its code, and a currency (ISO 4217) in which amounts are shown too; empty for none."""

    language: str = "en"
    currency: str = ""

    def text(self, message: str, **fields: object) -> str:
        """A message in this language, with its fields filled in."""
        return rendering.words(self.language).text(message).format_map(fields)

    def counted(self, singular: str, plural: str, n: int) -> str:
        """A message about `n` things in this language."""
        return rendering.words(self.language).plural(singular, plural, n).format(n=n)


_ENGLISH = Preferences()


def current() -> Preferences:
    """Those of the request; English for a page that is not translated."""
    return g.get("preferences", _ENGLISH) if has_request_context() else _ENGLISH


def read(languages: Sequence[str]) -> None:
    """Reads those of the request. Call this before the page is made."""
    asked = request.args.get(LANGUAGE) or request.cookies.get(LANGUAGE)
    language = asked if asked and asked in languages else _of_browser(languages)
    currency = request.args.get(CURRENCY, request.cookies.get(CURRENCY, ""))
    g.preferences = Preferences(language, currency if _CODE.fullmatch(currency) else "")


def _of_browser(languages: Sequence[str]) -> str:
    """The first of the browser's languages that we speak, in whatever country."""
    accepted = (tag.partition("-")[0].lower() for tag in request.accept_languages.values())
    return next((language for language in accepted if language in languages), languages[0])


def remember(response: Response) -> Response:
    """Keeps in the browser what the address asks for, and tells caches what the page depends on."""
    response.headers["Vary"] = VARY
    chosen = {LANGUAGE: current().language, CURRENCY: current().currency}
    for name in chosen.keys() & request.args.keys():
        response.set_cookie(name, chosen[name], ONE_YEAR_S, secure=request.is_secure, httponly=True, samesite="Lax")
        response.headers["Cache-Control"] = "private, max-age=0"
    return response


def translated(message: str, **fields: object) -> str:
    """A message in the language of the request; `_` of the templates."""
    return current().text(message, **fields)


def counted(singular: str, plural: str, n: int) -> str:
    """A message about `n` things in the language of the request; `_n` of the templates."""
    return current().counted(singular, plural, n)
