"""Texts and where they stand: forward only, whatever comes twice, late or first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from state import messages
from state.messages import AcceptedMessage, Message, Status
from tests.state.together import together

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
REPORTS: list[Status] = ["sending", "sent", "delivered"]
AMINA, JUMA = "+254711000001", "+254711000002"
AT = "africastalking"


def queue(conn: Connection, id: str = "msg_1", msisdn: str = AMINA, **more: Any) -> None:
    values = {"channel": "sms", "text": "Your code is K7P4", "encoding": "GSM-7", "segments": 1, "now": NOW}
    messages.queue(conn, id=id, msisdn=msisdn, **{**values, **more})


def receive(conn: Connection, id: str = "msg_1", provider_id: str = "ATXid_1", **more: Any) -> bool:
    values = {"channel": "sms", "text": "SELL", "encoding": "GSM-7", "segments": 1, "now": NOW}
    provider = {"provider": AT, "provider_id": provider_id}
    return messages.receive(conn, id=id, msisdn=AMINA, **{**values, **provider, **more})


def sent(conn: Connection, id: str = "msg_1", provider_id: str | None = "ATXid_1") -> None:
    messages.sent(conn, [AcceptedMessage(id, AT, provider_id, "KES 0.8000")], NOW)


def sending(conn: Connection, id: str = "msg_1", now: datetime = NOW) -> str:
    messages.sending(conn, [id], now)
    return stands(conn, id)


def stands(conn: Connection, id: str = "msg_1") -> str:
    found = messages.find(conn, id)
    assert found
    return found.status


def test_a_text_on_its_way_out_is_kept_whole(conn: Connection) -> None:
    queue(conn, language="sw", topic="order.placed", about="ord_7", text="Karibu")
    sending(conn)
    sent(conn)
    assert messages.report(conn, AT, "ATXid_1", "delivered", LATER)
    messages.told(conn, AT, "ATXid_1", "Success")
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
        reported="Success",
        repeats=0,
        created_at=NOW,
        asked_at=NOW,
        sent_at=NOW,
        delivered_at=LATER,
    )


def test_an_unknown_id_finds_nothing_and_moves_nothing(conn: Connection) -> None:
    assert messages.find(conn, "msg_9") is None
    assert messages.find_all(conn, ["msg_9"]) == {}
    assert not messages.failed(conn, "msg_9", error="gone")


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
    sent(conn, "msg_2")
    assert messages.report(conn, AT, "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert (stands(conn, "msg_1"), stands(conn, "msg_2")) == ("delivered", "failed")


def test_only_what_is_queued_is_begun_and_only_what_is_known_to_have_failed_begins_again(conn: Connection) -> None:
    queue(conn)
    assert sending(conn) == "sending"
    assert sending(conn, now=LATER) == "sending"
    assert messages.find(conn, "msg_1").asked_at == NOW  # type: ignore[union-attr]
    assert messages.postponed(conn, "msg_1", error="429")
    assert stands(conn) == "queued"
    sending(conn, now=LATER)
    assert messages.find(conn, "msg_1").asked_at == LATER  # type: ignore[union-attr]


def test_what_no_provider_was_asked_about_is_put_back(conn: Connection) -> None:
    queue(conn)
    sending(conn)
    messages.put_back(conn, ["msg_1"])
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.asked_at) == ("queued", None)


def test_only_a_text_in_hand_is_sent_once_more_and_it_is_counted(conn: Connection) -> None:
    queue(conn)
    assert not messages.repeating(conn, "msg_1", NOW)
    sending(conn)
    assert messages.repeating(conn, "msg_1", LATER)
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.repeats, found.asked_at) == ("sending", 1, LATER)
    sent(conn)
    assert not messages.repeating(conn, "msg_1", LATER)


def test_only_a_text_in_hand_is_postponed(conn: Connection) -> None:
    queue(conn)
    assert not messages.postponed(conn, "msg_1", error="429")
    sending(conn)
    sent(conn)
    assert not messages.postponed(conn, "msg_1", error="429")
    assert stands(conn) == "sent"


def test_a_send_whose_outcome_is_unknown_may_still_turn_out_sent(conn: Connection) -> None:
    queue(conn)
    sending(conn)
    assert messages.unknown(conn, "msg_1", error="timeout", provider=AT)
    sent(conn)
    assert not messages.unknown(conn, "msg_1", error="timeout", provider=AT)
    assert stands(conn) == "sent"


def test_many_are_sent_at_once_and_each_meets_its_own_early_reports(conn: Connection) -> None:
    for number in range(4):
        queue(conn, f"msg_{number}")
        messages.sending(conn, [f"msg_{number}"], NOW)
    messages.report(conn, AT, "ATXid_2", "failed", NOW, "Expired")
    messages.report(conn, AT, "ATXid_3", "delivered", LATER)
    messages.sent(conn, [], NOW)
    messages.sent(
        conn, [AcceptedMessage(f"msg_{n}", AT, f"ATXid_{n}" if n else None, f"KES {n}.0") for n in range(4)], NOW
    )
    assert [stands(conn, f"msg_{n}") for n in range(4)] == ["sent", "sent", "failed", "delivered"]
    assert [messages.find(conn, f"msg_{n}").cost for n in range(4)] == [f"KES {n}.0" for n in range(4)]  # type: ignore[union-attr]


def test_an_id_that_a_provider_gives_twice_names_the_first(conn: Connection) -> None:
    for id in ("msg_1", "msg_2", "msg_3"):
        queue(conn, id)
        sending(conn, id)
    messages.sent(
        conn, [AcceptedMessage("msg_1", AT, "ATXid_1", None), AcceptedMessage("msg_2", AT, "ATXid_1", None)], NOW
    )
    sent(conn, "msg_3")
    assert messages.report(conn, AT, "ATXid_1", "delivered", LATER)
    assert [stands(conn, f"msg_{n}") for n in (1, 2, 3)] == ["delivered", "sent", "sent"]


# -- nobody heard the provider's answer


def lost(conn: Connection, id: str = "msg_1", msisdn: str = AMINA, at: datetime = NOW) -> None:
    queue(conn, id, msisdn)
    messages.sending(conn, [id], at)
    messages.unknown(conn, id, error="no_answer", provider=AT)


def test_a_stray_report_is_about_the_oldest_unknown_text_to_its_phone(conn: Connection) -> None:
    lost(conn, "msg_1")
    lost(conn, "msg_2", at=LATER)
    lost(conn, "msg_3", JUMA)
    assert messages.report(conn, AT, "ATXid_7", "sent", LATER, None, AMINA)
    assert messages.report(conn, AT, "ATXid_7", "delivered", LATER, None, AMINA)
    assert [stands(conn, id) for id in ("msg_1", "msg_2", "msg_3")] == ["delivered", "unknown", "unknown"]
    assert messages.find(conn, "msg_1").provider_id == "ATXid_7"  # type: ignore[union-attr]
    assert messages.report(conn, AT, "ATXid_8", "failed", LATER, "Expired", AMINA)
    assert stands(conn, "msg_2") == "failed"
    assert not messages.report(conn, AT, "ATXid_9", "delivered", LATER, None, AMINA)


def test_a_report_that_came_before_the_outcome_was_given_up_on_counts(conn: Connection) -> None:
    queue(conn)
    sending(conn)
    messages.report(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    messages.unknown(conn, "msg_1", error="no_answer", provider=AT)
    assert stands(conn) == "delivered"


def test_a_report_from_before_it_was_sent_or_by_another_provider_is_about_something_else(conn: Connection) -> None:
    messages.report(conn, AT, "ATXid_1", "delivered", NOW, None, AMINA)
    messages.report(conn, "twilio", "SM1", "delivered", LATER, None, AMINA)
    lost(conn, at=LATER)
    assert stands(conn) == "unknown"


def test_a_stray_is_left_to_the_text_that_is_being_sent_just_now_and_else_is_not_forgotten(conn: Connection) -> None:
    lost(conn, "msg_1")
    queue(conn, "msg_2")
    sending(conn, "msg_2", now=LATER)
    assert not messages.report(conn, AT, "ATXid_2", "delivered", LATER, None, AMINA)
    assert not messages.report(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    sent(conn, "msg_2", "ATXid_2")
    assert [stands(conn, id) for id in ("msg_1", "msg_2")] == ["unknown", "delivered"]
    assert messages.settle_unknown(conn, LATER) == []
    assert stands(conn, "msg_1") == "delivered"


def test_a_stray_is_not_taken_for_a_text_in_hand_while_an_earlier_one_is_unknown(conn: Connection) -> None:
    lost(conn, "msg_1")
    queue(conn, "msg_2")
    sending(conn, "msg_2", now=LATER)
    messages.report(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    interrupted = messages.find(conn, "msg_2")
    assert interrupted
    assert not messages.confirmed(conn, interrupted, AT)
    sent(conn, "msg_2", "ATXid_2")
    messages.settle_unknown(conn, LATER)
    assert [stands(conn, id) for id in ("msg_1", "msg_2")] == ["delivered", "sent"]


def test_what_stays_unknown_is_marked_once(conn: Connection) -> None:
    lost(conn, "msg_1")
    lost(conn, "msg_2", at=LATER)
    assert messages.settle_unknown(conn, LATER) == ["msg_1"]
    assert messages.settle_unknown(conn, LATER) == []
    assert messages.find(conn, "msg_1").error == messages.UNCONFIRMED  # type: ignore[union-attr]
    assert messages.report(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    assert stands(conn, "msg_1") == "delivered"


def test_unknown_and_its_report_at_the_very_instant_meet(engine: Engine) -> None:
    for number in range(20):
        msisdn = f"+2547110001{number:02}"
        with engine.begin() as conn:
            queue(conn, f"msg_{number}", msisdn)
            messages.sending(conn, [f"msg_{number}"], NOW)

        def unknown_or_report(turn: int, number: int = number, msisdn: str = msisdn) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    messages.unknown(conn, f"msg_{number}", error="no_answer", provider=AT)
                else:
                    messages.report(conn, AT, f"ATXid_{number}", "delivered", LATER, None, msisdn)

        together(2, unknown_or_report)
        with engine.begin() as conn:
            assert stands(conn, f"msg_{number}") == "delivered"


def test_the_next_report_at_the_very_instant_at_which_an_earlier_one_settles_its_text_is_about_that_text(
    engine: Engine,
) -> None:
    for number in range(20):
        first, second, msisdn = f"first_{number}", f"second_{number}", f"+2547110002{number:02}"
        with engine.begin() as conn:
            queue(conn, first, msisdn)
            messages.sending(conn, [first], NOW)
            messages.report(conn, AT, f"ATXid_{number}", "sent", LATER, None, msisdn)

        def unknown_or_report(turn: int, number: int = number, first: str = first, msisdn: str = msisdn) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    messages.unknown(conn, first, error="no_answer", provider=AT)
                else:
                    messages.report(conn, AT, f"ATXid_{number}", "delivered", LATER, None, msisdn)

        together(2, unknown_or_report)
        with engine.begin() as conn:
            lost(conn, second, msisdn)
            assert [stands(conn, id) for id in (first, second)] == ["delivered", "unknown"]


# -- what becomes of it


@pytest.mark.parametrize("final", ["delivered", "failed", "suppressed"])
def test_what_is_final_stays(conn: Connection, final: Status) -> None:
    queue(conn)
    if final == "suppressed":
        assert messages.suppressed(conn, "msg_1", error="opted out")
    else:
        sent(conn)
        assert messages.report(conn, AT, "ATXid_1", final, NOW)
    sending(conn)
    sent(conn)
    assert not messages.failed(conn, "msg_1", error="late", provider="twilio")
    assert not messages.unknown(conn, "msg_1", error="late", provider="twilio")
    assert not messages.suppressed(conn, "msg_1", error="late")
    late: list[Status] = [*REPORTS, "failed"]
    for status in late:
        messages.report(conn, AT, "ATXid_1", status, LATER)
    assert stands(conn) == final


def test_only_what_failed_or_was_suppressed_is_sent_again_and_reports_on_the_first_time_are_strays(
    conn: Connection,
) -> None:
    queue(conn)
    assert not messages.again(conn, "msg_1")
    sending(conn)
    sent(conn)
    assert not messages.again(conn, "msg_1")
    messages.report(conn, AT, "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert messages.again(conn, "msg_1")
    assert not messages.again(conn, "msg_1")

    assert not messages.report(conn, AT, "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert sending(conn) == "sending"
    sent(conn, provider_id="ATXid_2")
    messages.report(conn, AT, "ATXid_2", "delivered", LATER)
    assert stands(conn) == "delivered"


def test_reports_in_any_order_and_twice_end_alike(conn: Connection) -> None:
    """Even when they overtake the provider's own answer to the send, which is None here."""
    for number, order in enumerate(permutations([*REPORTS, None])):
        id, provider_id = f"msg_{number}", f"ATXid_{number}"
        queue(conn, id)
        sending(conn, id)
        for step in [step for step in order for _ in range(2)]:
            if step is None:
                sent(conn, id, provider_id)
            else:
                messages.report(conn, AT, provider_id, step, LATER)
        found = messages.find(conn, id)
        assert found
        assert (found.status, found.delivered_at, found.cost) == ("delivered", LATER, "KES 0.8000"), order


def test_an_early_failure_keeps_its_reason(conn: Connection) -> None:
    queue(conn)
    assert not messages.report(conn, AT, "ATXid_1", "failed", NOW, "UserInBlacklist")
    sent(conn)
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.error) == ("failed", "UserInBlacklist")


def test_a_stray_report_changes_nothing_and_is_swept_in_time(conn: Connection) -> None:
    queue(conn)
    assert not messages.report(conn, AT, "ATXid_1", "delivered", NOW)
    assert not messages.report(conn, AT, "ATXid_1", "delivered", NOW)
    assert stands(conn) == "queued"
    assert (messages.sweep(conn, NOW), messages.sweep(conn, LATER)) == (0, 1)
    sent(conn)
    assert stands(conn) == "sent"


def test_a_report_at_the_very_instant_of_the_answer_is_not_lost(engine: Engine) -> None:
    for number in range(20):
        id, provider_id = f"msg_{number}", f"ATXid_{number}"
        with engine.begin() as conn:
            queue(conn, id)

        def answer_or_report(turn: int, id: str = id, provider_id: str = provider_id) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    sent(conn, id, provider_id)
                else:
                    messages.report(conn, AT, provider_id, "delivered", LATER)

        together(2, answer_or_report)
        with engine.begin() as conn:
            assert stands(conn, id) == "delivered"


def test_what_a_phone_was_sent_lately_is_what_left_or_may_have(conn: Connection) -> None:
    for number, msisdn in enumerate((AMINA, AMINA, AMINA, JUMA)):
        queue(conn, f"msg_{number}", msisdn, text=f"text {number}", topic="reply")
    sending(conn, "msg_0", now=NOW - timedelta(hours=2))
    for id in ("msg_1", "msg_3"):
        sending(conn, id, now=LATER)
    messages.failed(conn, "msg_3", error="no phone")
    had = messages.asked_since(conn, [AMINA, JUMA], NOW)
    assert had == [messages.RecentMessage("msg_1", AMINA, "text 1", "reply", LATER)]


def test_the_last_text_heard_is_unanswered_until_its_answer_leaves(conn: Connection) -> None:
    receive(conn, "msg_1", text="SELL a basket")
    receive(conn, "msg_2", "ATXid_2", text="YES K7P4", now=LATER)
    assert messages.unanswered(conn, AMINA, NOW) is None
    queue(conn, "msg_3", about="ATXid_2")
    assert messages.unanswered(conn, AMINA, NOW) == "YES K7P4"
    assert messages.unanswered(conn, AMINA, LATER) is None
    assert messages.unanswered(conn, JUMA, NOW) is None
    sent(conn, "msg_3", "ATXid_3")
    assert messages.unanswered(conn, AMINA, NOW) is None


def test_what_a_phone_has_said_since_goes_by_its_providers_clock(conn: Connection) -> None:
    for number, minutes in enumerate([3, 1, 2]):
        receive(conn, f"msg_{number}", f"AT_{number}", text=f"at {minutes}", sent_at=NOW + timedelta(minutes=minutes))
    receive(conn, "msg_undated", "AT_undated")
    receive(conn, "msg_other", "SM_1", provider="twilio", sent_at=NOW + timedelta(minutes=4))

    assert messages.said_after(conn, AMINA, AT, NOW + timedelta(minutes=1)) == ["at 3", "at 2"]
    assert messages.said_after(conn, JUMA, AT, NOW) == []


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
