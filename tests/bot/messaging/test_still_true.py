"""A message that has waited is sent only if it is still true."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.marketplace.event_details import EventData
from bot.marketplace.port import Unreachable
from bot.messaging.dispatcher import LEASE
from bot.messaging.still_true import Truth
from marketplace_api.accounts import artisans
from marketplace_api.kiosks import kiosks
from marketplace_api.orders import closing, deadlines
from marketplace_api.payments import cash_payouts
from tests.actors import TESTER
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    OTIENO,
    notifications,
    outgoing_messages,
    place_order,
    received_order,
)
from tests.bot.messaging.fakes import RETRYABLE, FakeProvider, deliver, kill_worker_while_sending, route_all_to, worker
from tests.service import Service

NIGHT_S = 11 * 3600
"""From 11:00, when the tests begin, to the night in Nairobi."""


def consume(service: Service) -> None:
    """Queue the messages about all new events, and send none."""
    while service.services.notification_consumer.consume():
        pass


def remind(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        deadlines.send_reminders(service.services.shop(session, TESTER))
    consume(service)


def ends(service: Service, topic: str, msisdn: str) -> list[tuple[str, str | None]]:
    """The status and error of the messages of a topic to a phone, oldest first."""
    return [(message.status, message.error) for message in outgoing_messages(service, msisdn) if message.topic == topic]


@pytest.mark.every_store
def test_a_reminder_that_waited_for_the_morning_is_not_sent_if_the_order_was_cancelled(service: Service) -> None:
    placed, provider = place_order(service), FakeProvider(service.clock)
    service.work()
    service.clock.advance(NIGHT_S)
    remind(service)
    deliver(service, provider)
    assert ends(service, "reminder.order", AKINYI) == [("queued", "quiet hours")]

    service.api("POST", f"/orders/{placed['id']}/cancel")
    consume(service)
    service.clock.advance(NIGHT_S)
    deliver(service, provider, minutes=2)

    assert ends(service, "reminder.order", AKINYI) == [("suppressed", "stale")]
    assert ends(service, "order.cancelled", AKINYI) == [("sent", None)]


def test_a_reminder_that_waited_and_is_still_needed_is_sent(embedded: Service) -> None:
    place_order(embedded)
    embedded.work()
    embedded.clock.advance(NIGHT_S)
    remind(embedded)
    embedded.clock.advance(NIGHT_S)
    deliver(embedded, FakeProvider(embedded.clock))

    assert ends(embedded, "reminder.order", AKINYI) == [("sent", None)]


def test_a_reminder_to_bring_goods_is_not_sent_once_they_are_ready(embedded: Service) -> None:
    placed = place_order(embedded)
    embedded.gateway.text(AKINYI, f"YES {placed['code']} 1 1")
    embedded.work()
    embedded.clock.advance(NIGHT_S)
    remind(embedded)
    embedded.gateway.text(AKINYI, f"READY {placed['code']}")
    embedded.clock.advance(NIGHT_S)
    deliver(embedded, FakeProvider(embedded.clock), minutes=2)

    assert ends(embedded, "reminder.order", AKINYI) == [("suppressed", "stale")]


@pytest.mark.parametrize(("is_shipped", "end"), [(False, ("sent", None)), (True, ("suppressed", "stale"))])
def test_a_reminder_to_ship_waits_for_the_morning_and_is_sent_if_the_goods_are_still_there(
    embedded: Service, is_shipped: bool, end: tuple[str, str | None]
) -> None:
    order, provider = received_order(embedded), FakeProvider(embedded.clock)
    embedded.work()
    embedded.clock.advance(27 * 24 * 3600 + NIGHT_S)
    with embedded.services.database.writing.begin() as session:
        closing.remind_to_ship(embedded.services.shop(session, TESTER))
    consume(embedded)
    deliver(embedded, provider)
    assert ends(embedded, "reminder.order", OTIENO) == [("queued", "quiet hours")]

    if is_shipped:
        embedded.api("POST", f"/orders/{order['id']}/ship", {"carrier": "DHL", "tracking": "7"})
    embedded.clock.advance(NIGHT_S)
    deliver(embedded, provider, minutes=2)

    assert ends(embedded, "reminder.order", OTIENO) == [end]


@pytest.mark.parametrize("answer", ["NO {code}", "STOP"])
def test_an_offer_that_may_have_left_when_a_worker_was_killed_is_unknown_once_it_may_not_leave(
    embedded: Service, answer: str
) -> None:
    placed, provider = place_order(embedded), FakeProvider(embedded.clock)
    consume(embedded)
    kill_worker_while_sending(embedded)
    embedded.gateway.text(AKINYI, answer.format(code=placed["code"]))
    embedded.clock.advance(LEASE.total_seconds())
    deliver(embedded, provider, minutes=5)

    assert ends(embedded, "order.placed", AKINYI) == [("unknown", "interrupted")]
    assert [text for text in provider.texts if "YES" in text and placed["code"] in text] == []


@pytest.mark.parametrize("answer", ["YES", "NO"])
def test_an_offer_that_an_outage_held_back_is_not_sent_after_its_answer(embedded: Service, answer: str) -> None:
    placed, provider = place_order(embedded), FakeProvider(embedded.clock, [RETRYABLE] * 2)
    consume(embedded)
    deliver(embedded, provider)
    embedded.gateway.text(AKINYI, f"{answer} {placed['code']}")
    deliver(embedded, provider, minutes=5)

    assert ends(embedded, "order.placed", AKINYI) == [("suppressed", "stale")]
    assert ends(embedded, "order.placed", JOY) == [("suppressed", "stale")]


def test_a_code_for_cash_is_not_told_after_the_cash_was_paid(embedded: Service) -> None:
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        akinyi = artisans.by_msisdn(shop, AKINYI)
        assert akinyi is not None
        artisans.set_payout_method(shop, akinyi, "kiosk_cash")
    received_order(embedded)
    consume(embedded)
    provider = FakeProvider(embedded.clock, [RETRYABLE] * 9)
    deliver(embedded, provider)
    (payout,) = embedded.api("GET", "/payouts")["data"]
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        (kiosk,) = kiosks.list_all(shop)
        cash_payouts.collect(shop, kiosk, payout["id"])
    deliver(embedded, provider, minutes=25)

    assert ends(embedded, "payout.created", AKINYI) == [("suppressed", "stale")]


def test_a_stale_message_that_an_operator_sends_again_is_still_stale(embedded: Service) -> None:
    placed = place_order(embedded)
    consume(embedded)
    embedded.clock.advance(60)
    embedded.api("POST", f"/orders/{placed['id']}/cancel")
    provider = FakeProvider(embedded.clock)
    deliver(embedded, provider)
    (offer,) = [text for text in notifications(embedded) if (text.topic, text.msisdn) == ("order.placed", AKINYI)]
    embedded.api("POST", f"/messages/{offer.id}/resend")
    deliver(embedded, provider)

    assert ends(embedded, "order.placed", AKINYI) == [("suppressed", "stale")]
    assert offer.text not in provider.texts


def test_while_the_shop_cannot_be_asked_a_message_waits(embedded: Service) -> None:
    place_order(embedded)
    consume(embedded)
    embedded.clock.advance(60)
    provider, away = FakeProvider(embedded.clock), ["away"]

    def current(id: str, now: datetime) -> EventData | None:
        if away:
            raise Unreachable("no answer")
        return embedded.services.marketplace.current(id, now)

    with worker(embedded, truth=Truth(embedded.clock, current), router=route_all_to(provider)) as runner:
        runner.step()
        assert ends(embedded, "order.placed", JOY) == [("queued", "shop unreachable")]
        away.clear()
        embedded.clock.advance(60)
        runner.step()

    assert ends(embedded, "order.placed", JOY) == [("sent", None)]
    assert len(provider.texts) == 2


def test_a_message_about_what_happened_is_always_true(embedded: Service) -> None:
    def current(id: str, now: datetime) -> EventData | None:
        raise AssertionError("the shop need not be asked")

    received_order(embedded)
    consume(embedded)
    (receipt,) = [text for text in notifications(embedded) if (text.topic, text.msisdn) == ("order.at_kiosk", AKINYI)]
    embedded.clock.advance(NIGHT_S)

    assert Truth(embedded.clock, current).holds(receipt) is True
