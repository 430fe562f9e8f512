"""Safaricom Daraja: B2C payments out (v3), their status, and results in.

It signs nothing, so the unguessable part of the path is all that tells its callbacks from a stranger's:

    POST /mpesa/b2c/v3/paymentrequest   {"OriginatorConversationID": "pay_4k2…", "Amount": "1500", …}
    200                                 {"ResponseCode": "0", "ConversationID": "AG_2026…", …}

    POST /webhooks/daraja/<secret>/result
    {"Result": {"ResultCode": 0, "OriginatorConversationID": "pay_4k2…", "TransactionID": "SG63…", …}}

An accepted request is not a payment. Results are sent once, if at all, perhaps before the answer to the request. The
OriginatorConversationID is ours and makes a request that is sent again the same request.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import partial
from threading import Lock
from typing import Any

import requests
from flask import Blueprint, Response, abort, jsonify, request

from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.http import TIMEOUT_S, broken_off
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
)

NAME = "daraja"
MINOR = 100
"""Cents in a shilling; the API takes whole shillings."""
log = logging.getLogger(__name__)


# Routes, and the secret in their path.


def routes(handler: PaymentCallbackHandler, secret: str) -> Blueprint:
    """The callbacks that our own requests name; nothing answers under another secret."""
    blueprint = Blueprint(NAME, __name__, url_prefix=f"/webhooks/{NAME}/<secret>")
    blueprint.url_value_preprocessor(partial(_verify, secret.encode()))
    for path, view in (("result", _result), ("timeout", _timeout)):
        blueprint.add_url_rule(f"/{path}", path, partial(view, handler), methods=["POST"], strict_slashes=False)
    return blueprint


def _verify(secret: bytes, _endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take the secret out of the path's values, so that no view sees it, and compare."""
    claimed = values.pop("secret") if values else ""
    if not hmac.compare_digest(claimed.encode(), secret):
        abort(404)


def _accepted() -> Response:
    return jsonify(ResultCode=0, ResultDesc="Accepted")


def _posted() -> Mapping[str, Any]:
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else abort(400, "there is no JSON object in it")


# Results: of a payment, or of a question about one.


def _result(handler: PaymentCallbackHandler) -> Response:
    result = _posted().get("Result")
    if not isinstance(result, dict) or not _text(result, "ResultCode"):
        abort(400, "there is no result in it")
    handler.on_result(NAME, _report(result) or abort(400, "it names no payment"))
    return _accepted()


def _report(result: Mapping[str, Any]) -> PaymentCallback | None:
    """None when it names nothing.

    The answer to a question is about a payment that its parameters name; its envelope names the question. Where
    nothing was found there are no parameters.
    """
    parameters = dict(_parameters(result.get("ResultParameters")))
    names = tuple(
        name
        for place in (parameters, result)
        for name in (_text(place, "OriginatorConversationID"), _text(place, "ConversationID"))
        if name
    )
    if not names:
        return None
    if "TransactionStatus" in parameters:
        word = _status(parameters)
        return PaymentCallback(names, word, word)
    return PaymentCallback(names, _outcome(result, parameters), _no_answer(result))


def _parameters(said: Any) -> Iterator[tuple[str, Any]]:
    """Key and value of each, in whatever form they come: a list, a single one, nothing; a value may be missing."""
    items = said.get("ResultParameter", []) if isinstance(said, dict) else []
    for item in items if isinstance(items, list) else [items]:
        if isinstance(item, dict) and isinstance(item.get("Key"), str):
            yield item["Key"], item.get("Value")


# Of the others only the status tells: 15 (a duplicate), 17 (it broke inside), 26 (it is busy), and what nobody knows.
_RESULTS: dict[str, FaultParty] = {
    "1": "us",  # the float is empty
    "2": "nobody",  # below the least
    "3": "nobody",  # above the most
    "4": "nobody",  # above the day's limit
    "8": "recipient",  # her wallet would be too full
    "11": "us",
    "18": "us",
    "20": "us",
    "21": "us",  # this initiator may not pay
    "22": "us",
    "24": "us",
    "25": "us",
    "29": "us",
    "2001": "us",  # wrong initiator or credential
    "2006": "us",
    "2028": "us",
    "2040": "recipient",  # not registered
    "8006": "us",  # the credential is locked
    "SFC_IC0003": "recipient",  # no such number
}
_DAY_IS_FULL = "4"
_NO_SUCH_TRANSACTION = "2032"


def _outcome(result: Mapping[str, Any], parameters: Mapping[str, Any]) -> PaymentStatus | None:
    """What a result says of a payment; nothing when its code is none we know to be final."""
    code = _text(result, "ResultCode")
    if code == "0":
        reference = _text(parameters, "TransactionReceipt") or _text(result, "TransactionID")
        return _paid(reference, parameters.get("TransactionAmount"))
    blame = _RESULTS.get(code)
    if blame is None and code != _NO_SUCH_TRANSACTION:
        log.warning("a payment has a result code that settles nothing: %s", code)
    if blame is None:
        return None
    return NotPaid(f"{code} {_text(result, 'ResultDesc')}".strip()[:200], blame, try_tomorrow=code == _DAY_IS_FULL)


def _no_answer(result: Mapping[str, Any]) -> PaymentStatus | None:
    """What a result without parameters says to a question."""
    return NotFound() if _text(result, "ResultCode") == _NO_SUCH_TRANSACTION else None


_ENDED_UNPAID = frozenset({"failed", "cancelled", "declined", "expired", "rejected"})


def _status(parameters: Mapping[str, Any]) -> PaymentStatus | None:
    """What a status says: it may still be under way."""
    status = _text(parameters, "TransactionStatus")
    if status.lower() == "completed":
        return _paid(_text(parameters, "ReceiptNo"), parameters.get("Amount"))
    return NotPaid(f"it is {status}") if status.lower() in _ENDED_UNPAID else None


def _paid(reference: str, amount: Any) -> Paid | None:
    """Nobody is told of money that has no reference."""
    return Paid(reference, _minor(amount)) if reference else None


def _minor(amount: Any) -> int | None:
    """`1500`, `1500.0` and `"1500.00"` shillings alike in cents; None for what is no amount."""
    try:
        cents = Decimal(str(amount)) * MINOR
        return int(cents) if cents == int(cents) else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def _text(fields: Mapping[str, Any], name: str) -> str:
    """A field that may come as a number or not at all; what no database keeps is left out."""
    value = fields.get(name)
    return "".join(filter(str.isprintable, str(value))).strip() if isinstance(value, str | int | float) else ""


# Time-outs: the request comes back as we sent it.


def _timeout(handler: PaymentCallbackHandler) -> Response:
    body = _posted()
    envelope = body.get("Result") if isinstance(body.get("Result"), dict) else body
    if _text(envelope or {}, "OriginalConversationID"):
        return _accepted()  # a question of ours was not answered in time; it will be asked again
    name = _text(envelope or {}, "OriginatorConversationID")
    handler.on_timeout(NAME, name or abort(400, "it names no payment"))
    return _accepted()


# Send.

_TOKEN_CODES = frozenset({"401.002.01", "404.001.03", "400.003.01"})
_DUPLICATE = "500.002.1001"
_REFUSED_KEY = (400, 401)
"""So a wrong consumer key is answered, often without a word; other 4xx are a box on the way."""
_RENEWED_AT = 0.9
"""The part of a token's life after which a new one is fetched."""


class Daraja:
    """Pays from a B2C short code.

    `base_url` says whether that is in the sandbox or for good; `callbacks` is the root that our two routes stand
    under, as the outside reaches it.
    """

    def __init__(
        self,
        base_url: str,
        consumer_key: str,
        consumer_secret: str,
        *,
        shortcode: str,
        initiator: str,
        credential: str,
        callbacks: str,
        clock: Callable[[], datetime],
        session: requests.Session | None = None,
        name: str = NAME,
    ) -> None:
        self.name = name
        self._shortcode, self._initiator, self._credential = shortcode, initiator, credential
        self._callbacks = callbacks
        self._root = base_url
        self._session = session or requests.Session()
        self._key = (consumer_key, consumer_secret)
        self._token = _Token(self._fetch, clock)

    def pay(self, payment: Payment) -> PaymentStatus | Pending:
        """Ask it to pay the whole shillings of `amount`; raises PaymentError."""
        try:
            answer = self._post(
                "/mpesa/b2c/v3/paymentrequest",
                {
                    "OriginatorConversationID": payment.id,
                    "InitiatorName": self._initiator,
                    "SecurityCredential": self._credential,
                    "CommandID": "BusinessPayment",
                    "Amount": str(payment.amount // MINOR),
                    "PartyA": self._shortcode,
                    "PartyB": payment.msisdn.removeprefix("+"),
                    "Remarks": f"Soko {payment.about}",
                    "QueueTimeOutURL": f"{self._callbacks}/timeout",
                    "ResultURL": f"{self._callbacks}/result",
                    "Occassion": payment.about,
                },
            )
        except _DeniedError as denied:
            return NotPaid(denied.reason, "us")
        return _taken(answer)

    def query(self, payment: Payment) -> PaymentStatus | Pending:
        """Ask for a payment's status, which comes as a callback; raises PaymentError."""
        try:
            answer = self._post(
                "/mpesa/transactionstatus/v1/query",
                {
                    "Initiator": self._initiator,
                    "SecurityCredential": self._credential,
                    "CommandID": "TransactionStatusQuery",
                    "OriginalConversationID": payment.id,
                    "PartyA": self._shortcode,
                    "IdentifierType": "4",
                    "ResultURL": f"{self._callbacks}/result",
                    "QueueTimeOutURL": f"{self._callbacks}/timeout",
                    "Remarks": f"Soko {payment.about}",
                    "Occasion": payment.about,
                },
            )
        except _DeniedError as denied:
            raise PaymentError(Reason.MISCONFIGURED, denied.reason) from denied
        if isinstance(taken := _taken(answer), NotPaid):
            raise PaymentError(Reason.REFUSED, taken.detail)  # it is the question that was refused
        return taken

    def _post(self, path: str, body: Mapping[str, str]) -> requests.Response:
        """The answer, with a token that is good; one that is not is renewed once."""
        token = self._token.get()
        answer = self._exchange("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})
        if not _wants_token(answer):
            return answer
        token = self._token.get(instead_of=token)
        answer = self._exchange("POST", path, json=body, headers={"Authorization": f"Bearer {token}"})
        if _wants_token(answer):
            raise _DeniedError("the access token is refused")
        return answer

    def _fetch(self) -> tuple[str, timedelta]:
        """A new token and how long it lives."""
        try:
            answer = self._exchange(
                "GET", "/oauth/v1/generate", params={"grant_type": "client_credentials"}, auth=self._key
            )
        except PaymentError as error:
            raise PaymentError(Reason.UNREACHABLE, error.detail) from error  # no payment was asked for yet
        if answer.status_code in _REFUSED_KEY:
            raise _DeniedError("the consumer key is refused")
        token, life = _text(_body(answer), "access_token"), _text(_body(answer), "expires_in")
        if answer.status_code != 200 or not token or not life.isdecimal():
            raise PaymentError(Reason.PROVIDER_DOWN, "no access token")
        return token, timedelta(seconds=int(life))

    def _exchange(self, method: str, path: str, **parts: Any) -> requests.Response:
        try:
            return self._session.request(method, self._root + path, timeout=TIMEOUT_S, allow_redirects=False, **parts)
        except requests.RequestException as error:
            raise PaymentError(broken_off(error)) from error


class _DeniedError(Exception):
    """Our credentials are refused; nothing was paid."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Token:
    """One access token for all threads, fetched by one of them while the others wait."""

    def __init__(self, fetch: Callable[[], tuple[str, timedelta]], clock: Callable[[], datetime]) -> None:
        self._fetch, self._clock = fetch, clock
        self._lock = Lock()
        self._value = ""
        self._good_until: datetime | None = None

    def get(self, *, instead_of: str | None = None) -> str:
        """A token other than `instead_of`, which was refused."""
        with self._lock:
            if self._good_until is None or self._clock() >= self._good_until or self._value == instead_of:
                self._value, life = self._fetch()
                self._good_until = self._clock() + life * _RENEWED_AT
            return self._value


def _wants_token(answer: requests.Response) -> bool:
    return answer.status_code == 401 or _text(_body(answer), "errorCode") in _TOKEN_CODES


def _taken(answer: requests.Response) -> NotPaid | Pending:
    """What an answer to a request means; raises PaymentError when it is not clear that it was taken over."""
    body = _body(answer)
    code, words = _text(body, "errorCode"), _text(body, "errorMessage")
    reason = f"{code or answer.status_code} {words}".strip()[:200]
    if answer.status_code == 200 and _text(body, "ResponseCode") == "0":
        return Pending(tuple(filter(None, (_text(body, "ConversationID"), _text(body, "OriginatorConversationID")))))
    if code == _DUPLICATE:
        raise DuplicatePaymentError
    if answer.status_code == 429:
        raise PaymentError(Reason.THROTTLED, reason)
    if 400 <= answer.status_code < 500 and code:
        return NotPaid(reason, _fault(words))
    # 5xx, a redirect, a proxy's page, an answer without meaning: Daraja may have taken it all the same
    raise PaymentError(Reason.NO_ANSWER, reason)


def _fault(words: str) -> FaultParty:
    """Whose matter a field is that they call invalid; what is neither hers nor this payment's befalls the next too."""
    if "PartyB" in words:
        return "recipient"
    return "nobody" if "Amount" in words else "us"


def _body(answer: requests.Response) -> Mapping[str, Any]:
    """The object in an answer; none in one that makes no sense."""
    try:
        body = answer.json()
    except requests.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
