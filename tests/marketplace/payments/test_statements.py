"""An artisan's statement shows the ledger entries line by line, and its sums continue in the next one."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from marketplace_api.accounts import artisans
from marketplace_api.models import Order, Payout
from marketplace_api.orders import orders
from marketplace_api.payments import balances, elsewhere, ledger, settlement, statements
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place

pytestmark = pytest.mark.every_store

EIGHT, NINE, TEN, ELEVEN, NOON = (f"2026-11-22T{hour:02}:00:00Z" for hour in range(8, 13))


def received(shop: Shop, sample: Sample, quantity: int) -> tuple[Order, Payout]:
    order = place(shop, sample.product, quantity)
    orders.accept(shop, sample.artisan, order.code)
    bring(shop, sample.kiosk, order, quantity)
    return order, balances.balance_of(shop, sample.artisan).last[0]


@pytest.fixture
def history(database: ShopDatabase, sample: Sample) -> dict[str, str]:
    """Two baskets at nine, paid at the second attempt at ten; one more at eleven, paid by an operator elsewhere."""
    with database.open() as shop:
        first, payout = received(shop, sample, 2)
    database.advance(hours=1)
    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
        settlement.settle_failed(shop, payout.id, "wrong number")
        settlement.retry(shop, payout.id)
        settlement.begin_sending(shop, payout.id)
        settlement.settle_paid(shop, payout.id, "SFF6")
    database.advance(hours=1)
    with database.open() as shop:
        second, other = received(shop, sample, 1)
        elsewhere.record_paid_elsewhere(
            shop, artisans.by_id(shop, sample.artisan.id), 135_000, "KES", "BANK-1", orders.by_id(shop, second.id)
        )
    return {"first": first.code, "payout": payout.code, "second": second.code, "other": other.code}


def statement(operator: FlaskClient, sample: Sample, **period: str) -> Any:
    answer = operator.get(f"/artisans/{sample.artisan.id}/statement", query_string=period)
    assert answer.status_code == 200
    return answer.json


def shillings(shown: Any) -> list[tuple[str, int, int]]:
    return [(line["what"], line["amount"]["amount"], line["balance"]["amount"]) for line in shown["lines"]]


def test_a_statement_shows_what_was_earned_and_paid(
    operator: FlaskClient, sample: Sample, history: dict[str, str]
) -> None:
    shown = statement(operator, sample)
    assert shillings(shown) == [
        ("earned", 270_000, 270_000),
        ("sent", -270_000, 0),
        ("back", 270_000, 270_000),
        ("sent", -270_000, 0),
        ("earned", 135_000, 135_000),
        ("paid", -135_000, 0),
    ]
    assert (shown["opening"]["amount"], shown["closing"]["amount"]) == (0, 0)
    assert [line["at"] for line in shown["lines"]] == [NINE, TEN, TEN, TEN, ELEVEN, ELEVEN]


def test_each_line_names_its_order_and_payout(operator: FlaskClient, sample: Sample, history: dict[str, str]) -> None:
    lines = statement(operator, sample)["lines"]
    first, second = (history["first"], history["payout"]), (history["second"], history["other"])
    assert [(line["order"], line["payout"]) for line in lines] == [
        (first[0], None),
        *[first] * 3,
        (second[0], None),
        second,
    ]
    assert lines[0]["note"] == f"goods received of {history['first']}"


@pytest.mark.parametrize(
    ("period", "opening", "whats", "closing"),
    [
        ({"until": NINE}, 0, [], 0),
        ({"until": TEN}, 0, ["earned"], 270_000),
        ({"since": TEN}, 270_000, ["sent", "back", "sent", "earned", "paid"], 0),
        ({"since": TEN, "until": ELEVEN}, 270_000, ["sent", "back", "sent"], 0),
        ({"since": NOON}, 0, [], 0),
        ({"since": TEN, "until": EIGHT}, 270_000, [], 270_000),
    ],
)
def test_the_closing_of_a_period_is_the_opening_of_the_next(
    operator: FlaskClient,
    sample: Sample,
    history: dict[str, str],
    period: dict[str, str],
    opening: int,
    whats: list[str],
    closing: int,
) -> None:
    shown = statement(operator, sample, **period)
    assert [line["what"] for line in shown["lines"]] == whats
    assert (shown["opening"]["amount"], shown["closing"]["amount"]) == (opening, closing)


def test_checkpoints_change_no_statement(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, history: dict[str, str]
) -> None:
    before = statement(operator, sample, since=TEN)
    with database.open() as shop:
        ledger.checkpoint(shop)
    assert statement(operator, sample, since=TEN) == before


def test_a_reversal_is_a_line_with_its_reason(
    operator: FlaskClient, database: ShopDatabase, sample: Sample, history: dict[str, str]
) -> None:
    with database.open() as shop:
        (earned, *_) = ledger.lines(shop, ledger.artisan_account(sample.artisan.id), None, None, limit=1)
        ledger.reverse(shop, earned[0].key, "counted twice")
    last = statement(operator, sample)["lines"][-1]
    assert (last["what"], last["note"], last["order"]) == ("reversal", "counted twice", history["first"])
    assert (last["amount"]["amount"], last["balance"]["amount"]) == (-270_000, -270_000)


def test_a_statement_that_is_too_long_is_refused(
    operator: FlaskClient, sample: Sample, history: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "MAX_LINES", 5)
    answer = operator.get(f"/artisans/{sample.artisan.id}/statement")
    assert (answer.status_code, answer.json["reason"]) == (409, "statement_too_long")
    assert len(statement(operator, sample, since=TEN)["lines"]) == 5


def test_an_artisan_who_never_sold_has_an_empty_statement(operator: FlaskClient, sample: Sample) -> None:
    assert statement(operator, sample) == {
        "artisan_id": sample.artisan.id,
        "opening": {"amount": 0, "currency": "KES"},
        "lines": [],
        "closing": {"amount": 0, "currency": "KES"},
    }


def test_an_unknown_artisan_has_no_statement(operator: FlaskClient) -> None:
    assert operator.get("/artisans/art_nobody/statement").status_code == 404


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+03:00", "9999-12-31T23:00:00-03:00", "yesterday", "2026-11-22"])
def test_a_malformed_time_is_refused(operator: FlaskClient, sample: Sample, since: str) -> None:
    answer = operator.get(f"/artisans/{sample.artisan.id}/statement", query_string={"since": since})
    assert answer.status_code == 422
