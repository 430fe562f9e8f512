"""What is wrong with an order form, in our words and the buyer's language.

The marketplace answers in English, for programs. A refusal that is not known here is shown as it came.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.web.preferences import translated as _
from flows.kit import N_
from marketplace_api.problems import Problem

IN_OUR_WORDS = "in_our_words"
"""The reason of a problem whose words are the page's own already."""
MOST_PIECES = 1000
# Translators: these stand on a page, not in a text; they may be a little longer.
CORRECT = N_("Nothing was ordered. Please correct what is marked.")
EMPTY = N_("Please fill this in.")
NO_NUMBER = N_("Please type a number from 1 to {most}.")
NO_PHONE = N_("Please type a mobile number, such as {example}; from another country with + and its code.")
WRONG_TEXT = N_("We cannot take this. Please use fewer and plain characters.")
CHOOSE = N_("Please choose one of these.")
TOO_FEW = N_("There are not so many. At most: {most}")
WHOLE: Mapping[str, str] = {
    "unsafe_text": N_("A name or a note may have no web address, no code to dial and not our name."),
    "own_product": N_("An artisan cannot pay for what the artisan makes."),
    "product_withdrawn": N_("The maker has just taken it back. Nothing was ordered."),
}
"""A refusal of the whole order, by its reason."""
_CHOICES = ("payment.by", "payment.currency", "ship_to.country")
_PHONES = ("buyer.phone", "payment.phone")


def whole(problem: Problem) -> str:
    """The sentence above the form."""
    if problem.status == 422 and problem.errors and problem.reason != IN_OUR_WORDS:
        return _(CORRECT)
    words = WHOLE.get(problem.reason or "")
    return _(words) if words else problem.detail


def by_field(
    problem: Problem | None,
    refusals: Mapping[str, str],
    form: Mapping[str, str],
    example: str,
    left: int,
) -> Mapping[str, str]:
    """`refusals` (`payment_form.refusals_by_field`) in our words.

    `example` is a phone number, `left` is how many pieces can be ordered.
    """
    if problem is None or problem.reason == IN_OUR_WORDS:
        return refusals
    if problem.reason == "not_enough_stock":
        return {**refusals, "quantity": _(TOO_FEW, most=left)}
    if problem.status != 422 or not problem.errors:
        return refusals
    return {name: _field(name, form.get(name, "").strip(), example) for name in refusals}


def _field(name: str, typed: str, example: str) -> str:
    if name == "quantity":
        return _(NO_NUMBER, most=MOST_PIECES)
    if name in _CHOICES:
        return _(CHOOSE)
    if not typed:
        return _(EMPTY)
    return _(NO_PHONE, example=example) if name in _PHONES else _(WRONG_TEXT)
