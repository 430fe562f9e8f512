"""Payouts: none is sent twice, and the sums are right."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from marketplace_api.models import PaidSum, Payout
from marketplace_api.orders import orders
from marketplace_api.payments import audit, balances, elsewhere, payouts, returns, settlement
from marketplace_api.refused import Refused
from tests.marketplace.conftest import Sample, ShopDatabase, bring, place, recorded
from tests.threads import together

pytestmark = pytest.mark.every_store


@pytest.fixture
def payout(database: ShopDatabase, sample: Sample) -> Payout:
    """2,700 shillings are due to Amina, for two baskets."""
    with database.open() as shop:
        order = place(shop, sample.product, 2)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 2)
        (due,) = balances.balance_of(shop, sample.artisan).last
    return due


def test_only_one_of_many_workers_sends_a_payout(database: ShopDatabase, payout: Payout) -> None:
    def send(_number: int) -> str:
        try:
            with database.open() as shop:
                return settlement.begin_sending(shop, payout.id).status
        except Refused as refused:
            return refused.reason

    assert sorted(together(6, send)) == ["payout_not_sendable"] * 5 + ["sending"]


def test_an_unknown_payout_waits_for_the_provider(database: ShopDatabase, payout: Payout) -> None:
    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
        settlement.mark_unknown(shop, payout.id)
        for forbidden in (settlement.begin_sending, settlement.retry):
            with pytest.raises(Refused):
                forbidden(shop, payout.id)
        assert settlement.settle_paid(shop, payout.id, "SFF6").status == "paid"


def test_a_settled_payout_is_not_settled_again(database: ShopDatabase, payout: Payout) -> None:
    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
        settlement.settle_paid(shop, payout.id, "SFF6")
        again: list[Callable[[], Payout]] = [
            lambda: settlement.settle_paid(shop, payout.id, "SFF7"),
            lambda: settlement.settle_failed(shop, payout.id, "late news"),
            lambda: settlement.mark_unknown(shop, payout.id),
            lambda: settlement.begin_sending(shop, payout.id),
        ]
        for act in again:
            with pytest.raises(Refused):
                act()
        assert payouts.by_id(shop, payout.id).provider_reference == "SFF6"


def test_a_provider_uses_a_reference_for_one_payout(database: ShopDatabase, sample: Sample, payout: Payout) -> None:
    with database.open() as shop:
        order = place(shop, sample.product, 1)
        orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, order, 1)
        other = next(due for due in balances.balance_of(shop, sample.artisan).last if due.id != payout.id)
        for due in (payout, other):
            settlement.begin_sending(shop, due.id)
        settlement.settle_paid(shop, payout.id, "SFF6")
        with pytest.raises(Refused, match="reference_known"), shop.session.begin_nested():
            settlement.settle_paid(shop, other.id, "SFF6")
        assert payouts.by_id(shop, other.id).status == "sending"
        assert settlement.settle_paid(shop, other.id, "SFF7").status == "paid"


def test_a_failed_payout_is_retried_under_the_same_code(database: ShopDatabase, payout: Payout) -> None:
    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
        assert settlement.settle_failed(shop, payout.id, "wrong number").failure == "wrong number"
        retried = settlement.retry(shop, payout.id)
        assert (retried.code, retried.status) == (payout.code, "pending")
        settlement.begin_sending(shop, payout.id)
        assert settlement.settle_paid(shop, payout.id, "SFF6").failure is None
        types = [event.type for event in recorded(shop)]
    assert types[-4:] == ["payout.created", "payout.failed", "payout.retried", "payout.paid"]


def test_a_paid_payout_is_no_longer_owed(database: ShopDatabase, sample: Sample, payout: Payout) -> None:
    with database.open() as shop:
        before = balances.balance_of(shop, sample.artisan)
        settlement.begin_sending(shop, payout.id)
        settlement.settle_paid(shop, payout.id, "SFF6")
        after = balances.balance_of(shop, sample.artisan)
    assert (before.owed, before.paid) == (270_000, 0)
    assert (after.owed, after.paid) == (0, 270_000)


def test_the_sum_paid_is_the_same_wherever_sums_are_stored(
    database: ShopDatabase, sample: Sample, payout: Payout
) -> None:
    def paid() -> int:
        with database.open() as shop:
            assert list(audit.inconsistencies(shop)) == []
            return balances.balance_of(shop, sample.artisan).paid

    def store_sums() -> int:
        with database.open() as shop:
            return balances.update_paid_sums(shop)

    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
        settlement.settle_paid(shop, payout.id, "SFF6")
    assert (store_sums(), paid()) == (0, 270_000), "a transaction with an earlier payment may still be open"
    database.advance(days=2)
    assert (store_sums(), paid(), store_sums()) == (1, 270_000, 0)
    with database.open() as shop:
        elsewhere.record_paid_elsewhere(shop, sample.artisan, 70_00, "KES", "by hand", None)
    assert paid() == 277_000
    database.advance(days=2)
    assert (store_sums(), paid()) == (1, 277_000)
    with database.open() as shop:
        returns.give_back(shop, payout.id, "came back")
    assert (store_sums(), paid()) == (0, 7_000)


def test_the_audit_finds_a_wrong_sum_paid(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        shop.session.add(PaidSum(artisan_id=sample.artisan.id, upto=shop.now, amount=1))
        shop.session.flush()
        found = list(audit.inconsistencies(shop))
    assert found == [f"the sum paid to {sample.artisan.id} is stored as 1, and its payouts are 0"]


def test_an_artisan_without_orders_is_owed_nothing(database: ShopDatabase, sample: Sample) -> None:
    with database.open() as shop:
        assert balances.balance_of(shop, sample.artisan) == balances.ArtisanBalance(0, 0, [], 0)
