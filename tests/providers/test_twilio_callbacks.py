"""What Twilio posts, body by body, how it is signed, and what the hall is told."""

from __future__ import annotations

import base64
import subprocess
import sys
from urllib.parse import parse_qsl, urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from bot.providers import twilio
from bot.providers.contracts import DeliveryReport, Inbound, Media
from bot.providers.errors import Reason
from state.messages import ReportedStatus
from tests.providers.conftest import PUBLIC_URL, TOKEN
from tests.providers.recording import RecordingHandler

FORM = "application/x-www-form-urlencoded"
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
LONG = "Kikapu kikubwa cha mkonge, rangi tatu, kimefumwa kwa mkono huko Kitui."


def sign(path: str, body: str, token: str = TOKEN) -> str:
    fields = dict(parse_qsl(body, keep_blank_values=True))
    return str(RequestValidator(token).compute_signature(f"{PUBLIC_URL}/webhooks/twilio/{path}", fields))


def post(client: FlaskClient, path: str, body: str, signature: str | None = None, **headers: str) -> TestResponse:
    headers["X-Twilio-Signature"] = signature if signature is not None else sign(path, body)
    return client.post(f"/webhooks/twilio/{path}", data=body, content_type=FORM, headers=headers)


def sms(text: str, **more: object) -> Inbound:
    said: dict[str, object] = {
        "channel": "sms",
        "provider": "twilio",
        "id": SID,
        "msisdn": AMINA,
        "service": "+254711000999",
    }
    return Inbound(**(said | more), text=text)  # type: ignore[arg-type]


def report(status: ReportedStatus | None, reason: Reason | None, detail: str | None, raw: str) -> DeliveryReport:
    return DeliveryReport("twilio", SID, status, reason, detail, raw, "+254712345678")


UNDERSTOOD = [
    ("sms", f"{TEXT}&{PHONES}&Body=SELL+basket+1500", sms("SELL basket 1500")),
    ("sms", f"{TEXT}&{PHONES}&Body=Stop&OptOutType=STOP", sms("Stop", consent="STOP")),
    ("sms", f"{TEXT}&{PHONES}&Body=hm&OptOutType=SHRUG", sms("hm")),
    ("sms", f"MessageSid={SID}&{PHONES}", sms("")),
    ("sms", f"{TEXT}&{PHONES}&Body=Kikapu+%C3%B1+%E2%82%AC+%F0%9F%98%80+", sms("Kikapu ñ € 😀 ")),
    (
        "sms",
        f"MessageSid={SID}&From=whatsapp%3A%2B254712345678&To=whatsapp%3A%2B254711000999&Body=MENU",
        sms("MENU", channel="whatsapp"),
    ),
    (
        "sms",
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
    (
        "sms",
        f"{TEXT}&{PHONES}&{urlencode({'Body': base64.b64encode(LONG.encode()).decode()})}",
        sms(LONG),
    ),
    ("sms", f"{TEXT}&{PHONES}&Body={'hahaha' * 12}", sms("hahaha" * 12)),
    ("sms", f"{TEXT}&{PHONES}&{urlencode({'Body': LONG})}", sms(LONG)),
    ("status", f"{STATUS}&MessageStatus=accepted", report("sending", None, None, "accepted")),
    ("status", f"{STATUS}&MessageStatus=scheduled", report("sending", None, None, "scheduled")),
    ("status", f"{STATUS}&MessageStatus=queued", report("sending", None, None, "queued")),
    ("status", f"{STATUS}&MessageStatus=sending", report("sending", None, None, "sending")),
    ("status", f"{STATUS}&MessageStatus=sent&SmsStatus=sent", report("sent", None, None, "sent")),
    ("status", f"{STATUS}&MessageStatus=partially_delivered", report("sent", None, None, "partially_delivered")),
    ("status", f"{STATUS}&MessageStatus=delivered&RawDlrDoneDate=26", report("delivered", None, None, "delivered")),
    ("status", f"{STATUS}&MessageStatus=read", report("delivered", None, None, "read")),
    (
        "status",
        f"{STATUS}&MessageStatus=undelivered&ErrorCode=30003",
        report("failed", Reason.REFUSED, "unreachable_phone", "undelivered"),
    ),
    (
        "status",
        f"{STATUS}&MessageStatus=failed&ErrorCode=21610",
        report("failed", Reason.OPTED_OUT, "opted_out", "failed"),
    ),
    ("status", f"{STATUS}&MessageStatus=failed&ErrorCode=39999", report("failed", Reason.REFUSED, "39999", "failed")),
    ("status", f"{STATUS}&MessageStatus=canceled&ErrorCode=", report("failed", Reason.REFUSED, "canceled", "canceled")),
    ("status", f"{STATUS}&MessageStatus=teleported", report(None, None, None, "teleported")),
]


@pytest.mark.parametrize(("path", "body", "heard"), UNDERSTOOD)
def test_a_callback_is_told_to_the_hall_in_our_words(
    client: FlaskClient, handler: RecordingHandler, path: str, body: str, heard: object
) -> None:
    answer = post(client, path, body)
    assert answer.status_code == {"sms": 200, "status": 204}[path]
    assert handler.recorded == [heard]


def test_the_token_of_a_text_is_told_to_the_hall(client: FlaskClient, handler: RecordingHandler) -> None:
    post(client, "sms", f"{TEXT}&{PHONES}&Body=HELP", **{"I-Twilio-Idempotency-Token": "7f3a"})
    assert handler.recorded == [sms("HELP", token="7f3a")]


def test_a_text_is_answered_with_no_words_and_a_status_with_nothing(client: FlaskClient) -> None:
    text = post(client, "sms", f"{TEXT}&{PHONES}&Body=HELP")
    assert (text.mimetype, text.text) == ("text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert post(client, "status", f"{STATUS}&MessageStatus=sent").data == b""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sms", f"MessageSid={SID}&From=40404&Body=Airtime"),
        ("sms", f"MessageSid={SID}&From=whatsapp%3Asomebody&Body=Hi"),
    ],
)
def test_what_nobody_can_use_is_accepted_noted_and_kept_from_the_hall(
    client: FlaskClient, handler: RecordingHandler, caplog: pytest.LogCaptureFixture, path: str, body: str
) -> None:
    caplog.set_level("INFO")
    assert post(client, path, body).status_code < 300
    assert handler.recorded == []
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("sms", f"MessageSid={SID}&Body=HELP"),
        ("sms", f"{PHONES}&Body=HELP"),
        ("sms", f"MessageSid=&{PHONES}"),
        ("status", "MessageStatus=sent"),
        ("status", f"MessageSid={SID}"),
    ],
)
def test_a_missing_field_is_400_and_changes_nothing(
    client: FlaskClient, handler: RecordingHandler, path: str, body: str
) -> None:
    assert post(client, path, body).status_code == 400
    assert handler.recorded == []


FORGED = ["", "1ugM4IHgSoI9XoCDkWjDQN0paac=", "ñ", sign("sms", f"{TEXT}&{PHONES}", "another token")]


@pytest.mark.parametrize("path", ["sms", "status"])
@pytest.mark.parametrize("signature", FORGED)
def test_a_wrong_signature_is_403(client: FlaskClient, handler: RecordingHandler, path: str, signature: str) -> None:
    assert post(client, path, f"{TEXT}&{PHONES}&Body=PAY+ME", signature).status_code == 403
    assert handler.recorded == []


def test_no_signature_is_403(client: FlaskClient) -> None:
    assert client.post("/webhooks/twilio/sms", data={"From": AMINA, "MessageSid": SID}).status_code == 403


def test_a_field_added_after_signing_is_403(client: FlaskClient) -> None:
    body = f"{TEXT}&{PHONES}&Body=HELP"
    assert post(client, "sms", f"{body}&MediaUrl0=http%3A%2F%2Fevil", sign("sms", body)).status_code == 403


def test_the_query_and_a_slash_at_the_end_are_signed_too(client: FlaskClient) -> None:
    body = f"{TEXT}&{PHONES}&Body=HELP"
    assert post(client, "sms/?from=console", body).status_code == 200
    assert post(client, "sms?from=console", body, sign("sms", body)).status_code == 403


def test_without_a_token_everything_is_403(handler: RecordingHandler) -> None:
    app = Flask(__name__)
    app.register_blueprint(twilio.routes(handler, PUBLIC_URL, None))
    body = f"{TEXT}&{PHONES}&Body=HELP"
    assert post(app.test_client(), "sms", body, sign("sms", body, "")).status_code == 403
    assert handler.recorded == []


SMS_FIELDS = dict(parse_qsl(f"{TEXT}&{PHONES}&MessagingServiceSid=MG{'2' * 32}", keep_blank_values=True))


@pytest.mark.parametrize(
    ("host", "path", "fields", "signature"),
    [
        (
            "https://bot.example.com",
            "/twilio/inbound",
            SMS_FIELDS | {"Body": "SELL basket 1500"},
            "1ugM4IHgSoI9XoCDkWjDQN0paac=",
        ),
        (
            "https://bot.example.com:443",
            "/twilio/inbound",
            SMS_FIELDS | {"Body": "SELL basket 1500"},
            "urNeMqkmb/GaHiAHEQqIwW/Eup8=",
        ),
        (
            "https://bot.example.com",
            "/twilio/inbound",
            SMS_FIELDS | {"Body": "Kikapu ñ € 😀 "},
            "Tx5RkiVSTs8Zt1mMvVgHM29RS5g=",
        ),
        ("https://bot.example.com", "/x", {"A": ["2", "1", "1"], "B": "z"}, "C5INgU4+OBqcRn49yEKXPmWWKZs="),
    ],
)
def test_known_signatures_open_the_routes(
    handler: RecordingHandler, host: str, path: str, fields: dict[str, str | list[str]], signature: str
) -> None:
    guarded = twilio.routes(handler, host, TOKEN)
    guarded.url_prefix = None
    guarded.add_url_rule(path, "known", lambda: "welcome", methods=["POST"])
    app = Flask(__name__)
    app.register_blueprint(guarded)
    client = app.test_client()
    assert client.post(path, data=fields, headers={"X-Twilio-Signature": signature}).text == "welcome"
    forged = {"X-Twilio-Signature": signature.swapcase()}
    assert client.post(path, data=fields, headers=forged).status_code == 403


def test_the_sdk_s_client_is_not_loaded_before_something_is_sent() -> None:
    program = "import bot.providers.twilio, sys; sys.exit('twilio.rest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
