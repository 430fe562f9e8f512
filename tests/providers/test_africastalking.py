"""Africa's Talking's callbacks: what is refused or ignored, and that the fast path answers as Flask does.

The bodies that are understood are in `tests/providers/rows/africastalking.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from werkzeug.test import Client, TestResponse

from bot.providers import africastalking
from bot.providers.africastalking import HOP_METADATA as METADATA
from bot.providers.forms import msisdn
from tests.providers.conftest import SECRET
from tests.providers.recording import CallbackRecorder
from tests.providers.rows.africastalking import AMINA, CALL, CALLBACKS, MESSAGE, SESSION, hop

FORM = "application/x-www-form-urlencoded"


def post(client: FlaskClient, path: str, body: str, secret: str = SECRET) -> TestResponse:
    return client.post(f"/webhooks/africastalking/{secret}/{path}", data=body, content_type=FORM)


def body_for(path: str) -> str:
    """A body that is understood at this path."""
    row = next(row for row in CALLBACKS if row.path.endswith(f"/{path}") and row.told)
    return str(row.body)


def test_a_hop_is_answered_with_the_screen_alone(client: FlaskClient, handler: CallbackRecorder) -> None:
    handler.screen = "CON Karibu\n1. Uza"
    answer = post(client, "ussd", f"{CALL}&text=")
    assert (answer.data, answer.mimetype) == (b"CON Karibu\n1. Uza", "text/plain")


@pytest.mark.parametrize("path", ["ussd-events", "sms", "delivery", "optout"])
def test_every_request_but_a_hop_is_answered_with_an_empty_body(client: FlaskClient, path: str) -> None:
    assert post(client, path, body_for(path)).data == b""


def test_an_opt_out_of_no_phone_is_accepted_logged_and_ignored(
    client: FlaskClient, handler: CallbackRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert post(client, "optout", "senderId=SOKO&phoneNumber=SOKO").status_code == 200
    assert handler.recorded == []
    assert len(caplog.records) == 1


@pytest.mark.parametrize("sender", ["MPESA", "22384", "0711000222"])
def test_a_text_from_another_sender_than_a_phone_is_passed_on_as_it_is_written(
    client: FlaskClient, handler: CallbackRecorder, sender: str
) -> None:
    assert post(client, "sms", f"from={sender}&id=m9&text=Confirmed&to=22384").status_code == 200
    assert [inbound.msisdn for inbound in handler.recorded] == [sender]


REQUIRED = [
    ("sms", {"from": AMINA, "id": "m1", "text": "HELP"}),
    ("delivery", {"id": MESSAGE, "status": "Success"}),
    ("optout", {"phoneNumber": AMINA}),
    ("ussd-events", {"sessionId": SESSION}),
]


@pytest.mark.parametrize(
    ("path", "fields", "missing"), [(path, fields, name) for path, fields in REQUIRED for name in fields]
)
def test_a_missing_field_is_400_and_changes_nothing(
    client: FlaskClient, handler: CallbackRecorder, path: str, fields: dict[str, str], missing: str
) -> None:
    others = {name: value for name, value in fields.items() if name != missing}
    assert post(client, path, urlencode(fields)).status_code == 200
    handler.recorded.clear()
    assert post(client, path, urlencode(others)).status_code == 400
    assert handler.recorded == []


UNREADABLE = [
    "",
    "sessionId=&phoneNumber=%2B254711000111&text=",
    f"sessionId={SESSION}&text=1",
    f"sessionId={SESSION}&phoneNumber=MPESA&text=1",
    "%%%=&&&",
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_hop_that_cannot_be_read_ends_with_an_apology(
    client: FlaskClient, handler: CallbackRecorder, body: str
) -> None:
    answer = post(client, "ussd", body)
    assert (answer.status_code, answer.text) == (200, "END Sorry, unknown caller")
    assert handler.recorded == []


def test_a_hop_in_another_format_or_too_large_ends_with_an_apology(app: Flask, client: FlaskClient) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    path = f"/webhooks/africastalking/{SECRET}/ussd"
    assert client.post(path, json={"sessionId": SESSION}).text.startswith("END ")
    assert post(client, "ussd", f"{CALL}&text={'1' * 10_000}").text.startswith("END ")


def test_an_error_in_a_hop_ends_the_call_with_an_apology_and_is_logged_with_its_traceback(
    client: FlaskClient, handler: CallbackRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    handler.error = RuntimeError("the database is gone")
    answer = post(client, "ussd", f"{CALL}&text=1%2A4711")
    assert (answer.status_code, answer.text) == (200, f"END Sorry, {AMINA}")
    assert "the database is gone" in caplog.text
    assert AMINA not in caplog.text
    assert "4711" not in caplog.text


@pytest.mark.parametrize("path", ["ussd", "ussd-events", "sms", "delivery", "optout"])
@pytest.mark.parametrize("secret", ["wrong", SECRET.upper(), SECRET + "x", "ñandú"])
def test_a_request_with_another_secret_is_404(
    client: FlaskClient, handler: CallbackRecorder, path: str, secret: str
) -> None:
    assert post(client, path, f"{CALL}&text=", secret).status_code == 404
    assert handler.recorded == []


@pytest.mark.parametrize("path", ["ussd", "ussd-events", "sms", "delivery", "optout"])
def test_a_slash_at_the_end_is_no_redirect(client: FlaskClient, path: str) -> None:
    assert post(client, f"{path}/", body_for(path)).status_code == 200


TYPED = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from("\r\n\t"), max_size=2000)


@given(TYPED)
def test_typed_text_arrives_unchanged(typed: str) -> None:
    handler, app = CallbackRecorder(), Flask(__name__)
    app.register_blueprint(africastalking.routes(handler, (SECRET,)))
    post(app.test_client(), "ussd", f"{CALL}&{urlencode({'text': typed})}")
    assert handler.recorded == [hop(typed)]


FIELDS = ["sessionId=1", "sessionId", "phoneNumber=%2B254711000111", "phoneNumber=254711000112", "text=1%2A2", "text="]
FIELDS += ["text=%FF", "text=%", "t%65xt=7", "text=\N{ETHIOPIC SYLLABLE GLOTTAL A}", "serviceCode=+%2A384%23", ";", ""]
BEGINNINGS = st.sampled_from([b"", CALL.encode(), f"{CALL}&text=1".encode()])
BODIES = st.builds(
    lambda beginning, fields: b"&".join([beginning, *fields]),
    BEGINNINGS,
    st.lists(st.sampled_from([field.encode() for field in FIELDS]) | st.binary(max_size=9)),
)


@given(
    BODIES,
    st.sampled_from([FORM, f"{FORM}; charset=latin-1", "text/plain", ""]),
    st.sampled_from(["", "0", "3", "12345", "-1", "x"]),
)
def test_the_fast_path_reads_any_request_as_flask_does(body: bytes, content_type: str, metadata: str) -> None:
    outcomes = []
    for fast in (False, True):
        handler, app = CallbackRecorder(), Flask(__name__)
        app.register_blueprint(africastalking.routes(handler, (SECRET,)))
        wsgi = africastalking.fast_path(app.wsgi_app, handler, (SECRET,)) if fast else app.wsgi_app
        path = f"/webhooks/africastalking/{SECRET}/ussd"
        answer = Client(wsgi).post(path, data=body, content_type=content_type, headers={METADATA: metadata})
        outcomes.append((answer.status_code, answer.text, sorted(answer.headers.items()), handler.recorded))
    assert outcomes[0] == outcomes[1]


def test_the_fast_path_answers_a_hop_without_the_application(handler: CallbackRecorder) -> None:
    def unused(*_: object) -> Iterable[bytes]:
        raise AssertionError("the application was called")

    client = Client(africastalking.fast_path(unused, handler, (SECRET,)))
    path = f"/webhooks/africastalking/{SECRET}/ussd"
    client.post(path, data=f"{CALL}&text=1", content_type=FORM)
    assert handler.recorded == [hop("1")]


def test_the_answer_says_how_long_the_text_is_and_the_next_request_brings_that_back(
    client: FlaskClient, handler: CallbackRecorder
) -> None:
    path = f"/webhooks/africastalking/{SECRET}/ussd"
    first = client.post(path, data=f"{CALL}&text=1", content_type=FORM)
    second = client.post(
        path, data=f"{CALL}&text=1*3*4", content_type=FORM, headers={METADATA: first.headers[METADATA]}
    )
    assert (first.headers[METADATA], second.headers[METADATA]) == ("1", "5")
    assert handler.recorded == [hop("1"), structs.replace(hop("1*3*4"), answered_before=1)]


def test_a_hop_with_an_incomplete_body_is_not_processed(client: FlaskClient, handler: CallbackRecorder) -> None:
    body = f"{CALL}&text=1%2A".encode()
    path = f"/webhooks/africastalking/{SECRET}/ussd"
    longer = {"CONTENT_LENGTH": str(len(body) + 1)}
    answer = client.post(path, input_stream=BytesIO(body), content_type=FORM, environ_overrides=longer)
    assert (answer.status_code, answer.text) == (200, "END Sorry, unknown caller")
    assert handler.recorded == []


@given(st.text())
def test_a_sender_is_an_e164_number_or_none(raw: str) -> None:
    number = msisdn(raw)
    assert number is None or (number[0] == "+" and number[1:].isascii() and number[1:].isdigit())


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+254711000111", AMINA),
        (" 254711000111", AMINA),
        ("254711000111", AMINA),
        ("0711000111", None),
        ("++254711000111", None),
        ("+٢٥٤٧١١٠٠٠١١١", None),
        ("22384", None),
        ("+1234567890123456", None),
        ("Safaricom", None),
        ("", None),
    ],
)
def test_a_sender_is_read_as_an_e164_number(raw: str, number: str | None) -> None:
    assert msisdn(raw) == number
