"""Africa's Talking: USSD and SMS in, delivery reports in, SMS out.

Its requests are not signed: the secret in the path authenticates them.

    POST /webhooks/africastalking/<secret>/ussd
    sessionId=ATUid_9c2f&phoneNumber=%2B254711000111&serviceCode=%2A384%2A22%23&text=1%2A2

    CON What are you selling?
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence, Set
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from wsgiref.types import WSGIApplication

from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import HTTPException

from bot.providers import forms
from bot.providers.contracts import (
    DeliveryReport,
    Inbound,
    InboundHandler,
    OutgoingMessage,
    Receipt,
    SessionEnd,
)
from bot.providers.declaration import Provider
from bot.providers.errors import Reason, SendError
from bot.providers.fast_path import PLAIN_TEXT, FastPath, FormReader
from bot.providers.forms import Form, msisdn
from bot.providers.http import broken_off, check_account, json_object, pooled, refused, requested_wait, text
from bot.providers.secret_path import secret_blueprint, secret_paths
from bot.runtime.setting_types import COMMA_LIST, BaseUrl
from bot.runtime.settings import Settings
from state.messages import ReportedStatus

if TYPE_CHECKING:
    import requests

NAME = "africastalking"
HOP_METADATA = "at-ussd-hop-metadata"
"""A header of our answer to a hop, which the next request of the call brings back: how long the text was by then."""
SIMULATED_NETWORK = "99998"
"""The network of our simulator that sends the last answer only; Africa's Talking's own is 99999."""
_LENGTH = re.compile("[0-9]{1,4}")
log = logging.getLogger(__name__)


class AfricasTalkingSettings(Settings):
    """The environment variables of this provider."""

    at_username: str | None = None
    at_api_key: str | None = None
    at_sender_id: str | None = None
    at_base_url: BaseUrl = None
    at_last_answer_networks: Annotated[tuple[str, ...], COMMA_LIST] = ()

    @property
    def last_answer_networks(self) -> frozenset[str]:
        """The codes of the networks that send the last answer of a call only; in development a simulated one too."""
        return frozenset([*self.at_last_answer_networks, *([SIMULATED_NETWORK] if self.development else [])])


# Routes.


def routes(
    handler: InboundHandler, secrets: tuple[str, ...], last_answer_networks: Set[str] = frozenset()
) -> Blueprint:
    """The routes of the callbacks; their URLs are entered in the provider's dashboard.

    From `last_answer_networks` the text of a hop is the last answer only.
    """
    blueprint = secret_blueprint(NAME, secrets)
    views = {"ussd-events": _ussd_event, "sms": _sms, "delivery": _delivery, "optout": _optout}
    views["ussd"] = partial(_ussd, last_answer_networks)
    for path, view in views.items():
        blueprint.add_url_rule(f"/{path}", path, partial(view, handler), methods=["POST"], strict_slashes=False)
    return blueprint


def hop_paths(secrets: tuple[str, ...]) -> list[str]:
    """The paths of USSD hops, one for each secret."""
    return [f"{path}/ussd" for path in secret_paths(NAME, secrets)]


def fast_path(
    app: WSGIApplication,
    handler: InboundHandler,
    secrets: tuple[str, ...],
    last_answer_networks: Set[str] = frozenset(),
) -> FastPath:
    """A `FastPath` in front of an application with these routes: the same answers to USSD hops, in less time."""
    return FastPath(app, hop_paths(secrets), partial(_screen, handler, last_answer_networks), HOP_METADATA)


def _answer(text: str = "") -> Response:
    return Response(text, content_type=PLAIN_TEXT)


# Inbound: a hop of a call, the end of a call, a message, an opt-out.


def _ussd(networks: Set[str], handler: InboundHandler) -> Response:
    screen, metadata = _screen(handler, networks, partial(forms.posted, request), request.headers.get(HOP_METADATA, ""))
    answer = _answer(screen)
    answer.headers[HOP_METADATA] = metadata
    return answer


def _screen(handler: InboundHandler, networks: Set[str], form: FormReader, metadata: str) -> tuple[str, str]:
    """The answer to a hop and its metadata. Also of one that fails: only with status 200 the caller sees text."""
    try:
        hop = _hop(form(), metadata, networks)
    except HTTPException as error:
        log.warning("a USSD request cannot be read: %s", error.description)
        return handler.error_screen(None), "0"
    try:
        return handler.ussd(hop), str(hop.length)
    except Exception:
        log.exception("the hop failed in USSD session %s", hop.id)
        return handler.error_screen(hop.msisdn), "0"


def _hop(form: Form, metadata: str, last_answer_networks: Set[str]) -> Inbound:
    return Inbound(
        channel="ussd",
        provider=NAME,
        id=form.required("sessionId"),
        msisdn=msisdn(form.required("phoneNumber")) or abort(400, "phoneNumber is not a phone number"),
        service=form.get("serviceCode"),
        text=form.text("text"),
        answered_before=int(metadata) if _LENGTH.fullmatch(metadata) else None,
        is_last_answer=form.get("networkCode") in last_answer_networks,
    )


# `input` and `lastAppResponse` are left out: what the caller typed may hold a PIN.
_FACTS = ("date", "status", "networkCode", "serviceCode", "cost", "durationInMillis", "hopsCount", "errorMessage")


def _ussd_event(handler: InboundHandler) -> Response:
    form = forms.posted(request)
    handler.session_ended(
        SessionEnd(
            provider=NAME,
            session_id=form.required("sessionId"),
            msisdn=msisdn(form.get("phoneNumber")),
            incomplete=form.get("status").lower() == "incomplete",
            facts={name: form.get(name) for name in _FACTS if name in form},
        )
    )
    return _answer()


def _sms(handler: InboundHandler) -> Response:
    form = forms.posted(request)
    message_id, written = form.required("id"), form.required("from")
    text = form.text("text") if "text" in form else abort(400, "text is missing")  # it may be blank
    service, sent_at = form.get("to"), forms.time(form.get("date"))
    handler.sms(Inbound("sms", NAME, message_id, msisdn(written) or written, service, text, sent_at=sent_at))
    return _answer()


def _optout(handler: InboundHandler) -> Response:
    form = forms.posted(request)
    recipient = msisdn(form.required("phoneNumber"))
    if recipient is None:
        log.warning("an opt-out of a recipient that is not a phone")
    else:
        handler.opted_out(recipient, f"{NAME} opt-out from {form.get('senderId') or 'us'}")
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
    "DoNotDisturbRejection": Reason.REFUSED,  # refused at this hour of the day in Nigeria, not an opt-out
    "AbsentSubscriber": Reason.REFUSED,
    "Expired": Reason.REFUSED,
}
# The provider spells one of them in two ways.
_FAILURE_NAMES = {name.lower(): name for name in _FAILURES} | {"notnetworksubcriber": "NotNetworkSubscriber"}


def _delivery(handler: InboundHandler) -> Response:
    form = forms.posted(request)
    provider_id, raw_status = form.required("id"), form.required("status")
    status = _STATUSES.get(raw_status.lower())
    if status is None:
        log.warning("message %s has an unknown delivery status: %r", provider_id, raw_status)
    detail = _failure(form, raw_status) if status == "failed" else None
    reason = _FAILURES[detail] if detail else None
    recipient = msisdn(form.get("phoneNumber"))
    handler.report(DeliveryReport(NAME, provider_id, status, reason, detail, raw_status, recipient))
    return _answer()


def _failure(form: Form, raw_status: str) -> str:
    """The provider's word for the cause of a failure; some statuses are this word themselves."""
    return _FAILURE_NAMES.get((form.get("failureReason") or raw_status).lower(), "DeliveryFailure")


# Send.

_ACCEPTED = frozenset({"100", "101", "102"})
_REFUSALS: dict[str, tuple[str, Reason]] = {
    "401": ("RiskHold", Reason.REFUSED),
    "402": ("InvalidSenderId", Reason.MISCONFIGURED),
    "403": ("InvalidPhoneNumber", Reason.INVALID_RECIPIENT),
    "404": ("UnsupportedNumberType", Reason.INVALID_RECIPIENT),
    "405": ("InsufficientBalance", Reason.INSUFFICIENT_FUNDS),
    "406": ("UserInBlacklist", Reason.BLOCKED_PROMOTIONS),
    "407": ("CouldNotRoute", Reason.REFUSED),
    "409": ("DoNotDisturbRejection", Reason.REFUSED),
    "500": ("InternalServerError", Reason.PROVIDER_DOWN),
    "501": ("GatewayError", Reason.PROVIDER_DOWN),
    "502": ("RejectedByGateway", Reason.REFUSED),
}
# A call that is refused as a whole has no code, only the word; delivery reports spell one of the words differently.
_REFUSAL_REASONS = dict(_REFUSALS.values()) | {"UserInBlackList": Reason.BLOCKED_PROMOTIONS}

_Recipient = Mapping[str, Any]
"""An entry of an answer. Its `statusCode` decides; an entry without one says nothing of its message."""

BATCH_SIZE = 100
"""Recipients in one call. The provider publishes no limit; other clients stay below this."""


class AfricasTalking:
    """Sends messages, which are stored under the provider's `name`.

    `base_url` is an API root without `/version1`; None is the SDK's own, where the username `sandbox` selects the
    sandbox. `workers` is how many threads may send at once.
    """

    batch_size = BATCH_SIZE

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
        from bot.providers.africastalking_sdk import Api

        self.name = name
        self._sender_id = sender_id
        self._api = Api(username, api_key, base_url, session or pooled(workers))

    def send(self, sms: OutgoingMessage) -> Receipt:
        """Send one message. There is no idempotency key, so after a lost answer the outcome is unknown.

        Raises SendError.
        """
        return _receipt(self._recipients(sms.text, [sms.msisdn])[0])

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> list[Receipt | SendError]:
        """Send messages with the same text in one call; returns the outcome of each, in their order.

        Raises SendError if the call failed as a whole.
        """
        recipients = self._recipients(messages[0].text, [sms.msisdn for sms in messages])
        by_number = {text(recipient, "number"): recipient for recipient in recipients}
        return [_outcome(by_number.get(sms.msisdn, {})) for sms in messages]

    def check_account(self) -> None:
        """Raises ProviderError unless our credentials open our account."""
        check_account(self._api.fetch_account)

    def _recipients(self, body: str, msisdns: list[str]) -> list[_Recipient]:
        """The recipients in a 2xx answer; if there is none, the whole call was refused. Raises SendError."""
        import requests

        try:
            answer = self._api.send(body, msisdns, self._sender_id)
        except requests.RequestException as error:
            raise SendError(broken_off(error)) from error
        if not 200 <= answer.status_code < 300:
            wait = requested_wait(answer.headers)
            raise SendError(refused(answer.status_code), f"http_{answer.status_code}", retry_after=wait)
        fields = json_object(answer.content)
        if fields is None:
            raise SendError(Reason.UNREADABLE, "unreadable_answer")
        return _read_recipients(fields.get("SMSMessageData"))


def _read_recipients(sent: object) -> list[_Recipient]:
    """The recipients in the fields of an answer. Raises SendError if there is none."""
    fields = sent if isinstance(sent, dict) else {}
    recipients, word = fields.get("Recipients"), text(fields, "Message")
    if isinstance(recipients, list) and recipients:
        return [recipient if isinstance(recipient, dict) else {} for recipient in recipients]
    if word and (recipients == [] or word in _REFUSAL_REASONS):
        raise _refusal(word)
    raise SendError(Reason.NO_ANSWER)  # the provider took the call, and does not say what became of it


def _receipt(recipient: _Recipient) -> Receipt:
    """The receipt for one recipient; each has its own code. Raises SendError if the message was not accepted."""
    code = text(recipient, "statusCode")
    if not code:
        raise SendError(Reason.NO_ANSWER)
    if code not in _ACCEPTED:
        word, _ = _REFUSALS.get(code, (text(recipient, "status") or code, None))
        raise _refusal(word)
    id = text(recipient, "messageId")
    return Receipt(None if id in ("", "None") else id, cost=text(recipient, "cost") or None)


def _outcome(recipient: _Recipient) -> Receipt | SendError:
    try:
        return _receipt(recipient)
    except SendError as refusal:
        return refusal


def _refusal(word: str) -> SendError:
    return SendError(_REFUSAL_REASONS.get(word, Reason.REFUSED), word)


# The declaration for the registry.


def _sender(settings: AfricasTalkingSettings, workers: int) -> AfricasTalking:
    return AfricasTalking(
        settings.at_username or "",
        settings.at_api_key or "",
        sender_id=settings.at_sender_id,
        base_url=settings.at_base_url,
        workers=workers,
    )


PROVIDER = Provider(
    name=NAME,
    settings=AfricasTalkingSettings,
    needs=("at_username", "at_api_key"),
    blueprint=lambda settings, handlers: routes(
        handlers.messages, settings.webhook_secrets, settings.last_answer_networks
    ),
    fast_path=lambda app, settings, handlers: fast_path(
        app, handlers.messages, settings.webhook_secrets, settings.last_answer_networks
    ),
    hop_paths=lambda settings: hop_paths(settings.webhook_secrets),
    secret_paths=lambda settings: secret_paths(NAME, settings.webhook_secrets),
    own_number=lambda settings: settings.at_sender_id,
    sender=_sender,
    check_account=lambda settings, _: _sender(settings, 1).check_account(),
)
