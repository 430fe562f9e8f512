"""Phones without a network: what a person does, posted as her provider would post it.

    gateway.dial("+254711000111")         -> "CON Soko\\n1. Sell something…"
    gateway.answer("+254711000111", "1")  -> "CON What are you selling?"
    gateway.hang_up("+254711000111")
    gateway.text("+254711000111", "SELL basket 1500")
    gateway.picture("+254711000111", "PHOTO K7P4", jpeg)

Nothing here opens a socket: requests go straight into the WSGI application, and `WsgiAdapter`
lets the providers' own SDKs do the same in the other direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any, Literal
from wsgiref.types import WSGIApplication

import requests
from requests.adapters import BaseAdapter
from twilio.request_validator import RequestValidator
from werkzeug.test import Client, TestResponse

from bot.runtime.settings import Settings
from bot.simulator import media

NETWORK = "99999"  # the provider's own code for its simulated network
ACCOUNT_SID = "AC" + "0" * 32
TWILIO_NUMBER = "+15005550006"
ORIGIN = "http://simulator"
"""Where the simulated carriers are reached, without a socket."""
TWILIO_URL = f"{ORIGIN}/simulator/twilio"


@dataclass(slots=True)
class _Call:
    """One USSD session as the gateway sees it."""

    session_id: str
    code: str
    typed: list[str]
    started_at: datetime
    hops: int = 0
    said: str = ""

    @property
    def text(self) -> str:
        """All that was typed so far. Nothing is escaped: `3*4` looks like two answers, as in real life."""
        return "*".join(self.typed)


@dataclass(frozen=True, slots=True)
class _Posted:
    path: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


class Gateway:
    """Every simulated phone, by its MSISDN. `new_id` gives 32 hexadecimal digits, new each time.

    `dial`, `answer` and `hang_up` keep their calls in this process; `post_ussd` and `post_end`
    serve a caller that keeps its own.
    """

    def __init__(
        self, app: WSGIApplication, settings: Settings, now: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self._client = Client(app, use_cookies=False)
        self._settings = settings
        self._now = now
        self._new_id = new_id
        self._calls: dict[str, _Call] = {}
        self._last: _Posted | None = None

    # Calls

    def dial(self, msisdn: str, code: str | None = None) -> str:
        """Start a call to our code. What follows it in `code` is typed ahead, as a network does it."""
        service, ahead = self._split(code or self._settings.ussd_code)
        typed = [ahead] if ahead else []
        self._calls[msisdn] = _Call(f"ATUid_{self._new_id()}", service, typed, self._now())
        return self._hop(msisdn)

    def answer(self, msisdn: str, text: str) -> str:
        """Type `text` and press send. KeyError when no call is open."""
        self._calls[msisdn].typed.append(text)
        return self._hop(msisdn)

    def hang_up(self, msisdn: str) -> None:
        """Drop the call while it is still asking. KeyError when no call is open."""
        self._post(self._ended(msisdn, self._calls.pop(msisdn), "Incomplete"))

    def _split(self, code: str) -> tuple[str, str]:
        """`*384*22*3*1#` is our `*384*22#` with `3*1` typed ahead."""
        ours = self._settings.ussd_code
        stem = ours.removesuffix("#") + "*"
        return (ours, code.removeprefix(stem).removesuffix("#")) if code.startswith(stem) else (code, "")

    def _hop(self, msisdn: str) -> str:
        call = self._calls[msisdn]
        call.hops += 1
        call.said = self.post_ussd(call.session_id, msisdn, call.code, call.text)
        if not call.said.startswith("CON "):
            # Not noted as the last request: what a provider repeats is the hop.
            status = "Success" if call.said.startswith("END ") else "Failed"
            self._send(self._ended(msisdn, self._calls.pop(msisdn), status))
        return call.said

    # Calls that somebody else remembers

    def post_ussd(self, session_id: str, msisdn: str, code: str, text: str) -> str:
        """One hop: the raw answer, `CON …` or `END …`. `text` is cumulative."""
        fields = {
            "sessionId": session_id,
            "phoneNumber": msisdn,
            "networkCode": NETWORK,
            "serviceCode": code,
            "text": text,
        }
        return self._post(self._africastalking("ussd", fields)).get_data(as_text=True)

    def post_end(self, session_id: str, msisdn: str, code: str, text: str) -> None:
        """The call was dropped; how long it lasted and what it showed last, nobody noted."""
        hops = text.count("*") + 2 if text else 1
        call = _Call(session_id, code, [text], self._now(), hops)
        self._post(self._ended(msisdn, call, "Incomplete"))

    def _ended(self, msisdn: str, call: _Call, status: str) -> _Posted:
        fields = {
            "date": f"{self._now():%Y-%m-%d %H:%M:%S}",
            "sessionId": call.session_id,
            "serviceCode": call.code,
            "networkCode": NETWORK,
            "phoneNumber": msisdn,
            "status": status,
            "cost": "KES 0.10",
            "durationInMillis": str((self._now() - call.started_at) // timedelta(milliseconds=1)),
            "hopsCount": str(call.hops),
            "input": call.text,
            "lastAppResponse": call.said,
        }
        return self._africastalking("ussd-events", fields)

    # Texts and their reports

    def text(
        self,
        msisdn: str,
        body: str,
        *,
        provider: Literal["africastalking", "twilio"] = "africastalking",
        id: str | None = None,
    ) -> int:
        """Send a text to our short code, or to our Twilio number; the HTTP status it was answered with.

        `id` posts it under a message id that was used before.
        """
        post = self._twilio_text if provider == "twilio" else self._africastalking_text
        return self._post(post(msisdn, body, id)).status_code

    def picture(self, msisdn: str, body: str, *pictures: bytes) -> int:
        """Send pictures, perhaps with words, to our Twilio number; the HTTP status it was answered with."""
        sid = f"MM{self._new_id()}"
        fields = dict(self._twilio_text(msisdn, body, sid).fields)
        kept_at = f"{TWILIO_URL}/2010-04-01/Accounts/{fields['AccountSid']}/Messages/{sid}/Media"
        fields["NumMedia"] = str(len(pictures))
        for n, picture in enumerate(pictures):
            id = f"ME{self._new_id()}"
            media.put(self._settings, id, picture)
            fields |= {f"MediaContentType{n}": "image/jpeg", f"MediaUrl{n}": f"{kept_at}/{id}"}
        return self._post(self._twilio("sms", fields)).status_code

    def report(self, provider_id: str, status: str, *, msisdn: str, reason: str | None = None) -> int:
        """Report how a text we sent to `msisdn` fared, in its provider's words; the HTTP status."""
        twilio = provider_id.startswith("SM")
        post = self._twilio_report if twilio else self._africastalking_report
        return self._post(post(provider_id, status, msisdn, reason)).status_code

    def repeat(self) -> str:
        """Post the last request once more, as it was: a provider that saw no answer does so."""
        if self._last is None:
            raise LookupError("nothing was posted yet")
        return self._send(self._last).get_data(as_text=True)

    # Africa's Talking

    def _africastalking_text(self, msisdn: str, body: str, message_id: str | None) -> _Posted:
        fields = {
            "date": f"{self._now():%Y-%m-%d %H:%M:%S}",
            "from": msisdn,
            "id": message_id or self._new_id(),
            "linkId": self._new_id(),
            "text": body,
            "to": self._settings.sms_short_code,
            "cost": "KES 1.00",
            "networkCode": NETWORK,
        }
        return self._africastalking("sms", fields)

    def _africastalking_report(self, provider_id: str, status: str, msisdn: str, reason: str | None) -> _Posted:
        fields = {"id": provider_id, "status": status, "phoneNumber": msisdn, "networkCode": NETWORK}
        return self._africastalking("delivery", fields | ({"failureReason": reason} if reason else {}))

    def _africastalking(self, path: str, fields: Mapping[str, str]) -> _Posted:
        return _Posted(f"/webhooks/africastalking/{self._settings.webhook_secret}/{path}", fields, {})

    # Twilio

    def _twilio_text(self, msisdn: str, body: str, message_id: str | None) -> _Posted:
        sid = message_id or f"SM{self._new_id()}"
        fields = {
            "SmsMessageSid": sid,
            "NumMedia": "0",
            "SmsSid": sid,
            "SmsStatus": "received",
            "Body": body,
            "To": self._settings.twilio_from or TWILIO_NUMBER,
            "NumSegments": "1",
            "MessageSid": sid,
            "AccountSid": self._settings.twilio_account_sid or ACCOUNT_SID,
            "From": msisdn,
            "ApiVersion": "2010-04-01",
        }
        return self._twilio("sms", fields)

    def _twilio_report(self, sid: str, status: str, msisdn: str, reason: str | None) -> _Posted:
        fields = {
            "SmsSid": sid,
            "SmsStatus": status,
            "MessageStatus": status,
            "To": msisdn,
            "MessageSid": sid,
            "AccountSid": self._settings.twilio_account_sid or ACCOUNT_SID,
            "From": self._settings.twilio_from or TWILIO_NUMBER,
            "ApiVersion": "2010-04-01",
        }
        return self._twilio("status", fields | ({"ErrorCode": reason} if reason else {}))

    def _twilio(self, path: str, fields: Mapping[str, str]) -> _Posted:
        path = f"/webhooks/twilio/{path}"
        validator = RequestValidator(self._settings.twilio_auth_token or "")
        headers = {
            "X-Twilio-Signature": validator.compute_signature(self._settings.url + path, fields),
            "I-Twilio-Idempotency-Token": self._new_id(),
        }
        return _Posted(path, fields, headers)

    # The wire

    def _post(self, posted: _Posted) -> TestResponse:
        self._last = posted
        return self._send(posted)

    def _send(self, posted: _Posted) -> TestResponse:
        return self._client.post(posted.path, data=posted.fields, headers=posted.headers)


class WsgiAdapter(BaseAdapter):
    """Mounted on a `requests.Session`, it takes requests into a WSGI application instead of a socket."""

    def __init__(self, app: WSGIApplication) -> None:
        super().__init__()
        self._client = Client(app, use_cookies=False)

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        answer = self._client.open(
            request.path_url, method=request.method, data=request.body, headers=list(request.headers.items())
        )
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response.raw = BytesIO(answer.get_data())
        response.encoding = requests.utils.get_encoding_from_headers(response.headers)
        response.request, response.url = request, request.url or ""
        return response

    def close(self) -> None:
        """Nothing is kept open."""
