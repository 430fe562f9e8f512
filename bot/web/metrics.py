"""`/metrics` for Prometheus: every figure is read from the database when it is asked for.

So it is the same whichever of many processes answers, and none of them keeps a count of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace import events
from bot.messaging.dispatcher import LATENCIES_S
from marketplace_api.lifecycles import PAYOUT
from marketplace_api.payments import balances, ledger, pausing, payouts
from marketplace_api.shop import Shop
from state import counters, cursor, delivery_reports, outbox, people, schedule

Counts = dict[tuple[str, str], int]
OpenShop = Callable[[Session], Shop]


class Figures(Collector):
    """The shop's figures as they stand at a scrape."""

    def __init__(self, database: Database, open_shop: OpenShop, teller: str) -> None:
        self._database, self._open_shop, self._teller = database, open_shop, teller

    def collect(self) -> Iterable[Metric]:
        with self._database.reading() as db:
            conn, shop = db.connection(), self._open_shop(db)
            counts = counters.read(conn)
            return [
                *_outbox(conn, shop.now),
                _untold(conn, shop, self._teller),
                *_texts(conn, counts),
                *_people(conn, counts),
                *_payouts(shop),
                *_chores(conn),
            ]


def _outbox(conn: Connection, now: datetime) -> Iterator[Metric]:
    depth = outbox.depth(conn, now)
    oldest_s = (now - depth.oldest_due_at).total_seconds() if depth.oldest_due_at else 0.0
    yield GaugeMetricFamily("soko_outbox_jobs", "Jobs that are not finished.", depth.waiting)
    yield GaugeMetricFamily("soko_outbox_due_jobs", "Jobs that could be done now.", depth.due)
    yield GaugeMetricFamily("soko_outbox_oldest_seconds", "For how long the oldest of them has been due.", oldest_s)
    yield GaugeMetricFamily("soko_outbox_dead_jobs", "Jobs that were given up.", depth.dead)


def _untold(conn: Connection, shop: Shop, teller: str) -> Metric:
    """None where the shop is elsewhere: there its events are counted."""
    behind = events.newest(shop) - (cursor.find(conn, teller) or 0)
    return GaugeMetricFamily("soko_events_untold", "Events that nobody was told of yet.", max(0, behind))


def _texts(conn: Connection, counts: Counts) -> Iterator[Metric]:
    unknown = delivery_reports.count_unknown(conn)
    yield GaugeMetricFamily("soko_texts_unknown", "Texts of which nobody knows whether they left.", unknown.all)
    yield GaugeMetricFamily("soko_texts_unconfirmed", "Those nobody will tell of any more.", unknown.unconfirmed)
    yield _counter("soko_texts_sent", "Texts that providers took.", counts, "sent", "provider")
    refused = CounterMetricFamily(
        "soko_texts_refused", "Texts that providers did not take, or left open.", labels=["provider", "reason"]
    )
    for label, count in _named(counts, "refused"):
        refused.add_metric(label.split(" ", 1), count)
    yield refused
    yield _counter("soko_texts_suppressed", "Texts held back for good.", counts, "suppressed", "reason")
    yield _waits(counts)


def _people(conn: Connection, counts: Counts) -> Iterator[Metric]:
    yield _counter("soko_duplicates", "Texts brought again and not heard again.", counts, "duplicate", "same")
    changes = CounterMetricFamily("soko_consents", "Opt-outs and opt-ins.", labels=["what"])
    for what, count in people.count_consents(conn).items():
        changes.add_metric([what], count)
    yield changes


def _payouts(shop: Shop) -> Iterator[Metric]:
    """Every status has a figure, so that an alert never looks for one that is not there."""
    count = GaugeMetricFamily("soko_payouts", "Payouts by status.", labels=["status"])
    oldest_s = GaugeMetricFamily("soko_payouts_oldest_seconds", "How old the oldest is.", labels=["status"])
    piles = balances.totals_by_status(shop)
    for status in PAYOUT.statuses:
        pile = piles.get(status)
        count.add_metric([status], pile.count if pile else 0)
        if status not in payouts.SETTLED:
            oldest_s.add_metric([status], (shop.now - pile.oldest_at).total_seconds() if pile else 0)
    yield from (count, oldest_s)
    paused, in_flight = (
        pausing.current_pause(shop),
        [piles[status].sum for status in payouts.IN_FLIGHT if status in piles],
    )
    yield GaugeMetricFamily("soko_payouts_paused", "Whether none is sent.", float(paused is not None))
    yield GaugeMetricFamily("soko_payouts_in_flight", "What is being paid, in minor units.", sum(in_flight))
    cleared = -ledger.balance(shop, ledger.PAYOUTS)
    yield GaugeMetricFamily("soko_payouts_clearing", "The same by the ledger, in minor units.", cleared)


def _chores(conn: Connection) -> Iterator[Metric]:
    done = GaugeMetricFamily("soko_chore_done_timestamp_seconds", "When a chore was last done.", labels=["chore"])
    failing = GaugeMetricFamily("soko_chore_failing", "Whether a chore failed the last time.", labels=["chore"])
    for row in schedule.find_all(conn):
        if row.done_at:
            done.add_metric([row.name], row.done_at.timestamp())
        failing.add_metric([row.name], float(row.error is not None))
    yield from (done, failing)


def _counter(name: str, about: str, counts: Counts, counted: str, label: str) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in _named(counts, counted):
        family.add_metric([value], count)
    return family


def _waits(counts: Counts) -> Metric:
    in_bucket, running, buckets = dict(_named(counts, "waited")), 0, []
    for most in [*map(str, LATENCIES_S), "+Inf"]:
        running += in_bucket.get(most, 0)
        buckets.append((most, float(running)))
    total_s = sum(dict(_named(counts, "waited_ms")).values()) / 1000
    return HistogramMetricFamily(
        "soko_text_wait_seconds", "From when a text was written to when a provider took it.", buckets, total_s
    )


def _named(counts: Counts, counted: str) -> Iterator[tuple[str, int]]:
    return ((label, count) for (name, label), count in sorted(counts.items()) if name == counted)


def routes(database: Database, open_shop: OpenShop, teller: str) -> Blueprint:
    """The page that Prometheus reads. `teller` is the follower that tells people what happens."""
    blueprint, registry = Blueprint("metrics", __name__), CollectorRegistry()
    registry.register(Figures(database, open_shop, teller))
    blueprint.add_url_rule("/metrics", "metrics", partial(_page, registry))
    return blueprint


def _page(registry: Any) -> Response:
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
