"""`collecting reconcile` and `ledger book`: what collectors say of the money, and what is entered of it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from marketplace_api.payments import exchange, ledger
from tests.actors import TESTER
from tests.command_line import run_command
from tests.service import Service

BUYER = "+254733000333"
BY_PHONE = {"by": "mpesa", "phone": BUYER}
IN_DOLLARS = {"by": "card", "currency": "USD", "return_url": "https://shop.example/thanks"}


def run(service: Service, *arguments: str) -> Result:
    return run_command(service.app, *arguments)


def bought(service: Service, payment: dict[str, str], quantity: int = 1) -> Any:
    """An order that its buyer has paid."""
    product = service.api("GET", "/products")["data"][0]
    body = {
        "product_id": product["id"],
        "quantity": quantity,
        "buyer": {"name": "Joy", "phone": BUYER, "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 High St", "city": "Leeds", "country": "GB"},
        "payment": payment,
    }
    order = service.api("POST", "/orders", body, **{"Idempotency-Key": service.new_id()})
    assert service.http.post("/simulator/pay", json={"order": order["code"]}).status_code == 200
    for _ in range(3):
        service.later(minutes=1)
    assert service.api("GET", f"/orders/{order['id']}")["payment_status"] == "paid"
    return order


def given_back(service: Service, order: Any) -> None:
    service.api("POST", f"/orders/{order['id']}/cancel")
    for _ in range(5):
        service.later(minutes=2)
    assert service.api("GET", f"/refunds?order={order['id']}")["data"][0]["status"] == "done"


def statement(service: Service, name: str, folder: Path) -> Path:
    """The statement of a simulated provider, as a file."""
    answer = service.http.get(f"/simulator/statements/{name}")
    assert answer.mimetype == "text/csv"
    file = folder / f"{name}.csv"
    file.write_bytes(answer.data)
    return file


def reconcile(service: Service, file: Path, collector: str, *options: str) -> tuple[int, list[str]]:
    done = run(service, "collecting", "reconcile", str(file), "--collector", collector, *options)
    return done.exit_code, done.output.splitlines()


def balance(service: Service, account: str) -> int:
    with service.services.database.writing.begin() as session:
        return ledger.balance(service.services.shop(session, TESTER), account)


def test_the_statement_of_m_pesa_agrees_once_its_charges_are_entered(embedded: Service, tmp_path: Path) -> None:
    bought(embedded, BY_PHONE)
    given_back(embedded, bought(embedded, BY_PHONE))
    file = statement(embedded, "mpesa", tmp_path)
    code, said = reconcile(embedded, file, "simulator")
    assert (code, said[0]) == (1, "matched: 2 paid in, 1 given back")
    assert len(said) == 3
    assert all("kept as a fee, Pay Bill Charge" in words and "not entered" in words for words in said[1:])
    before = balance(embedded, "collector:simulator")
    assert reconcile(embedded, file, "simulator", "--book") == (0, said[:1])
    assert reconcile(embedded, file, "simulator", "--book") == (0, said[:1]), "once"
    fees = balance(embedded, ledger.FEES)
    assert (fees > 0, balance(embedded, "collector:simulator")) == (True, before - fees)
    assert run(embedded, "ledger", "check").exit_code == 0


def test_the_statement_of_stripe_agrees_with_its_fees(embedded: Service, tmp_path: Path) -> None:
    with embedded.services.database.writing.begin() as session:
        exchange.set_rate(embedded.services.shop(session, TESTER), "USD", Decimal(130), Decimal(0))
    bought(embedded, IN_DOLLARS)
    given_back(embedded, bought(embedded, IN_DOLLARS))
    file = statement(embedded, "stripe", tmp_path)
    assert reconcile(embedded, file, "stripe") == (0, ["matched: 2 paid in, 1 given back"])

    lines = file.read_text().splitlines()
    lines[1] = lines[1].replace("charge", "dispute")
    lines[2] = ",".join([*lines[2].split(",")[:4], "9.99", *lines[2].split(",")[5:]])
    more = "txn_5,2026-11-23 08:00:00,usd,{},0,0,{},{},"
    lines += [more.format("100.00", "topup", "tu_1"), more.format("-40.00", "payout", "po_1")]
    file.write_text("\n".join(lines))
    code, said = reconcile(embedded, file, "stripe")
    assert code == 1
    words = "\n".join(said)
    for part in (
        "missing: bpy_",
        "cost USD 9.99, and USD ",
        "tu_1, USD 100 topped up, topup",
        "po_1, USD 40 paid to our bank, payout",
        "aside: line 2: ",
    ):
        assert part in words
    entered = ("ledger", "book", "top-up", "collector:stripe", "100", "tu_1", "--currency", "USD")
    assert run(embedded, *entered).output == "it is entered\n"
    assert run(embedded, *entered).output == "it was entered before\n"
    assert "tu_1" not in "\n".join(reconcile(embedded, file, "stripe")[1])
    reconcile(embedded, file, "stripe", "--book")
    assert balance(embedded, "bank:USD") == 40_00 - 100_00
    assert run(embedded, "ledger", "check").exit_code == 0


def test_a_refund_that_the_simulated_bank_returns_is_as_if_it_had_not_been(embedded: Service, tmp_path: Path) -> None:
    price = embedded.api("GET", "/products")["data"][0]["price"]["amount"]
    with embedded.services.database.writing.begin() as session:
        returned = Decimal(7763)  # the simulated Stripe lets the bank return such a refund
        rate = (Decimal(price) / returned).quantize(Decimal("0.0001")) + Decimal("0.0001")
        exchange.set_rate(embedded.services.shop(session, TESTER), "USD", rate, Decimal(0))
    order = bought(embedded, IN_DOLLARS)
    embedded.api("POST", f"/orders/{order['id']}/cancel")
    embedded.work()
    [refund] = embedded.api("GET", f"/refunds?order={order['id']}")["data"]
    assert (refund["status"], refund["amount"]) == ("done", {"amount": 7763, "currency": "USD"})
    embedded.later(days=1)  # without a webhook secret there are no events, so it is found by asking
    refund = embedded.api("GET", f"/refunds/{refund['id']}")
    assert (refund["status"], refund["done_at"]) == ("failed", None)
    assert "expired_or_canceled_card" in refund["failure"]
    assert refund["returned_at"]
    [text] = [text for text in embedded.inbox(BUYER) if "your card's bank did not take" in text]
    assert order["code"] in text
    assert reconcile(embedded, statement(embedded, "stripe", tmp_path), "stripe") == (
        0,
        ["matched: 1 paid in, 0 given back"],
    )
    assert run(embedded, "ledger", "check").exit_code == 0


def test_an_amount_that_differs_and_money_that_only_one_side_has_are_named(embedded: Service, tmp_path: Path) -> None:
    bought(embedded, BY_PHONE)
    file = statement(embedded, "mpesa", tmp_path)
    reconcile(embedded, file, "simulator", "--book")
    heading, paid, charge = file.read_text().splitlines()
    receipt = paid.split(",")[0]
    other = "SIMOTHER,23-11-2026 11:00:00,Pay Bill Acc. HELLO,Completed,20.00,,"
    file.write_text("\n".join([heading, paid.replace(receipt, "SIMNONE"), charge.replace(",-", ",-1"), other]))
    code, said = reconcile(embedded, file, "simulator")
    assert code == 1
    assert said[0] == "matched: 0 paid in, 0 given back"
    assert [words.partition(":")[0] for words in said[1:]] == ["missing", "extra", "extra", "different"]
    assert "KSh 20 paid in, Pay Bill Acc. HELLO, and not by our books" in said[3]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("fee", "collector:simulator", "7.50", "SG1"), 0),
        (("withdrawal", "provider:daraja", "9000", "SG1"), 0),
        (("top-up", "provider:simulator", "9000", "SG1"), 0),
        (("fee", "collector:nobody", "7.50", "SG1"), 2),
        (("gift", "collector:simulator", "7.50", "SG1"), 2),
        (("fee", "collector:simulator", "7.505", "SG1"), 2),
        (("fee", "collector:simulator", "0", "SG1"), 1),
        (("fee", "collector:simulator", "1", "SG1", "--currency", "XXY"), 2),
    ],
)
def test_what_moved_is_entered_by_command(embedded: Service, arguments: tuple[str, ...], code: int) -> None:
    assert run(embedded, "ledger", "book", *arguments).exit_code == code
    kind, account, amount, *_ = arguments
    if code == 0:
        sign = 1 if kind == "top-up" else -1
        assert balance(embedded, account) == sign * int(Decimal(amount) * 100)
        assert balance(embedded, ledger.FEES if kind == "fee" else ledger.BANK) == -sign * int(Decimal(amount) * 100)
        other = run(embedded, "ledger", "book", kind, account, "1", "SG1")
        assert (other.exit_code, "SG1" in other.output) == (1, True)
    assert run(embedded, "ledger", "check").exit_code == 0
    reversed_key = f"{kind.replace('-', '_')}:{account}:SG1"
    if code == 0:
        assert run(embedded, "ledger", "reverse", reversed_key, "a mistake").exit_code == 0
        assert balance(embedded, account) == 0


@pytest.mark.parametrize("text", ["", "Name,Value\nA,1\n", "Receipt No.,Completion Time,Details,Paid In,Withdrawn\n"])
def test_a_file_that_is_no_statement_is_refused(embedded: Service, tmp_path: Path, text: str) -> None:
    file = tmp_path / "file.csv"
    file.write_text(text)
    assert reconcile(embedded, file, "simulator")[0] in (1, 2)
