"""M-PESA Express (STK push) and paybill: buyers pay from a prompt on their phone, or to our paybill number.

    POST /mpesa/stkpush/v1/processrequest   {"Amount": "1500", "PhoneNumber": "254711000111", "CallBackURL": …}
    200                                     {"ResponseCode": "0", "CheckoutRequestID": "ws_CO_2311…", …}

The network has no id of ours, so a request is never repeated by itself. The query by CheckoutRequestID is answered at
once, without a receipt. A reversal is known by the receipt of the payment; its result comes as a callback, and so does
the status of a receipt. The codes are not those of payouts: 2001 is the buyer's wrong PIN here.
`bot/providers/mpesa_callbacks.py` reads the callbacks.
"""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import Blueprint

from bot.providers import daraja_client, mpesa_callbacks
from bot.providers import daraja_posted as posted
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    CollectorMethod,
    NotCaptured,
    NotCapturedReason,
    NotRefunded,
    NotRefundedReason,
    Refunding,
    RefundPending,
    RefundStatus,
    StillOpen,
)
from bot.providers.daraja_client import DarajaClient, DeniedError, fields
from bot.providers.daraja_settings import COLLECTOR as NAME
from bot.providers.daraja_settings import CURRENCY, DarajaSettings
from bot.providers.daraja_settings import NAME as ACCOUNT
from bot.providers.declaration import Handlers, Provider
from bot.providers.errors import PaymentError, Reason
from bot.providers.http import requested_wait, text
from bot.providers.secret_path import secret_paths
from bot.runtime.clock import Clock
from bot.runtime.settings import SIMULATOR

if TYPE_CHECKING:
    import requests

LARGEST_AMOUNT = 250_000
"""In shillings, of one payment."""
SIMULATED_SHORTCODE = "600638"
"""The paybill number with the simulated Daraja."""
LONGEST_ABOUT, LONGEST_DESCRIPTION = 12, 13
SAME_AGAIN_AFTER = timedelta(minutes=2)
"""The network refuses the same amount from the same phone sooner than this."""
_NAIROBI = ZoneInfo("Africa/Nairobi")
log = logging.getLogger(__name__)


# Requests.

_RESULTS: dict[str, NotCapturedReason] = {
    "1": NotCapturedReason.NO_BALANCE,
    **dict.fromkeys(("2", "3", "4"), NotCapturedReason.DECLINED),  # below or above a limit of the network
    **dict.fromkeys(("17", "1001"), NotCapturedReason.TRY_LATER),  # the same again; another payment is under way
    "1019": NotCapturedReason.EXPIRED,
    **dict.fromkeys(("1031", "1032"), NotCapturedReason.CANCELLED),
    **dict.fromkeys(("1025", "1036", "1037", "9999"), NotCapturedReason.UNREACHABLE),  # no prompt, or no answer to it
    **dict.fromkeys(("2001", "8006"), NotCapturedReason.WRONG_PIN),  # 8006: after three wrong ones
    "2028": NotCapturedReason.MISCONFIGURED,
}
"""Final result codes of a prompt. The charge stays open with any other."""
_SAME_AGAIN, _IN_PROGRESS = "17", "4999"
_BEING_PROCESSED = "being processed"
_OUR_MISTAKES = ("wrong credentials", "merchant does not exist")
_LOCKED = "unable to lock subscriber"


class MpesaExpress:
    """Collects for a paybill number. `callbacks` is the public URL above our routes."""

    method: CollectorMethod = "mpesa"
    asks_once = True

    def __init__(
        self,
        client: DarajaClient,
        *,
        shortcode: str,
        passkey: str,
        initiator: str,
        credential: str,
        callbacks: str,
        clock: Callable[[], datetime],
        name: str = NAME,
    ) -> None:
        self.name = name
        self._client, self._clock, self._callbacks = client, clock, callbacks
        self._shortcode, self._passkey = shortcode, passkey
        self._initiator, self._credential = initiator, credential

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        """Prompt the buyer for the amount in whole shillings, rounded up. Raises PaymentError."""
        phone, shillings = charge.msisdn or "", _shillings(charge.amount)
        if not posted.msisdn(phone):
            return NotCaptured(NotCapturedReason.INVALID_PHONE, "not a mobile phone of Kenya")
        if charge.currency != CURRENCY or not 0 < shillings <= LARGEST_AMOUNT:
            return NotCaptured(NotCapturedReason.DECLINED, f"{shillings} {charge.currency} cannot be charged")
        body = {
            **self._signed(),
            "TransactionType": "CustomerPayBillOnline",
            "Amount": str(shillings),
            "PartyA": phone.removeprefix("+"),
            "PartyB": self._shortcode,
            "PhoneNumber": phone.removeprefix("+"),
            "CallBackURL": f"{self._callbacks}/express/{charge.token}",
            "AccountReference": charge.about[:LONGEST_ABOUT],
            "TransactionDesc": f"Soko {charge.about}"[:LONGEST_DESCRIPTION],
        }
        try:
            return _asked(self._client.post("/mpesa/stkpush/v1/processrequest", body))
        except DeniedError as denied:
            return NotCaptured(NotCapturedReason.MISCONFIGURED, str(denied))

    def query(self, charge: Charge, provider_id: str) -> ChargeStatus:
        """Ask for the status, which says neither amount nor receipt. Raises PaymentError."""
        body = self._signed() | {"CheckoutRequestID": provider_id}
        return _charge_status(self._post("/mpesa/stkpushquery/v1/query", body))

    def close(self, charge: Charge, provider_id: str) -> ChargeStatus:
        """The same as `query`: a prompt cannot be taken back."""
        return self.query(charge, provider_id)

    def refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        """Reverse the whole payment. Raises PaymentError."""
        if not refunding.whole or refunding.reference is None:
            return NotRefunded(NotRefundedReason.NOT_POSSIBLE, "only a whole payment with a receipt is reversed")
        body = {
            **self._requested(f"reversal/{refunding.token}", refunding.token, refunding.about),
            "CommandID": "TransactionReversal",
            "TransactionID": refunding.reference,
            "Amount": str(_shillings(refunding.amount)),
            "ReceiverParty": self._shortcode,
            "RecieverIdentifierType": "11",  # spelt like this
        }
        try:
            return _refund_accepted(self._client.post("/mpesa/reversal/v1/request", body))
        except DeniedError as denied:
            return NotRefunded(NotRefundedReason.MISCONFIGURED, str(denied))

    def query_refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        """Request the status of the payment that was to be reversed, which comes as a callback. Raises PaymentError."""
        if refunding.reference is None:
            return NotRefunded(NotRefundedReason.NOT_POSSIBLE, "no receipt is known")
        return RefundPending(self._request_status(refunding.reference, f"reversal/{refunding.token}", refunding.token))

    def query_receipt(self, receipt: str, token: str) -> None:
        """Request the status of a receipt, which comes as a callback. Raises PaymentError."""
        self._request_status(receipt, f"receipt/{token}", token)

    def _request_status(self, receipt: str, path: str, token: str) -> tuple[str, ...]:
        body = {
            **self._requested(path, token, "status"),
            "CommandID": "TransactionStatusQuery",
            "TransactionID": receipt,
            "PartyA": self._shortcode,
            "IdentifierType": "4",
        }
        answer = self._post("/mpesa/transactionstatus/v1/query", body)
        if names := _names(answer):
            return names
        raise _failed(answer)

    def _post(self, path: str, body: Mapping[str, str]) -> requests.Response:
        """The answer to a query. Raises PaymentError."""
        try:
            return self._client.post(path, body)
        except DeniedError as denied:
            raise PaymentError(Reason.MISCONFIGURED, str(denied)) from denied

    def _signed(self) -> dict[str, str]:
        """The fields that sign a request: the time in Nairobi, and a password made of it."""
        timestamp = f"{self._clock().astimezone(_NAIROBI):%Y%m%d%H%M%S}"
        password = b64encode(f"{self._shortcode}{self._passkey}{timestamp}".encode()).decode()
        return {"BusinessShortCode": self._shortcode, "Password": password, "Timestamp": timestamp}

    def _requested(self, path: str, token: str, about: str) -> dict[str, str]:
        """The fields of a request whose result comes as a callback."""
        return {
            "Initiator": self._initiator,
            "SecurityCredential": self._credential,
            "ResultURL": f"{self._callbacks}/{path}",
            "QueueTimeOutURL": f"{self._callbacks}/unanswered/{token}",
            "Remarks": f"Soko {about}",
            "Occasion": about,
        }


def _shillings(cents: int) -> int:
    """Whole shillings, rounded up."""
    return -(-cents // posted.CENTS)


# Answers.


def _asked(answer: requests.Response) -> Asked | NotCaptured:
    body = fields(answer)
    provider_id = text(body, "CheckoutRequestID")
    if answer.status_code == 200 and text(body, "ResponseCode") == "0" and provider_id:
        return Asked(provider_id)
    said = f"{text(body, 'errorMessage')} {text(body, 'ResponseDescription')}".lower()
    if _SAME_AGAIN in (text(body, "ResponseCode"), text(body, "errorCode")) or _LOCKED in said:
        raise PaymentError(Reason.THROTTLED, _detail(answer), retry_after=SAME_AGAIN_AFTER)
    if _is_our_mistake(answer):
        return NotCaptured(NotCapturedReason.MISCONFIGURED, _detail(answer))
    if _is_refused(answer):
        return NotCaptured(_invalid(said), _detail(answer))
    raise _failed(answer)


def _invalid(said: str) -> NotCapturedReason:
    """The reason for an invalid field: if it is neither phone nor amount, every charge fails until we correct it."""
    if "phonenumber" in said or "partya" in said:
        return NotCapturedReason.INVALID_PHONE
    return NotCapturedReason.DECLINED if "amount" in said else NotCapturedReason.MISCONFIGURED


def _charge_status(answer: requests.Response) -> ChargeStatus:
    body = fields(answer)
    if _BEING_PROCESSED in text(body, "errorMessage").lower():
        return StillOpen()
    code = text(body, "ResultCode")
    if answer.status_code != 200 or not code:
        raise _failed(answer)
    if code == "0":
        return Captured(None, None, None)
    if reason := _RESULTS.get(code):
        return NotCaptured(reason, posted.detail(code, text(body, "ResultDesc")))
    if code != _IN_PROGRESS:
        log.warning("a charge has a result code that is not final: %s", code)
    return StillOpen()


def _refund_accepted(answer: requests.Response) -> RefundPending | NotRefunded:
    if names := _names(answer):
        return RefundPending(names)
    if _is_refused(answer):
        said = text(fields(answer), "errorMessage")
        is_about_payment = "TransactionID" in said or "Amount" in said
        reason = NotRefundedReason.NOT_POSSIBLE if is_about_payment else NotRefundedReason.MISCONFIGURED
        return NotRefunded(reason, _detail(answer))
    raise _failed(answer)


def _names(answer: requests.Response) -> tuple[str, ...]:
    """The provider's ids of a request that it has accepted; none if it has not."""
    body = fields(answer)
    if answer.status_code != 200 or text(body, "ResponseCode") != "0":
        return ()
    return tuple(filter(None, (text(body, "ConversationID"), text(body, "OriginatorConversationID"))))


def _is_refused(answer: requests.Response) -> bool:
    """True if Daraja itself says that the request is wrong; a 4xx without its code may come from a proxy."""
    return 400 <= answer.status_code < 500 and answer.status_code != 429 and bool(text(fields(answer), "errorCode"))


def _is_our_mistake(answer: requests.Response) -> bool:
    said = text(fields(answer), "errorMessage").lower()
    return any(words in said for words in _OUR_MISTAKES)


def _failed(answer: requests.Response) -> PaymentError:
    """The error for an answer that does not say what became of the request."""
    wait = requested_wait(answer.headers)
    if answer.status_code == 429:
        return PaymentError(Reason.THROTTLED, _detail(answer), retry_after=wait)
    if _is_our_mistake(answer):
        return PaymentError(Reason.MISCONFIGURED, _detail(answer))
    if _is_refused(answer):
        return PaymentError(Reason.REFUSED, _detail(answer))
    return PaymentError(Reason.NO_ANSWER, _detail(answer), retry_after=wait)


def _detail(answer: requests.Response) -> str:
    body = fields(answer)
    code = text(body, "errorCode") or text(body, "ResponseCode") or str(answer.status_code)
    return posted.detail(code, text(body, "errorMessage") or text(body, "ResponseDescription"))


# The declaration for the registry.


def _collector(settings: DarajaSettings, clock: Clock) -> MpesaExpress:
    return MpesaExpress(
        daraja_client.of(settings, clock),
        shortcode=settings.daraja_express_shortcode or "",
        passkey=settings.daraja_express_passkey or "",
        initiator=settings.daraja_initiator or "",
        credential=settings.daraja_security_credential or "",
        callbacks=settings.url + secret_paths(ACCOUNT, settings.callback_secrets)[0],
        clock=clock,
    )


def _shortcode(settings: DarajaSettings) -> str:
    """The paybill number, also of the simulator."""
    return settings.daraja_express_shortcode or SIMULATED_SHORTCODE


def _blueprint(settings: DarajaSettings, handlers: Handlers) -> Blueprint:
    collector = SIMULATOR if SIMULATOR in settings.used_collectors else NAME
    return mpesa_callbacks.routes(handlers.collections, settings.callback_secrets, _shortcode(settings), collector)


PROVIDER = Provider(
    name=NAME,
    settings=DarajaSettings,
    needs=(
        *("daraja_base_url", "daraja_consumer_key", "daraja_consumer_secret"),
        *("daraja_initiator", "daraja_security_credential"),
        *("daraja_express_shortcode", "daraja_express_passkey"),
    ),
    check_account=lambda settings, clock: daraja_client.of(settings, clock).authenticate(),
    blueprint=_blueprint,
    collector=_collector,
    paybill=_shortcode,
)
