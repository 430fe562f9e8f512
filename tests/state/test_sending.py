"""The status of a message while workers send it: forward only, and queued again only where that is safe."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from state import delivery_reports, messages, sending
from state.messages import MessageStatus
from state.sending import AcceptedMessage
from tests.state.stored_messages import AT, LATER, NOW, REPORTS, accept, queue, start, status_of

pytestmark = pytest.mark.every_store


def test_only_a_queued_message_is_started_and_only_a_failed_attempt_is_started_again(conn: Connection) -> None:
    queue(conn)
    assert start(conn) == "sending"
    assert start(conn, now=LATER) == "sending"
    assert messages.find(conn, "msg_1").asked_at == NOW  # type: ignore[union-attr]
    assert sending.retry_later(conn, "msg_1", error="429")
    assert status_of(conn) == "queued"
    start(conn, now=LATER)
    assert messages.find(conn, "msg_1").asked_at == LATER  # type: ignore[union-attr]


def test_a_released_message_is_queued_as_if_it_had_not_been_started(conn: Connection) -> None:
    queue(conn)
    start(conn)
    sending.release(conn, ["msg_1"])
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.asked_at) == ("queued", None)


def test_only_a_message_that_is_being_sent_is_started_again_and_the_repeat_is_counted(conn: Connection) -> None:
    queue(conn)
    assert not sending.start_again(conn, "msg_1", NOW)
    start(conn)
    assert sending.start_again(conn, "msg_1", LATER)
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.repeats, found.asked_at) == ("sending", 1, LATER)
    accept(conn)
    assert not sending.start_again(conn, "msg_1", LATER)


def test_only_a_message_that_is_being_sent_can_be_retried_later(conn: Connection) -> None:
    queue(conn)
    assert not sending.retry_later(conn, "msg_1", error="429")
    start(conn)
    accept(conn)
    assert not sending.retry_later(conn, "msg_1", error="429")
    assert status_of(conn) == "sent"


def test_an_unknown_message_can_still_become_sent(conn: Connection) -> None:
    queue(conn)
    start(conn)
    assert sending.mark_unknown(conn, "msg_1", error="timeout", provider=AT) is not None
    accept(conn)
    assert sending.mark_unknown(conn, "msg_1", error="timeout", provider=AT) is None
    assert status_of(conn) == "sent"


def test_many_messages_are_accepted_in_one_call_and_each_gets_its_own_early_reports(conn: Connection) -> None:
    for number in range(4):
        queue(conn, f"msg_{number}")
        sending.start(conn, [f"msg_{number}"], NOW)
    delivery_reports.apply(conn, AT, "ATXid_2", "failed", NOW, "Expired")
    delivery_reports.apply(conn, AT, "ATXid_3", "delivered", LATER)
    sending.accept(conn, [], NOW)
    sending.accept(
        conn, [AcceptedMessage(f"msg_{n}", AT, f"ATXid_{n}" if n else None, f"KES {n}.0") for n in range(4)], NOW
    )
    assert [status_of(conn, f"msg_{n}") for n in range(4)] == ["sent", "sent", "failed", "delivered"]
    assert [messages.find(conn, f"msg_{n}").cost for n in range(4)] == [f"KES {n}.0" for n in range(4)]  # type: ignore[union-attr]


def test_a_provider_id_that_is_given_twice_belongs_to_the_first_message(conn: Connection) -> None:
    for id in ("msg_1", "msg_2", "msg_3"):
        queue(conn, id)
        start(conn, id)
    sending.accept(
        conn, [AcceptedMessage("msg_1", AT, "ATXid_1", None), AcceptedMessage("msg_2", AT, "ATXid_1", None)], NOW
    )
    accept(conn, "msg_3")
    assert delivery_reports.apply(conn, AT, "ATXid_1", "delivered", LATER)
    assert [status_of(conn, f"msg_{n}") for n in (1, 2, 3)] == ["delivered", "sent", "sent"]


@pytest.mark.parametrize("final", ["delivered", "failed", "suppressed"])
def test_a_final_status_does_not_change(conn: Connection, final: MessageStatus) -> None:
    queue(conn)
    if final == "suppressed":
        assert sending.suppress(conn, "msg_1", error="opted out")
    else:
        accept(conn)
        assert delivery_reports.apply(conn, AT, "ATXid_1", final, NOW)
    start(conn)
    accept(conn)
    assert not sending.fail(conn, "msg_1", error="late", provider="twilio")
    assert sending.mark_unknown(conn, "msg_1", error="late", provider="twilio") is None
    assert not sending.suppress(conn, "msg_1", error="late")
    late: list[MessageStatus] = [*REPORTS, "failed"]
    for status in late:
        delivery_reports.apply(conn, AT, "ATXid_1", status, LATER)
    assert status_of(conn) == final


def test_only_failed_and_suppressed_messages_are_requeued_and_reports_on_the_first_send_are_strays(
    conn: Connection,
) -> None:
    queue(conn)
    assert not sending.requeue(conn, "msg_1")
    start(conn)
    accept(conn)
    assert not sending.requeue(conn, "msg_1")
    delivery_reports.apply(conn, AT, "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert sending.requeue(conn, "msg_1")
    assert not sending.requeue(conn, "msg_1")

    assert not delivery_reports.apply(conn, AT, "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert start(conn) == "sending"
    accept(conn, provider_id="ATXid_2")
    delivery_reports.apply(conn, AT, "ATXid_2", "delivered", LATER)
    assert status_of(conn) == "delivered"
