"""The form with which a buyer reports a problem on the page of an order: its fields, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from bot.web import order_words
from bot.web.order_words import IN_OUR_WORDS
from bot.web.preferences import translated
from flows.kit import N_
from marketplace_api.problems import FieldError, Problem
from marketplace_api.statuses import OrderProblem

KIND, WORDS = "problem", "words"
"""The names of the fields."""
LONGEST = 500
# Translators: these stand on a page, not in a text; they may be a little longer.
NOT_REPORTED = N_("Nothing was reported. Please correct what is marked.")
KINDS: Mapping[OrderProblem, str] = {
    "not_come": N_("It has not come"),
    "damaged": N_("It came damaged"),
    "wrong": N_("It is not what I ordered"),
    "money": N_("Something is wrong with the money"),
    "other": N_("Another problem"),
}


@dataclass(frozen=True, slots=True)
class ReportedProblem:
    """What the form says; `words` may be empty unless only they say what the problem is."""

    kind: OrderProblem
    words: str


def read(form: Mapping[str, str]) -> ReportedProblem | Problem:
    """What was reported, or what is wrong with the form."""
    kind, words = form.get(KIND, ""), _printable(form.get(WORDS, ""))
    if kind not in KINDS:
        return _refused(KIND, order_words.CHOOSE)
    if len(words) > LONGEST:
        return _refused(WORDS, order_words.WRONG_TEXT)
    if kind == "other" and not words:
        return _refused(WORDS, order_words.EMPTY)
    return ReportedProblem(cast(OrderProblem, kind), words)


def _printable(typed: str) -> str:
    """In one line, and without what no screen shows and PostgreSQL does not store."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in typed).split())


def _refused(field: str, words: str) -> Problem:
    error = FieldError(detail=translated(words), pointer=f"#/{field}")
    return Problem.of(422, translated(NOT_REPORTED), IN_OUR_WORDS, [error])
