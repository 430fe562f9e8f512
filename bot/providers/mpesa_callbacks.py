"""The callbacks of M-PESA Express, of reversals, of the status of a receipt, and of payments to our paybill number.

    POST /webhooks/daraja/<secret>/express/<token>
    {"Body": {"stkCallback": {"ResultCode": 0, "CheckoutRequestID": "ws_CO_2311…", "CallbackMetadata": {"Item": […]}}}}

    POST /webhooks/daraja/<secret>/c2b/confirmation
    {"TransID": "SG63…", "TransAmount": "1500.00", "BillRefNumber": "K7P4", "FirstName": "JOY", …}

Each request of ours names an address with a token of its own; the address of paybill is registered once, and proves
nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, request

from bot.providers import daraja_posted as posted
from bot.providers import forms
from bot.providers.collector_contracts import (
    Captured,
    CollectorCallbackHandler,
    NotRefunded,
    NotRefundedReason,
    PaybillNotice,
    Refunded,
    RefundStatus,
)
from bot.providers.daraja_settings import CURRENCY
from bot.providers.daraja_settings import NAME as ACCOUNT
from bot.providers.http import text
from bot.providers.secret_path import secret_blueprint

log = logging.getLogger(__name__)


# Routes.


def routes(handler: CollectorCallbackHandler, secrets: tuple[str, ...], shortcode: str, collector: str) -> Blueprint:
    """The routes of the callbacks. Our requests name those with a token; the others are registered for `shortcode`."""
    blueprint = secret_blueprint(ACCOUNT, secrets, part="mpesa")
    for rule, view in (
        ("/express/<token>", partial(_charge, handler)),
        ("/reversal/<token>", partial(_reversal, handler)),
        ("/receipt/<token>", partial(_receipt, handler, shortcode)),
        ("/unanswered/<token>", partial(_unanswered, handler)),
        ("/c2b/confirmation", partial(_confirmation, handler, collector)),
        ("/c2b/validation", posted.accepted),
    ):
        endpoint = rule.partition("<")[0].strip("/").replace("/", "_")
        blueprint.add_url_rule(rule, endpoint, view, methods=["POST"], strict_slashes=False)
    return blueprint


# The callback of a prompt.


def _charge(handler: CollectorCallbackHandler, token: str) -> Response:
    body = forms.json_object(request).get("Body")
    found = body.get("stkCallback") if isinstance(body, dict) else None
    if not isinstance(found, dict) or not text(found, "ResultCode"):
        abort(400, "the body has no callback")
    captured = _captured(found) if text(found, "ResultCode") == "0" else None
    provider_id = forms.bounded("the id", text(found, "CheckoutRequestID")) or None
    handler.on_charge(posted.token(token), captured, provider_id)
    return posted.accepted()


def _captured(found: Mapping[str, Any]) -> Captured | None:
    """The payment in a callback; None without a receipt, because money that cannot be traced proves nothing."""
    metadata = found.get("CallbackMetadata")
    items = metadata.get("Item") if isinstance(metadata, dict) else None
    listed = items if isinstance(items, list) else [items]
    named = {item["Name"]: item.get("Value") for item in listed if isinstance(item, dict) and _is_named(item)}
    amount, receipt = posted.cents(named.get("Amount")), text(named, "MpesaReceiptNumber")
    if not receipt:
        return None
    receipt = forms.bounded("the receipt", receipt)
    return Captured(amount, CURRENCY, receipt, msisdn=posted.msisdn(text(named, "PhoneNumber")))


def _is_named(item: Mapping[str, Any]) -> bool:
    return isinstance(item.get("Name"), str)


# The results of a reversal, and of a status query.


def _reversal(handler: CollectorCallbackHandler, token: str) -> Response:
    result = posted.result(request)
    parameters = dict(posted.parameters(result))
    outcome = _reversed_by_now(parameters) if "TransactionStatus" in parameters else _reversal_outcome(result)
    handler.on_answer(posted.token(token), outcome)
    return posted.accepted()


_REFUND_RESULTS: dict[str, NotRefundedReason] = {
    "1": NotRefundedReason.NO_FLOAT,
    "R000001": NotRefundedReason.ALREADY,
    "R000002": NotRefundedReason.NOT_POSSIBLE,  # no such transaction, or it is too old
    "2032": NotRefundedReason.NOT_POSSIBLE,  # the same, of another interface
    **dict.fromkeys(
        ("11", "18", "20", "21", "22", "24", "25", "29", "2001", "2006", "2028", "8006"),
        NotRefundedReason.MISCONFIGURED,
    ),
}
"""Final result codes of a reversal. After any other, a query is needed."""


def _reversal_outcome(result: Mapping[str, Any]) -> RefundStatus | None:
    code = text(result, "ResultCode")
    if code == "0":
        reference = forms.bounded("the receipt", text(result, "TransactionID"))
        return Refunded(reference) if reference else None
    reason = _REFUND_RESULTS.get(code)
    if reason is None:
        log.warning("a reversal has a result code that is not final: %s", code)
        return None
    return NotRefunded(reason, posted.detail(code, text(result, "ResultDesc")))


def _reversed_by_now(parameters: Mapping[str, Any]) -> RefundStatus | None:
    """The outcome of a reversal in the status of its payment; None while the payment is not reversed."""
    receipt = forms.bounded("the receipt", text(parameters, "ReceiptNo"))
    return Refunded(receipt) if receipt and text(parameters, "TransactionStatus").lower() == "reversed" else None


def _receipt(handler: CollectorCallbackHandler, shortcode: str, token: str) -> Response:
    """The status of a receipt: a payment only if it was completed, and paid to our own short code."""
    parameters = list(posted.parameters(posted.result(request)))
    named = dict(reversed(parameters))  # of a name that is repeated, the first
    payers = [text({"name": value}, "name") for key, value in parameters if key == "DebitPartyName"]
    receipt, amount = forms.bounded("the receipt", text(named, "ReceiptNo")), posted.cents(named.get("Amount"))
    is_completed = text(named, "TransactionStatus").lower() == "completed"
    is_ours = text(named, "CreditPartyName").partition(" ")[0] == shortcode
    answer = None
    if receipt and is_completed and is_ours:
        payer = next((each for each in payers if posted.msisdn(each)), "")
        answer = Captured(amount, CURRENCY, receipt, msisdn=posted.msisdn(payer), name=_name(payer))
    handler.on_answer(posted.token(token), answer)
    return posted.accepted()


def _name(party: str) -> str | None:
    """The name in `254711000111 - JANE DOE`."""
    return forms.bounded("the name", party.partition(" - ")[2].strip()) or None


def _unanswered(handler: CollectorCallbackHandler, token: str) -> Response:
    """A request was not handled in time; the body is our own request."""
    handler.on_answer(posted.token(token), None)
    return posted.accepted()


# Paybill: who knows the address can post this, so it proves nothing.


def _confirmation(handler: CollectorCallbackHandler, collector: str) -> Response:
    body = forms.json_object(request)
    receipt = forms.bounded("the receipt", text(body, "TransID") or abort(400, "it has no receipt"))
    account = forms.bounded("the account", text(body, "BillRefNumber"))
    name = " ".join(filter(None, (text(body, part) for part in ("FirstName", "MiddleName", "LastName"))))
    amount = posted.cents(body.get("TransAmount"))
    handler.on_paybill(collector, PaybillNotice(receipt, account, amount, forms.bounded("the name", name) or None))
    return posted.accepted()
