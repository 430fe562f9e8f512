"""What leaves us: sent once, in order, tried again only when it certainly did not leave, and never in the dark."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.messaging import queue
from bot.messaging.dispatcher import JITTER, LEASE, REPEATS, Dispatcher
from bot.messaging.queue import BROADCAST, REMINDER, REPLY, NewMessage
from bot.messaging.routing import Router
from bot.providers.contracts import OutgoingMessage, Receipt, Sender
from bot.providers.errors import Reason, SendError
from bot.runtime.clock import Clock
from bot.worker import delivery, errands
from state import outbox, people
from state.messages import Message
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, OTIENO, execute_sql, outgoing_messages
from tests.service import Service

LATER = SendError(Reason.THROTTLED, "busy")
FINAL = SendError(Reason.INVALID_RECIPIENT)
NOBODY_KNOWS = SendError(Reason.NO_ANSWER)


@dataclass
class Carrier:
    """A provider that does what it is told, text by text, and then takes everything."""

    clock: Clock
    does: list[SendError] = field(default_factory=list)
    name: str = "africastalking"
    asked: list[tuple[datetime, OutgoingMessage]] = field(default_factory=list)

    def send(self, sms: OutgoingMessage) -> Receipt:
        self.asked.append((self.clock(), sms))
        if self.does:
            raise self.does.pop(0)
        return Receipt(f"ATXid_{len(self.asked)}", cost="KES 0.8000")

    @property
    def sent(self) -> list[str]:
        return [sms.text for _, sms in self.asked]


@contextmanager
def worker(service: Service, **parts: Any) -> Iterator[Dispatcher]:
    """A worker's hands, some of them other than the service's own."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield replace(delivery(service.app, service.services, pool), **parts)


def through(carrier: Sender) -> Router:
    return Router({carrier.name: carrier}, {}, carrier.name)


def deliver(service: Service, carrier: Carrier, *, minutes: int = 0) -> None:
    """Delivers what is due, and goes on doing so minute by minute."""
    with worker(service, route=through(carrier)) as hands:
        hands.deliver()
        for _ in range(minutes):
            service.clock.advance(60)
            hands.deliver()


def say(service: Service, msisdn: str, body: str, topic: str = "order.placed", priority: int = 5) -> None:
    """Something to be sent."""
    text = NewMessage(f"{msisdn}:{body}", msisdn, body, "en", topic, priority=priority)
    with service.services.database.writing.begin() as session:
        queue.add(session.connection(), text, service.services.ids.new_id("msg"), service.clock())


def only(service: Service) -> Message:
    (message,) = outgoing_messages(service)
    return message


def depth(service: Service) -> outbox.Depth:
    with service.services.database.reading() as session:
        return outbox.depth(session.connection(), service.clock())


def killed(work: Callable[[], object]) -> None:
    """The work, done in a process of its own that is killed on the way."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class Deadly:
    """Takes whatever it is asked, and the process that asked is dead."""

    name = "africastalking"

    def send(self, sms: OutgoingMessage) -> Receipt:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def dies_delivering(service: Service, **parts: Any) -> None:
    """Another worker claims what is due and is killed while it asks a provider."""
    service.services.close()  # no connection crosses into the child

    def work() -> None:
        with worker(service, **parts) as hands:
            hands.deliver()

    killed(work)


# -- a text leaves


def test_a_text_is_sent_once_and_what_the_provider_said_is_kept(service: Service) -> None:
    carrier = Carrier(service.clock)
    say(service, JOY, "hello")
    deliver(service, carrier, minutes=3)

    assert carrier.sent == ["hello"]
    message = only(service)
    assert (message.status, message.provider, message.provider_id, message.cost) == (
        "sent",
        "africastalking",
        "ATXid_1",
        "KES 0.8000",
    )
    assert message.sent_at == carrier.asked[0][0]


def test_a_refusal_that_means_later_is_tried_again_after_1_3_5_and_7_minutes_and_then_given_up(
    service: Service,
) -> None:
    carrier = Carrier(service.clock, [LATER] * 10)
    say(service, JOY, "hello")
    began = service.clock()
    deliver(service, carrier, minutes=30)

    waited = [(at - began) // timedelta(minutes=1) for at, _ in carrier.asked]
    assert waited == [0, 1, 1 + 3, 1 + 3 + 5, 1 + 3 + 5 + 7]
    assert (only(service).status, only(service).error) == ("failed", "busy")
    assert (depth(service).waiting, depth(service).dead) == (0, 1)


def test_what_was_refused_together_is_not_tried_again_together(embedded: Service) -> None:
    carrier = Carrier(embedded.clock, [LATER] * 20)
    for n in range(20):
        say(embedded, f"+2547330010{n:02}", "hello")
    deliver(embedded, carrier)
    refused_at = embedded.clock()
    with worker(embedded, route=through(carrier)) as hands:
        for _ in range(60):
            embedded.clock.advance(1)
            hands.deliver()

    waited_s = {(at - refused_at).total_seconds() for at, _ in carrier.asked[20:]}
    assert len(carrier.asked) == 40
    assert len(waited_s) > 3
    assert 60 * (1 - JITTER) <= min(waited_s) <= max(waited_s) <= 60


def test_while_it_waits_it_is_queued_and_says_why(service: Service) -> None:
    say(service, JOY, "hello")
    deliver(service, Carrier(service.clock, [LATER]))

    assert (only(service).status, only(service).error) == ("queued", "busy")


def test_later_may_be_soon_enough(service: Service) -> None:
    carrier = Carrier(service.clock, [LATER, LATER])
    say(service, JOY, "hello")
    deliver(service, carrier, minutes=5)

    assert carrier.sent == ["hello"] * 3
    assert (only(service).status, only(service).error) == ("sent", None)


def test_a_final_refusal_stops_at_once(service: Service) -> None:
    carrier = Carrier(service.clock, [FINAL])
    say(service, JOY, "hello")
    deliver(service, carrier, minutes=30)

    assert carrier.sent == ["hello"]
    assert (only(service).status, only(service).error) == ("failed", "invalid_recipient")
    assert depth(service).dead == 1


def test_a_text_that_may_have_left_is_not_sent_again(service: Service) -> None:
    carrier = Carrier(service.clock, [NOBODY_KNOWS])
    say(service, JOY, "hello")
    deliver(service, carrier, minutes=30)

    assert carrier.sent == ["hello"]
    assert (only(service).status, only(service).error) == ("unknown", "no_answer")
    assert (depth(service).waiting, depth(service).dead) == (0, 0)


def test_a_worker_killed_while_it_sends_is_followed_by_one_that_sends_once_more_and_says_so(service: Service) -> None:
    say(service, JOY, "hello")
    dies_delivering(service, route=through(Deadly()))
    carrier = Carrier(service.clock)

    deliver(service, carrier)
    assert (carrier.sent, only(service).status) == ([], "sending")
    service.clock.advance(LEASE.total_seconds())
    deliver(service, carrier, minutes=30)
    assert (carrier.sent, only(service).status, only(service).repeats) == (["hello"], "sent", 1)


def test_it_is_not_sent_once_more_when_a_report_says_that_it_left(service: Service) -> None:
    say(service, JOY, "hello")
    dies_delivering(service, route=through(Deadly()))
    service.gateway.report("ATXid_of_the_dead", "Success", msisdn=JOY)
    service.clock.advance(LEASE.total_seconds())
    carrier = Carrier(service.clock)
    deliver(service, carrier, minutes=5)

    assert carrier.sent == []
    assert (only(service).status, only(service).provider_id) == ("delivered", "ATXid_of_the_dead")


def test_a_text_that_every_worker_dies_of_is_given_up(embedded: Service) -> None:
    say(embedded, JOY, "hello")
    for _ in range(1 + REPEATS):
        dies_delivering(embedded, route=through(Deadly()))
        embedded.clock.advance(LEASE.total_seconds())
    carrier = Carrier(embedded.clock)
    deliver(embedded, carrier, minutes=5)

    assert (carrier.sent, only(embedded).status, only(embedded).error) == ([], "unknown", "interrupted")


def test_who_has_opted_out_at_the_provider_has_opted_out_with_us(service: Service) -> None:
    carrier = Carrier(service.clock, [SendError(Reason.OPTED_OUT)])
    say(service, JOY, "hello")
    deliver(service, carrier)
    say(service, JOY, "news")
    say(service, JOY, "an answer", topic="reply")
    deliver(service, carrier, minutes=1)

    assert carrier.sent == ["hello", "an answer"]
    assert [text.status for text in outgoing_messages(service, JOY)] == ["failed", "suppressed", "sent"]
    with service.services.database.reading() as session:
        joy = people.find(session.connection(), JOY)
    assert joy is not None
    assert joy.opted_out_how == "africastalking refused"


def test_a_report_that_she_has_opted_out_is_her_stop(service: Service) -> None:
    carrier = Carrier(service.clock, name="twilio")
    say(service, JOY, "hello")
    deliver(service, carrier)
    execute_sql(service, "UPDATE message SET provider_id = 'SM1'")
    service.gateway.report("SM1", "undelivered", msisdn=JOY, reason="21610")
    say(service, JOY, "news")
    deliver(service, carrier)

    assert [(text.status, text.error) for text in outgoing_messages(service, JOY)] == [
        ("failed", "opted_out"),
        ("suppressed", "opted out"),
    ]


def test_texts_of_one_person_leave_in_order_and_hold_up_nobody_else(service: Service) -> None:
    carrier = Carrier(service.clock, [LATER])
    for msisdn, body in ((JOY, "first"), (JOY, "second")):
        say(service, msisdn, body)
    deliver(service, carrier)
    say(service, AKINYI, "to somebody else")
    deliver(service, carrier)
    assert carrier.sent == ["first", "to somebody else"]

    deliver(service, carrier, minutes=2)
    assert carrier.sent == ["first", "to somebody else", "first", "second"]


def test_an_answer_leaves_before_news_before_a_reminder_before_a_broadcast(service: Service) -> None:
    carrier = Carrier(service.clock)
    say(service, JOY, "the same for many", topic="broadcast", priority=BROADCAST)
    say(service, OTIENO, "a reminder", topic="reminder.order", priority=REMINDER)
    say(service, NEW_PHONE, "news")
    say(service, AKINYI, "an answer", topic="reply", priority=REPLY)
    with ThreadPoolExecutor(max_workers=1) as pool:
        replace(delivery(service.app, service.services, pool), route=through(carrier)).deliver()

    assert carrier.sent == ["an answer", "news", "a reminder", "the same for many"]


def test_two_workers_at_once_send_everything_once(service: Service) -> None:
    carrier = Carrier(service.clock)
    for n in range(40):
        say(service, f"+2547330010{n:02}", "hello")
    with worker(service, route=through(carrier)) as one, worker(service, route=through(carrier)) as other:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda hands: [hands.deliver() for _ in range(3)], (one, other)))
        while one.deliver():
            pass

    assert len(carrier.sent) == 40
    assert {text.status for text in outgoing_messages(service)} == {"sent"}


@pytest.mark.parametrize(
    ("msisdn", "by"),
    [("+254711000103", "mobile"), ("+254733000333", "kenya"), ("+14155550100", "america"), ("+41791234567", "rest")],
)
def test_the_longest_prefix_chooses_the_provider(msisdn: str, by: str) -> None:
    carriers = {name: Carrier(lambda: datetime.min, name=name) for name in ("kenya", "mobile", "america", "rest")}  # noqa: DTZ901
    route = Router(carriers, {"+254": "kenya", "+25471": "mobile", "+1": "america"}, "rest")

    assert route.sender(msisdn).name == by


def test_a_text_that_was_erased_holds_up_no_other(service: Service) -> None:
    say(service, JOY, "hello")
    execute_sql(service, "DELETE FROM message")
    say(service, JOY, "hello again")
    carrier = Carrier(service.clock)
    deliver(service, carrier, minutes=1)
    assert carrier.sent == ["hello again"]
    assert depth(service).waiting == 0


# -- another way, and so many a second


def ways(*carriers: Carrier) -> Router:
    """The first, and the second instead."""
    return Router({carrier.name: carrier for carrier in carriers}, {}, carriers[0].name, carriers[1].name)


@pytest.mark.parametrize(
    ("said", "by_the_other", "status"),
    [(LATER, True, "sent"), (FINAL, False, "failed"), (NOBODY_KNOWS, False, "unknown")],
)
def test_what_one_provider_takes_only_later_another_takes_at_once(
    service: Service, said: SendError, by_the_other: bool, status: str
) -> None:
    first, other = Carrier(service.clock, [said]), Carrier(service.clock, name="twilio")
    say(service, JOY, "hello")
    with worker(service, route=ways(first, other)) as hands:
        hands.deliver()

    assert (first.sent, other.sent) == (["hello"], ["hello"] if by_the_other else [])
    assert only(service).status == status
    assert only(service).provider == ("twilio" if by_the_other else "africastalking")


def test_when_neither_takes_it_it_waits(service: Service) -> None:
    first, other = Carrier(service.clock, [LATER]), Carrier(service.clock, [LATER], name="twilio")
    say(service, JOY, "hello")
    with worker(service, route=ways(first, other)) as hands:
        hands.deliver()
    assert (only(service).status, only(service).error) == ("queued", "busy")


def test_a_provider_is_given_so_many_a_second_and_no_more(service: Service) -> None:
    carrier = Carrier(service.clock)
    for n in range(12):
        say(service, f"+2547330010{n:02}", f"text {n}")
    sent = []
    with worker(service, route=through(carrier), per_second={carrier.name: 5.0}) as hands:
        for _ in range(4):
            while hands.deliver():
                pass
            sent.append(len(carrier.sent))
            service.clock.advance(1)

    assert sent == [5, 10, 12, 12]
    assert [set(carrier.sent[n : n + 5]) for n in (0, 5, 10)] == [
        {f"text {n}" for n in some} for some in (range(5), range(5, 10), range(10, 12))
    ]


# -- manners


def test_who_gets_many_unasked_texts_in_an_hour_gets_the_others_later_and_answers_at_once(service: Service) -> None:
    carrier = Carrier(service.clock)
    for n in range(4):
        say(service, JOY, f"news {n}")
    say(service, JOY, "an answer", topic="reply", priority=REPLY)
    with worker(service, route=through(carrier)) as hands:
        polite = replace(hands, manners=replace(hands.manners, hourly_cap=3))
        while polite.deliver():
            pass
        assert carrier.sent == ["an answer", "news 0", "news 1", "news 2"]
        assert [(text.status, text.error) for text in outgoing_messages(service, JOY)][3] == ("queued", "hourly cap")
        service.clock.advance(3601)
        while polite.deliver():
            pass
    assert carrier.sent[-1] == "news 3"


@pytest.mark.parametrize(
    ("msisdn", "hour", "night"),
    [
        ("+254733000333", 4, True),  # Nairobi: 7:00
        ("+254733000333", 5, False),
        ("+254733000333", 14, False),
        ("+254733000333", 15, True),  # 18:00
        ("+12125550100", 12, True),  # New York: 7:00
        ("+12125550100", 13, False),
        ("+41791234567", 12, False),
        ("+881612345678", 4, True),  # a satellite's: the shop's own clock
        ("+99912345678", 4, True),  # nobody's
    ],
)
def test_night_is_where_the_phone_is(embedded: Service, msisdn: str, hour: int, night: bool) -> None:
    with worker(embedded) as hands:
        assert hands.manners.is_night(msisdn, datetime(2026, 11, 23, hour, 0, tzinfo=UTC)) is night


def test_a_night_ends_in_the_morning(embedded: Service) -> None:
    with worker(embedded) as hands:
        morning = hands.manners.morning(JOY, datetime(2026, 11, 23, 20, 7, 9, tzinfo=UTC))
    assert morning == datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


# -- stopping


class Hanging(Carrier):
    """Takes a text and does not answer until told to."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asking, self.answers = threading.Semaphore(0), threading.Event()

    def send(self, sms: OutgoingMessage) -> Receipt:
        self.asking.release()
        self.answers.wait()
        return super().send(sms)


@contextmanager
def delivering(service: Service, carrier: Hanging, grace_s: float, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker with two hands that has them full, and is then told to stop."""
    monkeypatch.setattr("bot.messaging.dispatcher.GRACE_S", grace_s)
    stop = threading.Event()
    with worker(service, route=through(carrier)) as hands:
        thread = threading.Thread(target=hands.run, args=(stop,))
        thread.start()
        for _ in range(2):
            carrier.asking.acquire()
        stop.set()
        yield
        thread.join()
        carrier.answers.set()


def test_a_worker_that_stops_finishes_what_is_in_hand_and_gives_the_rest_back(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        say(service, f"+25473300100{n}", "hello")
    carrier = Hanging(service.clock)
    with delivering(service, carrier, 60, monkeypatch):
        while sum(text.status == "queued" for text in outgoing_messages(service)) < 3:
            """Given back before the others are finished."""
        carrier.answers.set()

    assert sorted(text.status for text in outgoing_messages(service)) == ["queued"] * 3 + ["sent"] * 2
    deliver(service, Carrier(service.clock))
    assert {text.status for text in outgoing_messages(service)} == {"sent"}
    assert {text.repeats for text in outgoing_messages(service)} == {0}


def test_a_worker_that_stops_waits_for_no_provider_that_hangs(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        say(service, f"+25473300100{n}", "hello")
    with delivering(service, Hanging(service.clock), 0, monkeypatch):
        pass
    assert sorted(text.status for text in outgoing_messages(service)) == ["queued", "unknown", "unknown"]


def test_whoever_texts_is_answered_while_every_provider_hangs(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        say(service, f"+25473300100{n}", "hello")
    with delivering(service, Hanging(service.clock), 0, monkeypatch):
        assert service.gateway.text(NEW_PHONE, "MENU") == 200
        assert service.gateway.dial(NEW_PHONE).startswith("CON ")
    assert outgoing_messages(service, NEW_PHONE)[0].status == "queued"


# -- jobs that are no texts


def test_a_job_that_keeps_breaking_is_buried_where_operators_see_it(embedded: Service) -> None:
    asked: list[int] = []

    def break_down(job: outbox.Job) -> None:
        asked.append(job.attempts)
        raise OSError("a bug")

    with embedded.services.database.writing.begin() as session:
        now = embedded.clock()
        outbox.add(session.connection(), kind="odd", payload={}, key="odd", ordering_key=None, due_at=now, now=now)
    with ThreadPoolExecutor(max_workers=1) as pool:
        hands = replace(errands(embedded.app, embedded.services, pool), handlers={"odd": break_down})
        for _ in range(100):
            hands.run()
            embedded.clock.advance(60)

    assert asked == [1, 2, 3, 4, 5, 6, 7]
    assert (depth(embedded).waiting, depth(embedded).dead) == (0, 1)


# -- what became of it


def test_a_word_that_is_new_to_us_is_kept_and_moves_nothing(service: Service) -> None:
    say(service, JOY, "hello")
    deliver(service, Carrier(service.clock))
    assert service.gateway.report("ATXid_1", "Teleported", msisdn=JOY) == 200
    assert (only(service).status, only(service).reported) == ("sent", "Teleported")


@pytest.mark.parametrize(
    ("msisdn", "status", "error"),
    [(JOY, "delivered", None), ("+254733999404", "failed", "AbsentSubscriber")],
)
def test_a_delivery_report_reaches_its_text(service: Service, msisdn: str, status: str, error: str | None) -> None:
    say(service, msisdn, "hello")
    service.work()
    assert only(service).status == "sent"

    service.later(seconds=2)
    assert (only(service).status, only(service).error) == (status, error)


def test_reports_may_come_twice_late_and_in_any_order(embedded: Service) -> None:
    say(embedded, JOY, "hello")
    deliver(embedded, Carrier(embedded.clock))
    for status in ("Success", "Sent", "Buffered", "Success"):
        assert embedded.gateway.report("ATXid_1", status, msisdn=JOY) == 200

    assert only(embedded).status == "delivered"
    assert only(embedded).delivered_at == embedded.clock()
