"""`GET /payouts` filters payouts."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.models import Artisan, Order, Product
from marketplace_api.orders import orders
from marketplace_api.payments import balances, cash_payouts, settlement
from marketplace_api.shop import Shop
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, register


def received(shop: Shop, sample: Sample, artisan: Artisan, product: Product) -> Order:
    order = place(shop, product, 1)
    orders.accept(shop, artisan, order.code)
    bring(shop, sample.kiosk, order, 1)
    return order


@pytest.fixture
def payout_ids(operator: FlaskClient, database: ShopDatabase, sample: Sample) -> dict[str, str]:
    """Amina was paid by mobile money at nine; Wanjiku collected cash at ten, and has another payout since eleven."""
    with database.open() as shop:
        first = received(shop, sample, sample.artisan, sample.product)
        (by_phone,) = balances.balance_of(shop, sample.artisan).last
        settlement.begin_sending(shop, by_phone.id)
        settlement.settle_paid(shop, by_phone.id, "SFF6")
        wanjiku = register(shop, sample.kiosk, "+254722000000", name="Wanjiku", payout_method="kiosk_cash")
        pot = products.list_product(shop, wanjiku, title="Pot", category="pottery", price=1000_00, quantity=9)
    database.advance(hours=1)
    with database.open() as shop:
        received(shop, sample, wanjiku, pot)
        (in_cash,) = balances.balance_of(shop, wanjiku).last
        cash_payouts.collect(shop, sample.kiosk, in_cash.id)
    database.advance(hours=1)
    with database.open() as shop:
        artisans.set_payout_method(shop, artisans.by_id(shop, wanjiku.id), "mobile_money")
        received(shop, sample, wanjiku, pot)
    return {"wanjiku": wanjiku.id, "order": first.id, "kiosk": sample.kiosk.id}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["pending", "collected", "paid"]),
        ("status=paid", ["paid"]),
        ("status=unknown", []),
        ("method=kiosk_cash", ["collected"]),
        ("artisan={wanjiku}", ["pending", "collected"]),
        ("artisan={wanjiku}&method=mobile_money", ["pending"]),
        ("artisan=art_nobody", []),
        ("order={order}", ["paid"]),
        ("kiosk={kiosk}", ["collected"]),
        ("reference=SFF6", ["paid"]),
        ("reference=SFF", []),
        ("since=2026-11-22T10:00:00Z", ["pending", "collected"]),
        ("until=2026-11-22T10:00:00Z", ["paid"]),
        ("since=2026-11-22T13:00:00%2B03:00&until=2026-11-22T13:00:01%2B03:00", ["collected"]),
    ],
)
def test_payouts_are_filtered(operator: FlaskClient, payout_ids: dict[str, str], query: str, found: list[str]) -> None:
    answer = operator.get("/payouts?" + query.format(**payout_ids))
    assert [payout["status"] for payout in answer.json["data"]] == found


def test_a_filtered_list_is_paged(operator: FlaskClient, payout_ids: dict[str, str]) -> None:
    path = f"/payouts?artisan={payout_ids['wanjiku']}&limit=1"
    first = operator.get(path).json
    second = operator.get(f"{path}&cursor={first['next_cursor']}").json
    assert [page["data"][0]["status"] for page in (first, second)] == ["pending", "collected"]
    assert (first["has_more"], second["has_more"]) == (True, False)


@pytest.mark.parametrize("query", ["status=lost", "method=cheque", "since=yesterday", "artisan=Amina", "order=1"])
def test_an_empty_or_unknown_filter_value_is_refused(operator: FlaskClient, query: str) -> None:
    assert operator.get(f"/payouts?{query}").status_code == 422
