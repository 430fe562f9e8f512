"""Messages are sent once and in order, and retried only when they certainly were not sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.messaging import queue
from bot.messaging.dispatcher import LEASE, REPEATS, RETRIES
from bot.messaging.queue import Priority
from bot.providers.errors import Reason, SendError
from state import people
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, execute_sql, outgoing_messages
from tests.bot.messaging.fakes import (
    FINAL,
    OUTCOME_UNKNOWN,
    RETRYABLE,
    FakeProvider,
    HangingProvider,
    deliver,
    hanging,
    kill_worker_while_sending,
    only_message,
    outbox_depth,
    queue_message,
    route_all_to,
    with_fallback,
    worker,
)
from tests.service import Service


def test_a_message_is_sent_once_and_the_providers_answer_is_stored(service: Service) -> None:
    provider = FakeProvider(service.clock)
    queue_message(service, JOY, "hello")
    deliver(service, provider, minutes=3)

    assert provider.texts == ["hello"]
    message = only_message(service)
    assert (message.status, message.provider, message.provider_id, message.cost) == (
        "sent",
        "africastalking",
        "ATXid_1",
        "KES 0.8000",
    )
    assert message.sent_at == provider.asked[0][0]


def test_a_retryable_failure_is_retried_after_1_3_5_and_7_minutes_and_then_given_up(
    service: Service,
) -> None:
    provider = FakeProvider(service.clock, [RETRYABLE] * 10)
    queue_message(service, JOY, "hello")
    deliver(service, provider, minutes=30)

    waited = [later - at for (at, _), (later, _) in pairwise(provider.asked)]
    assert [gap // timedelta(minutes=1) for gap in RETRIES.gaps] == [1, 3, 5, 7]
    for gap, wait in zip(RETRIES.gaps, waited, strict=True):
        assert gap <= wait <= gap * (1 + RETRIES.jitter) + timedelta(minutes=1)
    assert (only_message(service).status, only_message(service).error) == ("failed", "busy")
    assert (outbox_depth(service).waiting, outbox_depth(service).dead) == (0, 1)


def test_messages_that_failed_together_are_retried_at_different_times(embedded: Service) -> None:
    provider = FakeProvider(embedded.clock, [RETRYABLE] * 20)
    for n in range(20):
        queue_message(embedded, f"+2547330010{n:02}", "hello")
    deliver(embedded, provider)
    refused_at = embedded.clock()
    with worker(embedded, router=route_all_to(provider)) as runner:
        for _ in range(70):
            embedded.clock.advance(1)
            runner.step()

    waited_s = {(at - refused_at).total_seconds() for at, _ in provider.asked[20:]}
    assert len(provider.asked) == 40
    assert len(waited_s) > 3
    assert 60 <= min(waited_s) <= max(waited_s) <= 60 * (1 + RETRIES.jitter) + 1


def test_a_message_that_waits_for_its_retry_is_queued_and_has_the_error(service: Service) -> None:
    queue_message(service, JOY, "hello")
    deliver(service, FakeProvider(service.clock, [RETRYABLE]))

    assert (only_message(service).status, only_message(service).error) == ("queued", "busy")


def test_a_retry_can_succeed(service: Service) -> None:
    provider = FakeProvider(service.clock, [RETRYABLE, RETRYABLE])
    queue_message(service, JOY, "hello")
    deliver(service, provider, minutes=7)

    assert provider.texts == ["hello"] * 3
    assert (only_message(service).status, only_message(service).error) == ("sent", None)


def test_a_final_failure_is_not_retried(service: Service) -> None:
    provider = FakeProvider(service.clock, [FINAL])
    queue_message(service, JOY, "hello")
    deliver(service, provider, minutes=30)

    assert provider.texts == ["hello"]
    assert (only_message(service).status, only_message(service).error) == ("failed", "invalid_recipient")
    assert outbox_depth(service).dead == 1


def test_a_message_that_may_have_been_sent_is_not_sent_again(service: Service) -> None:
    provider = FakeProvider(service.clock, [OUTCOME_UNKNOWN])
    queue_message(service, JOY, "hello")
    deliver(service, provider, minutes=30)

    assert provider.texts == ["hello"]
    assert (only_message(service).status, only_message(service).error) == ("unknown", "no_answer")
    assert (outbox_depth(service).waiting, outbox_depth(service).dead) == (0, 0)


def test_after_a_worker_was_killed_while_sending_another_sends_once_more_and_counts_the_repeat(
    service: Service,
) -> None:
    queue_message(service, JOY, "hello")
    kill_worker_while_sending(service)
    provider = FakeProvider(service.clock)

    deliver(service, provider)
    assert (provider.texts, only_message(service).status) == ([], "sending")
    service.clock.advance(LEASE.total_seconds())
    deliver(service, provider, minutes=30)
    assert (provider.texts, only_message(service).status, only_message(service).repeats) == (["hello"], "sent", 1)


def test_after_a_worker_was_killed_a_message_that_is_reported_as_delivered_is_not_sent_again(service: Service) -> None:
    queue_message(service, JOY, "hello")
    kill_worker_while_sending(service)
    service.gateway.report("ATXid_lost", "Success", msisdn=JOY)
    service.clock.advance(LEASE.total_seconds())
    provider = FakeProvider(service.clock)
    deliver(service, provider, minutes=5)

    assert provider.texts == []
    assert (only_message(service).status, only_message(service).provider_id) == ("delivered", "ATXid_lost")


def test_a_message_that_kills_every_worker_is_given_up(embedded: Service) -> None:
    queue_message(embedded, JOY, "hello")
    for _ in range(1 + REPEATS):
        kill_worker_while_sending(embedded)
        embedded.clock.advance(LEASE.total_seconds())
    provider = FakeProvider(embedded.clock)
    deliver(embedded, provider, minutes=5)

    assert (provider.texts, only_message(embedded).status, only_message(embedded).error) == (
        [],
        "unknown",
        "interrupted",
    )


def test_an_opt_out_at_the_provider_is_stored_and_respected(service: Service) -> None:
    provider = FakeProvider(service.clock, [SendError(Reason.OPTED_OUT)])
    queue_message(service, JOY, "hello")
    deliver(service, provider)
    queue_message(service, JOY, "news")
    queue_message(service, JOY, "an answer", topic="reply")
    deliver(service, provider, minutes=1)

    assert provider.texts == ["hello", "an answer"]
    assert [message.status for message in outgoing_messages(service, JOY)] == ["failed", "suppressed", "sent"]
    with service.services.database.reading() as session:
        joy = people.find(session.connection(), JOY)
    assert joy is not None
    assert joy.opted_out_how == "africastalking refused"


def test_an_opt_out_in_a_delivery_report_is_stored_and_respected(service: Service) -> None:
    provider = FakeProvider(service.clock, name="twilio")
    queue_message(service, JOY, "hello")
    deliver(service, provider)
    execute_sql(service, "UPDATE message SET provider_id = 'SM1'")
    service.gateway.report("SM1", "undelivered", msisdn=JOY, reason="21610")
    queue_message(service, JOY, "news")
    deliver(service, provider)

    assert [(message.status, message.error) for message in outgoing_messages(service, JOY)] == [
        ("failed", "opted_out"),
        ("suppressed", "opted out"),
    ]


def test_messages_to_one_phone_are_sent_in_order_and_do_not_delay_others(service: Service) -> None:
    provider = FakeProvider(service.clock, [RETRYABLE])
    for msisdn, body in ((JOY, "first"), (JOY, "second")):
        queue_message(service, msisdn, body)
    deliver(service, provider)
    queue_message(service, AKINYI, "to somebody else")
    deliver(service, provider)
    assert provider.texts == ["first", "to somebody else"]

    deliver(service, provider, minutes=3)
    assert provider.texts == ["first", "to somebody else", "first", "second"]


def test_replies_are_sent_before_notifications_reminders_and_broadcasts(service: Service) -> None:
    provider = FakeProvider(service.clock)
    queue_message(service, JOY, "the same for many", topic="broadcast", priority=Priority.BROADCAST)
    queue_message(service, OTIENO, "a reminder", topic="reminder.order", priority=Priority.REMINDER)
    queue_message(service, NEW_PHONE, "news")
    queue_message(service, AKINYI, "an answer", topic="reply", priority=Priority.REPLY)
    with worker(service, threads=1, router=route_all_to(provider)) as runner:
        runner.step()

    assert provider.texts == ["an answer", "news", "a reminder", "the same for many"]


@pytest.mark.every_store
def test_two_workers_at_once_send_every_message_once(service: Service) -> None:
    provider = FakeProvider(service.clock)
    for n in range(40):
        queue_message(service, f"+2547330010{n:02}", "hello")
    with worker(service, router=route_all_to(provider)) as one, worker(service, router=route_all_to(provider)) as other:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda runner: [runner.step() for _ in range(3)], (one, other)))
        while one.step():
            pass

    assert len(provider.texts) == 40
    assert {message.status for message in outgoing_messages(service)} == {"sent"}


def test_a_deleted_message_does_not_delay_others(service: Service) -> None:
    queue_message(service, JOY, "hello")
    execute_sql(service, "DELETE FROM message")
    queue_message(service, JOY, "hello again")
    provider = FakeProvider(service.clock)
    deliver(service, provider, minutes=1)
    assert provider.texts == ["hello again"]
    assert outbox_depth(service).waiting == 0


# -- fallback and rates


@pytest.mark.parametrize(
    ("error", "falls_back", "status"),
    [(RETRYABLE, True, "sent"), (FINAL, False, "failed"), (OUTCOME_UNKNOWN, False, "unknown")],
)
def test_only_a_retryable_failure_is_passed_to_the_fallback_provider(
    service: Service, error: SendError, falls_back: bool, status: str
) -> None:
    first, fallback = FakeProvider(service.clock, [error]), FakeProvider(service.clock, name="twilio")
    queue_message(service, JOY, "hello")
    with worker(service, router=with_fallback(first, fallback)) as runner:
        runner.step()

    assert (first.texts, fallback.texts) == (["hello"], ["hello"] if falls_back else [])
    assert only_message(service).status == status
    assert only_message(service).provider == ("twilio" if falls_back else "africastalking")


def test_a_message_that_both_providers_refuse_for_now_waits(service: Service) -> None:
    first, fallback = FakeProvider(service.clock, [RETRYABLE]), FakeProvider(service.clock, [RETRYABLE], name="twilio")
    queue_message(service, JOY, "hello")
    with worker(service, router=with_fallback(first, fallback)) as runner:
        runner.step()
    assert (only_message(service).status, only_message(service).error) == ("queued", "busy")


def test_a_provider_gets_no_more_messages_a_second_than_its_rate(service: Service) -> None:
    provider = FakeProvider(service.clock)
    for n in range(12):
        queue_message(service, f"+2547330010{n:02}", f"text {n}")
    sent = []
    with worker(service, router=route_all_to(provider), per_second={provider.name: 5.0}) as runner:
        for _ in range(4):
            while runner.step():
                pass
            sent.append(len(provider.texts))
            service.clock.advance(1)

    assert sent == [5, 10, 12, 12]
    assert [set(provider.texts[n : n + 5]) for n in (0, 5, 10)] == [
        {f"text {n}" for n in some} for some in (range(5), range(5, 10), range(10, 12))
    ]


# -- send policy


def test_notifications_beyond_the_hourly_cap_wait_and_replies_do_not(service: Service) -> None:
    provider = FakeProvider(service.clock)
    for n in range(4):
        queue_message(service, JOY, f"news {n}")
    queue_message(service, JOY, "an answer", topic="reply", priority=Priority.REPLY)
    with worker(service, router=route_all_to(provider)) as runner:
        policy = replace(runner.dispatcher.send_policy, hourly_cap=3)
        capped = replace(runner, dispatcher=replace(runner.dispatcher, send_policy=policy))
        while capped.step():
            pass
        assert provider.texts == ["an answer", "news 0", "news 1", "news 2"]
        assert [(message.status, message.error) for message in outgoing_messages(service, JOY)][3] == (
            "queued",
            "hourly cap",
        )
        service.clock.advance(3601)
        while capped.step():
            pass
    assert provider.texts[-1] == "news 3"


@pytest.mark.parametrize("topic", queue.SECURITY_TOPICS)
def test_a_security_message_is_sent_after_stop_and_beyond_the_hourly_cap(service: Service, topic: queue.Topic) -> None:
    service.gateway.text(AKINYI, "STOP")
    queue_message(service, AKINYI, "news")
    queue_message(service, AKINYI, "security", topic=topic)
    provider = FakeProvider(service.clock)
    with worker(service, router=route_all_to(provider)) as runner:
        policy = replace(runner.dispatcher.send_policy, hourly_cap=0)
        capped = replace(runner, dispatcher=replace(runner.dispatcher, send_policy=policy))
        while capped.step():
            pass

    assert provider.texts[1:] == ["security"]  # after the confirmation of STOP


# -- stopping


def test_a_stopping_worker_finishes_started_messages_and_releases_the_others(service: Service) -> None:
    for n in range(5):
        queue_message(service, f"+25473300100{n}", "hello")
    provider = HangingProvider(service.clock)
    with hanging(service, provider, 60):
        while sum(message.status == "queued" for message in outgoing_messages(service)) < 3:
            """The others are released before the started ones finish."""
        provider.answers.set()

    assert sorted(message.status for message in outgoing_messages(service)) == ["queued"] * 3 + ["sent"] * 2
    deliver(service, FakeProvider(service.clock))
    assert {message.status for message in outgoing_messages(service)} == {"sent"}
    assert {message.repeats for message in outgoing_messages(service)} == {0}


def test_a_stopping_worker_does_not_wait_for_a_hanging_provider(service: Service) -> None:
    for n in range(3):
        queue_message(service, f"+25473300100{n}", "hello")
    with hanging(service, HangingProvider(service.clock), 0):
        pass
    assert sorted(message.status for message in outgoing_messages(service)) == ["queued", "unknown", "unknown"]


def test_texts_and_calls_are_answered_while_every_provider_hangs(service: Service) -> None:
    for n in range(3):
        queue_message(service, f"+25473300100{n}", "hello")
    with hanging(service, HangingProvider(service.clock), 0):
        assert service.gateway.text(NEW_PHONE, "MENU") == 200
        assert service.gateway.dial(NEW_PHONE).startswith("CON ")
    assert outgoing_messages(service, NEW_PHONE)[0].status == "queued"


# -- delivery reports


def test_an_unknown_provider_status_is_stored_and_changes_no_status(service: Service) -> None:
    queue_message(service, JOY, "hello")
    deliver(service, FakeProvider(service.clock))
    assert service.gateway.report("ATXid_1", "Teleported", msisdn=JOY) == 200
    assert (only_message(service).status, only_message(service).reported) == ("sent", "Teleported")


@pytest.mark.parametrize(
    ("msisdn", "status", "error"),
    [(JOY, "delivered", None), ("+254733999404", "failed", "AbsentSubscriber")],
)
def test_a_delivery_report_is_applied_to_its_message(
    service: Service, msisdn: str, status: str, error: str | None
) -> None:
    queue_message(service, msisdn, "hello")
    service.work()
    assert only_message(service).status == "sent"

    service.later(seconds=2)
    assert (only_message(service).status, only_message(service).error) == (status, error)


def test_reports_may_come_twice_late_and_in_any_order(embedded: Service) -> None:
    queue_message(embedded, JOY, "hello")
    deliver(embedded, FakeProvider(embedded.clock))
    for status in ("Success", "Sent", "Buffered", "Success"):
        assert embedded.gateway.report("ATXid_1", status, msisdn=JOY) == 200

    assert only_message(embedded).status == "delivered"
    assert only_message(embedded).delivered_at == embedded.clock()
