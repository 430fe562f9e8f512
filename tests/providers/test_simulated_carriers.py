"""The simulator against the real adapters: they understand its posts, and the SDKs work with its APIs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import requests
from flask import Flask, request

from bot.providers import forms, registry
from bot.providers.africastalking import AfricasTalking
from bot.providers.contracts import (
    DeliveryReport,
    Inbound,
    OutgoingMessage,
    Receipt,
    Sender,
    SessionEnd,
)
from bot.providers.errors import FetchError, Reason, SendError
from bot.providers.twilio import Twilio
from bot.runtime.settings import Settings
from bot.simulator import carriers, media
from bot.simulator.carriers import CarriedMessage
from bot.simulator.gateway import Gateway
from bot.simulator.wsgi_adapter import WsgiAdapter
from tests.providers.conftest import PUBLIC_URL, SECRET, TOKEN
from tests.providers.recording import CallbackRecorder

AMINA, JANE = "+254711000111", "+254722000222"
ACCOUNT = "AC" + "1" * 32
PICTURE = "ME" + "4" * 32
MEDIA_URL = f"http://simulator/simulator/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media"


@dataclass
class CarrierSetup:
    """A clock that tests set, ids in order, and what the carriers delivered and reported."""

    at: datetime = datetime(2026, 11, 22, 9, 15, 31, tzinfo=UTC)
    ids: count[int] = field(default_factory=lambda: count(1))
    delivered: list[CarriedMessage] = field(default_factory=list)
    reported: list[tuple[str, str, str | None]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def new_id(self) -> str:
        return f"{next(self.ids):032x}"

    def report(self, text: CarriedMessage, status: str, reason: str | None) -> None:
        self.reported.append((text.id, status, reason))


@pytest.fixture
def setup() -> CarrierSetup:
    return CarrierSetup()


@pytest.fixture
def wire(app: Flask) -> list[dict[str, str]]:
    """The form of every request the service saw, in order."""
    seen: list[dict[str, str]] = []

    @app.before_request
    def note() -> None:
        seen.append(forms.as_posted(request).to_dict())

    return seen


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return registry.make_settings(
        public_url=PUBLIC_URL,
        secret_key="a secret of its own",
        bootstrap_api_key="soko_operator_of_its_own",
        webhook_secret=SECRET,
        twilio_auth_token=TOKEN,
        twilio_account_sid=ACCOUNT,
        photos_dir=str(tmp_path),
    )


@pytest.fixture
def gateway(app: Flask, setup: CarrierSetup, settings: Settings) -> Gateway:
    return Gateway(app, settings, setup.now, setup.new_id)


@pytest.fixture
def session(app: Flask, setup: CarrierSetup) -> requests.Session:
    network = carriers.CarrierSimulator(
        deliver=setup.delivered.append,
        report=setup.report,
        now=setup.now,
        new_id=setup.new_id,
        segments=lambda text: -(-len(text) // 160),
        media={PICTURE: b"a picture"}.get,
        africastalking_key="key",
        twilio_token=TOKEN,
    )
    app.register_blueprint(carriers.routes(network))
    session = requests.Session()
    session.mount("http://simulator", WsgiAdapter(app))
    return session


def africastalking(session: requests.Session, key: str = "key", sender: str = "22384") -> Sender:
    root = "http://simulator/simulator/africastalking"
    return AfricasTalking("soko", key, sender_id=sender, base_url=root, session=session, name="simulator")


def twilio(session: requests.Session, token: str = TOKEN) -> Twilio:
    return Twilio(ACCOUNT, token, "+15005550006", base_url="http://simulator/simulator/twilio", session=session)


def hop(text: str, session: int = 1, msisdn: str = AMINA, answered_before: int | None = None) -> Inbound:
    id = f"ATUid_{session:032x}"
    return Inbound("ussd", "africastalking", id, msisdn, "*384*22#", text, answered_before=answered_before)


# What the simulated phones post


def test_a_call_carries_all_that_was_typed(gateway: Gateway, handler: CallbackRecorder) -> None:
    assert gateway.dial(AMINA) == handler.screen
    gateway.answer(AMINA, "1")
    gateway.answer(AMINA, "Basket 3*4")
    assert handler.recorded == [
        hop(""),
        hop("1", answered_before=0),
        hop("1*Basket 3*4", answered_before=1),
    ]


def test_answers_after_our_code_are_typed_ahead(gateway: Gateway, handler: CallbackRecorder) -> None:
    gateway.dial(AMINA, "*384*22*3*1#")
    gateway.answer(AMINA, "2")
    assert handler.recorded == [hop("3*1"), hop("3*1*2", answered_before=3)]


def test_phones_call_at_the_same_time(gateway: Gateway, handler: CallbackRecorder) -> None:
    gateway.dial(AMINA)
    gateway.dial(JANE)
    gateway.answer(AMINA, "1")
    gateway.answer(JANE, "2")
    assert handler.recorded == [
        hop(""),
        hop("", 2, JANE),
        hop("1", answered_before=0),
        hop("2", 2, JANE, answered_before=0),
    ]


def test_a_hang_up_is_posted_with_the_facts_of_the_call(
    gateway: Gateway, handler: CallbackRecorder, setup: CarrierSetup, wire: list[dict[str, str]]
) -> None:
    gateway.dial(AMINA)
    gateway.answer(AMINA, "1")
    setup.at += timedelta(seconds=30)
    gateway.hang_up(AMINA)
    assert wire[-1] == {
        "date": "2026-11-22 09:16:01",
        "sessionId": f"ATUid_{1:032x}",
        "serviceCode": "*384*22#",
        "networkCode": "99999",
        "phoneNumber": AMINA,
        "status": "Incomplete",
        "cost": "KES 0.10",
        "durationInMillis": "30000",
        "hopsCount": "2",
        "input": "1",
        "lastAppResponse": handler.screen,
    }
    assert isinstance(handler.recorded[-1], SessionEnd)
    assert handler.recorded[-1].incomplete
    with pytest.raises(KeyError):
        gateway.answer(AMINA, "2")


@pytest.mark.parametrize(("screen", "status"), [("END Asante", "Success"), ("Asante", "Failed")])
def test_a_call_that_ends_by_itself_is_posted_too(
    gateway: Gateway, handler: CallbackRecorder, screen: str, status: str
) -> None:
    handler.screen = screen
    gateway.dial(AMINA)
    end = handler.recorded[-1]
    assert isinstance(end, SessionEnd)
    assert (end.incomplete, end.facts["status"]) == (False, status)


def test_a_repeated_hop_is_the_same_hop_even_if_it_ended_the_call(gateway: Gateway, handler: CallbackRecorder) -> None:
    handler.screen = "END Asante"
    assert gateway.dial(AMINA) == gateway.repeat()
    assert (handler.recorded[0], handler.recorded[-1]) == (hop(""), hop(""))


def test_nothing_can_be_repeated_before_something_was_posted(gateway: Gateway) -> None:
    with pytest.raises(LookupError):
        gateway.repeat()


def test_a_client_may_keep_the_session_id_and_text_of_a_call(gateway: Gateway, handler: CallbackRecorder) -> None:
    gateway.post_ussd("ATUid_x", AMINA, "*384*22#", "1*2")
    gateway.post_end("ATUid_x", AMINA, "*384*22#", "1*2")
    hop_made, end = handler.recorded
    assert hop_made == Inbound("ussd", "africastalking", "ATUid_x", AMINA, "*384*22#", "1*2")
    assert isinstance(end, SessionEnd)
    assert (end.session_id, end.incomplete, end.facts["hopsCount"]) == ("ATUid_x", True, "3")


def test_texts_come_by_either_provider(gateway: Gateway, handler: CallbackRecorder, setup: CarrierSetup) -> None:
    assert gateway.text(AMINA, "SELL basket 1500", id="m1") == 200
    assert gateway.text(AMINA, "HELP", provider="twilio", id="SM1") == 200
    assert handler.recorded == [
        Inbound(
            "sms",
            "africastalking",
            "m1",
            AMINA,
            "22384",
            "SELL basket 1500",
            sent_at=setup.at,
        ),
        Inbound("sms", "twilio", "SM1", AMINA, "+15005550006", "HELP", token=ANY),
    ]


def test_pictures_come_with_a_text_and_are_stored_under_its_urls(
    gateway: Gateway, handler: CallbackRecorder, settings: Settings
) -> None:
    gateway.picture(JANE, "PHOTO K7P4", b"one", b"another")

    (inbound,) = handler.recorded
    assert isinstance(inbound, Inbound)
    assert (inbound.text, inbound.msisdn) == ("PHOTO K7P4", JANE)
    assert [one.content_type for one in inbound.media] == ["image/jpeg", "image/jpeg"]
    kept = [media.find(settings, one.url.rpartition("/")[2]) for one in inbound.media]
    assert kept == [b"one", b"another"]
    assert media.find(settings, "../soko.db") is None


def test_twilio_gives_a_picture_to_its_account_only(session: requests.Session) -> None:
    assert twilio(session).fetch(f"{MEDIA_URL}/{PICTURE}", 100) == b"a picture"
    for sender, url, reason, retryable in (
        (twilio(session, "wrong"), f"{MEDIA_URL}/{PICTURE}", "http_401", False),
        (twilio(session), f"{MEDIA_URL}/ME5", "http_404", True),
        (twilio(session), f"{MEDIA_URL}/{PICTURE}".replace(ACCOUNT, "AC2"), "not_our_media", False),
    ):
        with pytest.raises(FetchError) as refused:
            sender.fetch(url, 100)
        assert (refused.value.detail, refused.value.reason.retryable) == (reason, retryable)


def test_reports_come_from_the_provider_that_gave_the_id(gateway: Gateway, handler: CallbackRecorder) -> None:
    assert gateway.report("ATXid_1", "Failed", msisdn=AMINA, reason="UserIsInactive") == 200
    assert gateway.report("SM1", "delivered", msisdn=AMINA) == 204
    assert handler.recorded == [
        DeliveryReport(
            "africastalking", "ATXid_1", "failed", Reason.INVALID_RECIPIENT, "UserIsInactive", "Failed", AMINA
        ),
        DeliveryReport("twilio", "SM1", "delivered", None, None, "delivered", AMINA),
    ]


# What the simulated APIs serve


def test_africastalking_carries_a_text(session: requests.Session, setup: CarrierSetup) -> None:
    sender = africastalking(session)
    message = f"ATXid_{1:032x}"
    assert sender.name == "simulator"
    assert sender.send(OutgoingMessage("msg_1", AMINA, "x" * 161)) == Receipt(message, cost="KES 1.6000")
    assert setup.delivered == [CarriedMessage(message, "africastalking", AMINA, "22384", "x" * 161)]
    assert setup.reported == [(message, "Success", None)]


def test_twilio_carries_a_text_and_remembers_it(session: requests.Session, setup: CarrierSetup) -> None:
    sender = twilio(session)
    receipt = sender.send(OutgoingMessage("msg_1", AMINA, "Habari €"))
    assert setup.delivered == [
        CarriedMessage(receipt.provider_id, "twilio", AMINA, "+15005550006", "Habari €"),
    ]
    assert setup.reported == [(receipt.provider_id, "delivered", None)]
    messages = sender._client.messages
    assert messages(receipt.provider_id).fetch().body == "Habari €"
    assert [message.sid for message in messages.list()] == [receipt.provider_id]


OUTCOMES_BY_NUMBER = [
    (africastalking, "+254711999403", "InvalidPhoneNumber", False),
    (africastalking, "+2540", "InvalidPhoneNumber", False),
    (africastalking, "+254711999405", "InsufficientBalance", True),
    (africastalking, "+254711999406", "UserInBlacklist", False),
    (africastalking, "+254711999429", "http_429", True),
    (africastalking, "+254711999500", "http_500", True),
    (twilio, "+254711999403", "invalid_recipient", False),
    (twilio, "+2540", "invalid_recipient", False),
    (twilio, "+254711999406", "opted_out", False),
    (twilio, "+254711999429", "too_many_requests", True),
    (twilio, "+254711999500", "20500", True),
]


@pytest.mark.parametrize(("make", "msisdn", "detail", "retryable"), OUTCOMES_BY_NUMBER)
def test_the_last_digits_of_a_number_choose_the_outcome_of_its_text(
    session: requests.Session,
    setup: CarrierSetup,
    make: Callable[..., Sender],
    msisdn: str,
    detail: str,
    retryable: bool,
) -> None:
    with pytest.raises(SendError) as failure:
        make(session).send(OutgoingMessage("msg_1", msisdn, "Habari"))
    assert (failure.value.detail, failure.value.reason.retryable) == (detail, retryable)
    assert (setup.delivered, setup.reported) == ([], [])


@pytest.mark.parametrize(
    ("make", "said"), [(africastalking, ("AbsentSubscriber", None)), (twilio, ("undelivered", "30003"))]
)
def test_a_phone_that_is_off_is_reported(
    session: requests.Session, setup: CarrierSetup, make: Callable[..., Sender], said: tuple[str, str | None]
) -> None:
    receipt = make(session).send(OutgoingMessage("msg_1", "+254711999404", "Habari"))
    assert setup.delivered == []
    assert setup.reported == [(receipt.provider_id, *said)]


def test_wrong_keys_and_senders_are_refused_as_the_providers_do(session: requests.Session) -> None:
    text = OutgoingMessage("msg_1", AMINA, "Habari")
    for sender, reason in (
        (africastalking(session, key="wrong"), "http_401"),
        (africastalking(session, sender="a name too long"), "InvalidSenderId"),
        (twilio(session, token="wrong"), "bad_credentials"),
    ):
        with pytest.raises(SendError) as failure:
            sender.send(text)
        assert (failure.value.detail, failure.value.reason.retryable) == (reason, False)


AT_URL = "http://simulator/simulator/africastalking/version1/messaging"
TWILIO_URL = f"http://simulator/simulator/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages"


def test_africastalking_answers_each_recipient(session: requests.Session) -> None:
    form = {"username": "soko", "to": f"{AMINA},+254000,+254711999406", "message": "Habari"}
    answer = session.post(AT_URL, data=form, headers={"apiKey": "key"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
    refused = {"cost": "0", "messageId": "None"}
    assert answer.json() == {
        "SMSMessageData": {
            "Message": "Sent to 1/3 Total Cost: KES 0.8000",
            "Recipients": [
                {
                    "statusCode": 101,
                    "number": AMINA,
                    "status": "Success",
                    "cost": "KES 0.8000",
                    "messageId": f"ATXid_{1:032x}",
                    "messageParts": 1,
                },
                {"statusCode": 403, "number": "+254000", "status": "InvalidPhoneNumber"} | refused,
                {"statusCode": 406, "number": "+254711999406", "status": "UserInBlacklist"} | refused,
            ],
        }
    }


def test_a_wrong_key_is_answered_in_plain_text(session: requests.Session) -> None:
    answer = session.post(AT_URL, data={"username": "soko"}, headers={"apiKey": "wrong"})
    assert (answer.status_code, answer.text) == (401, "The supplied authentication is invalid")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_form_without_a_message_is_refused(session: requests.Session) -> None:
    answer = session.post(AT_URL, data={"username": "soko", "to": AMINA}, headers={"apiKey": "key"})
    assert (answer.status_code, "'message'" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"From": "SOKO", "Body": "Habari"}, 21604),
        ({"To": AMINA, "Body": "Habari"}, 21603),
        ({"To": AMINA, "From": "SOKO"}, 21602),
        ({"To": AMINA, "From": "SOKO", "Body": "x" * 1601}, 21617),
    ],
)
def test_twilio_answers_an_invalid_form_with_an_error_code(
    session: requests.Session, form: dict[str, Any], code: int
) -> None:
    answer = session.post(f"{TWILIO_URL}.json", data=form, auth=(ACCOUNT, TOKEN))
    assert answer.status_code == 400
    assert answer.json() | {"message": ""} == {
        "code": code,
        "message": "",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": 400,
    }


def test_twilio_shows_messages_to_their_account_only(session: requests.Session) -> None:
    sid = twilio(session).send(OutgoingMessage("msg_1", AMINA, "Habari")).provider_id
    nowhere = "SM" + "0" * 32
    assert session.get(f"{TWILIO_URL}/{sid}.json", auth=(ACCOUNT, TOKEN)).json()["status"] == "delivered"
    assert session.get(f"{TWILIO_URL}/{nowhere}.json", auth=(ACCOUNT, TOKEN)).json()["code"] == 20404
    for path in ("", f"/{sid}"):
        assert session.get(f"{TWILIO_URL}{path}.json").json()["code"] == 20003
        assert session.get(f"{TWILIO_URL}{path}.json", auth=("AC2", TOKEN)).json()["code"] == 20003
