"""Africa's Talking: USSD and SMS in, delivery reports in, SMS out.

It signs nothing, so the unguessable part of the path is all that tells it from a stranger:

    POST /webhooks/africastalking/<secret>/ussd
    sessionId=ATUid_9c2f&phoneNumber=%2B254711000111&serviceCode=%2A384%2A22%23&text=1%2A2

    CON What are you selling?
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from wsgiref.types import WSGIApplication

import msgspec
import requests
from africastalking.SMS import SMSService
from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import HTTPException

from bot.providers.contracts import (
    DeliveryReport,
    Inbound,
    InboundHandler,
    OutgoingMessage,
    Receipt,
    SessionEnd,
)
from bot.providers.errors import Reason, SendError
from bot.providers.fast_path import PLAIN, Hatch, Reader
from bot.providers.forms import filled, msisdn
from bot.providers.http import TIMEOUT_S, broken_off, pooled, refused
from state.messages import ReportedStatus

NAME = "africastalking"
log = logging.getLogger(__name__)


# Shapes: what the API answers to a send.


class _Recipient(msgspec.Struct, rename="camel"):
    status_code: int
    number: str = ""
    status: str = ""
    message_id: str = ""
    cost: str | None = None


class _Sent(msgspec.Struct, rename="pascal"):
    message: str
    recipients: list[_Recipient]


class _Answer(msgspec.Struct):
    sent: _Sent = msgspec.field(name="SMSMessageData")


# made here, since two threads that make msgspec get to know a type at once crash the process
_sent = msgspec.json.Decoder(_Answer, strict=False)


# Routes, and the secret in their path.


def routes(handler: InboundHandler, secret: str) -> Blueprint:
    """The callbacks to enter in the provider's dashboard; nothing answers under another secret."""
    blueprint = Blueprint(NAME, __name__, url_prefix=f"/webhooks/{NAME}/<secret>")
    blueprint.url_value_preprocessor(partial(_verify, secret.encode()))
    views = {"ussd": _ussd, "ussd-events": _ussd_event, "sms": _sms, "delivery": _delivery, "optout": _optout}
    for path, view in views.items():
        blueprint.add_url_rule(f"/{path}", path, partial(view, handler), methods=["POST"], strict_slashes=False)
    return blueprint


def hatch(inside: WSGIApplication, handler: InboundHandler, secret: str) -> Hatch:
    """Around the application that has these routes: answers hops as they would, for less."""
    return Hatch(inside, f"/webhooks/{NAME}/{secret}/ussd", partial(_screen, handler))


def _verify(secret: bytes, _endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take the secret out of the path's values, so that no view sees it, and compare."""
    claimed = values.pop("secret") if values else ""
    if not hmac.compare_digest(claimed.encode(), secret):
        abort(404)


def _answer(text: str = "") -> Response:
    return Response(text, content_type=PLAIN)


# Inbound: a hop of a call, the end of a call, a text, an opt-out.


def _ussd(handler: InboundHandler) -> Response:
    return _answer(_screen(handler, lambda: request.form))


def _screen(handler: InboundHandler, form: Reader) -> str:
    """The answer to one hop, whatever happens: a status other than 200 would end the call without a word."""
    try:
        dialled = _dialled(form())
    except HTTPException as error:
        log.warning("a USSD request that cannot be read: %s", error.description)
        return handler.error_screen(None)
    try:
        return handler.ussd(dialled)
    except Exception:
        log.exception("the hop failed in USSD session %s", dialled.id)
        return handler.error_screen(dialled.msisdn)


def _dialled(form: Mapping[str, str]) -> Inbound:
    return Inbound(
        channel="ussd",
        provider=NAME,
        id=filled(form, "sessionId"),
        msisdn=msisdn(filled(form, "phoneNumber")) or abort(400, "phoneNumber is no phone"),
        service=form.get("serviceCode", ""),
        text=form.get("text", ""),
    )


# `input` and `lastAppResponse` stay behind: what she typed may hold a PIN.
_FACTS = (
    "date",
    "status",
    "networkCode",
    "serviceCode",
    "cost",
    "durationInMillis",
    "hopsCount",
    "errorMessage",
)


def _ussd_event(handler: InboundHandler) -> Response:
    form = request.form
    handler.session_ended(
        SessionEnd(
            provider=NAME,
            session_id=filled(form, "sessionId"),
            msisdn=msisdn(form.get("phoneNumber", "")),
            incomplete=form.get("status", "").lower() == "incomplete",
            facts={name: form[name] for name in _FACTS if name in form},
        )
    )
    return _answer()


def _sms(handler: InboundHandler) -> Response:
    form = request.form
    message_id, sender = filled(form, "id"), msisdn(filled(form, "from"))
    text = form["text"]  # may be blank; when it is missing, this answers 400
    if sender is None:
        log.info("text %s is from a sender that is no phone, and nobody can answer it", message_id)
        return _answer()
    service, sent_at = form.get("to", ""), _time(form.get("date", ""))
    handler.sms(Inbound("sms", NAME, message_id, sender, service, text, sent_at=sent_at))
    return _answer()


def _time(raw: str) -> datetime | None:
    """`2026-11-22T09:20:05Z` and `2026-11-22 09:20:05` alike are UTC; anything else is no time."""
    try:
        time = datetime.fromisoformat(raw)
    except ValueError:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _optout(handler: InboundHandler) -> Response:
    form = request.form
    person = msisdn(filled(form, "phoneNumber"))
    if person is None:
        log.warning("an opt-out of a sender that is no phone")
    else:
        handler.opted_out(person, f"{NAME} opt-out from {form.get('senderId', 'us')}")
    return _answer()


# Delivery reports.

_STATUSES: dict[str, ReportedStatus] = {
    "sent": "sent",
    "submitted": "sent",
    "buffered": "sent",
    "success": "delivered",
    "rejected": "failed",
    "failed": "failed",
    "absentsubscriber": "failed",
    "expired": "failed",
}

_FAILURES: dict[str, Reason] = {
    "InsufficientCredit": Reason.INSUFFICIENT_FUNDS,
    "InvalidLinkId": Reason.MISCONFIGURED,
    "UserIsInactive": Reason.INVALID_RECIPIENT,
    "UserInBlackList": Reason.BLOCKED_PROMOTIONS,
    "UserAccountSuspended": Reason.INVALID_RECIPIENT,
    "NotNetworkSubscriber": Reason.INVALID_RECIPIENT,
    "UserNotSubscribedToProduct": Reason.INVALID_RECIPIENT,
    "UserDoesNotExist": Reason.INVALID_RECIPIENT,
    "DeliveryFailure": Reason.REFUSED,
    "DoNotDisturbRejection": Reason.REFUSED,  # an hour of the day in Nigeria, not the recipient's wish
    "AbsentSubscriber": Reason.REFUSED,
    "Expired": Reason.REFUSED,
}
# The provider spells one of them both ways.
_FAILURE_NAMES = {name.lower(): name for name in _FAILURES} | {"notnetworksubcriber": "NotNetworkSubscriber"}


def _delivery(handler: InboundHandler) -> Response:
    form = request.form
    provider_id, raw_status = filled(form, "id"), filled(form, "status")
    status = _STATUSES.get(raw_status.lower())
    if status is None:
        log.warning("message %s has a delivery status that is new to us: %r", provider_id, raw_status)
    detail = _failure(form, raw_status) if status == "failed" else None
    reason = _FAILURES[detail] if detail else None
    person = msisdn(form.get("phoneNumber", ""))
    handler.report(DeliveryReport(NAME, provider_id, status, reason, detail, raw_status, person))
    return _answer()


def _failure(form: Mapping[str, str], raw_status: str) -> str:
    """The provider's word for why a message failed; some statuses are themselves that word."""
    return _FAILURE_NAMES.get(form.get("failureReason", raw_status).lower(), "DeliveryFailure")


# Send.

_ACCEPTED = frozenset({100, 101, 102})
_REFUSALS: dict[int, tuple[str, Reason]] = {
    401: ("RiskHold", Reason.REFUSED),
    402: ("InvalidSenderId", Reason.MISCONFIGURED),
    403: ("InvalidPhoneNumber", Reason.INVALID_RECIPIENT),
    404: ("UnsupportedNumberType", Reason.INVALID_RECIPIENT),
    405: ("InsufficientBalance", Reason.INSUFFICIENT_FUNDS),
    406: ("UserInBlacklist", Reason.BLOCKED_PROMOTIONS),
    407: ("CouldNotRoute", Reason.REFUSED),
    409: ("DoNotDisturbRejection", Reason.REFUSED),
    500: ("InternalServerError", Reason.PROVIDER_DOWN),
    501: ("GatewayError", Reason.PROVIDER_DOWN),
    502: ("RejectedByGateway", Reason.REFUSED),
}
# A call that is refused as a whole has no code, only the word; delivery reports spell one of them otherwise.
_REFUSAL_REASONS = dict(_REFUSALS.values()) | {"UserInBlackList": Reason.BLOCKED_PROMOTIONS}


AT_ONCE = 100
"""People a call. The provider publishes no limit; others stay below this."""


class AfricasTalking:
    """Sends texts; `name` is what its messages are filed under.

    `base_url` is an API root without `/version1`; None is the SDK's own, where the username
    `sandbox` chooses the sandbox. `workers` is how many threads may send at once.
    """

    at_once = AT_ONCE

    def __init__(
        self,
        username: str,
        api_key: str,
        *,
        sender_id: str | None = None,
        base_url: str | None = None,
        session: requests.Session | None = None,
        workers: int = 10,
        name: str = NAME,
    ) -> None:
        self.name = name
        self._sender_id = sender_id
        self._api = _Api(username, api_key, base_url, session or pooled(workers))

    def send(self, sms: OutgoingMessage) -> Receipt:
        """Hand one text over; raises SendError. It has no idempotency key: a lost answer is `unknown`."""
        recipients = self._recipients(sms.text, [sms.msisdn])
        return _receipt(recipients[0])

    def send_same(self, texts: Sequence[OutgoingMessage]) -> list[Receipt | SendError]:
        """One call for all of them; it answers for each."""
        recipients = self._recipients(texts[0].text, [sms.msisdn for sms in texts])
        answers = {recipient.number: recipient for recipient in recipients}
        return [_answer_for(answers.get(sms.msisdn)) for sms in texts]

    def _recipients(self, text: str, msisdns: list[str]) -> list[_Recipient]:
        """What 2xx says of each; none at all is a refusal."""
        try:
            response = self._api.send(text, msisdns, self._sender_id)
        except requests.RequestException as error:
            raise SendError(broken_off(error)) from error
        if not 200 <= response.status_code < 300:
            raise SendError(refused(response.status_code), f"http_{response.status_code}")
        try:
            sent = _sent.decode(response.content).sent
        except msgspec.DecodeError as error:
            raise SendError(Reason.UNREADABLE, "unreadable_answer") from error
        if not sent.recipients:
            raise _refusal(sent.message)
        return sent.recipients


class _Api(SMSService):  # type: ignore[misc]  # the SDK has no types
    """The SDK's requests over one pooled session, with a timeout, and with the HTTP status kept.

    As it comes it opens a connection a message, and its exception drops the status.
    """

    def __init__(self, username: str, api_key: str, base_url: str | None, session: requests.Session) -> None:
        self._root, self._session = base_url, session
        super().__init__(username, api_key)
        # proxies and certificates of the environment, which a session would look up for every request
        self._environment = session.merge_environment_settings(self._baseUrl, {}, None, None, None)

    def _init_service(self) -> None:
        super()._init_service()
        if self._root:
            self._baseUrl = self._contentUrl = f"{self._root}/version1"

    def _make_request(
        self, url: str, method: str, headers: Any, data: Any, params: Any, **_theirs: Any
    ) -> requests.Response:
        asked = requests.Request(method, url, headers, data=data, params=params).prepare()
        return self._session.send(asked, timeout=TIMEOUT_S, allow_redirects=False, **self._environment)


def _receipt(recipient: _Recipient) -> Receipt:
    """Every recipient has a code of its own."""
    if recipient.status_code not in _ACCEPTED:
        detail, _ = _REFUSALS.get(recipient.status_code, (recipient.status, None))
        raise _refusal(detail)
    return Receipt(_id(recipient.message_id), cost=recipient.cost)


def _answer_for(recipient: _Recipient | None) -> Receipt | SendError:
    if recipient is None:
        return SendError(Reason.NO_ANSWER)
    try:
        return _receipt(recipient)
    except SendError as refusal:
        return refusal


def _id(raw: str) -> str | None:
    """It writes `None` where there is none."""
    return None if raw in ("", "None") else raw


def _refusal(detail: str) -> SendError:
    return SendError(_REFUSAL_REASONS.get(detail, Reason.REFUSED), detail)
