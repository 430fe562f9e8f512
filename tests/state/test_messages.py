"""Stored messages: fields, queries and history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection

from state import delivery_reports, messages, sending
from state.messages import Message
from tests.state.stored_messages import AMINA, AT, JUMA, LATER, NOW, accept, queue, receive, start

pytestmark = pytest.mark.every_store


def test_every_field_of_an_outgoing_message_is_stored(conn: Connection) -> None:
    queue(
        conn,
        language="sw",
        topic="order.placed",
        about="ord_7",
        text="Karibu",
        true_while="{}",
        to_stranger=True,
    )
    start(conn)
    accept(conn)
    assert delivery_reports.apply(conn, AT, "ATXid_1", "delivered", LATER)
    delivery_reports.record_raw_status(conn, AT, "ATXid_1", "Success")
    assert messages.find(conn, "msg_1") == Message(
        id="msg_1",
        direction="out",
        msisdn=AMINA,
        channel="sms",
        text="Karibu",
        status="delivered",
        encoding="GSM-7",
        segments=1,
        cost="KES 0.8000",
        provider=AT,
        provider_id="ATXid_1",
        error=None,
        language="sw",
        topic="order.placed",
        about="ord_7",
        dialogue=None,
        true_while="{}",
        to_stranger=True,
        sealed=None,
        reported="Success",
        repeats=0,
        created_at=NOW,
        asked_at=NOW,
        sent_at=NOW,
        delivered_at=LATER,
    )


def test_an_id_that_does_not_exist_is_not_found_and_changes_nothing(conn: Connection) -> None:
    assert messages.find(conn, "msg_9") is None
    assert messages.find_all(conn, ["msg_9"]) == {}
    assert not sending.fail(conn, "msg_9", error="gone")


def test_an_inbound_message_that_is_delivered_twice_is_stored_once(conn: Connection) -> None:
    assert receive(conn, "msg_1")
    assert not receive(conn, "msg_2")
    assert receive(conn, "msg_3", provider_id="ATXid_2")
    assert receive(conn, "msg_4", provider="twilio")
    assert [text.id for text in messages.history(conn, limit=9)] == ["msg_4", "msg_3", "msg_1"]


def test_an_inbound_message_has_the_status_delivered(conn: Connection) -> None:
    receive(conn, sent_at=NOW - timedelta(seconds=3), language="en")
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.direction, found.status, found.language) == ("in", "delivered", "en")
    assert (found.sent_at, found.delivered_at) == (NOW - timedelta(seconds=3), NOW)


def test_messages_attempted_since_are_those_that_were_sent_or_may_have_been(conn: Connection) -> None:
    for number, msisdn in enumerate((AMINA, AMINA, AMINA, JUMA)):
        queue(conn, f"msg_{number}", msisdn, text=f"text {number}", topic="reply")
    start(conn, "msg_0", now=NOW - timedelta(hours=2))
    for id in ("msg_1", "msg_3"):
        start(conn, id, now=LATER)
    sending.fail(conn, "msg_3", error="no phone")
    had = messages.attempted_since(conn, [AMINA, JUMA], NOW)
    assert had == [messages.RecentMessage("msg_1", AMINA, "text 1", "reply", LATER)]


def test_the_last_inbound_text_is_unanswered_until_its_answer_is_sent(conn: Connection) -> None:
    receive(conn, "msg_1", text="SELL a basket")
    receive(conn, "msg_2", "ATXid_2", text="YES K7P4", now=LATER)
    assert messages.last_unanswered_text(conn, AMINA, NOW) is None
    queue(conn, "msg_3", about="ATXid_2")
    assert messages.last_unanswered_text(conn, AMINA, NOW) == "YES K7P4"
    assert messages.last_unanswered_text(conn, AMINA, LATER) is None
    assert messages.last_unanswered_text(conn, JUMA, NOW) is None
    accept(conn, "msg_3", "ATXid_3")
    assert messages.last_unanswered_text(conn, AMINA, NOW) is None


def test_inbound_texts_after_a_time_are_compared_by_the_providers_clock(conn: Connection) -> None:
    for number, minutes in enumerate([3, 1, 2]):
        receive(conn, f"msg_{number}", f"AT_{number}", text=f"at {minutes}", sent_at=NOW + timedelta(minutes=minutes))
    receive(conn, "msg_undated", "AT_undated")
    receive(conn, "msg_other", "SM_1", provider="twilio", sent_at=NOW + timedelta(minutes=4))

    assert messages.inbound_texts_after(conn, AMINA, AT, NOW + timedelta(minutes=1)) == ["at 3", "at 2"]
    assert messages.inbound_texts_after(conn, JUMA, AT, NOW) == []


def test_history_is_newest_first_and_its_pages_are_stable_while_messages_arrive(conn: Connection) -> None:
    for number in range(5):
        queue(conn, f"msg_{number}", msisdn=AMINA if number % 2 == 0 else JUMA)

    def page(msisdn: str | None, after: str | None) -> list[str]:
        return [text.id for text in messages.history(conn, msisdn, after=after, limit=2)]

    assert page(None, None) == ["msg_4", "msg_3"]
    queue(conn, "msg_5")
    assert page(None, "msg_3") == ["msg_2", "msg_1"]
    assert page(None, "msg_1") == ["msg_0"]
    assert page(AMINA, "msg_5") == ["msg_4", "msg_2"]
    assert page(JUMA, "msg_1") == []
