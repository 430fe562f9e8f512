"""The metrics of what buyers pay and get back, and of the audit of the books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select

from bot.jobs.periodic import AUDIT
from marketplace_api.lifecycles import BUYER_PAYMENT, REFUND
from marketplace_api.models import BuyerPayment, CollectingPause, DirectPayment, Refund
from marketplace_api.payments import buyer_payments, refunds
from marketplace_api.payments.buyer_payments import OTHER_AMOUNT
from marketplace_api.shop import Shop

NOTED_FOR = timedelta(days=7)
"""How long a payment of another amount is counted: an operator has decided by then."""


def metrics(shop: Shop, counts: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """Every status has a sample, so that an alert never refers to a missing one. `counts` has the results of audits."""
    unsettled = (*buyer_payments.OPEN, "disputed")
    yield from _by_status(shop, "buyer_payments", "Payments of buyers", BuyerPayment, BUYER_PAYMENT.statuses, unsettled)
    yield from _by_status(shop, "refunds", "Refunds", Refund, REFUND.statuses, refunds.OPEN)
    kept = ("noticed", "unmatched")
    about = "Money that came without a prompt"
    yield from _by_status(shop, "direct_payments", about, DirectPayment, (*kept, "matched", "returned"), kept)
    other = BuyerPayment.failure == OTHER_AMOUNT, BuyerPayment.created_at > shop.now - NOTED_FOR
    yield GaugeMetricFamily(
        "soko_buyer_payments_other_amount",
        "Payments of the last days of which the collector reports something else than was asked for.",
        int(shop.session.scalar(select(func.count()).where(*other)) or 0),
    )
    paused = GaugeMetricFamily("soko_collecting_paused", "1 while a collector is paused.", labels=["collector"])
    for collector in shop.session.scalars(select(CollectingPause.collector)):
        paused.add_metric([collector], 1.0)
    yield paused
    ok = GaugeMetricFamily(
        "soko_audit_ok", "1 if the last audit found nothing wrong, by what it checks.", labels=["check"]
    )
    for (name, check), inconsistencies in sorted(counts.items()):
        if name == AUDIT:
            ok.add_metric([check], float(not inconsistencies))
    yield ok


def _by_status(
    shop: Shop, name: str, about: str, table: Any, statuses: tuple[str, ...], unsettled: tuple[str, ...]
) -> Iterator[Metric]:
    totals = select(table.status, func.count(), func.min(table.created_at)).group_by(table.status)
    found = {status: (count, oldest_at) for status, count, oldest_at in shop.session.execute(totals)}
    count = GaugeMetricFamily(f"soko_{name}", f"{about} by status.", labels=["status"])
    oldest_s = GaugeMetricFamily(
        f"soko_{name}_oldest_seconds",
        f"Age of the oldest of each status that is not settled. {about}.",
        labels=["status"],
    )
    for status in statuses:
        number, oldest_at = found.get(status, (0, None))
        count.add_metric([status], number)
        if status in unsettled:
            oldest_s.add_metric([status], (shop.now - oldest_at).total_seconds() if oldest_at else 0)
    yield from (count, oldest_s)
