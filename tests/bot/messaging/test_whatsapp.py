"""WhatsApp is answered by WhatsApp, whoever sends SMS; what WhatsApp does not take follows as an SMS."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from bot.messaging import queue
from bot.messaging.queue import NewMessage
from bot.messaging.routing import Router
from bot.providers import registry
from bot.providers.contracts import DeliveryReport, Inbound
from bot.providers.errors import Reason, SendError
from tests.bot.fixtures import choose_language, outgoing_messages
from tests.bot.messaging.fakes import FakeProvider, worker
from tests.service import Service

UGANDAN = "+256772300001"
OUTSIDE_WINDOW = SendError(Reason.NOT_BY_WHATSAPP, "outside_whatsapp_window")
TWILIO = {"twilio_account_sid": "AC1", "twilio_auth_token": "token", "twilio_from": "+15005550006"}


@dataclass
class WhatsAppPerson:
    """A person who writes by WhatsApp, where another provider sends SMS."""

    service: Service
    sms: FakeProvider = field(init=False)
    whatsapp: FakeProvider = field(init=False)

    def __post_init__(self) -> None:
        self.sms = FakeProvider(self.service.clock)
        self.whatsapp = FakeProvider(self.service.clock, name="twilio")
        choose_language(self.service, "en", UGANDAN)

    def write(self, *, whatsapp: str | None = "twilio") -> None:
        """Write *MENU*, and let the answer leave through these providers."""
        inbound = Inbound("whatsapp", "twilio", self.service.new_id(), UGANDAN, "+15005550006", "MENU")
        self.service.services.conversation.sms(inbound)
        self.deliver(whatsapp=whatsapp)

    def deliver(self, *, whatsapp: str | None = "twilio") -> None:
        senders = {provider.name: provider for provider in (self.sms, self.whatsapp)}
        router = Router(senders, {"+256": "africastalking"}, "africastalking", "africastalking", whatsapp)
        with worker(self.service, router=router) as runner:
            while runner.step():
                pass

    def asked(self, provider: FakeProvider) -> list[tuple[str, str]]:
        """The channel and the first words of each message that a provider was asked to send."""
        return [(message.channel, message.text[:15]) for _, message in provider.asked]

    def stored(self) -> list[tuple[str, str, str | None]]:
        return [(each.channel, each.status, each.error) for each in outgoing_messages(self.service, UGANDAN)]


@pytest.fixture
def person(embedded: Service) -> WhatsAppPerson:
    return WhatsAppPerson(embedded)


def test_whatsapp_is_answered_by_whatsapp_whatever_the_route_of_the_number(person: WhatsAppPerson) -> None:
    person.write()

    assert person.asked(person.whatsapp) == [("whatsapp", "Welcome to Soko")]
    assert person.asked(person.sms) == []
    assert person.stored() == [("whatsapp", "sent", None)]


def test_what_whatsapp_refuses_follows_as_an_sms(person: WhatsAppPerson) -> None:
    person.whatsapp.errors = [OUTSIDE_WINDOW]
    person.write()

    assert person.asked(person.sms) == [("sms", "Welcome to Soko")]
    assert person.sms.texts == person.whatsapp.texts
    assert person.stored() == [("whatsapp", "failed", "outside_whatsapp_window"), ("sms", "sent", None)]


def test_what_whatsapp_reports_as_not_delivered_follows_once_as_an_sms(person: WhatsAppPerson) -> None:
    person.write()
    (message,) = outgoing_messages(person.service, UGANDAN)
    report = DeliveryReport(
        "twilio", message.provider_id or "", "failed", OUTSIDE_WINDOW.reason, OUTSIDE_WINDOW.detail, "undelivered"
    )
    for _ in range(2):
        person.service.services.conversation.report(report)
        person.deliver()

    assert person.asked(person.sms) == [("sms", "Welcome to Soko")]
    assert person.stored() == [("whatsapp", "failed", "outside_whatsapp_window"), ("sms", "sent", None)]


def test_a_code_that_whatsapp_did_not_deliver_follows_as_an_sms_and_is_erased_after_a_day(
    person: WhatsAppPerson,
) -> None:
    service = person.service
    message = NewMessage("1", UGANDAN, "Your code: 012345.", "en", "reply", channel="whatsapp")
    sealed = queue.without_codes(message, ["012345"], service.services.seal)
    with service.services.database.writing.begin() as session:
        queue.add(session.connection(), sealed, "msg_1", service.clock())
    person.deliver()
    (sent,) = outgoing_messages(service, UGANDAN)
    assert (sent.text, sent.status, bool(sent.sealed)) == ("Your code: ******.", "sent", True)
    report = DeliveryReport(
        "twilio", sent.provider_id or "", "failed", OUTSIDE_WINDOW.reason, OUTSIDE_WINDOW.detail, "undelivered"
    )
    service.services.conversation.report(report)
    person.deliver()
    assert person.whatsapp.texts == person.sms.texts == ["Your code: 012345."]

    service.later(days=2)
    assert [(each.channel, each.sealed) for each in outgoing_messages(service, UGANDAN)] == [
        ("whatsapp", ""),
        ("sms", ""),
    ]
    service.services.conversation.report(report)
    person.deliver()
    assert len(outgoing_messages(service, UGANDAN)) == 2


@pytest.mark.parametrize("answer", ["late", "lost"])
def test_an_sms_follows_also_when_the_report_comes_before_the_answer_to_the_send(
    person: WhatsAppPerson, answer: str
) -> None:
    report = DeliveryReport(
        "twilio", "ATXid_1", "failed", OUTSIDE_WINDOW.reason, OUTSIDE_WINDOW.detail, "undelivered", UGANDAN
    )
    person.service.services.conversation.report(report)
    person.whatsapp.errors = [SendError(Reason.NO_ANSWER)] if answer == "lost" else []
    person.write()

    assert person.asked(person.sms) == [("sms", "Welcome to Soko")]
    assert outgoing_messages(person.service, UGANDAN)[0].reported == "undelivered"


def test_a_failure_for_another_reason_is_no_reason_for_an_sms(person: WhatsAppPerson) -> None:
    person.whatsapp.errors = [SendError(Reason.INVALID_RECIPIENT)]
    person.write()

    assert person.asked(person.sms) == []


def test_without_a_provider_for_whatsapp_the_answer_is_an_sms_and_stored_as_one(person: WhatsAppPerson) -> None:
    person.write(whatsapp=None)

    assert person.asked(person.sms) == [("sms", "Welcome to Soko")]
    assert person.stored() == [("sms", "sent", None)]


def test_a_provider_that_is_set_up_sends_whatsapp_though_no_route_names_it() -> None:
    settings = registry.make_settings(sms_provider="africastalking", at_username="soko", at_api_key="key", **TWILIO)

    assert registry.whatsapp_provider(settings) == "twilio"
    assert set(registry.senders(settings, 1)) == {"africastalking", "twilio"}


def test_nobody_sends_whatsapp_where_its_provider_is_not_set_up() -> None:
    settings = registry.make_settings(sms_provider="africastalking", at_username="soko", at_api_key="key")

    assert registry.whatsapp_provider(settings) is None
    assert set(registry.senders(settings, 1)) == {"africastalking"}
