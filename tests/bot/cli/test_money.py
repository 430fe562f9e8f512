"""`flask ledger` and `flask payouts`: checking the ledger, pausing payouts, and reconciling statements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bot.cli.money import consistent_shop
from marketplace_api.models import LedgerCheckpoint
from marketplace_api.payments import ledger
from tests.actors import TESTER
from tests.bot.fixtures import received_order
from tests.command_line import run_command
from tests.service import Service

HEADER = "Receipt No.,Completion Time,Details,Withdrawn"


def run(service: Service, *arguments: str) -> Result:
    return run_command(service.app, *arguments)


def paid(service: Service) -> Any:
    """A payout that the simulated provider has paid."""
    received_order(service)
    service.later(minutes=10)
    (payout,) = service.api("GET", "/payouts?status=paid")["data"]
    return payout


def row(payout: Any, shillings: str = "-1620.00", at: str = "23-11-2026 11:05:00") -> str:
    return f"{payout['provider_reference']},{at},Business Payment,{shillings}"


def reconcile(service: Service, folder: Path, rows: Sequence[str], *options: str) -> Result:
    file = folder / "account.csv"
    file.write_text("\n".join([HEADER, *rows]))
    return run(service, "payouts", "reconcile", str(file), *options)


# Ledger


def test_a_check_of_a_consistent_ledger_succeeds(embedded: Service) -> None:
    paid(embedded)
    done = run(embedded, "ledger", "check")
    assert (done.exit_code, done.output) == (0, "the books balance: 4 entries, 6 accounts\n")


def test_each_inconsistency_is_printed_on_a_line(embedded: Service) -> None:
    payout = paid(embedded)
    with embedded.services.database.writing.begin() as session:
        ledger.post(embedded.services.shop(session, TESTER), "slip", "", {ledger.COMMISSION: -5, ledger.ADJUSTMENTS: 5})
        account = ledger.artisan_account(payout["artisan_id"])
        session.add(LedgerCheckpoint(account=account, upto=10**6, balance=1, at=embedded.clock()))
    done = run(embedded, "ledger", "check")
    assert done.exit_code == 1
    assert "the commission should be 18000 and is 18005" in done.output.splitlines()
    assert f"the checkpoint of {account} at 1000000 says 1, its postings 0" in done.output.splitlines()


def test_a_consistent_shop_does_not_see_later_writes(service: Service) -> None:
    def enter(amount: int) -> None:
        with service.services.database.writing.begin() as session:
            ledger.post(service.services.shop(session, TESTER), f"{amount}", "", {"a": amount, "b": -amount})

    enter(1)
    with consistent_shop(service.services) as shop:
        assert ledger.balance(shop, "a") == 1
        enter(10)
        assert ledger.balance(shop, "a") == 1
    with consistent_shop(service.services) as shop:
        assert ledger.balance(shop, "a") == 11


def test_an_entry_is_reversed_once_and_with_a_reason(embedded: Service) -> None:
    payout = paid(embedded)
    key = f"paid:{payout['id']}"
    first, again = (run(embedded, "ledger", "reverse", key, "paid twice") for _ in range(2))
    assert (first.exit_code, first.output) == (0, f"reversal:{key} is entered\n")
    assert (again.exit_code, again.output) == (0, f"{key} was reversed before\n")
    with consistent_shop(embedded.services) as shop:
        assert ledger.balance(shop, ledger.artisan_account(payout["artisan_id"])) == -1620_00
        assert ledger.balance(shop, ledger.PAYOUTS) == 0
    assert embedded.api("GET", f"/payouts/{payout['id']}")["status"] == "returned"
    assert run(embedded, "ledger", "check").exit_code == 0
    unknown = run(embedded, "ledger", "reverse", "paid:pay_none", "a slip")
    assert (unknown.exit_code, "The ledger has no entry paid:pay_none." in unknown.output) == (1, True)


def test_a_payment_that_came_back_is_returned(embedded: Service) -> None:
    payout = paid(embedded)
    first, again = (run(embedded, "payouts", "return", payout["id"], "the phone is closed") for _ in range(2))
    assert (first.exit_code, first.output) == (0, f"payout {payout['code']} is returned\n")
    assert (again.exit_code, "only one that was paid can come back" in again.output) == (1, True)
    (event,) = [
        event for event in embedded.api("GET", "/events?limit=100")["data"] if event["type"] == "payout.returned"
    ]
    assert event["by"].startswith("cli:")


# Pausing


def test_payouts_are_paused_with_a_reason_until_they_are_resumed(embedded: Service) -> None:
    first = run(embedded, "payouts", "pause", "the float is low")
    again = run(embedded, "payouts", "pause", "just so")
    assert (first.output, again.output) == ("payouts are paused\n", "paused already: the float is low\n")
    received_order(embedded)
    embedded.later(hours=1)
    assert [payout["status"] for payout in embedded.api("GET", "/payouts")["data"]] == ["pending"]

    done, nothing = run(embedded, "payouts", "resume"), run(embedded, "payouts", "resume")
    assert (done.output, nothing.output) == ("payouts are sent again\n", "payouts were not paused\n")
    embedded.later(hours=1)
    assert [payout["status"] for payout in embedded.api("GET", "/payouts")["data"]] == ["paid"]
    assert [event for event in embedded.events() if event.startswith("payouts.")] == [
        "payouts.paused",
        "payouts.resumed",
    ]


# Reconciling


def test_a_statement_that_agrees_is_matched(embedded: Service, tmp_path: Path) -> None:
    done = reconcile(embedded, tmp_path, [row(paid(embedded)), "CHARGE1,23-11-2026 11:05:00,B2C Charge,-22.40"])
    assert done.exit_code == 0
    assert "matched: 1, KSh 1,620" in done.output
    assert "aside: 1, " in done.output


def test_differences_are_printed_and_the_command_fails(embedded: Service, tmp_path: Path) -> None:
    payout = paid(embedded)
    other = reconcile(embedded, tmp_path, [row(payout, "-1600.00"), "STRAY1,23-11-2026 12:00:00,Payment,-50.00"])
    assert other.exit_code == 1
    assert f"line 2: {payout['provider_reference']} is KSh 1,600, and our payout {payout['code']} KSh 1,620" in (
        other.output
    )
    assert "extra: 1" in other.output
    assert "line 3: STRAY1, KSh 50, to nobody named" in other.output

    none = reconcile(embedded, tmp_path, [], "--day", "2026-11-23")
    assert none.exit_code == 1
    assert f"payout {payout['code']}, reference {payout['provider_reference']}, KSh 1,620, 2026-11-23" in none.output


def test_payouts_are_compared_by_provider_and_day(embedded: Service, tmp_path: Path) -> None:
    stray = row(paid(embedded))
    assert "extra: 1" in reconcile(embedded, tmp_path, [stray], "--provider", "daraja").output
    tomorrow = reconcile(embedded, tmp_path, [], "--day", "2026-11-24")
    assert (tomorrow.exit_code, "missing: 0" in tomorrow.output) == (0, True)


def test_an_unsettled_payout_is_not_missing_from_a_statement(embedded: Service, tmp_path: Path) -> None:
    payout = paid(embedded)
    run(embedded, "payouts", "pause", "for now")
    received_order(embedded)
    assert reconcile(embedded, tmp_path, [row(payout)]).exit_code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"Name,Town\nAmina,Kisumu\n", "account.csv: no line names a column for receipts"),
        (b"Receipt,Amount\nR1,much\n", "account.csv: line 2: `much` is not an amount"),
        (b"PK\x03\x04\xff\xfe\x00", "account.csv: this is not text in UTF-8"),
        (b"Receipt,Amount\nR1,10\n", "The file has no dates; give its day"),
    ],
)
def test_an_unreadable_file_is_explained(embedded: Service, tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "account.csv"
    file.write_bytes(content)
    done = run(embedded, "payouts", "reconcile", str(file))
    assert done.exit_code != 0
    assert message in done.output
