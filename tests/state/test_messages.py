"""Texts and where they stand: forward only, whatever comes twice, late or first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from state import messages
from state.messages import Message, Status
from tests.state.together import together

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
REPORTS: list[Status] = ["sending", "sent", "delivered"]
AMINA, JUMA = "+254711000001", "+254711000002"
ANSWER: dict[str, Any] = {
    "provider": "africastalking",
    "provider_id": "ATXid_1",
    "cost": "KES 0.8000",
    "now": NOW,
}


def queue(conn: Connection, id: str = "msg_1", msisdn: str = AMINA, **more: Any) -> None:
    values = {"channel": "sms", "text": "Your code is K7P4", "encoding": "GSM-7", "segments": 1, "now": NOW}
    messages.queue(conn, id=id, msisdn=msisdn, **{**values, **more})


def receive(conn: Connection, id: str = "msg_1", provider_id: str = "ATXid_1", **more: Any) -> bool:
    values = {"channel": "sms", "text": "SELL", "encoding": "GSM-7", "segments": 1, "now": NOW}
    provider = {"provider": "africastalking", "provider_id": provider_id}
    return messages.receive(conn, id=id, msisdn=AMINA, **{**values, **provider, **more})


def stands(conn: Connection, id: str = "msg_1") -> str:
    found = messages.find(conn, id)
    assert found
    return found.status


def test_a_text_on_its_way_out_is_kept_whole(conn: Connection) -> None:
    queue(conn, language="sw", topic="order.placed", about="ord_7", text="Karibu")
    assert messages.sending(conn, "msg_1")
    assert messages.sent(conn, "msg_1", **ANSWER)
    assert messages.report(conn, "africastalking", "ATXid_1", "delivered", LATER)
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
        provider="africastalking",
        provider_id="ATXid_1",
        error=None,
        language="sw",
        topic="order.placed",
        about="ord_7",
        created_at=NOW,
        sent_at=NOW,
        delivered_at=LATER,
    )


def test_an_unknown_id_finds_nothing_and_moves_nothing(conn: Connection) -> None:
    assert messages.find(conn, "msg_9") is None
    assert not messages.sending(conn, "msg_9")


def test_a_text_that_comes_in_twice_is_kept_once(conn: Connection) -> None:
    assert receive(conn, "msg_1")
    assert not receive(conn, "msg_2")
    assert receive(conn, "msg_3", provider_id="ATXid_2")
    assert receive(conn, "msg_4", provider="twilio")
    assert [text.id for text in messages.history(conn, limit=9)] == ["msg_4", "msg_3", "msg_1"]


def test_a_text_that_came_in_is_one_that_was_delivered(conn: Connection) -> None:
    receive(conn, sent_at=NOW - timedelta(seconds=3), language="en")
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.direction, found.status, found.language) == ("in", "delivered", "en")
    assert (found.sent_at, found.delivered_at) == (NOW - timedelta(seconds=3), NOW)


def test_a_provider_may_number_both_directions_alike(conn: Connection) -> None:
    receive(conn, "msg_1")
    queue(conn, "msg_2")
    assert messages.sent(conn, "msg_2", **ANSWER)
    assert messages.report(conn, "africastalking", "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert (stands(conn, "msg_1"), stands(conn, "msg_2")) == ("delivered", "failed")


def test_the_provider_is_called_once_unless_the_attempt_is_known_to_have_failed(conn: Connection) -> None:
    queue(conn)
    assert messages.sending(conn, "msg_1")
    assert not messages.sending(conn, "msg_1")
    assert messages.postponed(conn, "msg_1", error="429")
    assert stands(conn) == "queued"
    assert messages.sending(conn, "msg_1")


def test_only_a_text_in_hand_is_postponed(conn: Connection) -> None:
    queue(conn)
    assert not messages.postponed(conn, "msg_1", error="429")
    messages.sending(conn, "msg_1")
    messages.sent(conn, "msg_1", **ANSWER)
    assert not messages.postponed(conn, "msg_1", error="429")
    assert stands(conn) == "sent"


def test_a_send_whose_outcome_is_unknown_may_still_turn_out_sent(conn: Connection) -> None:
    queue(conn)
    messages.sending(conn, "msg_1")
    assert messages.unknown(conn, "msg_1", error="timeout", provider="africastalking")
    assert messages.sent(conn, "msg_1", **ANSWER)
    assert not messages.unknown(conn, "msg_1", error="timeout", provider="africastalking")
    assert stands(conn) == "sent"


@pytest.mark.parametrize("final", ["delivered", "failed", "suppressed"])
def test_what_is_final_stays(conn: Connection, final: Status) -> None:
    queue(conn)
    if final == "suppressed":
        assert messages.suppressed(conn, "msg_1", error="opted out")
    else:
        messages.sent(conn, "msg_1", **ANSWER)
        assert messages.report(conn, "africastalking", "ATXid_1", final, NOW)
    assert not messages.sending(conn, "msg_1")
    assert not messages.sent(conn, "msg_1", **ANSWER)
    assert not messages.failed(conn, "msg_1", error="late", provider="twilio")
    assert not messages.unknown(conn, "msg_1", error="late", provider="twilio")
    assert not messages.suppressed(conn, "msg_1", error="late")
    late: list[Status] = [*REPORTS, "failed"]
    for status in late:
        messages.report(conn, "africastalking", "ATXid_1", status, LATER)
    assert stands(conn) == final


def test_reports_in_any_order_and_twice_end_alike(conn: Connection) -> None:
    """Even when they overtake the provider's own answer to the send, which is None here."""
    for number, order in enumerate(permutations([*REPORTS, None])):
        id, answer = f"msg_{number}", {**ANSWER, "provider_id": f"ATXid_{number}"}
        queue(conn, id)
        messages.sending(conn, id)
        for step in [step for step in order for _ in range(2)]:
            if step is None:
                messages.sent(conn, id, **answer)
            else:
                messages.report(conn, "africastalking", answer["provider_id"], step, LATER)
        found = messages.find(conn, id)
        assert found
        assert (found.status, found.delivered_at, found.cost) == ("delivered", LATER, "KES 0.8000"), order


def test_an_early_failure_keeps_its_reason(conn: Connection) -> None:
    queue(conn)
    assert not messages.report(conn, "africastalking", "ATXid_1", "failed", NOW, "UserInBlacklist")
    messages.sent(conn, "msg_1", **ANSWER)
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.error) == ("failed", "UserInBlacklist")


def test_a_stray_report_changes_nothing_and_is_swept_in_time(conn: Connection) -> None:
    queue(conn)
    assert not messages.report(conn, "africastalking", "ATXid_1", "delivered", NOW)
    assert not messages.report(conn, "africastalking", "ATXid_1", "delivered", NOW)
    assert stands(conn) == "queued"
    assert (messages.sweep(conn, NOW), messages.sweep(conn, LATER)) == (0, 1)
    messages.sent(conn, "msg_1", **ANSWER)
    assert stands(conn) == "sent"


def test_a_report_at_the_very_instant_of_the_answer_is_not_lost(engine: Engine) -> None:
    for number in range(20):
        id, answer = f"msg_{number}", {**ANSWER, "provider_id": f"ATXid_{number}"}
        with engine.begin() as conn:
            queue(conn, id)

        def answer_or_report(turn: int, id: str = id, answer: dict[str, Any] = answer) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    messages.sent(conn, id, **answer)
                else:
                    messages.report(conn, "africastalking", answer["provider_id"], "delivered", LATER)

        together(2, answer_or_report)
        with engine.begin() as conn:
            assert stands(conn, id) == "delivered"


def test_history_is_newest_first_and_turns_its_pages_while_texts_arrive(conn: Connection) -> None:
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
