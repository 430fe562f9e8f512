"""What Africa's Talking posts, body by body, and what the hall is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client, TestResponse

from bot.providers import africastalking
from bot.providers.contracts import DeliveryReport, Inbound, SessionEnd
from bot.providers.errors import Reason
from bot.providers.forms import msisdn
from state.messages import ReportedStatus
from tests.providers.conftest import SECRET
from tests.providers.recording import RecordingHandler

FORM = "application/x-www-form-urlencoded"
SESSION = "ATUid_9c2f1d7b4a6e4f0f8f2a6d0f5b1c3e77"
MESSAGE = "ATXid_4f1c2d3e5a6b7c8d9e0f112233445566"
AMINA = "+254711000111"
CALL = f"sessionId={SESSION}&phoneNumber=%2B254711000111&networkCode=63902&serviceCode=%2A384%2A22%23"
END = (
    f"date=2026-11-22+09%3A15%3A31&sessionId={SESSION}&serviceCode=%2A384%2A22%23&networkCode=63902"
    "&phoneNumber=%2B254711000111&cost=KES+0.10&durationInMillis=180112&hopsCount=2"
    "&input=1%2A1234&lastAppResponse=CON+Your+PIN%3A"
)
TEXT = "from=%2B254711000111&to=22384&networkCode=63902"
AT_0920 = datetime(2026, 11, 22, 9, 20, 5, tzinfo=UTC)


def post(client: FlaskClient, path: str, body: str, secret: str = SECRET) -> TestResponse:
    return client.post(f"/webhooks/africastalking/{secret}/{path}", data=body, content_type=FORM)


def hop(text: str) -> Inbound:
    return Inbound("ussd", "africastalking", SESSION, AMINA, "*384*22#", text)


def sms(id: str, text: str, sent_at: datetime | None = AT_0920) -> Inbound:
    return Inbound("sms", "africastalking", id, AMINA, "22384", text, sent_at=sent_at)


def end(*, incomplete: bool, status: str, **more: str) -> SessionEnd:
    facts = {
        "date": "2026-11-22 09:15:31",
        "status": status,
        "networkCode": "63902",
        "serviceCode": "*384*22#",
        "cost": "KES 0.10",
        "durationInMillis": "180112",
        "hopsCount": "2",
    }
    return SessionEnd("africastalking", SESSION, AMINA, incomplete, facts | more)


def report(
    status: ReportedStatus | None, reason: Reason | None, detail: str | None, raw: str, msisdn: str | None = None
) -> DeliveryReport:
    return DeliveryReport("africastalking", MESSAGE, status, reason, detail, raw, msisdn)


UNDERSTOOD = [
    ("ussd", f"{CALL}&text=", hop("")),
    ("ussd", f"{CALL}&text=1%2A2", hop("1*2")),
    ("ussd", f"{CALL}&text=3%2A1", hop("3*1")),
    ("ussd", f"{CALL}&text=1%2A2%2ABasket+3%2A4+inch", hop("1*2*Basket 3*4 inch")),
    ("ussd", f"{CALL}&text=%E1%8A%A0%E1%88%9B%E1%88%AD%E1%8A%9B", hop("አማርኛ")),
    ("ussd", f"{CALL}&text=1".replace("%2B", "+"), hop("1")),
    ("ussd-events", f"{END}&status=Incomplete", end(incomplete=True, status="Incomplete")),
    ("ussd-events", f"{END}&status=Success", end(incomplete=False, status="Success")),
    (
        "ussd-events",
        f"{END}&status=Failed&errorMessage=Application+did+not+respond",
        end(incomplete=False, status="Failed", errorMessage="Application did not respond"),
    ),
    ("ussd-events", f"sessionId={SESSION}", SessionEnd("africastalking", SESSION, None, False)),
    (
        "sms",
        f"{TEXT}&date=2026-11-22+09%3A20%3A05&id=m1&linkId=28a9&text=SELL+basket+1500&cost=KES+1.00",
        sms("m1", "SELL basket 1500"),
    ),
    ("sms", f"{TEXT}&date=2026-11-22T09%3A20%3A05Z&id=m2&text=STOP", sms("m2", "STOP")),
    ("sms", f"{TEXT}&date=2026-11-22T12%3A20%3A05%2B03%3A00&id=m3&text=HELP", sms("m3", "HELP")),
    ("sms", f"{TEXT}&date=yesterday&id=m4&text=", sms("m4", "", None)),
    ("sms", f"{TEXT}&id=m5&text=kikapu+%F0%9F%A7%BA".replace("%2B", "+"), sms("m5", "kikapu 🧺", None)),
    ("delivery", f"id={MESSAGE}&status=Sent", report("sent", None, None, "Sent")),
    ("delivery", f"id={MESSAGE}&status=Submitted", report("sent", None, None, "Submitted")),
    ("delivery", f"id={MESSAGE}&status=Buffered&phoneNumber=%2B2547", report("sent", None, None, "Buffered")),
    ("delivery", f"id={MESSAGE}&status=Success&networkCode=63902", report("delivered", None, None, "Success")),
    (
        "delivery",
        f"id={MESSAGE}&status=Rejected&failureReason=userinblacklist",
        report("failed", Reason.BLOCKED_PROMOTIONS, "UserInBlackList", "Rejected"),
    ),
    (
        "delivery",
        f"id={MESSAGE}&status=Failed&failureReason=NotNetworkSubcriber&retryCount=3",
        report("failed", Reason.INVALID_RECIPIENT, "NotNetworkSubscriber", "Failed"),
    ),
    (
        "delivery",
        f"id={MESSAGE}&status=Failed&failureReason=SomethingNew",
        report("failed", Reason.REFUSED, "DeliveryFailure", "Failed"),
    ),
    (
        "delivery",
        f"id={MESSAGE}&status=AbsentSubscriber",
        report("failed", Reason.REFUSED, "AbsentSubscriber", "AbsentSubscriber"),
    ),
    ("delivery", f"id={MESSAGE}&status=Expired", report("failed", Reason.REFUSED, "Expired", "Expired")),
    ("delivery", f"id={MESSAGE}&status=Teleported", report(None, None, None, "Teleported")),
    (
        "delivery",
        f"id={MESSAGE}&status=Success&phoneNumber=%2B254711000111",
        report("delivered", None, None, "Success", AMINA),
    ),
    ("optout", "senderId=SOKO&phoneNumber=%2B254711000111", (AMINA, "africastalking opt-out from SOKO")),
]


@pytest.mark.parametrize(("path", "body", "heard"), UNDERSTOOD)
def test_a_callback_is_told_to_the_hall_in_our_words(
    client: FlaskClient, handler: RecordingHandler, path: str, body: str, heard: object
) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 200
    assert handler.recorded == [heard]


def test_a_hop_is_answered_with_the_screen_alone(client: FlaskClient, handler: RecordingHandler) -> None:
    handler.screen = "CON Karibu\n1. Uza"
    answer = post(client, "ussd", f"{CALL}&text=")
    assert (answer.data, answer.mimetype) == (b"CON Karibu\n1. Uza", "text/plain")


@pytest.mark.parametrize("path", ["ussd-events", "sms", "delivery", "optout"])
def test_what_is_no_hop_is_answered_with_an_empty_body(client: FlaskClient, path: str) -> None:
    body = next(body for known, body, _ in UNDERSTOOD if known == path)
    assert post(client, path, body).data == b""


IGNORED = [
    ("sms", "from=MPESA&id=m9&text=Confirmed&to=22384"),
    ("sms", "from=40404&id=m9&text=Airtime&to=22384"),
    ("optout", "senderId=SOKO&phoneNumber=SOKO"),
]


@pytest.mark.parametrize(("path", "body"), IGNORED)
def test_what_nobody_can_use_is_accepted_noted_and_kept_from_the_hall(
    client: FlaskClient, handler: RecordingHandler, caplog: pytest.LogCaptureFixture, path: str, body: str
) -> None:
    caplog.set_level("INFO")
    assert post(client, path, body).status_code == 200
    assert handler.recorded == []
    assert len(caplog.records) == 1


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
    client: FlaskClient, handler: RecordingHandler, path: str, fields: dict[str, str], missing: str
) -> None:
    rest = {name: value for name, value in fields.items() if name != missing}
    assert post(client, path, urlencode(fields)).status_code == 200
    handler.recorded.clear()
    assert post(client, path, urlencode(rest)).status_code == 400
    assert handler.recorded == []


UNREADABLE = [
    "",
    "sessionId=&phoneNumber=%2B254711000111&text=",
    f"sessionId={SESSION}&text=1",
    f"sessionId={SESSION}&phoneNumber=MPESA&text=1",
    "%%%=&&&",
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_a_hop_that_cannot_be_read_ends_calmly(client: FlaskClient, handler: RecordingHandler, body: str) -> None:
    answer = post(client, "ussd", body)
    assert (answer.status_code, answer.text) == (200, "END Sorry, unknown caller")
    assert handler.recorded == []


def test_a_hop_in_another_format_or_too_large_ends_calmly(app: Flask, client: FlaskClient) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10_000
    path = f"/webhooks/africastalking/{SECRET}/ussd"
    assert client.post(path, json={"sessionId": SESSION}).text.startswith("END ")
    assert post(client, "ussd", f"{CALL}&text={'1' * 10_000}").text.startswith("END ")


def test_a_hall_that_breaks_is_heard_as_a_calm_sentence_and_logged_with_its_trace(
    client: FlaskClient, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
) -> None:
    handler.error = RuntimeError("the database is gone")
    answer = post(client, "ussd", f"{CALL}&text=1%2A4711")
    assert (answer.status_code, answer.text) == (200, f"END Sorry, {AMINA}")
    assert "the database is gone" in caplog.text
    assert AMINA not in caplog.text
    assert "4711" not in caplog.text


@pytest.mark.parametrize("path", ["ussd", "ussd-events", "sms", "delivery", "optout"])
@pytest.mark.parametrize("secret", ["wrong", SECRET.upper(), SECRET + "x", "ñandú"])
def test_another_secret_opens_nothing(client: FlaskClient, handler: RecordingHandler, path: str, secret: str) -> None:
    assert post(client, path, f"{CALL}&text=", secret).status_code == 404
    assert handler.recorded == []


@pytest.mark.parametrize("path", ["ussd", "ussd-events", "sms", "delivery", "optout"])
def test_a_slash_at_the_end_is_no_redirect(client: FlaskClient, path: str) -> None:
    body = next(body for known, body, _ in UNDERSTOOD if known == path)
    assert post(client, f"{path}/", body).status_code == 200


@given(st.text(st.characters(codec="utf-8")))
def test_whatever_was_typed_reaches_the_hall_letter_by_letter(typed: str) -> None:
    handler, app = RecordingHandler(), Flask(__name__)
    app.register_blueprint(africastalking.routes(handler, SECRET))
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


@given(BODIES, st.sampled_from([FORM, f"{FORM}; charset=latin-1", "text/plain", ""]))
def test_the_fast_path_reads_any_body_as_flask_does(body: bytes, content_type: str) -> None:
    told = []
    for fast in (False, True):
        handler, app = RecordingHandler(), Flask(__name__)
        app.register_blueprint(africastalking.routes(handler, SECRET))
        door = africastalking.fast_path(app.wsgi_app, handler, SECRET) if fast else app.wsgi_app
        path = f"/webhooks/africastalking/{SECRET}/ussd"
        answer = Client(door).post(path, data=body, content_type=content_type)
        told.append((answer.status_code, answer.text, answer.content_type, answer.content_length, handler.recorded))
    assert told[0] == told[1]


def test_a_hop_of_the_usual_form_does_not_enter_the_application(handler: RecordingHandler) -> None:
    def closed(*_: object) -> Iterable[bytes]:
        raise AssertionError("entered")

    client = Client(africastalking.fast_path(closed, handler, SECRET))
    client.post(f"/webhooks/africastalking/{SECRET}/ussd", data=f"{CALL}&text=1", content_type=FORM)
    assert handler.recorded == [hop("1")]


def test_a_hop_that_was_cut_off_on_its_way_is_not_heard(client: FlaskClient, handler: RecordingHandler) -> None:
    body = f"{CALL}&text=1%2A".encode()
    path = f"/webhooks/africastalking/{SECRET}/ussd"
    longer = {"CONTENT_LENGTH": str(len(body) + 1)}
    answer = client.post(path, input_stream=BytesIO(body), content_type=FORM, environ_overrides=longer)
    assert (answer.status_code, answer.text) == (200, "END Sorry, unknown caller")
    assert handler.recorded == []


@given(st.text())
def test_a_sender_is_an_e164_number_or_nobody(raw: str) -> None:
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
def test_senders(raw: str, number: str | None) -> None:
    assert msisdn(raw) == number
