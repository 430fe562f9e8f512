"""The real SDKs against an API that is a script: what leaves, and what each answer means."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests
from requests.adapters import BaseAdapter

from bot.providers.africastalking import AfricasTalking
from bot.providers.contracts import OutgoingMessage, Receipt, Sender
from bot.providers.errors import Reason, SendError
from bot.providers.twilio import Twilio
from tests.providers.conftest import StandIn

KEY = "atsk_very_secret"
ACCOUNT, AUTH_TOKEN = "AC00000000000000000000000000000000", "very_secret_token"
SMS = OutgoingMessage("msg_1", "+254711000111", "Hello é €")
MESSAGE = "ATXid_4f1c2d3e5a6b7c8d9e0f112233445566"
SID = "SM11111111111111111111111111111111"

Make = Callable[..., Sender]


def africastalking(url: str | None, **more: Any) -> AfricasTalking:
    return AfricasTalking("soko", KEY, sender_id="SOKO", base_url=url, **more)


def twilio(url: str | None, **more: Any) -> Twilio:
    return Twilio(
        ACCOUNT, AUTH_TOKEN, "+15005550006", base_url=url, status_callback="https://us.example/status", **more
    )


PROVIDERS = pytest.mark.parametrize("make", [africastalking, twilio])


def at_answer(*recipients: dict[str, object], message: str = "Sent to 1/1 Total Cost: KES 0.8000") -> bytes:
    return json.dumps({"SMSMessageData": {"Message": message, "Recipients": recipients}}).encode()


def at_recipient(code: int, status: str, id: str = "None", cost: str = "0") -> dict[str, object]:
    return {
        "statusCode": code,
        "number": SMS.msisdn,
        "status": status,
        "cost": cost,
        "messageId": id,
        "messageParts": 1,
    }


AT_SENT = at_answer(at_recipient(101, "Success", MESSAGE, "KES 0.8000"))


def twilio_message(**changed: object) -> bytes:
    message = {
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
    return json.dumps(message | changed).encode()


def twilio_error(code: int, status: int) -> bytes:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    body = {"code": code, "message": "It says why", "more_info": more_info, "status": status}
    return json.dumps(body).encode()


# What leaves


def test_africastalking_takes_one_text_for_many_and_answers_for_each(api: StandIn) -> None:
    second, third, forgotten = (OutgoingMessage(f"msg_{n}", f"+25471100011{n}", SMS.text) for n in (2, 3, 4))
    api.answer(
        201,
        at_answer(
            at_recipient(403, "InvalidPhoneNumber") | {"number": third.msisdn},
            at_recipient(405, "InsufficientBalance") | {"number": second.msisdn},
            at_recipient(102, "Queued", MESSAGE, "KES 0.8000"),
        ),
    )
    said = africastalking(api.url).send_batch([SMS, second, third, forgotten])

    assert said[0] == Receipt(MESSAGE, "sent", "KES 0.8000")
    refusals = [(refusal.detail, refusal.reason.retryable, refusal.reason.outcome_unknown) for refusal in said[1:]]  # type: ignore[union-attr]
    assert refusals == [
        ("InsufficientBalance", True, False),
        ("InvalidPhoneNumber", False, False),
        ("no_answer", False, True),
    ]
    [sent] = api.arrived
    assert dict(parse_qsl(sent.body))["to"] == "+254711000111,+254711000112,+254711000113,+254711000114"


def test_what_fails_as_a_whole_failed_for_everybody(api: StandIn) -> None:
    api.answer(429)
    with pytest.raises(SendError):
        africastalking(api.url).send_batch([SMS, SMS])


def test_an_id_that_is_none_is_no_id(api: StandIn) -> None:
    api.answer(201, at_answer(at_recipient(101, "Success", "None")))
    assert africastalking(api.url).send(SMS).provider_id is None


def test_the_environment_says_who_stands_between(
    api: StandIn, nobody_there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", nobody_there)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(SendError):
        africastalking("http://api.example").send(SMS)


def test_africastalking_gets_the_form_its_sdk_makes(api: StandIn) -> None:
    api.answer(201, AT_SENT)
    assert africastalking(api.url).send(SMS) == Receipt(MESSAGE, "sent", "KES 0.8000")
    [sent] = api.arrived
    assert sent.path == "/version1/messaging"
    assert sent.headers["apikey"] == KEY
    assert sent.headers["accept"] == "application/json"
    assert dict(parse_qsl(sent.body)) == {
        "username": "soko",
        "to": "+254711000111",
        "message": "Hello é €",
        "bulkSMSMode": "1",
        "from": "SOKO",
    }


def test_twilio_gets_the_form_its_sdk_makes(api: StandIn) -> None:
    api.answer(201, twilio_message())
    assert twilio(api.url).send(SMS) == Receipt(SID, "sent")
    [sent] = api.arrived
    assert sent.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert sent.headers["authorization"] == requests.auth._basic_auth_str(ACCOUNT, AUTH_TOKEN)
    assert dict(parse_qsl(sent.body)) == {
        "To": "+254711000111",
        "From": "+15005550006",
        "Body": "Hello é €",
        "StatusCallback": "https://us.example/status",
    }


def test_a_whatsapp_message_goes_between_whatsapp_addresses(api: StandIn) -> None:
    api.answer(201, twilio_message())
    twilio(api.url).send(OutgoingMessage("msg_2", "+254711000111", "Karibu", "whatsapp"))
    sent = dict(parse_qsl(api.arrived[0].body))
    assert (sent["To"], sent["From"]) == ("whatsapp:+254711000111", "whatsapp:+15005550006")


@PROVIDERS
def test_texts_share_a_connection(api: StandIn, make: Make) -> None:
    api.answer(201, AT_SENT if make is africastalking else twilio_message())
    sender = make(api.url)
    sender.send(SMS)
    sender.send(SMS)
    assert len({sent.connection for sent in api.arrived}) == 1


@pytest.mark.parametrize(
    ("username", "host"),
    [("soko", "https://api.africastalking.com"), ("sandbox", "https://api.sandbox.africastalking.com")],
)
def test_without_a_base_url_the_sdk_chooses(username: str, host: str) -> None:
    broken = Breaks(requests.ConnectTimeout())
    with pytest.raises(SendError):
        AfricasTalking(username, KEY, session=broken.session()).send(SMS)
    assert broken.asked == [f"{host}/version1/messaging"]


def test_without_a_base_url_twilio_is_asked() -> None:
    broken = Breaks(requests.ConnectTimeout())
    with pytest.raises(SendError):
        twilio(None, session=broken.session()).send(SMS)
    assert broken.asked == [f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"]


def test_the_private_names_of_the_sdk_still_exist() -> None:
    sdk = importlib.import_module("africastalking.SMS").SMSService("soko", KEY)
    assert sdk._baseUrl == "https://api.africastalking.com/version1"
    assert sdk._contentUrl == "https://content.africastalking.com/version1"
    assert callable(sdk._init_service)
    assert callable(sdk._make_request)


# What the answers mean


@pytest.mark.parametrize(
    ("recipient", "receipt"),
    [
        (at_recipient(100, "Processed", MESSAGE, "KES 0.8000"), Receipt(MESSAGE, cost="KES 0.8000")),
        (at_recipient(101, "Success", MESSAGE, "KES 1.6000"), Receipt(MESSAGE, cost="KES 1.6000")),
        (at_recipient(102, "Success", MESSAGE, "KES 0.8000"), Receipt(MESSAGE, cost="KES 0.8000")),
        ({"statusCode": 101, "messageId": MESSAGE}, Receipt(MESSAGE)),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_africastalking_took_it(
    api: StandIn, recipient: dict[str, object], receipt: Receipt, content_type: str
) -> None:
    api.answer(201, at_answer(recipient), content_type)
    assert africastalking(api.url).send(SMS) == receipt


FINAL, LATER, UNKNOWN = (False, False), (True, False), (False, True)

AT_CODES = [
    (401, "RiskHold", Reason.REFUSED, FINAL),
    (402, "InvalidSenderId", Reason.MISCONFIGURED, FINAL),
    (403, "InvalidPhoneNumber", Reason.INVALID_RECIPIENT, FINAL),
    (404, "UnsupportedNumberType", Reason.INVALID_RECIPIENT, FINAL),
    (405, "InsufficientBalance", Reason.INSUFFICIENT_FUNDS, LATER),
    (406, "UserInBlacklist", Reason.BLOCKED_PROMOTIONS, FINAL),
    (407, "CouldNotRoute", Reason.REFUSED, FINAL),
    (409, "DoNotDisturbRejection", Reason.REFUSED, FINAL),
    (500, "InternalServerError", Reason.PROVIDER_DOWN, LATER),
    (501, "GatewayError", Reason.PROVIDER_DOWN, LATER),
    (502, "RejectedByGateway", Reason.REFUSED, FINAL),
    (777, "SomethingNew", Reason.REFUSED, FINAL),
]
AT_FAILURES = [
    *((201, at_answer(at_recipient(code, word)), word, reason, kind) for code, word, reason, kind in AT_CODES),
    *((201, at_answer(message=word), word, reason, kind) for _, word, reason, kind in AT_CODES),
    (401, b"The supplied authentication is invalid", "http_401", Reason.MISCONFIGURED, FINAL),
    (200, b"<html>Log in to this network</html>", "unreadable_answer", Reason.UNREADABLE, LATER),
    (201, b"", "unreadable_answer", Reason.UNREADABLE, LATER),
    (201, b"{}", "unreadable_answer", Reason.UNREADABLE, LATER),
    (
        201,
        b'{"SMSMessageData":{"Message":"Sent","Recipients":[{"status":"Success"}]}}',
        "unreadable_answer",
        Reason.UNREADABLE,
        LATER,
    ),
]
TWILIO_CODES = [
    (20003, "bad_credentials", Reason.MISCONFIGURED, FINAL),
    (20404, "no_such_account", Reason.MISCONFIGURED, FINAL),
    (20429, "too_many_requests", Reason.THROTTLED, LATER),
    (21211, "invalid_recipient", Reason.INVALID_RECIPIENT, FINAL),
    (21212, "invalid_sender", Reason.MISCONFIGURED, FINAL),
    (21408, "region_not_enabled", Reason.MISCONFIGURED, FINAL),
    (21602, "empty_text", Reason.CONTENT_REJECTED, FINAL),
    (21603, "no_sender", Reason.MISCONFIGURED, FINAL),
    (21604, "no_recipient", Reason.INVALID_RECIPIENT, FINAL),
    (21606, "sender_not_ours", Reason.MISCONFIGURED, FINAL),
    (21608, "trial_account", Reason.MISCONFIGURED, FINAL),
    (21610, "opted_out", Reason.OPTED_OUT, FINAL),
    (21611, "queue_full", Reason.THROTTLED, LATER),
    (21612, "no_route", Reason.REFUSED, FINAL),
    (21614, "not_a_mobile", Reason.INVALID_RECIPIENT, FINAL),
    (21617, "text_too_long", Reason.CONTENT_REJECTED, FINAL),
    (21703, "no_sender", Reason.MISCONFIGURED, FINAL),
    (21704, "no_sender", Reason.MISCONFIGURED, FINAL),
    (30001, "queue_full", Reason.THROTTLED, LATER),
    (30002, "account_suspended", Reason.MISCONFIGURED, FINAL),
    (30003, "unreachable_phone", Reason.REFUSED, FINAL),
    (30004, "blocked", Reason.REFUSED, FINAL),
    (30005, "unknown_phone", Reason.INVALID_RECIPIENT, FINAL),
    (30006, "not_a_mobile", Reason.INVALID_RECIPIENT, FINAL),
    (30007, "filtered_as_spam", Reason.CONTENT_REJECTED, FINAL),
    (30008, "unexplained", Reason.REFUSED, FINAL),
    (30017, "congestion", Reason.THROTTLED, LATER),
    (30018, "sender_not_registered", Reason.MISCONFIGURED, FINAL),
    (30022, "rate_exceeded", Reason.THROTTLED, LATER),
    (30023, "daily_cap_reached", Reason.THROTTLED, LATER),
    (30410, "provider_timeout", Reason.NO_ANSWER, UNKNOWN),
    (29999, "29999", Reason.REFUSED, FINAL),
]
TWILIO_FAILURES = [
    *((400, twilio_error(code, 400), word, reason, kind) for code, word, reason, kind in TWILIO_CODES),
    *(
        (201, twilio_message(status="failed", error_code=code), word, reason, kind)
        for code, word, reason, kind in TWILIO_CODES
    ),
    (401, twilio_error(20003, 401), "bad_credentials", Reason.MISCONFIGURED, FINAL),
    (404, twilio_error(20404, 404), "no_such_account", Reason.MISCONFIGURED, FINAL),
    (429, twilio_error(20429, 429), "too_many_requests", Reason.THROTTLED, LATER),
    (500, twilio_error(20500, 500), "20500", Reason.PROVIDER_DOWN, LATER),
    (503, twilio_error(30008, 503), "unexplained", Reason.PROVIDER_DOWN, LATER),
    (400, b'{"type":"about:blank","title":"No","status":400,"code":21610}', "opted_out", Reason.OPTED_OUT, FINAL),
    (201, twilio_message(sid=None), "unreadable_answer", Reason.UNREADABLE, LATER),
    (201, b"<html>Log in to this network</html>", "unreadable_answer", Reason.UNREADABLE, LATER),
    (201, b"[]", "unreadable_answer", Reason.UNREADABLE, LATER),
    (201, b"null", "unreadable_answer", Reason.UNREADABLE, LATER),
    (201, b"", "unreadable_answer", Reason.UNREADABLE, LATER),
]
ALIKE = [
    (302, b"", "http_302", Reason.UNREADABLE, LATER),
    (400, b"nonsense", "http_400", Reason.REFUSED, FINAL),
    (403, b"", "http_403", Reason.REFUSED, FINAL),
    (408, b"", "http_408", Reason.PROVIDER_DOWN, LATER),
    (429, b"", "http_429", Reason.THROTTLED, LATER),
    (500, b"", "http_500", Reason.PROVIDER_DOWN, LATER),
    (503, b"<html>down</html>", "http_503", Reason.PROVIDER_DOWN, LATER),
    (None, b"", "no_answer", Reason.NO_ANSWER, UNKNOWN),
]
FAILURES = [
    *((africastalking, *failure) for failure in AT_FAILURES + ALIKE),
    *((twilio, *failure) for failure in TWILIO_FAILURES + ALIKE),
]


@pytest.mark.parametrize(("make", "status", "body", "detail", "reason", "kind"), FAILURES)
def test_a_message_that_is_not_taken_has_a_reason_and_the_providers_word(
    api: StandIn,
    caplog: pytest.LogCaptureFixture,
    make: Make,
    status: int | None,
    body: bytes,
    detail: str,
    reason: Reason,
    kind: tuple[bool, bool],
) -> None:
    caplog.set_level("DEBUG")
    api.answer(status, body, "application/json" if body[:1] in (b"{", b"[") else "text/plain")
    with pytest.raises(SendError) as failure:
        make(api.url).send(SMS)
    error = failure.value
    assert (error.detail, error.reason) == (detail, reason)
    assert (error.reason.retryable, error.reason.outcome_unknown) == kind
    assert len(api.arrived) == 1
    for secret in (KEY, AUTH_TOKEN, SMS.msisdn):
        assert secret not in caplog.text + error.detail


def test_every_code_that_the_adapters_know_is_in_the_tables_above() -> None:
    at = importlib.import_module("bot.providers.africastalking")
    assert {code for code, *_ in AT_CODES} - {777} == at._REFUSALS.keys()
    tw = importlib.import_module("bot.providers.twilio")
    assert {str(code) for code, *_ in TWILIO_CODES} - {"29999"} == tw._FAILURES.keys()


@PROVIDERS
def test_where_nobody_listens_nothing_left(nobody_there: str, make: Make) -> None:
    with pytest.raises(SendError) as failure:
        make(nobody_there).send(SMS)
    assert (failure.value.reason.retryable, failure.value.reason.outcome_unknown) == LATER


class Breaks(BaseAdapter):
    """A network that fails in one way, and notes what it was asked for."""

    def __init__(self, error: requests.RequestException) -> None:
        super().__init__()
        self._error = error
        self.asked: list[str | None] = []
        self.timeouts: list[object] = []

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("https://", self)
        return session

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        self.asked.append(request.url)
        self.timeouts.append(options["timeout"])
        raise self._error

    def close(self) -> None:
        """Nothing is open."""


@PROVIDERS
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (requests.ConnectTimeout(), LATER),
        (requests.exceptions.ProxyError(), LATER),
        (requests.exceptions.SSLError("certificate verify failed"), LATER),
        (requests.ReadTimeout(), UNKNOWN),
        (requests.ConnectionError("reset by peer"), UNKNOWN),
        (requests.exceptions.ChunkedEncodingError(), UNKNOWN),
    ],
)
def test_a_broken_exchange(make: Make, error: requests.RequestException, kind: tuple[bool, bool]) -> None:
    broken = Breaks(error)
    with pytest.raises(SendError) as failure:
        make(None, session=broken.session()).send(SMS)
    assert (failure.value.reason.retryable, failure.value.reason.outcome_unknown) == kind
    assert all(timeout == 10 for timeout in broken.timeouts)
