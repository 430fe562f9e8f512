"""A provider's statement and our payouts: every file is read or refused, and no payment is lost."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.payments.reconciliation import (
    COLUMNS,
    Comparison,
    OurPayout,
    ProviderPayment,
    ProviderStatement,
    UnreadableStatementError,
    compare,
    read,
)

NAIROBI = ZoneInfo("Africa/Nairobi")
MONDAY = date(2026, 11, 23)
TEN = datetime(2026, 11, 23, 10, 15, 30, tzinfo=NAIROBI)
PORTAL = """Organization Name:,Soko Ltd
Time Period:,From 23-11-2026 00:00:00 to 23-11-2026 23:59:59

Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Other Party Info
SG632NMUAB,23-11-2026 10:15:30,23-11-2026 10:15:28,Business Payment,Completed,,"-1,620.00",,254711000103 - AKINYI
SG632NMUAB,23-11-2026 10:15:30,23-11-2026 10:15:28,B2C Payment Charge,Completed,,-22.40,,600997 - Soko
SG632NMUTOP,23-11-2026 11:00:00,23-11-2026 11:00:00,Top up,Completed,"50,000.00",,,Bank
SG632NMUNO,23-11-2026 12:00:00,23-11-2026 12:00:00,Business Payment,Declined,,-900.00,,254711000104 - AMINA
"""


def ours(reference: str, amount: int = 1620_00, at: datetime = TEN, *names: str) -> OurPayout:
    return OurPayout(f"code of {reference}", reference, amount, at, frozenset(names))


def theirs(
    receipt: str, amount: int = 1620_00, at: datetime | None = TEN, *, line: int = 1, name: str = ""
) -> ProviderPayment:
    return ProviderPayment(line, receipt, amount, name, paid_at=at)


def on_monday(we: list[OurPayout], they: list[ProviderPayment]) -> Comparison:
    return compare(we, ProviderStatement(they), MONDAY, MONDAY)


# -- reading


def test_a_portals_export_is_read_and_other_lines_are_counted() -> None:
    statement = read(PORTAL, 2, NAIROBI)
    assert statement.payments == [
        ProviderPayment(5, "SG632NMUAB", 1620_00, recipient="254711000103 - AKINYI", paid_at=TEN)
    ]
    assert statement.skipped == 3
    assert statement.days() == (MONDAY, MONDAY)


@pytest.mark.parametrize(
    ("written", "amount"),
    [("1620", 1620_00), ("-1,620.00", 1620_00), ("1620.5", 1620_50), ("1,234,567.89", 1_234_567_89), ("+10", 10_00)],
)
def test_an_amount_is_read_as_people_write_it(written: str, amount: int) -> None:
    (payment,) = read(f'Receipt,Amount\nR1,"{written}"\n', 2, NAIROBI).payments
    assert payment.amount == amount


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("23-11-2026 10:15:30", TEN),
        ("23/11/2026 10:15", TEN.replace(second=0)),
        ("23.11.2026 10:15:30", TEN),
        ("20261123101530", TEN),
        ("2026-11-23 10:15:30", TEN),
        ("2026-11-23T07:15:30Z", TEN),
        ("2026-11-23", TEN.replace(hour=0, minute=0, second=0)),
        ("05-11-2026", datetime(2026, 11, 5, tzinfo=NAIROBI)),
    ],
)
def test_a_time_is_read_day_first_and_in_the_shops_zone(written: str, at: datetime) -> None:
    (payment,) = read(f"Receipt,Amount,Date\nR1,10,{written}\n", 2, NAIROBI).payments
    assert payment.paid_at == at


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no line names a column for receipts"),
        ("Receipt No.,Details\nR1,x\n", "no line names a column for receipts"),
        ("PK\x03\x04 a spreadsheet", "no line names a column for receipts"),
        ("Receipt,Amount\nR1,10\nR2,ten\n", "line 3: `ten` is not an amount"),
        ("Receipt,Amount\nR1,10.005\n", "line 2: `10.005` is not an amount"),
        ('Receipt,Amount\nR1,"1.620,00"\n', "line 2: `1.620,00` is not an amount"),
        ("Receipt,Amount\nR1," + "9" * 40 + "\n", "line 2: `999"),
        ("About,us\nReceipt,Amount\n\n,10\n", "line 4: there is no receipt"),
        ("Receipt,Amount\nTotal\n,,900\n", "line 3: there is no receipt"),
        ("Receipt,Amount,Date\nR1,10,11-23-2026\n", "line 2: `11-23-2026` is not a time"),
        ('Receipt,Amount\nR1,10\nR2,"10\nR3,10\n', "line 4: this is not CSV"),
    ],
)
def test_the_problem_of_a_wrong_file_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(UnreadableStatementError) as raised:
        read(text, 2, NAIROBI)
    assert str(raised.value).startswith(problem)


words = st.text("abcXYZ 0123456789-.;,\"'é", max_size=12).map(str.strip)
receipts = st.text("ABCDEFGHJK23456789", min_size=4, max_size=10)
moments = st.integers(0, 10**8).map(lambda seconds: TEN + timedelta(seconds=seconds))
payments = st.lists(
    st.builds(
        ProviderPayment,
        line=st.just(0),
        receipt=receipts,
        amount=st.integers(1, 10**12),
        name=words,
        recipient=words,
        paid_at=moments,
    ),
    max_size=6,
)
headings = st.fixed_dictionaries(
    {column: st.sampled_from(COLUMNS[column]) for column in ("receipt", "amount", "name", "recipient", "paid_at")}
)


@given(
    payments=payments,
    headings=headings,
    order=st.permutations(["receipt", "amount", "name", "recipient", "paid_at", "noise"]),
    delimiter=st.sampled_from(",;\t"),
    above=st.lists(words.map(lambda text: text.replace('"', "")), max_size=3),
)
def test_a_written_statement_is_read_back(
    payments: list[ProviderPayment], headings: dict[str, str], order: list[str], delimiter: str, above: list[str]
) -> None:
    page = io.StringIO(newline="")
    page.writelines(f"{line}\r\n" for line in above)
    table = csv.writer(page, delimiter=delimiter)
    table.writerow([headings.get(column, "Noise").title() for column in order])
    for one in payments:
        cells = {
            "receipt": one.receipt,
            "amount": f"-{one.amount // 100:,}.{one.amount % 100:02}",
            "name": one.name,
            "recipient": one.recipient,
            "paid_at": one.paid_at and f"{one.paid_at:%d-%m-%Y %H:%M:%S}",
            "noise": "noise",
        }
        table.writerow([cells[column] for column in order])

    read_back = read(page.getvalue(), 2, NAIROBI)
    expected = [(one.receipt, one.amount, one.name, one.recipient, one.paid_at) for one in payments]
    assert [(one.receipt, one.amount, one.name, one.recipient, one.paid_at) for one in read_back.payments] == expected
    assert [one.line for one in read_back.payments] == [len(above) + 2 + row for row in range(len(payments))]


@given(st.text() | st.text().map(lambda text: f"Receipt,Amount,Date\n{text}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UnreadableStatementError):
        assert all(payment.receipt and payment.amount >= 0 for payment in read(text, 2, NAIROBI).payments)


# -- comparing


def test_a_payment_is_found_by_its_receipt_or_by_our_id() -> None:
    by_receipt, by_name = ours("R1"), ours("R2", 1620_00, TEN, "pay_2")
    found = on_monday([by_receipt, by_name], [theirs("R1"), theirs("OTHER", name="pay_2")])
    assert [one for one, _ in found.matched] == [by_receipt, by_name]
    assert found.agrees


def test_payments_that_only_one_side_has_are_missing_or_extra() -> None:
    found = on_monday([ours("R1"), ours("R2")], [theirs("R1"), theirs("R3")])
    assert ([one.reference for one in found.missing], [one.receipt for one in found.extra]) == (["R2"], ["R3"])
    assert not found.agrees


def test_a_pair_with_two_amounts_is_different() -> None:
    found = on_monday([ours("R1", 1620_00)], [theirs("R1", 1620_01)])
    assert [(one.amount, other.amount) for one, other in found.different] == [(1620_00, 1620_01)]
    assert [*found.matched, *found.missing, *found.extra] == []
    assert not found.agrees


def test_the_second_payment_with_a_receipt_is_extra() -> None:
    found = on_monday([ours("R1")], [theirs("R1", line=1), theirs("R1", line=2)])
    assert ([pair[1].line for pair in found.matched], [one.line for one in found.extra]) == ([1], [2])


def test_a_charge_with_the_receipt_of_a_payment_is_not_matched_as_the_payment() -> None:
    found = on_monday([ours("R1")], [theirs("R1", 22_40, line=1), theirs("R1", line=2)])
    assert ([pair[1].line for pair in found.matched], [one.line for one in found.extra]) == ([2], [1])


def test_a_payout_sent_before_midnight_and_paid_after_it_is_missing_on_neither_day() -> None:
    before, after = (datetime(2026, 11, day, hour, 59, tzinfo=NAIROBI) for day, hour in ((23, 23), (24, 0)))
    we, they = [ours("R1", at=before)], [theirs("R1", at=after)]
    for day in (MONDAY, MONDAY + timedelta(days=1)):
        assert compare(we, ProviderStatement(they), day, day).agrees
    assert compare([], ProviderStatement(they), MONDAY, MONDAY).agrees
    assert [one.reference for one in on_monday(we, []).missing] == ["R1"]


@given(
    we=st.lists(st.builds(ours, receipts, st.integers(1, 3)), max_size=6, unique_by=lambda one: one.reference),
    they=st.lists(st.builds(theirs, receipts, st.integers(1, 3)), max_size=6),
    common=st.lists(st.builds(ours, receipts, st.integers(1, 3)), max_size=6, unique_by=lambda one: one.reference),
)
def test_every_payment_of_either_side_is_reported_once(
    we: list[OurPayout], they: list[ProviderPayment], common: list[OurPayout]
) -> None:
    we = [*{one.reference: one for one in (*we, *common)}.values()]
    they = [*they, *(theirs(one.reference, one.amount) for one in common)]
    found = on_monday(we, they)
    pairs = found.matched + found.different
    assert sorted([one.reference for one, _ in pairs] + [one.reference for one in found.missing]) == sorted(
        one.reference for one in we
    )
    assert len(pairs) + len(found.extra) == len(they)
    assert all(one.amount == other.amount and one.reference == other.receipt for one, other in found.matched)
    assert len(found.matched) >= len([one for one in common if one in we])


def test_a_time_in_another_zone_counts_for_the_shops_day() -> None:
    late = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)  # half past midnight in Nairobi
    (payment,) = read(f"Receipt,Amount,Date\nR1,10,{late.isoformat()}\n", 2, NAIROBI).payments
    assert payment.paid_at is not None
    assert payment.paid_at.date() == MONDAY
