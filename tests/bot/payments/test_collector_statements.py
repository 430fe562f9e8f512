"""A collector's statement: how each line is read, and what is found when it is compared with our books."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.payments import collector_statements
from bot.payments.collector_statements import CollectorLine, Kind, OurEntry
from bot.payments.reconciliation import UnreadableStatementError

NAIROBI = ZoneInfo("Africa/Nairobi")
NOON = datetime(2026, 11, 24, 12, tzinfo=NAIROBI)
TODAY = date(2026, 11, 24)
MPESA = "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance"
STRIPE = (
    "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,description,"
    "payment_intent_id"
)


def mpesa(*rows: str) -> list[CollectorLine]:
    text = "\n".join(["Organization Name: Soko", "", MPESA, *rows])
    return list(collector_statements.read(text, NAIROBI, "KES"))


def stripe(*rows: str) -> list[CollectorLine]:
    return list(collector_statements.read("\n".join([STRIPE, *rows]), NAIROBI, "KES"))


@pytest.mark.parametrize(
    ("details", "paid_in", "withdrawn", "kind", "amount"),
    [
        ("Pay Bill from 254711000103 - AKINYI Acc. K7P4", '"1,500.00"', "", "paid_in", 1500_00),
        ("Customer Payment to Organization via M-PESA Express", "1500.00", "", "paid_in", 1500_00),
        ("Pay Bill Charge", "", "-7.50", "fee", 7_50),
        ("Organization Reversal of SG632NMUAB", "", "-1500.00", "given_back", 1500_00),
        ("Deposit of Funds at Agent Till", "20000.00", "", "top_up", 20000_00),
        ("Organization Settlement to Bank", "", '"-9,000.00"', "withdrawal", 9000_00),
        ("Business Payment to 254711000103", "", "-20.00", "other", 20_00),
        ("Reversal of a reversal", "20.00", "", "other", 20_00),
    ],
)
def test_a_line_of_m_pesa_is_read(details: str, paid_in: str, withdrawn: str, kind: Kind, amount: int) -> None:
    [line] = mpesa(f"SG6,24-11-2026 12:00:00,24-11-2026 11:59:00,{details},Completed,{paid_in},{withdrawn},0.00")
    assert line == CollectorLine(4, kind, "SG6", frozenset({"SG6"}), amount, "KES", NOON, details)


def test_what_was_not_completed_is_left_out() -> None:
    assert mpesa("SG6,24-11-2026 12:00:00,,Pay Bill,Cancelled,1500.00,,0.00") == []


@pytest.mark.parametrize(
    ("category", "gross", "fee", "kind", "amount", "kept"),
    [
        ("charge", "34.75", "1.30", "paid_in", 34_75, 1_30),
        ("refund", "-34.75", "0.00", "given_back", 34_75, 0),
        ("refund_failure", "34.75", "0.00", "given_back", -34_75, 0),
        ("fee", "-5.00", "0.00", "fee", 5_00, 0),
        ("fee", "0.00", "5.00", "fee", 5_00, 0),
        ("payout", "-900.00", "0.00", "withdrawal", 900_00, 0),
        ("topup", "900.00", "0.00", "top_up", 900_00, 0),
        ("dispute", "-34.75", "15.00", "other", -34_75, 15_00),
        ("a_new_category", "1.00", "0.00", "other", 1_00, 0),
    ],
)
def test_a_line_of_stripe_is_read(category: str, gross: str, fee: str, kind: Kind, amount: int, kept: int) -> None:
    [line] = stripe(f"txn_1,2026-11-24 09:00:00,usd,{gross},{fee},0,{category},xx_1,,pi_1")
    reference = "pi_1" if kind == "paid_in" else "xx_1"
    names = frozenset({reference, "xx_1"})
    assert line == CollectorLine(2, kind, reference, names, amount, "USD", NOON, category, kept)


def test_digits_are_those_of_the_currency() -> None:
    lines = stripe(
        "txn_1,2026-11-24 09:00:00,kwd,10.680,0.350,0,charge,ch_1,,pi_1",
        "txn_2,2026-11-24 09:00:00,jpy,5173,180,0,charge,ch_2,,pi_2",
    )
    assert [(line.amount, line.fee) for line in lines] == [(10_680, 350), (5173, 180)]


@pytest.mark.parametrize(
    "text",
    [
        "Name,Value\nA,1",
        "",
        f"{MPESA}\nSG6,yesterday,,Pay Bill,Completed,1.00,,",
        f"{MPESA}\nSG6,24-11-2026 12:00:00,,Pay Bill,Completed,much,,",
        f"{MPESA}\nSG6,24-11-2026 12:00:00,,Pay Bill,Completed,NaN,,",
        f"{MPESA}\nSG6,24-11-2026 12:00:00,,Pay Bill,Completed,1.005,,",
        f"{MPESA}\n,24-11-2026 12:00:00,,Pay Bill,Completed,1.00,,",
        f'{MPESA}\nSG6,"24-11-2026 12:00:00,,Pay Bill,Completed,1.00,,',
        f"{STRIPE}\ntxn_1,2026-11-24 09:00:00,jpy,0.50,0,0,charge,ch_1,,pi_1",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UnreadableStatementError):
        collector_statements.read(text, NAIROBI, "KES")


def entry(id: str, kind: Kind, amount: int, *names: str, at: datetime = NOON, fee: int | None = None) -> OurEntry:
    return OurEntry(id, kind, frozenset(names), amount, "KES", at, fee)


def line(kind: Kind, amount: int, reference: str, at: datetime = NOON, fee: int = 0) -> CollectorLine:
    return CollectorLine(1, kind, reference, frozenset({reference}), amount, "KES", at, "", fee)


def test_what_agrees_is_matched() -> None:
    ours = [entry("bpy_1", "paid_in", 1500_00, "SG1", "ws_1"), entry("rfd_1", "given_back", 1500_00, "SG2")]
    lines = [line("paid_in", 1500_00, "SG1"), line("given_back", 1500_00, "SG2")]
    found = collector_statements.compare(ours, lines, TODAY, TODAY)
    assert len(found.matched) == 2
    assert [found.different, found.fees, found.missing, found.extra, found.moved, found.other] == [[]] * 6


def test_each_difference_is_found() -> None:
    ours = [
        entry("bpy_1", "paid_in", 1500_00, "SG1", "ws_1"),
        entry("bpy_2", "paid_in", 1500_00, "SG2"),
        entry("bpy_3", "paid_in", 1500_00, "SG3", fee=30),
        entry("bpy_4", "paid_in", 1500_00, "SG4", at=datetime(2026, 11, 25, 1, tzinfo=NAIROBI)),
    ]
    lines = [
        line("paid_in", 1499_00, "SG1"),
        line("paid_in", 1500_00, "SG3", fee=31),
        line("paid_in", 20_00, "SG5"),
        line("paid_in", 1500_00, "SG3"),
        line("given_back", 20_00, "SG1"),
        line("fee", 5_00, "SG1"),
        line("other", 5_00, "SG6"),
        line("paid_in", 1_00, "SG7", at=datetime(2026, 11, 23, 12, tzinfo=NAIROBI)),
    ]
    found = collector_statements.compare(ours, lines, TODAY, TODAY)
    assert [(ours.id, theirs.amount) for ours, theirs in found.different] == [("bpy_1", 1499_00)]
    assert [entry.id for entry in found.missing] == ["bpy_2"]
    assert [(ours.id, theirs.fee) for ours, theirs in found.fees] == [("bpy_3", 31)]
    assert [(extra.kind, extra.reference) for extra in found.extra] == [
        ("paid_in", "SG5"),
        ("paid_in", "SG3"),
        ("given_back", "SG1"),
    ]
    assert [(moved.kind, moved.reference) for moved in found.moved] == [("fee", "SG1")]
    assert [other.reference for other in found.other] == ["SG6"]


def test_a_refund_that_came_back_is_as_if_it_had_not_been() -> None:
    lines = [line("given_back", 1500_00, "re_1"), line("given_back", -1500_00, "re_1"), line("given_back", 5, "re_2")]
    found = collector_statements.compare([entry("rfd_1", "given_back", 5, "re_2")], lines, TODAY, TODAY)
    assert (len(found.matched), found.extra, found.missing) == (1, [], [])
