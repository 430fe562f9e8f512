"""The real SDKs against an API that tests control: what is sent, and what a broken connection means.

What each answer means is in the tables of `tests/providers/rows`.
"""

from __future__ import annotations

import importlib
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
from tests.providers.rows import africastalking as at_rows
from tests.providers.rows import twilio as twilio_rows
from tests.providers.stand_in import StandIn
from tests.providers.wire import LATER, SMS, UNKNOWN

ACCOUNT, AUTH_TOKEN = twilio_rows.ACCOUNT, twilio_rows.AUTH_TOKEN
KEY = at_rows.KEY

Make = Callable[..., Sender]


def africastalking(url: str | None, **more: Any) -> AfricasTalking:
    return AfricasTalking("soko", KEY, sender_id="SOKO", base_url=url, **more)


def twilio(url: str | None, **more: Any) -> Twilio:
    return Twilio(
        ACCOUNT, AUTH_TOKEN, "+15005550006", base_url=url, status_callback="https://us.example/status", **more
    )


PROVIDERS = pytest.mark.parametrize("make", [africastalking, twilio])


# What is sent


def test_africastalking_takes_a_batch_and_answers_for_each_recipient(api: StandIn) -> None:
    second, third, missing = (OutgoingMessage(f"msg_{n}", f"+25471100011{n}", SMS.text) for n in (2, 3, 4))
    api.answer(
        201,
        at_rows.answer(
            at_rows.recipient(403, "InvalidPhoneNumber") | {"number": third.msisdn},
            at_rows.recipient(405, "InsufficientBalance") | {"number": second.msisdn},
            at_rows.recipient(102, "Queued", at_rows.MESSAGE, "KES 0.8000"),
        ),
    )
    answers = africastalking(api.url).send_batch([SMS, second, third, missing])

    assert answers[0] == Receipt(at_rows.MESSAGE, "sent", "KES 0.8000")
    refusals = [(refusal.detail, refusal.reason.retryable, refusal.reason.outcome_unknown) for refusal in answers[1:]]  # type: ignore[union-attr]
    assert refusals == [
        ("InsufficientBalance", True, False),
        ("InvalidPhoneNumber", False, False),
        ("no_answer", False, True),
    ]
    [sent] = api.arrived
    assert dict(parse_qsl(sent.body))["to"] == "+254711000111,+254711000112,+254711000113,+254711000114"


def test_one_odd_field_in_the_answer_to_a_batch_says_nothing_of_the_other_messages(api: StandIn) -> None:
    second, third = (OutgoingMessage(f"msg_{n}", f"+25471100011{n}", SMS.text) for n in (2, 3))
    api.answer(
        201,
        at_rows.answer(
            at_rows.recipient(101, "Success", "ATXid_1", "KES 0.8000"),
            at_rows.recipient(101, "Success", "ATXid_2") | {"number": second.msisdn, "cost": 0.8},
            at_rows.recipient(101, "Success", "ATXid_3") | {"number": third.msisdn, "statusCode": {}},
        ),
    )
    first_answer, second_answer, third_answer = africastalking(api.url).send_batch([SMS, second, third])

    assert first_answer == Receipt("ATXid_1", cost="KES 0.8000")
    assert second_answer == Receipt("ATXid_2", cost="0.8")
    assert isinstance(third_answer, SendError)
    assert third_answer.reason is Reason.NO_ANSWER, "it may have been sent, so it is not sent again"


def test_a_batch_that_fails_as_a_whole_raises_the_error(api: StandIn) -> None:
    api.answer(429)
    with pytest.raises(SendError):
        africastalking(api.url).send_batch([SMS, SMS])


def test_the_environments_proxy_is_used(api: StandIn, unused_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", unused_address)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(SendError):
        africastalking("http://api.example").send(SMS)


def test_africastalking_gets_the_form_its_sdk_makes(api: StandIn) -> None:
    api.answer(201, at_rows.SENT)
    assert africastalking(api.url).send(SMS) == Receipt(at_rows.MESSAGE, "sent", "KES 0.8000")
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
    api.answer(201, twilio_rows.message())
    assert twilio(api.url).send(SMS) == Receipt(twilio_rows.SID, "sent")
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
    api.answer(201, twilio_rows.message())
    twilio(api.url).send(OutgoingMessage("msg_2", "+254711000111", "Karibu", "whatsapp"))
    sent = dict(parse_qsl(api.arrived[0].body))
    assert (sent["To"], sent["From"]) == ("whatsapp:+254711000111", "whatsapp:+15005550006")


@PROVIDERS
def test_messages_share_a_connection(api: StandIn, make: Make) -> None:
    api.answer(201, at_rows.SENT if make is africastalking else twilio_rows.message())
    sender = make(api.url)
    sender.send(SMS)
    sender.send(SMS)
    assert len({sent.connection for sent in api.arrived}) == 1


@pytest.mark.parametrize(
    ("username", "host"),
    [("soko", "https://api.africastalking.com"), ("sandbox", "https://api.sandbox.africastalking.com")],
)
def test_without_a_base_url_the_sdk_chooses(username: str, host: str) -> None:
    broken = BrokenNetwork(requests.ConnectTimeout())
    with pytest.raises(SendError):
        AfricasTalking(username, KEY, session=broken.session()).send(SMS)
    assert broken.asked == [f"{host}/version1/messaging"]


def test_without_a_base_url_twilio_is_asked() -> None:
    broken = BrokenNetwork(requests.ConnectTimeout())
    with pytest.raises(SendError):
        twilio(None, session=broken.session()).send(SMS)
    assert broken.asked == [f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"]


def test_the_private_names_of_the_sdk_still_exist() -> None:
    sdk = importlib.import_module("africastalking.SMS").SMSService("soko", KEY)
    assert sdk._baseUrl == "https://api.africastalking.com/version1"
    assert sdk._contentUrl == "https://content.africastalking.com/version1"
    assert callable(sdk._init_service)
    assert callable(sdk._make_request)


# What a broken connection means


@PROVIDERS
def test_nothing_was_sent_if_nothing_listens(unused_address: str, make: Make) -> None:
    with pytest.raises(SendError) as failure:
        make(unused_address).send(SMS)
    assert (failure.value.reason.retryable, failure.value.reason.outcome_unknown) == LATER


class BrokenNetwork(BaseAdapter):
    """Raises one error for every request, and keeps what was asked."""

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
        """Has nothing to close."""


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
def test_a_broken_connection_is_retryable_only_if_it_was_never_made(
    make: Make, error: requests.RequestException, kind: tuple[bool, bool]
) -> None:
    broken = BrokenNetwork(error)
    with pytest.raises(SendError) as failure:
        make(None, session=broken.session()).send(SMS)
    assert (failure.value.reason.retryable, failure.value.reason.outcome_unknown) == kind
    assert all(timeout == 10 for timeout in broken.timeouts)
