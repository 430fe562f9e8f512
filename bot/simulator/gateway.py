"""Simulated phones: each action of a person is posted to our webhooks as a provider would post it.

    gateway.dial("+254711000111")         -> "CON Soko\\n1. Sell something…"
    gateway.answer("+254711000111", "1")  -> "CON What are you selling?"
    gateway.hang_up("+254711000111")
    gateway.text("+254711000111", "SELL basket 1500")
    gateway.picture("+254711000111", "PHOTO K7P4", jpeg)

No socket is opened: requests go directly to the WSGI application. `WsgiAdapter` does the same for the requests of the
providers' own SDKs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from wsgiref.types import WSGIApplication

from twilio.request_validator import RequestValidator
from werkzeug.test import Client, TestResponse

from bot.providers import africastalking, twilio
from bot.runtime.settings import Settings
from bot.simulator import media
from bot.simulator.sizes import CALL_CENTS

NETWORK = "99999"  # Africa's Talking's code for its own simulator
ACCOUNT_SID = "AC" + "0" * 32
TWILIO_NUMBER = "+15005550006"
ORIGIN = "http://simulator"
"""The origin of the simulated carriers' APIs; `WsgiAdapter` answers it without a socket."""
TWILIO_PATH = "/simulator/twilio"
TWILIO_URL = ORIGIN + TWILIO_PATH
TextProvider = Literal["africastalking", "twilio"]
TextChannel = Literal["sms", "whatsapp"]
WHATSAPP = "whatsapp:"
"""What Twilio writes before a number on WhatsApp."""
LOST_ANSWER = "X-Simulator-Lost-Answer"
"""A header of an answer that never reaches who asked."""
POSTED_TO = "X-Simulator-Posted-To"
"""A header of an answer to a callback: the path of another application to which it was passed on."""
OF_SIMULATOR = "soko.of_simulator"
"""A variable of the WSGI environment of requests that the simulator posts to our webhooks."""
IN_PROCESS = "soko.simulator"
"""A variable of the WSGI environment of requests that come without a socket."""


@dataclass(slots=True)
class _OpenCall:
    """The gateway's state of one USSD session."""

    session_id: str
    code: str
    typed: list[str]
    started_at: datetime
    hops: int = 0
    last_reply: str = ""

    @property
    def text(self) -> str:
        """All answers so far, joined by `*`. Nothing is escaped: `3*4` looks like two answers, as on a real network."""
        return "*".join(self.typed)


@dataclass(frozen=True, slots=True)
class WebhookPost:
    """One request to a webhook: a form with its headers. It is posted to `path`, or to another one `instead`."""

    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]
    instead: str | None = None


class CallDroppedError(Exception):
    """The network has ended the call and reported its end; the phone gets no screen."""


class Gateway:
    """Every simulated phone, by its MSISDN. `new_id` returns 32 hexadecimal digits, different each time.

    `dial`, `answer` and `hang_up` keep the open calls in this process. `post_ussd` and `post_end` are for a caller that
    keeps them itself, as the page in the browser does. `metadata` holds what our last answer in each call gives the
    next request. `twilio_url` is where the pictures are fetched that phones send.
    """

    def __init__(
        self, app: WSGIApplication, settings: Settings, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._client = Client(app, use_cookies=False)
        self._settings = settings
        self._account = twilio.PROVIDER.own_settings(settings)
        self._now = now
        self._new_id = new_id
        self._calls: dict[str, _OpenCall] = {}
        self.metadata: dict[str, str] = {}
        self.twilio_url = TWILIO_URL
        self._last: WebhookPost | None = None

    # Calls

    def dial(self, msisdn: str, code: str | None = None) -> str:
        """Start a call; returns the first screen. What follows our service code in `code` is sent as answers."""
        service, answers = self._split(code or self._settings.ussd_code)
        typed = [answers] if answers else []
        self._calls[msisdn] = _OpenCall(f"ATUid_{self._new_id()}", service, typed, self._now())
        return self._hop(msisdn)

    def answer(self, msisdn: str, text: str) -> str:
        """Type `text` and press send; returns the next screen. Raises KeyError if the phone is in no call."""
        self._calls[msisdn].typed.append(text)
        return self._hop(msisdn)

    def hang_up(self, msisdn: str) -> None:
        """Drop the call before it has ended. Raises KeyError if the phone is in no call."""
        self._post(self._ended(msisdn, self._calls.pop(msisdn), "Incomplete"))

    def _split(self, code: str) -> tuple[str, str]:
        """The service code and the answers after it: `*384*22*3*1#` is `*384*22#` and `3*1`."""
        ours = self._settings.ussd_code
        stem = ours.removesuffix("#") + "*"
        return (ours, code.removeprefix(stem).removesuffix("#")) if code.startswith(stem) else (code, "")

    def _hop(self, msisdn: str) -> str:
        call = self._calls[msisdn]
        call.hops += 1
        try:
            call.last_reply = self.post_ussd(call.session_id, msisdn, call.code, call.text)
        except CallDroppedError:
            del self._calls[msisdn]
            raise
        if not call.last_reply.startswith("CON "):
            # `_send` does not store it as the last request, so that `repeat` repeats the hop
            status = "Success" if call.last_reply.startswith("END ") else "Failed"
            self._send(self._ended(msisdn, self._calls.pop(msisdn), status))
        return call.last_reply

    # Calls whose state the caller keeps

    def post_ussd(self, session_id: str, msisdn: str, code: str, text: str) -> str:
        """Post one hop; returns the raw answer, `CON …` or `END …`. `text` holds all answers of the call so far."""
        return self._post_hop(session_id, self._hop_request(session_id, msisdn, code, text))

    def _hop_request(self, session_id: str, msisdn: str, code: str, text: str) -> WebhookPost:
        fields = {
            "sessionId": session_id,
            "phoneNumber": msisdn,
            "networkCode": self._network_code(msisdn),
            "serviceCode": code,
            "text": text,
        }
        headers = {africastalking.HOP_METADATA: self.metadata[session_id]} if session_id in self.metadata else {}
        return replace(self._africastalking("ussd", fields), headers=headers)

    def _post_hop(self, session_id: str, hop: WebhookPost) -> str:
        answer = self._post(hop)
        self.metadata[session_id] = answer.headers.get(africastalking.HOP_METADATA, "")
        return answer.get_data(as_text=True)

    def _network_code(self, _msisdn: str) -> str:
        """The code of the network that a phone is in."""
        return NETWORK

    def post_end(self, session_id: str, msisdn: str, code: str, text: str) -> None:
        """Report that the call was dropped. Its duration and its last screen are unknown here."""
        hops = text.count("*") + 2 if text else 1
        call = _OpenCall(session_id, code, [text], self._now(), hops)
        self._post(self._ended(msisdn, call, "Incomplete"))

    def _ended(self, msisdn: str, call: _OpenCall, status: str) -> WebhookPost:
        self.metadata.pop(call.session_id, None)
        fields = {
            "date": f"{self._now():%Y-%m-%d %H:%M:%S}",
            "sessionId": call.session_id,
            "serviceCode": call.code,
            "networkCode": self._network_code(msisdn),
            "phoneNumber": msisdn,
            "status": status,
            "cost": f"KES {CALL_CENTS / 100:.2f}",
            "durationInMillis": str((self._now() - call.started_at) // timedelta(milliseconds=1)),
            "hopsCount": str(call.hops),
            "input": call.text,
            "lastAppResponse": call.last_reply,
        }
        return self._africastalking("ussd-events", fields)

    # Texts and their delivery reports

    def text(
        self,
        msisdn: str,
        body: str,
        *,
        provider: TextProvider = "africastalking",
        channel: TextChannel = "sms",
        id: str | None = None,
    ) -> int:
        """Send a text to our short code, or to our Twilio number; returns the HTTP status of the webhook's answer.

        WhatsApp always comes by Twilio. `id` is the message id to post it under; give an earlier one to simulate a
        repeated webhook.
        """
        return self._post(self._text_request(msisdn, body, provider, channel, id)).status_code

    def _text_request(
        self, msisdn: str, body: str, provider: TextProvider, channel: TextChannel, id: str | None
    ) -> WebhookPost:
        if channel == "whatsapp" or provider == "twilio":
            return self._twilio_text(msisdn, body, id, channel)
        return self._africastalking_text(msisdn, body, id)

    def picture(self, msisdn: str, body: str, *pictures: bytes, channel: TextChannel = "sms") -> int:
        """Send pictures to our Twilio number, by MMS or WhatsApp; `body` may be empty.

        Returns the HTTP status of the answer.
        """
        sid = f"MM{self._new_id()}"
        fields = dict(self._twilio_text(msisdn, body, sid, channel).fields)
        media_url = f"{self.twilio_url}/2010-04-01/Accounts/{fields['AccountSid']}/Messages/{sid}/Media"
        fields["NumMedia"] = str(len(pictures))
        for n, picture in enumerate(pictures):
            id = f"ME{self._new_id()}"
            media.put(self._settings, id, picture)
            fields |= {f"MediaContentType{n}": "image/jpeg", f"MediaUrl{n}": f"{media_url}/{id}"}
        return self._post(self._twilio("sms", fields)).status_code

    def report(
        self, provider_id: str, status: str, *, msisdn: str, reason: str | None = None, path: str | None = None
    ) -> int:
        """Post a delivery report for a text to `msisdn`, in the provider's words; returns the HTTP status.

        Twilio posts it to the `path` that the request to send the text has named, if it named one.
        """
        if provider_id.startswith("SM"):
            report = self._twilio_report(provider_id, status, msisdn, reason, path)
        else:
            report = self._africastalking_report(provider_id, status, msisdn, reason)
        return self._post(report).status_code

    def repeat(self) -> str:
        """Post the last request again, unchanged, as a provider does after no answer; returns the answer.

        Raises LookupError if nothing was posted yet.
        """
        if self._last is None:
            raise LookupError("nothing was posted yet")
        return self._send(self._last).get_data(as_text=True)

    # Africa's Talking

    def _africastalking_text(self, msisdn: str, body: str, message_id: str | None) -> WebhookPost:
        fields = {
            "date": f"{self._now():%Y-%m-%d %H:%M:%S}",
            "from": msisdn,
            "id": message_id or self._new_id(),
            "linkId": self._new_id(),
            "text": body,
            "to": self._settings.sms_short_code,
            "cost": "KES 1.00",
            "networkCode": self._network_code(msisdn),
        }
        return self._africastalking("sms", fields)

    def _africastalking_report(self, provider_id: str, status: str, msisdn: str, reason: str | None) -> WebhookPost:
        network = self._network_code(msisdn)
        fields = {"id": provider_id, "status": status, "phoneNumber": msisdn, "networkCode": network}
        return self._africastalking("delivery", fields | ({"failureReason": reason} if reason else {}))

    def _africastalking(self, path: str, fields: Mapping[str, str]) -> WebhookPost:
        return WebhookPost(f"/webhooks/africastalking/{self._settings.webhook_secrets[0]}/{path}", fields, {})

    # Twilio

    def _twilio_text(self, msisdn: str, body: str, message_id: str | None, channel: TextChannel = "sms") -> WebhookPost:
        prefix = WHATSAPP if channel == "whatsapp" else ""
        sid = message_id or f"SM{self._new_id()}"
        fields = {
            "SmsMessageSid": sid,
            "NumMedia": "0",
            "SmsSid": sid,
            "SmsStatus": "received",
            "Body": body,
            "To": prefix + (self._account.twilio_from or TWILIO_NUMBER),
            "NumSegments": "1",
            "MessageSid": sid,
            "AccountSid": self._account.twilio_account_sid or ACCOUNT_SID,
            "From": prefix + msisdn,
            "ApiVersion": "2010-04-01",
        }
        return self._twilio("sms", fields)

    def _twilio_report(
        self, sid: str, status: str, msisdn: str, reason: str | None, path: str | None = None
    ) -> WebhookPost:
        fields = {
            "SmsSid": sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": msisdn,
            "MessageSid": sid,
            "AccountSid": self._account.twilio_account_sid or ACCOUNT_SID,
            "From": self._account.twilio_from or TWILIO_NUMBER,
            "ApiVersion": "2010-04-01",
        }
        return self._twilio("status", fields | ({"ErrorCode": reason} if reason else {}), path)

    def _twilio(self, path: str, fields: Mapping[str, str], instead: str | None = None) -> WebhookPost:
        path = f"/webhooks/twilio/{path}"
        validator = RequestValidator(self._account.callback_token or "")
        headers = {
            "X-Twilio-Signature": validator.compute_signature(self._settings.url + (instead or path), fields),
            "I-Twilio-Idempotency-Token": self._new_id(),
        }
        return WebhookPost(path, fields, headers, instead)

    # Requests

    def _post(self, post: WebhookPost) -> TestResponse:
        self._last = post
        return self._send(post)

    def _send(self, post: WebhookPost) -> TestResponse:
        return self._client.post(
            post.instead or post.path,
            data=post.fields,
            headers=post.headers,
            environ_overrides={OF_SIMULATOR: True},
        )
