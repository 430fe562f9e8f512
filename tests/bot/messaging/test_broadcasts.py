"""Broadcasts: once to each person in the audience, in few calls, outside quiet hours, and not after an opt-out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.messaging import broadcasts
from bot.messaging.broadcasts import Audience
from bot.messaging.dispatcher import OPTIONS
from bot.providers.contracts import OutgoingMessage, Receipt
from bot.providers.errors import Reason, SendError
from bot.worker import handler_runner
from state import broadcasts as broadcast_state
from state import outbox, people
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, add_artisan, outgoing_messages, place_order
from tests.bot.messaging.fakes import RETRYABLE, FakeProvider, deliver, route_all_to, worker
from tests.command_line import run_command
from tests.service import Service

BROADCAST = "The market at Lakeside is open on Sunday"
EVENING = 10 * 3600  # seconds until 21:00 in Nairobi; the clock of the tests starts at 11:00


@dataclass
class BulkProvider(FakeProvider):
    """Takes many messages in one call; `calls` has the number in each."""

    batch_size: int = 3
    calls: list[int] = field(default_factory=list)

    def send_batch(self, texts: list[OutgoingMessage]) -> list[Receipt | SendError]:
        self.calls.append(len(texts))
        return [super(BulkProvider, self).send(sms) for sms in texts]


def add_artisans(service: Service, count: int, **more: Any) -> list[str]:
    kiosk = service.api("GET", "/kiosks")["data"][0]["id"]
    phones = [f"+2547110005{n:02}" for n in range(count)]
    for phone in phones:
        add_artisan(service, phone, "Wanjiru", kiosk, **more)
    return phones


def send(service: Service, key: str = "b1", **audience: str) -> Any:
    return service.api("POST", "/broadcasts", {"text": BROADCAST, **audience}, **{"Idempotency-Key": key})


def send_and_deliver(service: Service, provider: FakeProvider) -> None:
    """Run the broadcast jobs, and send their messages."""
    service.services.notification_consumer.consume()
    for _ in range(20):
        run_broadcast_jobs(service)
        deliver(service, provider)


def run_broadcast_jobs(service: Service) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        handler_runner(service.app, service.services, pool).step()


def phones_asked(provider: FakeProvider) -> list[str]:
    return sorted(sms.msisdn for _, sms in provider.asked)


def test_everyone_gets_a_broadcast_once_and_few_calls_are_made(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "CHUNK", 4)
    phones, provider = add_artisans(service, 9), BulkProvider(service.clock)
    begun = send(service)
    assert send(service) == begun
    send_and_deliver(service, provider)

    assert begun["recipients"] == 10
    assert phones_asked(provider) == sorted([AKINYI, *phones])
    assert len(provider.calls) < len(phones) / 2
    assert max(provider.calls) == provider.batch_size
    about = {text.about for text in outgoing_messages(service)}
    assert about == {begun["id"]}


def test_only_the_audience_gets_a_broadcast(embedded: Service) -> None:
    add_artisans(embedded, 2, language="sw")
    audiences: list[tuple[dict[str, str], int]] = [
        ({}, 3),
        ({"language": "sw"}, 2),
        ({"craft": "pottery"}, 3),
        ({"craft": "baskets"}, 0),
        ({"town": "Kisumu", "language": "en"}, 1),
        ({"town": "Nairobi"}, 0),
    ]
    for number, (audience, recipients) in enumerate(audiences):
        assert send(embedded, key=f"b{number}", **audience)["recipients"] == recipients, audience


def test_a_refusal_in_a_batch_concerns_one_recipient_alone(service: Service) -> None:
    class RefusingTheFirst(BulkProvider):
        def send_batch(self, texts: list[OutgoingMessage]) -> list[Receipt | SendError]:
            answers: list[Receipt | SendError] = list(super().send_batch(texts))
            return [SendError(Reason.BLOCKED_PROMOTIONS, "UserInBlacklist"), *answers[1:]]

    add_artisans(service, 2)
    send(service)
    send_and_deliver(service, RefusingTheFirst(service.clock))
    assert sorted(text.status for text in outgoing_messages(service)) == ["failed", "sent", "sent"]


def test_a_broadcast_waits_for_the_end_of_quiet_hours_and_notifications_do_not(service: Service) -> None:
    service.clock.advance(EVENING)
    send(service)
    place_order(service)
    provider = FakeProvider(service.clock)
    send_and_deliver(service, provider)
    assert BROADCAST not in provider.texts
    assert phones_asked(provider) == sorted([AKINYI, JOY])
    assert [(text.status, text.error) for text in outgoing_messages(service) if text.text == BROADCAST] == [
        ("queued", "quiet hours")
    ]

    service.clock.advance(11 * 3600)
    send_and_deliver(service, provider)
    assert provider.texts[-1] == BROADCAST


class StoppingProvider(BulkProvider):
    """Stops the broadcast while its first call is made, of whose texts the first one can be tried again."""

    def __init__(self, service: Service, id: str) -> None:
        super().__init__(service.clock)
        self.service, self.id = service, id

    def send_batch(self, texts: list[OutgoingMessage]) -> list[Receipt | SendError]:
        with self.service.services.database.writing.begin() as session:
            stopped = broadcasts.stop(self.service.services.shop(session, TESTER), self.id)
        assert stopped is not bool(self.calls)
        answers: list[Receipt | SendError] = list(super().send_batch(texts))
        return [RETRYABLE, *answers[1:]]


def test_a_stopped_broadcast_sends_what_was_claimed_and_nothing_more(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcasts, "CHUNK", 6)
    add_artisans(service, 9)
    provider = StoppingProvider(service, send(service)["id"])
    run_broadcast_jobs(service)
    options = replace(OPTIONS, claimed_at_most=3, gather_s=0)
    with worker(service, router=route_all_to(provider), options=options) as runner:
        for _ in range(20):
            runner.step()
            run_broadcast_jobs(service)
            service.clock.advance(60)
    assert provider.calls == [3]
    texts = [(text.status, text.error) for text in outgoing_messages(service)]
    assert sorted(texts) == [("sent", None)] * 2 + [("suppressed", "stopped")] * 4
    with service.services.database.reading() as session:
        assert outbox.depth(session.connection(), service.clock()).waiting == 0
        assert broadcast_state.counts(session.connection(), provider.id) == {"sent": 2, "suppressed": 4}


def test_one_id_begins_one_broadcast_and_a_later_text_of_another_kind_leaves(embedded: Service) -> None:
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        assert [broadcasts.start(shop, BROADCAST, Audience(), "bct_1") for _ in range(2)] == [("bct_1", 1)] * 2
        assert [broadcasts.stop(shop, id) for id in ("bct_1", "bct_1", "bct_2")] == [True, False, False]
    embedded.work()
    place_order(embedded)
    embedded.work()
    assert BROADCAST not in embedded.inbox(AKINYI)
    assert len(embedded.inbox(AKINYI)) == 1


def test_a_number_that_blocks_promotions_still_gets_notifications(service: Service) -> None:
    service.gateway.text(AKINYI, "PRODUCTS")
    provider = FakeProvider(service.clock, [SendError(Reason.BLOCKED_PROMOTIONS, "UserInBlacklist")])
    deliver(service, provider)
    with service.services.database.reading() as db:
        record = people.find(db.connection(), AKINYI)
    assert record
    assert (record.promotions_off_at, record.opted_out_at) == (service.clock(), None)

    send(service)
    place_order(service)
    send_and_deliver(service, provider)
    statuses = {text.topic: text.status for text in outgoing_messages(service, AKINYI)}
    assert (statuses["broadcast"], statuses["order.placed"]) == ("suppressed", "sent")


def test_a_report_of_a_blacklist_switches_promotions_off(service: Service) -> None:
    send(service)
    provider = FakeProvider(service.clock)
    send_and_deliver(service, provider)
    service.gateway.report("ATXid_1", "Failed", msisdn=AKINYI, reason="UserInBlackList")
    with service.services.database.reading() as db:
        record = people.find(db.connection(), AKINYI)
    assert record
    assert record.promotions_off_at


def test_replies_and_notifications_are_sent_before_a_broadcast(service: Service) -> None:
    send(service)
    run_broadcast_jobs(service)
    place_order(service)
    service.services.notification_consumer.consume()
    service.gateway.text(NEW_PHONE, "MENU")
    provider = FakeProvider(service.clock)
    with worker(service, router=route_all_to(provider)) as runner:
        runner.step()
        while runner.step():
            pass

    topics = {text.text: text.topic for text in outgoing_messages(service)}
    assert topics[provider.texts[-1]] == "broadcast"


@pytest.mark.parametrize("body", ["", "   ", "x" * 460])
def test_a_text_that_cannot_be_sent_is_refused(embedded: Service, body: str) -> None:
    answer = embedded.http.post(
        "/api/v1/broadcasts",
        json={"text": body},
        headers={"Authorization": f"Bearer {embedded.settings.operator_key}"},
    )
    assert answer.status_code == 422


def test_the_command_says_whom_it_reaches_and_asks_before_it_sends(embedded: Service) -> None:
    asked = run_command(embedded.app, "broadcast", BROADCAST, "--craft", "pottery")
    assert asked.output.startswith("1 artisans, 1 segments, at a price that is not known\n")
    assert "Send it?" in asked.output
    assert asked.exit_code == 1
    result = run_command(embedded.app, "broadcast", BROADCAST, "--craft", "pottery", "--yes")
    assert result.output.endswith(": 1 artisans\n")
    embedded.work()
    assert embedded.inbox(AKINYI) == [BROADCAST]
    for wrong in (
        (" ",),
        (BROADCAST, "--town", "Nowhere"),
        (BROADCAST, "--kiosk", "ksk_1"),
        (BROADCAST, "--craft", "x"),
    ):
        refused = run_command(embedded.app, "broadcast", *wrong, "--yes")
        assert refused.exit_code == 2, wrong
    assert "is none of baskets" in refused.output
