"""Answers to phones of no artisan, agent or buyer: one daily cap for all of them, which takes nothing from others."""

from __future__ import annotations

import pytest

from bot.providers.contracts import Sender
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, POT, outgoing_messages, products_titled
from tests.bot.messaging.fakes import RETRYABLE, FakeProvider, route_all_to, worker
from tests.bot.web.test_metrics import metrics_of
from tests.service import Service

CAP = 3
STRANGERS = [f"+2547330010{number:02}" for number in range(5)]


@pytest.fixture
def provider(service: Service) -> FakeProvider:
    return FakeProvider(service.clock)


def send(service: Service, provider: Sender) -> None:
    """Send everything that is due, one after the other, with a daily cap of three."""
    with worker(service, threads=1, router=route_all_to(provider), strangers_cap=CAP) as runner:
        while runner.step():
            pass


def answered(provider: FakeProvider) -> list[str]:
    """The phones that were sent something, in order."""
    return [sms.msisdn for _, sms in provider.asked]


def test_strangers_beyond_the_cap_are_not_answered_until_the_day_is_over(
    service: Service, provider: FakeProvider
) -> None:
    for stranger in STRANGERS:
        service.gateway.text(stranger, "hello")
    send(service, provider)

    assert answered(provider) == STRANGERS[:CAP]
    unanswered = [message for message in outgoing_messages(service) if message.status == "suppressed"]
    assert [(message.msisdn, message.error) for message in unanswered] == [
        (stranger, "strangers' cap") for stranger in STRANGERS[CAP:]
    ]
    metrics = metrics_of(service)
    assert (metrics["soko_stranger_texts"], metrics["soko_stranger_texts_cap"]) == (5, 2000)
    assert metrics["soko_texts_suppressed_total[strangers' cap]"] == 2

    service.clock.advance(86_400)
    assert metrics_of(service)["soko_stranger_texts"] == 0
    service.gateway.text(STRANGERS[-1], "hello again")
    send(service, provider)
    assert answered(provider)[CAP:] == STRANGERS[-1:]


def test_artisans_and_buyers_are_answered_beyond_the_cap_and_before_strangers(
    service: Service, provider: FakeProvider
) -> None:
    (pot,) = products_titled(service, POT)
    service.order(pot["id"], 1, JOY)
    send(service, provider)
    provider.asked.clear()

    for stranger in STRANGERS:
        service.gateway.text(stranger, "hello")
    service.gateway.text(AKINYI, "MENU")
    service.gateway.text(JOY, "TRACK")
    send(service, provider)
    assert answered(provider) == [AKINYI, JOY, *STRANGERS[:CAP]]


def test_an_answer_is_counted_once_however_often_it_is_tried(service: Service, provider: FakeProvider) -> None:
    provider.errors = [RETRYABLE] * 2
    service.gateway.text(NEW_PHONE, "hello")
    for _ in range(3):
        send(service, provider)
        service.clock.advance(600)
    assert len(provider.asked) == 3
    assert metrics_of(service)["soko_stranger_texts"] == 1


def test_a_person_who_has_joined_is_no_stranger(service: Service) -> None:
    for text in ("JOIN Wanjiru", "1", "1", "1"):
        service.gateway.text(NEW_PHONE, text)
    to_her = [message for message in outgoing_messages(service, NEW_PHONE) if message.topic == "reply"]
    assert [message.to_stranger for message in to_her] == [True, True, True, False]
