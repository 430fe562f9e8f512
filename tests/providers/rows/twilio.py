"""What Twilio posts and answers, body by body, and how it signs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from bot.providers.contracts import DeliveryReport, Inbound, Media, Receipt
from bot.providers.errors import Reason
from bot.providers.twilio import PROVIDER
from state.messages import ReportedStatus
from tests.providers.wire import FINAL, LATER, SMS, UNKNOWN, AnswerRow, CallbackRow, Failed, WireTable

AUTH_TOKEN = "very_secret_token"
SID = "SM11111111111111111111111111111111"
MMS = "MM33333333333333333333333333333333"
ACCOUNT = "AC00000000000000000000000000000000"
AMINA = "+254712345678"
MEDIA = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{MMS}/Media/ME44444444444444444444444444444444"
TEXT = (
    f"ToCountry=KE&ToState=&SmsMessageSid={SID}&NumMedia=0&ToCity=&FromZip=&SmsSid={SID}&FromState="
    f"&SmsStatus=received&FromCity=&FromCountry=KE&ToZip=&NumSegments=1&MessageSid={SID}"
    f"&AccountSid={ACCOUNT}&ApiVersion=2010-04-01"
)
PHONES = "From=%2B254712345678&To=%2B254711000999"
STATUS = f"SmsSid={SID}&To=%2B254712345678&MessageSid={SID}&AccountSid={ACCOUNT}&From=SOKO"
CONTROLS = "\x00\x1b\x7f"
LONG = "Kikapu kikubwa cha mkonge, rangi tatu, kimefumwa kwa mkono huko Kitui."


# What it posts


def signed(url: str, body: str | bytes, token: str = AUTH_TOKEN) -> Mapping[str, str]:
    """The signature's header, as Twilio computes it from the address and the form."""
    text = body if isinstance(body, str) else body.decode()
    fields = dict(parse_qsl(text, keep_blank_values=True))
    return {"X-Twilio-Signature": str(RequestValidator(token).compute_signature(url, fields))}


def sms(text: str, **more: object) -> Inbound:
    fields: dict[str, object] = {
        "channel": "sms",
        "provider": "twilio",
        "id": SID,
        "msisdn": AMINA,
        "service": "+254711000999",
    }
    return Inbound(**(fields | more), text=text)  # type: ignore[arg-type]


def text_posted(body: str, *told: object, status: int = 200) -> CallbackRow:
    return CallbackRow("/webhooks/twilio/sms", body, told, status)


def in_base64(text: str) -> str:
    return urlencode({"Body": base64.b64encode(text.encode()).decode()})


def status_posted(
    status: ReportedStatus | None, raw: str, reason: Reason | None = None, detail: str | None = None, more: str = ""
) -> CallbackRow:
    report = DeliveryReport("twilio", SID, status, reason, detail, raw, AMINA)
    return CallbackRow("/webhooks/twilio/status", f"{STATUS}&MessageStatus={raw}{more}", (report,), 204)


CODES = [
    (20003, Failed("bad_credentials", Reason.MISCONFIGURED, FINAL)),
    (20404, Failed("no_such_account", Reason.MISCONFIGURED, FINAL)),
    (20429, Failed("too_many_requests", Reason.THROTTLED, LATER)),
    (21211, Failed("invalid_recipient", Reason.INVALID_RECIPIENT, FINAL)),
    (21212, Failed("invalid_sender", Reason.MISCONFIGURED, FINAL)),
    (21408, Failed("region_not_enabled", Reason.MISCONFIGURED, FINAL)),
    (21602, Failed("empty_text", Reason.CONTENT_REJECTED, FINAL)),
    (21603, Failed("no_sender", Reason.MISCONFIGURED, FINAL)),
    (21604, Failed("no_recipient", Reason.INVALID_RECIPIENT, FINAL)),
    (21606, Failed("sender_not_ours", Reason.MISCONFIGURED, FINAL)),
    (21608, Failed("trial_account", Reason.MISCONFIGURED, FINAL)),
    (21610, Failed("opted_out", Reason.OPTED_OUT, FINAL)),
    (21611, Failed("queue_full", Reason.THROTTLED, LATER)),
    (21612, Failed("no_route", Reason.REFUSED, FINAL)),
    (21614, Failed("not_a_mobile", Reason.INVALID_RECIPIENT, FINAL)),
    (21617, Failed("text_too_long", Reason.CONTENT_REJECTED, FINAL)),
    (21703, Failed("no_sender", Reason.MISCONFIGURED, FINAL)),
    (21704, Failed("no_sender", Reason.MISCONFIGURED, FINAL)),
    (30001, Failed("queue_full", Reason.THROTTLED, LATER)),
    (30002, Failed("account_suspended", Reason.MISCONFIGURED, FINAL)),
    (30003, Failed("unreachable_phone", Reason.REFUSED, FINAL)),
    (30004, Failed("blocked", Reason.REFUSED, FINAL)),
    (30005, Failed("unknown_phone", Reason.INVALID_RECIPIENT, FINAL)),
    (30006, Failed("not_a_mobile", Reason.INVALID_RECIPIENT, FINAL)),
    (30007, Failed("filtered_as_spam", Reason.CONTENT_REJECTED, FINAL)),
    (30008, Failed("unexplained", Reason.REFUSED, FINAL)),
    (30017, Failed("congestion", Reason.THROTTLED, LATER)),
    (30018, Failed("sender_not_registered", Reason.MISCONFIGURED, FINAL)),
    (30022, Failed("rate_exceeded", Reason.THROTTLED, LATER)),
    (30023, Failed("daily_cap_reached", Reason.THROTTLED, LATER)),
    (30034, Failed("number_not_registered", Reason.MISCONFIGURED, FINAL)),
    (30410, Failed("provider_timeout", Reason.NO_ANSWER, UNKNOWN)),
    (63007, Failed("no_whatsapp_sender", Reason.NOT_BY_WHATSAPP, FINAL)),
    (63015, Failed("whatsapp_sandbox_not_joined", Reason.NOT_BY_WHATSAPP, FINAL)),
    (63016, Failed("outside_whatsapp_window", Reason.NOT_BY_WHATSAPP, FINAL)),
    (63018, Failed("whatsapp_rate_exceeded", Reason.THROTTLED, LATER)),
    (63024, Failed("no_whatsapp", Reason.NOT_BY_WHATSAPP, FINAL)),
    (29999, Failed("29999", Reason.REFUSED, FINAL)),
]

CALLBACKS = [
    text_posted(f"{TEXT}&{PHONES}&Body=SELL+basket+1500", sms("SELL basket 1500")),
    text_posted(f"{TEXT}&{PHONES}&Body=Stop&OptOutType=STOP", sms("Stop", consent="STOP")),
    text_posted(f"{TEXT}&{PHONES}&Body=hm&OptOutType=SHRUG", sms("hm")),
    text_posted(f"MessageSid={SID}&{PHONES}", sms("")),
    text_posted(f"{TEXT}&{PHONES}&Body=Kikapu+%C3%B1+%E2%82%AC+%F0%9F%98%80+", sms("Kikapu ñ € 😀 ")),
    text_posted(
        f"MessageSid={SID}&From=whatsapp%3A%2B254712345678&To=whatsapp%3A%2B254711000999&Body=MENU",
        sms("MENU", channel="whatsapp"),
    ),
    text_posted(
        f"MessageSid={MMS}&{PHONES}&Body=&NumMedia=2&"
        + urlencode(
            {
                "MediaContentType0": "image/jpeg",
                "MediaUrl0": MEDIA,
                "MediaContentType1": "image/png",
                "MediaUrl1": MEDIA + "5",
            }
        ),
        sms("", id=MMS, media=(Media(MEDIA, "image/jpeg"), Media(MEDIA + "5", "image/png"))),
    ),
    text_posted(f"{TEXT}&{PHONES}&{in_base64(LONG)}", sms(LONG)),
    text_posted(f"{TEXT}&{PHONES}&Body={'hahaha' * 12}", sms("hahaha" * 12)),
    text_posted(f"{TEXT}&{PHONES}&{urlencode({'Body': LONG})}", sms(LONG)),
    # control characters, also inside base64
    text_posted(f"MessageSid=SM%00{SID[2:]}&{PHONES}&Body=HELP%00", sms("HELP")),
    text_posted(
        f"MessageSid={SID}&{PHONES}&{urlencode({'Body': base64.b64encode((LONG + CONTROLS).encode()).decode()})}",
        sms(LONG),
    ),
    # bytes that are no UTF-8
    text_posted(f"MessageSid={SID}&{PHONES}&Body=RELEV%C9", sms("RELEV\ufffd")),
    # fields that are too long
    text_posted(f"MessageSid={SID}&{PHONES}&Body={'t' * 2001}", status=413),
    text_posted(f"MessageSid={SID}&{PHONES}&{in_base64('t' * 2001)}", status=413),
    text_posted(f"MessageSid={'S' * 201}&{PHONES}&Body=t", status=413),
    # a sender that is no phone
    text_posted(f"MessageSid={SID}&From=40404&Body=Airtime", sms("Airtime", msisdn="40404", service="")),
    text_posted(
        f"MessageSid={SID}&From=whatsapp%3Asomebody&Body=Hi",
        sms("Hi", channel="whatsapp", msisdn="somebody", service=""),
    ),
    status_posted("sending", "accepted"),
    status_posted("sending", "scheduled"),
    status_posted("sending", "queued"),
    status_posted("sending", "sending"),
    status_posted("sent", "sent", more="&SmsStatus=sent"),
    status_posted("sent", "partially_delivered"),
    status_posted("delivered", "delivered", more="&RawDlrDoneDate=26"),
    status_posted("delivered", "read"),
    status_posted(None, "teleported"),
    status_posted("failed", "failed", Reason.REFUSED, "39999", "&ErrorCode=39999"),
    status_posted("failed", "canceled", Reason.REFUSED, "canceled", "&ErrorCode="),
    *(
        status_posted("failed", "undelivered", failure.reason, failure.detail, f"&ErrorCode={code}")
        for code, failure in CODES
    ),
]


# What it answers


def message(**changed: object) -> bytes:
    resource = {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": SMS.text,
        "date_created": "Sun, 22 Nov 2026 09:20:05 +0000",
        "date_sent": None,
        "date_updated": "Sun, 22 Nov 2026 09:20:05 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": "+15005550006",
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": "USD",
        "sid": SID,
        "status": "queued",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}/Media.json"},
        "to": SMS.msisdn,
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{SID}.json",
    }
    return json.dumps(resource | changed).encode()


def error(code: int, status: int) -> bytes:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": "It says why", "more_info": more_info, "status": status}
    return json.dumps(body).encode()


UNREADABLE = Failed("unreadable_answer", Reason.UNREADABLE, LATER)

ANSWERS = [
    AnswerRow(201, message(), Receipt(SID)),
    *(AnswerRow(400, error(code, 400), failure) for code, failure in CODES),
    *(AnswerRow(201, message(status="failed", error_code=code), failure) for code, failure in CODES),
    AnswerRow(401, error(20003, 401), Failed("bad_credentials", Reason.MISCONFIGURED, FINAL)),
    AnswerRow(404, error(20404, 404), Failed("no_such_account", Reason.MISCONFIGURED, FINAL)),
    AnswerRow(429, error(20429, 429), Failed("too_many_requests", Reason.THROTTLED, LATER)),
    AnswerRow(500, error(20500, 500), Failed("20500", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(503, error(30008, 503), Failed("unexplained", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(
        400,
        b'{"type":"about:blank","title":"No","status":400,"code":21610}',
        Failed("opted_out", Reason.OPTED_OUT, FINAL),
    ),
    AnswerRow(201, message(sid=None), Failed("no_answer", Reason.NO_ANSWER, UNKNOWN)),
    AnswerRow(201, b"{}", Failed("no_answer", Reason.NO_ANSWER, UNKNOWN)),
    AnswerRow(201, b"<html>Log in to this network</html>", UNREADABLE, "text/html"),
    AnswerRow(201, b"[]", UNREADABLE),
    AnswerRow(201, b"null", UNREADABLE),
    AnswerRow(201, b"", UNREADABLE),
    AnswerRow(302, b"", Failed("http_302", Reason.UNREADABLE, LATER)),
    AnswerRow(400, b"nonsense", Failed("http_400", Reason.REFUSED, FINAL), "text/plain"),
    AnswerRow(403, b"", Failed("http_403", Reason.REFUSED, FINAL)),
    AnswerRow(408, b"", Failed("http_408", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(429, b"", Failed("http_429", Reason.THROTTLED, LATER)),
    AnswerRow(500, b"", Failed("http_500", Reason.PROVIDER_DOWN, LATER)),
    AnswerRow(503, b"<html>down</html>", Failed("http_503", Reason.PROVIDER_DOWN, LATER), "text/html"),
    AnswerRow(None, b"", Failed("no_answer", Reason.NO_ANSWER, UNKNOWN)),
]

TABLE = WireTable(
    provider=PROVIDER,
    settings={
        "twilio_account_sid": ACCOUNT,
        "twilio_auth_token": AUTH_TOKEN,
        "twilio_from": "+15005550006",
    },
    base_url="twilio_base_url",
    callbacks=CALLBACKS,
    answers=ANSWERS,
    decides=("sid", "code"),
    secrets=[AUTH_TOKEN, AMINA[1:]],
    sign=signed,
)
