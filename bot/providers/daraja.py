"""Safaricom Daraja: B2C payments out (v3), their status, and results in, which the secret in the path authenticates.

    POST /mpesa/b2c/v3/paymentrequest   {"OriginatorConversationID": "pay_4k2…", "Amount": "1500", …}
    200                                 {"ResponseCode": "0", "ConversationID": "AG_2026…", …}

    POST /webhooks/daraja/<secret>/result/<token>
    {"Result": {"ResultCode": 0, "OriginatorConversationID": "pay_4k2…", "TransactionID": "SG63…", …}}

An accepted request is not a payment. A result is sent once or never, and may come before the answer to the request.
The OriginatorConversationID is ours; a request that is sent again with the same one is paid once. Each request names
addresses with a token of its own. What is posted to the addresses without a token is only a hint.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, request

from bot.providers import daraja_client, forms
from bot.providers import daraja_posted as posted
from bot.providers.daraja_client import DarajaClient, DeniedError, fields
from bot.providers.daraja_settings import NAME, DarajaSettings
from bot.providers.declaration import Provider
from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.http import requested_wait, text
from bot.providers.payment_contracts import (
    FaultParty,
    NotFound,
    NotPaid,
    Paid,
    Payment,
    PaymentCallback,
    PaymentCallbackHandler,
    PaymentStatus,
    Pending,
    Wallet,
)
from bot.providers.secret_path import secret_blueprint, secret_paths
from bot.runtime.clock import Clock

if TYPE_CHECKING:
    import requests

log = logging.getLogger(__name__)


# Routes.


def routes(handler: PaymentCallbackHandler, secrets: tuple[str, ...]) -> Blueprint:
    """The routes of the callbacks; our requests name their URLs, with a token."""
    blueprint = secret_blueprint(NAME, secrets)
    for path, view in (("result", partial(_result, handler)), ("timeout", partial(_timeout, handler))):
        for rule in (f"/{path}", f"/{path}/<token>"):
            blueprint.add_url_rule(rule, path, view, methods=["POST"], strict_slashes=False)
    return blueprint


# Results: of a payment, or of a status query.


def _result(handler: PaymentCallbackHandler, token: str = "") -> Response:
    callback = _callback(posted.result(request)) or abort(400, "it names no payment")
    if token:
        handler.on_result(NAME, posted.token(token), callback)
    else:
        handler.on_hint(NAME, callback.names)
    return posted.accepted()


def _callback(result: Mapping[str, Any]) -> PaymentCallback | None:
    """The callback in a result; None if the result has no name.

    The result of a query names the payment in its parameters, and the query in its envelope. If the payment was not
    found, there are no parameters.
    """
    parameters = dict(posted.parameters(result))
    names = tuple(
        forms.bounded("an id", name)
        for place in (parameters, result)
        for name in (text(place, "OriginatorConversationID"), text(place, "ConversationID"))
        if name
    )
    if not names:
        return None
    if "TransactionStatus" in parameters:
        status = _transaction_status(parameters)
        return PaymentCallback(names, status, status)
    return PaymentCallback(names, _payment_outcome(result, parameters), _query_outcome(result))


# Final result codes. After any other a query is needed: 15 (a duplicate), 17 (internal), 26 (busy), unknown codes.
_RESULTS: dict[str, FaultParty] = {
    "1": "us",  # the float is empty
    "2": "nobody",  # below the minimum
    "3": "nobody",  # above the maximum
    "4": "nobody",  # above the daily limit
    "8": "recipient",  # the recipient's balance would be above its limit
    "21": "us",  # this initiator may not pay
    "2001": "us",  # wrong initiator or credential
    "2040": "recipient",  # not registered
    "8006": "us",  # the credential is locked
    "SFC_IC0003": "recipient",  # no such number
    **dict.fromkeys(("11", "18", "20", "22", "24", "25", "29", "2006", "2028"), "us"),  # our account or request
}
_DAILY_LIMIT = "4"
_NO_SUCH_TRANSACTION = "2032"


def _payment_outcome(result: Mapping[str, Any], parameters: Mapping[str, Any]) -> PaymentStatus | None:
    """The status in the result of a payment; None if its code is not known to be final."""
    code = text(result, "ResultCode")
    if code == "0":
        reference = text(parameters, "TransactionReceipt") or text(result, "TransactionID")
        return _paid(reference, parameters.get("TransactionAmount"), text(parameters, "ReceiverPartyPublicName"))
    fault = _RESULTS.get(code)
    if fault is None and code != _NO_SUCH_TRANSACTION:
        log.warning("a payment has a result code that is not final: %s", code)
    if fault is None:
        return None
    detail = f"{code} {text(result, 'ResultDesc')}".strip()[:200]
    return NotPaid(detail, fault, try_tomorrow=code == _DAILY_LIMIT)


def _query_outcome(result: Mapping[str, Any]) -> PaymentStatus | None:
    """The status in the result of a query that has no parameters."""
    return NotFound() if text(result, "ResultCode") == _NO_SUCH_TRANSACTION else None


_ENDED_UNPAID = frozenset({"failed", "cancelled", "declined", "expired", "rejected"})


def _transaction_status(parameters: Mapping[str, Any]) -> PaymentStatus | None:
    """The status in the result of a query; None while the payment is in progress."""
    status = text(parameters, "TransactionStatus")
    if status.lower() == "completed":
        return _paid(text(parameters, "ReceiptNo"), parameters.get("Amount"), text(parameters, "CreditPartyName"))
    return NotPaid(f"it is {status}") if status.lower() in _ENDED_UNPAID else None


def _paid(reference: str, amount: Any, recipient: str) -> Paid | None:
    """None without a reference: the artisan gets no message about money that cannot be traced."""
    if not reference:
        return None
    return Paid(forms.bounded("the reference", reference), posted.cents(amount), posted.msisdn(recipient))


# Time-outs: the body is our own request. They settle nothing, whatever their address is.


def _timeout(handler: PaymentCallbackHandler, token: str = "") -> Response:
    body = forms.json_object(request)
    envelope = body.get("Result") if isinstance(body.get("Result"), dict) else body
    if text(envelope or {}, "OriginalConversationID"):
        return posted.accepted()  # a query was not answered in time; there will be another
    name = text(envelope or {}, "OriginatorConversationID")
    handler.on_hint(NAME, [forms.bounded("an id", name) or abort(400, "it names no payment")])
    return posted.accepted()


# Send.

_DUPLICATE = "500.002.1001"  # also the code of *System internal error*: the description tells them apart


class Daraja:
    """Pays from a B2C short code. `callbacks` is the public URL above our routes."""

    def __init__(
        self,
        client: DarajaClient,
        *,
        shortcode: str,
        initiator: str,
        credential: str,
        callbacks: str,
        name: str = NAME,
    ) -> None:
        self.name = name
        self._client, self._callbacks = client, callbacks
        self._shortcode, self._initiator, self._credential = shortcode, initiator, credential

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        """Request the payment of the whole shillings of the amount. Raises PaymentError."""
        try:
            answer = self._client.post(
                "/mpesa/b2c/v3/paymentrequest",
                {
                    "OriginatorConversationID": payment.id,
                    "InitiatorName": self._initiator,
                    "SecurityCredential": self._credential,
                    "CommandID": "BusinessPayment",
                    "Amount": str(payment.amount // posted.CENTS),
                    "PartyA": self._shortcode,
                    "PartyB": payment.msisdn.removeprefix("+"),
                    "Remarks": f"Soko {payment.about}",
                    "QueueTimeOutURL": f"{self._callbacks}/timeout/{payment.token}",
                    "ResultURL": f"{self._callbacks}/result/{payment.token}",
                    "Occassion": payment.about,
                },
            )
        except DeniedError as denied:
            return NotPaid(str(denied), "us")
        return _request_outcome(answer)

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        """Request a payment's status, which comes as a callback. Raises PaymentError."""
        try:
            answer = self._client.post(
                "/mpesa/transactionstatus/v1/query",
                {
                    "Initiator": self._initiator,
                    "SecurityCredential": self._credential,
                    "CommandID": "TransactionStatusQuery",
                    "OriginalConversationID": payment.id,
                    "PartyA": self._shortcode,
                    "IdentifierType": "4",
                    "ResultURL": f"{self._callbacks}/result/{payment.token}",
                    "QueueTimeOutURL": f"{self._callbacks}/timeout/{payment.token}",
                    "Remarks": f"Soko {payment.about}",
                    "Occasion": payment.about,
                },
            )
        except DeniedError as denied:
            raise PaymentError(Reason.MISCONFIGURED, str(denied)) from denied
        if isinstance(outcome := _request_outcome(answer), NotPaid):
            raise PaymentError(Reason.REFUSED, outcome.detail)  # the query was refused, not the payment
        return outcome


def _request_outcome(answer: requests.Response) -> NotPaid | Pending:
    """The outcome in an answer to a request. Raises PaymentError if it does not say that the request was accepted."""
    body = fields(answer)
    code, description = text(body, "errorCode"), text(body, "errorMessage")
    detail = f"{code or answer.status_code} {description}".strip()[:200]
    if answer.status_code == 200 and text(body, "ResponseCode") == "0":
        return Pending(tuple(filter(None, (text(body, "ConversationID"), text(body, "OriginatorConversationID")))))
    wait = requested_wait(answer.headers)
    if code == _DUPLICATE and "duplicate" in description.lower():
        raise DuplicatePaymentError
    if answer.status_code == 429:
        raise PaymentError(Reason.THROTTLED, detail, retry_after=wait)
    if 400 <= answer.status_code < 500 and code:
        return NotPaid(detail, _fault(description))
    # 5xx, a redirect, a proxy's page, an unknown answer: the request may have been accepted nevertheless
    raise PaymentError(Reason.NO_ANSWER, detail, retry_after=wait)


def _fault(description: str) -> FaultParty:
    """Who can correct the invalid field: if it is neither number nor amount, every payment fails until we do."""
    if "PartyB" in description:
        return "recipient"
    return "nobody" if "Amount" in description else "us"


# The declaration for the registry.


def _payer(settings: DarajaSettings, clock: Clock) -> Daraja:
    return Daraja(
        daraja_client.of(settings, clock),
        shortcode=settings.daraja_shortcode or "",
        initiator=settings.daraja_initiator or "",
        credential=settings.daraja_security_credential or "",
        callbacks=settings.url + secret_paths(NAME, settings.callback_secrets)[0],
    )


PROVIDER = Provider(
    name=NAME,
    settings=DarajaSettings,
    needs=(
        *("daraja_base_url", "daraja_consumer_key", "daraja_consumer_secret"),
        *("daraja_shortcode", "daraja_initiator", "daraja_security_credential"),
    ),
    blueprint=lambda settings, handlers: routes(handlers.payments, settings.callback_secrets),
    secret_paths=lambda settings: secret_paths(NAME, settings.callback_secrets),
    check_account=lambda settings, clock: daraja_client.of(settings, clock).authenticate(),
    payer=_payer,
    wallet=Wallet("M-PESA", "KE"),
)
