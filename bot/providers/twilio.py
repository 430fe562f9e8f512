"""Twilio: SMS, MMS and WhatsApp in, message statuses in, SMS and WhatsApp out, pictures fetched.

The signature of a request covers the URL that we gave Twilio and all fields.

    POST /webhooks/twilio/sms
    X-Twilio-Signature: 1ugM4IHgSoI9XoCDkWjDQN0paac=
    MessageSid=SM1111&From=%2B254712345678&To=%2B254711000999&Body=SELL+basket+1500&NumMedia=0

    <Response/>
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from flask import Blueprint, Response, abort, request
from twilio.request_validator import RequestValidator

from bot.providers import forms
from bot.providers.contracts import (
    Channel,
    DeliveryReport,
    Inbound,
    InboundHandler,
    Media,
    OutgoingMessage,
    Receipt,
)
from bot.providers.declaration import Provider
from bot.providers.errors import FetchError, Reason, SendError
from bot.providers.forms import LONGEST_TEXT, Form, msisdn
from bot.providers.http import TIMEOUT_S, broken_off, check_account, json_object, pooled, refused, requested_wait, text
from bot.runtime.setting_types import BaseUrl
from bot.runtime.settings import Settings
from state.messages import ReportedStatus

if TYPE_CHECKING:
    import requests

NAME = "twilio"
_API = "https://api.twilio.com"
log = logging.getLogger(__name__)


class TwilioSettings(Settings):
    """The environment variables of this provider."""

    twilio_account_sid: str | None = None
    twilio_auth_token: str | None = None
    twilio_from: str | None = None
    twilio_base_url: BaseUrl = None

    @property
    def callback_token(self) -> str | None:
        """What callbacks are signed with. In development without an account, that is our webhook secret: simulated
        phones write by Twilio too.
        """
        return self.twilio_auth_token or (self.webhook_secrets[0] if self.development else None)


# Routes, and the signature on each request.


def routes(handler: InboundHandler, public_url: str, auth_token: str | None) -> Blueprint:
    """The two callbacks. Without a token no signature can be verified, so every request is refused."""
    blueprint = Blueprint(NAME, __name__, url_prefix=f"/webhooks/{NAME}")
    blueprint.before_request(partial(_verify, public_url, RequestValidator(auth_token) if auth_token else None))
    for path, view in {"sms": _sms, "status": _status}.items():
        blueprint.add_url_rule(f"/{path}", path, partial(view, handler), methods=["POST"], strict_slashes=False)
    return blueprint


def _verify(public_url: str, validator: Any, /) -> None:
    query = f"?{request.query_string.decode()}" if request.query_string else ""
    signature = request.headers.get("X-Twilio-Signature", "")
    fields = forms.as_posted(request)
    if not validator or not validator.validate(f"{public_url}{request.path}{query}", fields, signature):
        abort(403)


# Inbound: a message, perhaps with pictures. When Twilio repeats one, its MessageSid and its token stay the same.


def _sms(handler: InboundHandler) -> Response:
    form = forms.posted(request)
    message_id = form.required("MessageSid")
    channel, number = _address(form.required("From"))
    handler.sms(_inbound(form, channel, message_id, msisdn(number) or number))
    return Response('<?xml version="1.0" encoding="UTF-8"?><Response/>', content_type="text/xml; charset=utf-8")


LONGEST_BODY = LONGEST_TEXT * 6
"""In characters: base64 writes a character of a text in up to six."""
MOST_PICTURES = 10
"""Twilio sends no more with one message."""

_CONSENTS: dict[str, Literal["STOP", "START", "HELP"]] = {"STOP": "STOP", "START": "START", "HELP": "HELP"}


def _inbound(form: Form, channel: Channel, message_id: str, sender: str) -> Inbound:
    return Inbound(
        channel=channel,
        provider=NAME,
        id=message_id,
        msisdn=sender,
        service=_address(form.get("To"))[1],
        text=_text(form.get("Body", LONGEST_BODY)),
        media=tuple(_media(form)),
        consent=_CONSENTS.get(form.get("OptOutType")),
        token=_token(request.headers.get("I-Twilio-Idempotency-Token", "")),
    )


def _address(raw: str) -> tuple[Channel, str]:
    """The channel and number of `whatsapp:+254711000111`, or of `+254711000111`, which is SMS."""
    number = raw.removeprefix("whatsapp:")
    return ("sms" if number == raw else "whatsapp"), number


def _media(form: Form) -> Iterator[Media]:
    for n in range(MOST_PICTURES):
        if not (url := form.get(f"MediaUrl{n}", LONGEST_TEXT)):
            return
        yield Media(url, form.get(f"MediaContentType{n}"))


def _text(body: str) -> str:
    """The text. Some long texts arrive in base64: one word without blanks that decodes to UTF-8."""
    with suppress(binascii.Error, ValueError):
        if len(body) >= 60:
            body = forms.clean(base64.b64decode(body, validate=True).decode())
    return forms.bounded("Body", body, LONGEST_TEXT)


def _token(header: str) -> str | None:
    return forms.bounded("I-Twilio-Idempotency-Token", forms.clean(header)) or None


# Message statuses. They arrive in any order; a stored status only moves forward.

_STATUSES: dict[str, ReportedStatus] = {
    "accepted": "sending",
    "scheduled": "sending",
    "queued": "sending",
    "sending": "sending",
    "sent": "sent",
    "partially_delivered": "sent",
    "delivered": "delivered",
    "read": "delivered",
    "undelivered": "failed",
    "failed": "failed",
    "canceled": "failed",
}


def _status(handler: InboundHandler) -> Response:
    form = forms.posted(request)
    message_id, raw_status = form.required("MessageSid"), form.required("MessageStatus")
    status = _STATUSES.get(raw_status)
    if status is None:
        log.warning("message %s has an unknown status: %r", message_id, raw_status)
    detail, reason = _failure(form.get("ErrorCode") or raw_status) if status == "failed" else (None, None)
    _, number = _address(form.get("To"))
    handler.report(DeliveryReport(NAME, message_id, status, reason, detail, raw_status, msisdn(number)))
    return Response(status=204)


# Error codes, the same in answers and in statuses.

_FAILURES: dict[str, tuple[str, Reason]] = {
    "20003": ("bad_credentials", Reason.MISCONFIGURED),
    "20404": ("no_such_account", Reason.MISCONFIGURED),
    "20429": ("too_many_requests", Reason.THROTTLED),
    "21211": ("invalid_recipient", Reason.INVALID_RECIPIENT),
    "21212": ("invalid_sender", Reason.MISCONFIGURED),
    "21408": ("region_not_enabled", Reason.MISCONFIGURED),
    "21602": ("empty_text", Reason.CONTENT_REJECTED),
    "21603": ("no_sender", Reason.MISCONFIGURED),
    "21604": ("no_recipient", Reason.INVALID_RECIPIENT),
    "21606": ("sender_not_ours", Reason.MISCONFIGURED),
    "21608": ("trial_account", Reason.MISCONFIGURED),
    "21610": ("opted_out", Reason.OPTED_OUT),
    "21611": ("queue_full", Reason.THROTTLED),
    "21612": ("no_route", Reason.REFUSED),
    "21614": ("not_a_mobile", Reason.INVALID_RECIPIENT),
    "21617": ("text_too_long", Reason.CONTENT_REJECTED),
    "21703": ("no_sender", Reason.MISCONFIGURED),
    "21704": ("no_sender", Reason.MISCONFIGURED),
    "30001": ("queue_full", Reason.THROTTLED),
    "30002": ("account_suspended", Reason.MISCONFIGURED),
    "30003": ("unreachable_phone", Reason.REFUSED),
    "30004": ("blocked", Reason.REFUSED),
    "30005": ("unknown_phone", Reason.INVALID_RECIPIENT),
    "30006": ("not_a_mobile", Reason.INVALID_RECIPIENT),
    "30007": ("filtered_as_spam", Reason.CONTENT_REJECTED),
    "30008": ("unexplained", Reason.REFUSED),
    "30017": ("congestion", Reason.THROTTLED),
    "30018": ("sender_not_registered", Reason.MISCONFIGURED),
    "30022": ("rate_exceeded", Reason.THROTTLED),
    "30023": ("daily_cap_reached", Reason.THROTTLED),
    "30034": ("number_not_registered", Reason.MISCONFIGURED),
    "30410": ("provider_timeout", Reason.NO_ANSWER),
    "63007": ("no_whatsapp_sender", Reason.NOT_BY_WHATSAPP),
    "63015": ("whatsapp_sandbox_not_joined", Reason.NOT_BY_WHATSAPP),
    "63016": ("outside_whatsapp_window", Reason.NOT_BY_WHATSAPP),
    "63018": ("whatsapp_rate_exceeded", Reason.THROTTLED),
    "63024": ("no_whatsapp", Reason.NOT_BY_WHATSAPP),
}


def _failure(code: object) -> tuple[str, Reason]:
    """Our word for an error code, and its reason; for an unknown code, the code itself."""
    return _FAILURES.get(str(code), (str(code), Reason.REFUSED))


# Send.


class Twilio:
    """Sends SMS and WhatsApp messages, and fetches the pictures that came with messages.

    `base_url` replaces `https://api.twilio.com`; `status_callback` is the URL that Twilio reports statuses to.
    """

    name = NAME

    def __init__(
        self,
        account_sid: str,
        auth_token: str,
        sender: str,
        *,
        status_callback: str | None = None,
        base_url: str | None = None,
        session: requests.Session | None = None,
        workers: int = 10,
    ) -> None:
        self._credentials = account_sid, auth_token
        self._sender = sender
        self._status_callback = status_callback
        self._base_url = base_url
        self._session = session or pooled(workers)

    def send(self, sms: OutgoingMessage) -> Receipt:
        """Send one message. There is no idempotency key, so after a lost answer the outcome is unknown.

        Raises SendError.
        """
        import requests

        prefix = "whatsapp:" if sms.channel == "whatsapp" else ""
        form = {
            "To": prefix + sms.msisdn,
            "From": prefix + self._sender,
            "Body": sms.text,
            "StatusCallback": self._status_callback,
        }
        try:
            # the SDK's own `messages.create` fails on an answer in which any of twenty fields has an odd type
            answer = self._client.api.v2010.request(
                "POST", f"/Accounts/{self._credentials[0]}/Messages.json", data=form
            )
        except requests.RequestException as error:
            raise SendError(broken_off(error)) from error
        fields = json_object(answer.text)
        if 200 <= answer.status_code < 300:
            return _receipt(fields)
        raise _refusal(text(fields or {}, "code"), answer.status_code, requested_wait(answer.headers))

    def check_account(self) -> None:
        """Raises ProviderError unless our credentials open our account."""
        url = f"{self._base_url or _API}/2010-04-01/Accounts/{self._credentials[0]}.json"
        check_account(lambda: self._session.get(url, auth=self._credentials, timeout=TIMEOUT_S, allow_redirects=False))

    def keeps(self, url: str) -> bool:
        """True for the address of a picture of our own account.

        Otherwise a forged request could make us send our credentials to any address.
        """
        root = f"{self._base_url or _API}/2010-04-01/Accounts/{self._credentials[0]}"
        return re.fullmatch(re.escape(root) + "/Messages/[A-Za-z0-9]+/Media/[A-Za-z0-9]+", url) is not None

    def fetch(self, url: str, limit: int) -> bytes:
        """The picture's bytes; if there are more than `limit`, only the first ones, a few more than `limit`.

        Twilio redirects to its file storage; our credentials are not sent there. Raises FetchError.
        """
        import requests

        if not self.keeps(url):
            raise FetchError(Reason.REFUSED, "not_our_media")
        try:
            with self._session.get(url, auth=self._credentials, timeout=TIMEOUT_S, stream=True) as answer:
                if answer.status_code != 200:
                    raise _not_fetched(answer)
                return _first_bytes(answer.iter_content(64 * 1024), limit)
        except requests.RequestException as error:
            raise FetchError(Reason.UNREACHABLE, "no_answer") from error  # a repeated fetch does no harm

    @cached_property
    def _client(self) -> Any:
        """The SDK's client, imported at the first send, because most processes never send."""
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client

        http = TwilioHttpClient(timeout=TIMEOUT_S)
        http.session = self._session
        client = Client(*self._credentials, http_client=http)
        if self._base_url:
            client.api.base_url = self._base_url
        return client


def _not_fetched(answer: requests.Response) -> FetchError:
    """The error for this answer. A picture may become available after its message, so 404 is not final."""
    status = answer.status_code
    reason = Reason.UNREACHABLE if status == 404 else refused(status) if status >= 400 else Reason.REFUSED
    return FetchError(reason, f"http_{status}", retry_after=requested_wait(answer.headers))


def _first_bytes(chunks: Iterator[bytes], limit: int) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > limit:
            break
    return bytes(content)


def _refusal(code: str, status: int, retry_after: timedelta | None = None) -> SendError:
    """The error for an answer; `code` is empty if there is none.

    A final code with a status of 5xx is not final: the message may be sent again.
    """
    by_status = refused(status)
    if not code:
        return SendError(by_status, f"http_{status}", retry_after=retry_after)
    detail, reason = _failure(code)
    is_final = not (reason.retryable or reason.outcome_unknown)
    return SendError(by_status if is_final and by_status.retryable else reason, detail, retry_after=retry_after)


def _receipt(message: Mapping[str, Any] | None) -> Receipt:
    """The receipt of a message. Raises SendError if it has already failed, or if the answer does not say.

    `status` and `sid` decide; None is an answer that is not a JSON object.
    """
    if message is None:
        raise SendError(Reason.UNREADABLE, "unreadable_answer")
    if _STATUSES.get(text(message, "status")) == "failed":
        raise _refusal(text(message, "error_code") or "failed", 400)
    if sid := text(message, "sid"):
        return Receipt(sid)
    raise SendError(Reason.NO_ANSWER)


# The declaration for the registry.


def _twilio(settings: TwilioSettings, workers: int) -> Twilio:
    return Twilio(
        settings.twilio_account_sid or "",
        settings.twilio_auth_token or "",
        settings.twilio_from or "",
        status_callback=f"{settings.url}/webhooks/{NAME}/status",
        base_url=settings.twilio_base_url,
        workers=workers,
    )


PROVIDER = Provider(
    name=NAME,
    settings=TwilioSettings,
    needs=("twilio_account_sid", "twilio_auth_token", "twilio_from"),
    blueprint=lambda settings, handlers: routes(handlers.messages, settings.url, settings.callback_token),
    own_number=lambda settings: settings.twilio_from,
    sender=_twilio,
    check_account=lambda settings, _: _twilio(settings, 1).check_account(),
    carries_whatsapp=True,
    media_fetcher=_twilio,
)
