"""Twilio's callbacks: how they are signed, and what is refused or ignored.

The bodies that are understood are in `tests/providers/rows/twilio.py`.
"""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import parse_qsl

import pytest
from flask import Flask
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from bot.providers import twilio
from tests.providers.conftest import PUBLIC_URL, TOKEN
from tests.providers.recording import CallbackRecorder
from tests.providers.rows.twilio import AMINA, PHONES, SID, STATUS, TEXT, sms

FORM = "application/x-www-form-urlencoded"


def sign(path: str, body: str, token: str = TOKEN) -> str:
    fields = dict(parse_qsl(body, keep_blank_values=True))
    return str(RequestValidator(token).compute_signature(f"{PUBLIC_URL}/webhooks/twilio/{path}", fields))


def post(client: FlaskClient, path: str, body: str, signature: str | None = None, **headers: str) -> TestResponse:
    headers["X-Twilio-Signature"] = signature if signature is not None else sign(path, body)
    return client.post(f"/webhooks/twilio/{path}", data=body, content_type=FORM, headers=headers)


def test_the_idempotency_token_of_a_message_is_passed_on(client: FlaskClient, handler: CallbackRecorder) -> None:
    post(client, "sms", f"{TEXT}&{PHONES}&Body=HELP", **{"I-Twilio-Idempotency-Token": "7f3a"})
    assert handler.recorded == [sms("HELP", token="7f3a")]


def test_a_message_is_answered_with_an_empty_document_and_a_status_with_nothing(client: FlaskClient) -> None:
    text = post(client, "sms", f"{TEXT}&{PHONES}&Body=HELP")
    assert (text.mimetype, text.text) == ("text/xml", '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert post(client, "status", f"{STATUS}&MessageStatus=sent").data == b""


@pytest.mark.parametrize(("written", "sender"), [("40404", "40404"), ("whatsapp%3Asomebody", "somebody")])
def test_a_message_from_another_sender_than_a_phone_is_passed_on_as_it_is_written(
    client: FlaskClient, handler: CallbackRecorder, written: str, sender: str
) -> None:
    assert post(client, "sms", f"MessageSid={SID}&From={written}&Body=Airtime").status_code < 300
    assert [inbound.msisdn for inbound in handler.recorded] == [sender]


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
    client: FlaskClient, handler: CallbackRecorder, path: str, body: str
) -> None:
    assert post(client, path, body).status_code == 400
    assert handler.recorded == []


FORGED = ["", "1ugM4IHgSoI9XoCDkWjDQN0paac=", "ñ", sign("sms", f"{TEXT}&{PHONES}", "another token")]


@pytest.mark.parametrize("path", ["sms", "status"])
@pytest.mark.parametrize("signature", FORGED)
def test_a_wrong_signature_is_403(client: FlaskClient, handler: CallbackRecorder, path: str, signature: str) -> None:
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


def test_without_a_token_everything_is_403(handler: CallbackRecorder) -> None:
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
def test_requests_with_known_signatures_are_accepted(
    handler: CallbackRecorder, host: str, path: str, fields: dict[str, str | list[str]], signature: str
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


def test_the_sdks_client_is_not_imported_before_something_is_sent() -> None:
    program = "import bot.providers.twilio, sys; sys.exit('twilio.rest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
