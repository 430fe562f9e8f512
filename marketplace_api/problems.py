"""Errors as RFC 9457 `application/problem+json`, with sentences that say what to do.

{"type": "about:blank", "title": "Conflict", "status": 409,
 "detail": "The order is cancelled; …", "reason": "order_not_open"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Self

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from marketplace_api.refused import RefusalReason, Refused
from marketplace_api.schemas.money import Money

REFUSAL_DETAILS: Mapping[RefusalReason, str] = {
    "absurd_amount": "{amount} is no amount that can be paid at once.",
    "already_registered": "This phone is registered already.",
    "drawer_short": "The drawer holds {held} minor units; no more can be taken out of it.",
    "due_too_soon": "It is due on {due_on}; nobody could bring it by then. Take a later day.",
    "bad_idempotency_key": "Idempotency-Key takes 1 to 255 visible characters, bare or in double quotes.",
    "help_request_closed": "This help request is closed already.",
    "idempotency_key_reused": "This Idempotency-Key was used for another request; take a new key.",
    "many_keys": "Several keys have this name; say which by its id: {ids}.",
    "locked": "Too many wrong codes were typed; try again in an hour.",
    "code_erased": "The text had a one-time code, which is erased; its recipient can ask for a new one.",
    "message_not_failed": "The text is {current}; only one that failed or was suppressed can be sent again.",
    "not_a_wallet": "{network} cannot pay this phone.",
    "not_an_agent": "This phone is no kiosk agent's.",
    "not_an_artisan": "This phone is no artisan's.",
    "not_due": "No payout of that amount waits for this artisan and order {code}.",
    "nobody_to_ask": "There is no artisan who makes {category} and could be asked.",
    "not_enough_stock": "Only {available} of {code} can be ordered; order fewer or another product.",
    "not_your_order": "Order {code} was not offered to this artisan.",
    "orders_open": "The artisan has open orders; finish or decline them first.",
    "money_owed": "The artisan is still owed money; pay it first.",
    "problem_known": "This buyer has reported a problem already; close that request first.",
    "not_your_product": "Product {code} belongs to another artisan.",
    "operator_known": "There is an operator {name}, who can log in. To begin again: operator revoke {name}",
    "order_being_made": "Parts of the order are being made already.",
    "order_not_at_kiosk": "The order is {current}; only one that is at its kiosk can be shipped.",
    "order_not_expected": "The order is {current}; only an accepted one can be received.",
    "order_not_open": "The order is {current}; this is possible only while it is placed.",
    "order_not_voidable": "The order is {current}; only one that is accepted, at its kiosk or shipped is voided.",
    "order_not_shipped": "The order is {current}; only a shipped one can be delivered.",
    "other_currency": "Money here is in {currency}.",
    "other_kiosk": "Order {code} belongs to another kiosk: {kiosk}.",
    "payout_not_awaiting_collection": "The payout is {current}; nothing waits to be collected.",
    "payout_not_failed": "The payout is {current}; only a failed one can be tried again.",
    "own_goods": "An agent does not receive or pay for goods that the agent made; another kiosk does.",
    "own_product": "An artisan cannot pay for what the artisan makes.",
    "payout_not_held": "The payout is {current}; only a held one can be released.",
    "payout_not_open": "The payout is {current}; it is settled or was never sent.",
    "payout_not_settled": "The payout is {current}; only one that was paid can come back.",
    "payout_not_sendable": "The payout is {current}; it cannot be sent now.",
    "payout_on_its_way": "The payout is {current}; it is being paid or has been paid.",
    "payouts_paused": "Payouts are paused: {because}",
    "price_changed": "The order costs {total} minor units of {currency} now, not {expected}; nothing was ordered.",
    "product_withdrawn": "Product {code} is not sold any more.",
    "receipt_final": "The receipt cannot be undone: the order or the part is {current}.",
    "quantity_unsaid": "Order {code} is for several artisans; say how many of {most}.",
    "reference_known": "The reference {reference} belongs to another payment.",
    "statement_too_long": "There are more than {most} lines; ask for a shorter time.",
    "still_running": "A request with this Idempotency-Key is still running; ask again in a moment.",
    "too_late": "Order {code} is due on {due_on}.",
    "too_many_unpaid_orders": "This phone has {most} unpaid orders already; pay or cancel one, or try again later.",
    "too_many_webhook_endpoints": "A key may have {most} webhook endpoints; delete one that is not needed.",
    "unknown_artisan": "There is no such artisan.",
    "unknown_category": "There is no category {category}.",
    "entry_final": "The entry {key} cannot be reversed: {because}",
    "unknown_entry": "The ledger has no entry {key}.",
    "unknown_code": "There is nothing with the code {code}.",
    "unknown_help_request": "There is no such help request.",
    "unknown_key": "No key in use has this name or id.",
    "unknown_kiosk": "There is no such kiosk.",
    "unknown_language": "People are written to in {languages}.",
    "unknown_message": "There is no such text.",
    "unknown_operator": "There is no operator {name}.",
    "unknown_proposal": "There is no such proposal.",
    "own_proposal": "You have proposed this yourself. Another operator has to decide.",
    "proposal_decided": "The proposal is {current}; it was decided before.",
    "proposal_expired": "The proposal is older than 24 hours. Propose it anew.",
    "proposal_void": "Who proposed this may not act on money any more. Propose it anew.",
    "unknown_order": "There is no such order.",
    "unknown_part": "There is no such part of an order.",
    "unknown_payout": "There is no such payout.",
    "unknown_product": "There is no such product.",
    "unknown_webhook_delivery": "There is no such delivery to this endpoint.",
    "unknown_webhook_endpoint": "There is no such webhook endpoint.",
    "unsafe_text": "A name or a text may have no web address, no code to dial and not the name of this service.",
    "credit_exhausted": "The storefront may owe {credit} minor units of {currency}, and would owe {owed}.",
    "external_ref_known": "The order {code} has the external_ref {external_ref} already.",
    "no_collector": "Nobody can pay by {method} here at the moment.",
    "no_exchange_rate": "There is no rate of {currency} from the last 24 hours, so no card can be charged in it.",
    "no_shipping_there": "We do not ship to {country}.",
    "not_funded": "There is not enough money in {account}.",
    "order_not_unpaid": "The order is {current}; only an unpaid one can be paid.",
    "payment_needed": "Say in `payment` how the buyer pays; this key may not order on credit.",
    "money_not_unmatched": "The money is {current}; only unmatched money can be assigned or given back.",
    "payment_not_captured": "The payment is {current}; only a captured one can be disputed or given back.",
    "payment_decided": "The payment is {current}; there is nothing to decide about it.",
    "payment_not_open": "The payment is {current}; it is settled.",
    "payment_open": "The buyer is being asked to pay; wait for the answer.",
    "phone_not_charged": "{network} cannot charge this phone.",
    "refund_not_done": "The refund is {current}; only one that is done can come back.",
    "refund_not_due": "The refund is {current}; only one that is due can be sent.",
    "refund_not_failed": "The refund is {current}; only a failed one can be tried again.",
    "refund_not_open": "The refund is {current}; nobody is giving it back now.",
    "refund_on_its_way": "The refund is {current}; it is on its way or done.",
    "refund_too_large": "Only {most} minor units of {currency} of this payment can still be given back.",
    "unknown_payment": "There is no such payment.",
    "unknown_refund": "There is no such refund.",
    "too_late_to_pay": "The order ends before a prompt could be answered. Please order again.",
    "wrong_currency": "The account is kept in {kept}, not in {currency}.",
    "wrong_total": "The order costs {total} minor units of {currency}; a payment has to be for all of it.",
    "wrong_count": "{count} is not between 1 and {most}.",
}

_FIELD_DETAILS = {
    "extra_forbidden": "is not known here",
    "missing": "is missing",
    "string_pattern_mismatch": "has characters that cannot stand here, or none that can be seen",
}
"""Our words in place of pydantic's own, by its type of error."""


class FieldError(BaseModel):
    """The error of one field; `pointer` is its place, such as `#/buyer/phone`."""

    detail: str
    pointer: str


class Problem(BaseModel):
    """An error (RFC 9457). `reason` is a stable word for programs, `detail` a sentence for people.

    `total` is what the order costs, if another amount was expected; `order_id` is the order that was placed before.
    """

    type: str
    title: str
    status: int
    detail: str
    reason: str | None = None
    errors: list[FieldError] | None = None
    total: Money | None = None
    order_id: str | None = None

    @classmethod
    def of(
        cls, status: int, detail: str, reason: str | None = None, errors: Sequence[FieldError] | None = None
    ) -> Self:
        """The problem of an HTTP status; the title is the status phrase."""
        title = HTTPStatus(status).phrase
        field_errors = None if errors is None else list(errors)
        return cls(type="about:blank", title=title, status=status, detail=detail, reason=reason, errors=field_errors)

    def as_json(self) -> str:
        """The body of an answer; members that are None are left out."""
        return json.dumps(self.model_dump(exclude_none=True))


def explain(refused: Refused) -> str:
    """The sentence that says why the shop refused."""
    return REFUSAL_DETAILS[refused.reason].format_map(refused.values)


def refusal(refused: Refused) -> Problem:
    """The problem of a refusal."""
    problem, values = Problem.of(refused.status, explain(refused), refused.reason), refused.values
    if "total" in values:
        problem.total = Money.model_validate({"amount": values["total"], "currency": values["currency"]})
    if "order_id" in values:
        problem.order_id = str(values["order_id"])
    return problem


def not_valid(errors: Sequence[ErrorDetails], status: int = 422) -> Problem:
    """The problem of a request whose fields are not valid; `errors` are pydantic's."""
    count = "One field is" if len(errors) == 1 else f"{len(errors)} fields are"
    return Problem.of(status, f"{count} not valid.", errors=[_field_error(error) for error in errors])


def _field_error(error: ErrorDetails) -> FieldError:
    detail = _FIELD_DETAILS.get(error["type"]) or error["msg"].removeprefix("Value error, ")
    return FieldError(detail=detail, pointer=_pointer(error["loc"]))


def _pointer(path: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901) as a URI fragment.

    A step like `(kind)` names the variant of a union that was read; it is not in the body, and is left out.
    """
    steps = [str(step) for step in path if not str(step).startswith("(")]
    return "#" + "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in steps)
