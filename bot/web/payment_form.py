"""The part of a form in which a buyer chooses how to pay, and the places of refusals in a form.

It is in the order form and on the page of an order. Its fields are named after their places in the body of
`POST /api/v1/orders`, as all fields of these forms are.
"""

from __future__ import annotations

from collections.abc import Mapping

from babel import Locale

from bot.web import formats
from bot.web.preferences import translated
from flows.kit import N_
from marketplace_api.orders.quotes import WaysToPay
from marketplace_api.problems import Problem

BY, PHONE, CURRENCY = "payment.by", "payment.phone", "payment.currency"
BUYERS_PHONE, COUNTRY = "buyer.phone", "ship_to.country"
PLACES: Mapping[str, str] = {
    "absurd_amount": BY,
    "no_collector": BY,
    "phone_not_charged": PHONE,
    "no_exchange_rate": CURRENCY,
    "no_shipping_there": COUNTRY,
    "not_enough_stock": "quantity",
}
"""The field at which a refusal by the shop is shown, by its reason."""
COUNTRY_NAMES = Locale("en").territories
# Translators: these stand on a page, not in a text; they may be a little longer.
TOO_MUCH = N_("{network} does not take so much at once. Please order less.")
TOO_MUCH_OR_CARD = N_("{network} does not take so much at once. Please order less or pay by card.")
NO_COLLECTOR = N_("Nobody can pay in this way at the moment. Please choose another way.")
NOT_CHARGED = N_("{network} cannot charge this phone. Please name another one.")
NOT_CHARGED_OR_CARD = N_("{network} cannot charge this phone. Please name another one or pay by card.")
NO_RATE = N_("We have no exchange rate of today for this currency. Please choose another one.")
NO_SHIPPING = N_("We do not ship to {country}.")


def payment_body(form: Mapping[str, str], ways: WaysToPay, phone: str, return_url: str) -> Mapping[str, str]:
    """The `payment` in the body of `POST /orders` for a form; what was not chosen is the first of `ways`.

    The prompt goes to `phone`, the buyer's, if the form names no other one.

    >>> payment_body({}, WaysToPay(["mpesa"], "M-PESA"), "0733000333", "")
    {'by': 'mpesa', 'phone': '0733000333'}
    """
    by = form.get(BY) or (ways.methods[0] if ways.methods else "")
    if by == "card":
        first = ways.by_card[0].currency if ways.by_card else ""
        return {"by": by, "currency": form.get(CURRENCY) or first, "return_url": return_url}
    return {"by": by, "phone": form.get(PHONE, "").strip() or phone}


def refusals_by_field(problem: Problem | None, form: Mapping[str, str], ways: WaysToPay) -> Mapping[str, str]:
    """The error messages by form field: `#/ship_to/city` is the field `ship_to.city`."""
    errors = problem.errors if problem and problem.errors else ()
    refusals = {error.pointer.removeprefix("#/").replace("/", "."): error.detail for error in errors}
    if "payment" in refusals:
        refusals[BY] = refusals.pop("payment")
    if BUYERS_PHONE in refusals and not form.get(PHONE, "").strip():
        refusals.pop(PHONE, None)  # it is the same phone
    if problem and (place := PLACES.get(problem.reason or "")):
        refusals[place] = _words(problem, form, ways)
    return refusals


def _words(problem: Problem, form: Mapping[str, str], ways: WaysToPay) -> str:
    """What is wrong and what to do, for a refusal that has a field."""
    has_card = "card" in ways.methods
    match problem.reason:
        case "absurd_amount":
            return translated(TOO_MUCH_OR_CARD if has_card else TOO_MUCH, network=ways.network)
        case "no_collector":
            return translated(NO_COLLECTOR)
        case "phone_not_charged":
            return translated(NOT_CHARGED_OR_CARD if has_card else NOT_CHARGED, network=ways.network)
        case "no_exchange_rate":
            return translated(NO_RATE)
        case "no_shipping_there":
            return translated(NO_SHIPPING, country=formats.country_name(form.get(COUNTRY, "")))
        case _:
            return problem.detail
