"""Delivery reports: applied to the right message even if they come twice, late, early or without a known id."""

from __future__ import annotations

from itertools import permutations

import pytest
from sqlalchemy import Connection, Engine

from state import delivery_reports, messages, sending
from state.messages import ReportedStatus
from state.sending import AcceptedMessage
from state.tables import UNCONFIRMED
from tests.recorded_sql import recorded_sql
from tests.state.stored_messages import (
    AMINA,
    AT,
    JUMA,
    LATER,
    NOW,
    REPORTS,
    accept,
    lose,
    queue,
    receive,
    start,
    status_of,
)
from tests.threads import together

pytestmark = pytest.mark.every_store


def test_a_provider_may_use_one_id_for_an_inbound_and_an_outgoing_message(conn: Connection) -> None:
    receive(conn, "msg_1")
    queue(conn, "msg_2")
    accept(conn, "msg_2")
    assert delivery_reports.apply(conn, AT, "ATXid_1", "failed", LATER, "AbsentSubscriber")
    assert (status_of(conn, "msg_1"), status_of(conn, "msg_2")) == ("delivered", "failed")


def test_a_stray_report_is_applied_to_the_oldest_unknown_message_to_that_phone(conn: Connection) -> None:
    lose(conn, "msg_1")
    lose(conn, "msg_2", at=LATER)
    lose(conn, "msg_3", JUMA)
    assert delivery_reports.apply(conn, AT, "ATXid_7", "sent", LATER, None, AMINA)
    assert delivery_reports.apply(conn, AT, "ATXid_7", "delivered", LATER, None, AMINA)
    assert [status_of(conn, id) for id in ("msg_1", "msg_2", "msg_3")] == ["delivered", "unknown", "unknown"]
    assert messages.find(conn, "msg_1").provider_id == "ATXid_7"  # type: ignore[union-attr]
    assert delivery_reports.apply(conn, AT, "ATXid_8", "failed", LATER, "Expired", AMINA)
    assert status_of(conn, "msg_2") == "failed"
    assert not delivery_reports.apply(conn, AT, "ATXid_9", "delivered", LATER, None, AMINA)


def test_a_report_that_came_before_the_message_was_marked_unknown_is_applied(conn: Connection) -> None:
    queue(conn)
    start(conn)
    delivery_reports.apply(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    sending.mark_unknown(conn, "msg_1", error="no_answer", provider=AT)
    assert status_of(conn) == "delivered"


def test_a_stray_from_before_the_send_or_from_another_provider_is_not_applied(conn: Connection) -> None:
    delivery_reports.apply(conn, AT, "ATXid_1", "delivered", NOW, None, AMINA)
    delivery_reports.apply(conn, "twilio", "SM1", "delivered", LATER, None, AMINA)
    lose(conn, at=LATER)
    assert status_of(conn) == "unknown"


def test_a_stray_is_kept_while_another_message_to_the_phone_is_being_sent(conn: Connection) -> None:
    lose(conn, "msg_1")
    queue(conn, "msg_2")
    start(conn, "msg_2", now=LATER)
    assert not delivery_reports.apply(conn, AT, "ATXid_2", "delivered", LATER, None, AMINA)
    assert not delivery_reports.apply(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    accept(conn, "msg_2", "ATXid_2")
    assert [status_of(conn, id) for id in ("msg_1", "msg_2")] == ["unknown", "delivered"]
    assert len(delivery_reports.confirm_unknown(conn)) == 1
    assert status_of(conn, "msg_1") == "delivered"


def test_a_stray_does_not_confirm_a_message_while_an_earlier_one_is_unknown(conn: Connection) -> None:
    lose(conn, "msg_1")
    queue(conn, "msg_2")
    start(conn, "msg_2", now=LATER)
    delivery_reports.apply(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    interrupted = messages.find(conn, "msg_2")
    assert interrupted
    assert not delivery_reports.confirm(conn, interrupted, AT)
    accept(conn, "msg_2", "ATXid_2")
    delivery_reports.confirm_unknown(conn)
    assert [status_of(conn, id) for id in ("msg_1", "msg_2")] == ["delivered", "sent"]


def test_a_message_that_stays_unknown_is_marked_as_unconfirmed_once(conn: Connection) -> None:
    lose(conn, "msg_1")
    lose(conn, "msg_2", at=LATER)
    assert delivery_reports.mark_unconfirmed(conn, LATER) == ["msg_1"]
    assert delivery_reports.mark_unconfirmed(conn, LATER) == []
    assert messages.find(conn, "msg_1").error == UNCONFIRMED  # type: ignore[union-attr]
    assert delivery_reports.apply(conn, AT, "ATXid_1", "delivered", LATER, None, AMINA)
    assert status_of(conn, "msg_1") == "delivered"


def test_messages_that_were_marked_are_looked_at_again_only_while_a_stray_waits(conn: Connection) -> None:
    for number in range(20):
        lose(conn, f"msg_{number}", f"+2547110001{number:02}")
    assert len(delivery_reports.mark_unconfirmed(conn, LATER)) == 20
    with recorded_sql(conn.engine) as executed:
        assert delivery_reports.confirm_unknown(conn) == []
        assert delivery_reports.mark_unconfirmed(conn, LATER) == []
    assert len(executed) == 2

    queue(conn, "msg_new", "+254711000107")
    start(conn, "msg_new", now=LATER)
    delivery_reports.apply(conn, AT, "ATXid_7", "delivered", LATER, None, "+254711000107")
    accept(conn, "msg_new", "ATXid_new")
    delivery_reports.confirm_unknown(conn)
    assert [status_of(conn, id) for id in ("msg_7", "msg_8")] == ["delivered", "unknown"]


def test_marking_unknown_and_its_report_at_the_same_instant_both_take_effect(engine: Engine) -> None:
    for number in range(20):
        msisdn = f"+2547110001{number:02}"
        with engine.begin() as conn:
            queue(conn, f"msg_{number}", msisdn)
            sending.start(conn, [f"msg_{number}"], NOW)

        def unknown_or_report(turn: int, number: int = number, msisdn: str = msisdn) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    sending.mark_unknown(conn, f"msg_{number}", error="no_answer", provider=AT)
                else:
                    delivery_reports.apply(conn, AT, f"ATXid_{number}", "delivered", LATER, None, msisdn)

        together(2, unknown_or_report)
        with engine.begin() as conn:
            assert status_of(conn, f"msg_{number}") == "delivered"


def test_a_second_report_at_the_instant_at_which_the_first_is_matched_is_applied_to_the_same_message(
    engine: Engine,
) -> None:
    for number in range(20):
        first, second, msisdn = f"first_{number}", f"second_{number}", f"+2547110002{number:02}"
        with engine.begin() as conn:
            queue(conn, first, msisdn)
            sending.start(conn, [first], NOW)
            delivery_reports.apply(conn, AT, f"ATXid_{number}", "sent", LATER, None, msisdn)

        def unknown_or_report(turn: int, number: int = number, first: str = first, msisdn: str = msisdn) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    sending.mark_unknown(conn, first, error="no_answer", provider=AT)
                else:
                    delivery_reports.apply(conn, AT, f"ATXid_{number}", "delivered", LATER, None, msisdn)

        together(2, unknown_or_report)
        with engine.begin() as conn:
            lose(conn, second, msisdn)
            assert [status_of(conn, id) for id in (first, second)] == ["delivered", "unknown"]


def test_reports_in_any_order_and_twice_end_in_the_same_status(conn: Connection) -> None:
    """Even when they overtake the provider's own answer to the send, which is None here."""
    for number, order in enumerate(permutations([*REPORTS, None])):
        id, provider_id = f"msg_{number}", f"ATXid_{number}"
        queue(conn, id)
        start(conn, id)
        for step in [step for step in order for _ in range(2)]:
            if step is None:
                accept(conn, id, provider_id)
            else:
                delivery_reports.apply(conn, AT, provider_id, step, LATER)
        found = messages.find(conn, id)
        assert found
        assert (found.status, found.delivered_at, found.cost) == ("delivered", LATER, "KES 0.8000"), order


def test_a_failure_reported_early_keeps_its_reason(conn: Connection) -> None:
    queue(conn)
    assert not delivery_reports.apply(conn, AT, "ATXid_1", "failed", NOW, "UserInBlacklist")
    accept(conn)
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.error) == ("failed", "UserInBlacklist")


def test_a_stray_report_changes_nothing_and_is_swept(conn: Connection) -> None:
    queue(conn)
    assert not delivery_reports.apply(conn, AT, "ATXid_1", "delivered", NOW)
    assert not delivery_reports.apply(conn, AT, "ATXid_1", "delivered", NOW)
    assert status_of(conn) == "queued"
    assert (delivery_reports.sweep(conn, NOW), delivery_reports.sweep(conn, LATER)) == (0, 1)
    accept(conn)
    assert status_of(conn) == "sent"


def test_a_report_at_the_same_instant_as_the_answer_is_not_lost(engine: Engine) -> None:
    for number in range(20):
        id, provider_id = f"msg_{number}", f"ATXid_{number}"
        with engine.begin() as conn:
            queue(conn, id)

        def answer_or_report(turn: int, id: str = id, provider_id: str = provider_id) -> None:
            with engine.begin() as conn:
                if turn == 0:
                    accept(conn, id, provider_id)
                else:
                    delivery_reports.apply(conn, AT, provider_id, "delivered", LATER)

        together(2, answer_or_report)
        with engine.begin() as conn:
            assert status_of(conn, id) == "delivered"


@pytest.mark.parametrize(
    ("reports", "word"),
    [
        ([("delivered", "Success"), ("sent", "Sent")], "Success"),
        ([("sent", "Submitted"), ("sent", "Buffered")], "Buffered"),
        ([("sent", "Sent"), ("delivered", "Success")], "Success"),
        ([("delivered", "Success"), (None, "Strange")], "Strange"),
    ],
)
def test_the_providers_word_that_is_kept_is_the_last_one_that_counted(
    conn: Connection, reports: list[tuple[ReportedStatus | None, str]], word: str
) -> None:
    queue(conn)
    accept(conn)
    for status, raw in reports:
        if status:
            delivery_reports.apply(conn, AT, "ATXid_1", status, LATER)
        delivery_reports.record_raw_status(conn, AT, "ATXid_1", raw, status)
    assert messages.find(conn, "msg_1").reported == word  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("statuses", "word"), [(["delivered"], "DELIVERED"), (["delivered", "sent"], "DELIVERED"), (["sent"], "SENT")]
)
def test_the_word_of_a_report_that_came_before_the_answer_is_kept(
    conn: Connection, statuses: list[ReportedStatus], word: str
) -> None:
    queue(conn)
    start(conn)
    for status in statuses:
        delivery_reports.apply(conn, AT, "ATXid_1", status, NOW, raw_status=status.upper())
    accept(conn)
    found = messages.find(conn, "msg_1")
    assert found
    assert (found.status, found.reported) == (statuses[0], word)


def test_the_reason_of_a_report_that_came_before_the_answer_is_returned_with_the_answer(conn: Connection) -> None:
    queue(conn)
    start(conn)
    delivery_reports.apply(conn, AT, "ATXid_1", "failed", NOW, "63016", reason="not_by_whatsapp")
    (early,) = sending.accept(conn, [AcceptedMessage("msg_1", AT, "ATXid_1", None)], LATER)
    assert (early.provider_id, early.reason, early.error) == ("ATXid_1", "not_by_whatsapp", "63016")
