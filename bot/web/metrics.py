"""`/metrics` for Prometheus: every value is read from the database at each scrape.

So all processes give the same answer, and no process keeps counts in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from hmac import compare_digest
from typing import Any

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from bot.db.unit_of_work import Database
from bot.messaging.dispatcher import LATENCIES_S, STRANGERS
from bot.web import collecting_metrics, hop_metrics
from bot.web.door import REFUSED
from marketplace_api.events import events
from marketplace_api.lifecycles import PAYOUT
from marketplace_api.payments import balances, ledger, pausing, payouts
from marketplace_api.shop import OpenShop, Shop
from state import budgets, counters, cursor, delivery_reports, outbox, people, schedule

Counts = dict[tuple[str, str], int]


class DatabaseCollector(Collector):
    """Collects all metrics from the database. `consumer` is the name of the cursor of the event consumer."""

    def __init__(self, database: Database, open_shop: OpenShop, consumer: str, strangers_cap: int) -> None:
        self._database, self._open_shop, self._consumer = database, open_shop, consumer
        self._strangers_cap = strangers_cap

    def collect(self) -> Iterable[Metric]:
        with self._database.reading() as db:
            conn, shop = db.connection(), self._open_shop(db)
            counts = counters.read(conn)
            return [
                *_outbox(conn, shop.now),
                _event_backlog(conn, shop, self._consumer),
                *_texts(conn, counts),
                *_people(conn, counts),
                *hop_metrics.metrics(counts),
                *_strangers(conn, counts, shop.now, self._strangers_cap),
                *_payouts(shop),
                *collecting_metrics.metrics(shop, counts),
                *_periodic_tasks(conn),
                _backup(counts),
            ]


def _outbox(conn: Connection, now: datetime) -> Iterator[Metric]:
    depth = outbox.depth(conn, now)
    oldest_s = (now - depth.oldest_due_at).total_seconds() if depth.oldest_due_at else 0.0
    yield GaugeMetricFamily("soko_outbox_jobs", "Jobs that are not finished.", depth.waiting)
    yield GaugeMetricFamily("soko_outbox_due_jobs", "Jobs that could be done now.", depth.due)
    yield GaugeMetricFamily("soko_outbox_oldest_seconds", "Time since the oldest of them became due.", oldest_s)
    yield GaugeMetricFamily("soko_outbox_dead_jobs", "Jobs that were dead-lettered.", depth.dead)


def _event_backlog(conn: Connection, shop: Shop, consumer: str) -> Metric:
    """The number of events behind the consumer; 0 if the marketplace is remote, because its events are not here."""
    behind = events.count_since(shop, cursor.find(conn, consumer) or 0)
    return GaugeMetricFamily("soko_events_untold", "Events whose notifications are not written yet.", behind)


def _texts(conn: Connection, counts: Counts) -> Iterator[Metric]:
    unknown = delivery_reports.count_unknown(conn)
    yield GaugeMetricFamily("soko_texts_unknown", "Texts of which it is unknown whether they were sent.", unknown.all)
    about = "Unknown texts whose delivery report is no longer expected."
    yield GaugeMetricFamily("soko_texts_unconfirmed", about, unknown.unconfirmed)
    yield _counter("soko_texts_sent", "Texts that providers accepted.", counts, "sent", "provider")
    refused = CounterMetricFamily(
        "soko_texts_refused",
        "Sends that providers refused, or whose outcome is unknown.",
        labels=["provider", "reason"],
    )
    for label, count in _labelled(counts, "refused"):
        refused.add_metric(label.split(" ", 1), count)
    yield refused
    yield _counter("soko_texts_suppressed", "Texts that will not be sent.", counts, "suppressed", "reason")
    yield _waits(counts)


def _people(conn: Connection, counts: Counts) -> Iterator[Metric]:
    yield _counter(
        "soko_duplicates", "Inbound texts that came again and were not processed again.", counts, "duplicate", "same"
    )
    changes = CounterMetricFamily("soko_consents", "Opt-outs and opt-ins.", labels=["what"])
    for change, count in people.count_consents(conn).items():
        changes.add_metric([change], count)
    yield changes


def _strangers(conn: Connection, counts: Counts, now: datetime, cap: int) -> Iterator[Metric]:
    yield _counter(
        "soko_strangers", "Orders of strangers, and credentials that failed.", counts, counters.STRANGERS, "act"
    )
    refused = CounterMetricFamily(
        "soko_strangers_refused", "Acts of strangers beyond a limit, by what it counts.", labels=["act", "by"]
    )
    for label, count in _labelled(counts, REFUSED):
        refused.add_metric(label.split(" "), count)
    yield refused
    texts = budgets.read(conn, STRANGERS, now.timestamp())
    yield GaugeMetricFamily("soko_stranger_texts", "Answers to strangers since their day began.", texts)
    yield GaugeMetricFamily("soko_stranger_texts_cap", "How many of these are sent in a day.", cap)


def _payouts(shop: Shop) -> Iterator[Metric]:
    """Every status has a sample, so that an alert never refers to a missing one."""
    count = GaugeMetricFamily("soko_payouts", "Payouts by status.", labels=["status"])
    oldest_s = GaugeMetricFamily(
        "soko_payouts_oldest_seconds", "Age of the oldest payout of a status.", labels=["status"]
    )
    totals = balances.totals_by_status(shop)
    for status in PAYOUT.statuses:
        total = totals.get(status)
        count.add_metric([status], total.count if total else 0)
        if status not in payouts.SETTLED:
            oldest_s.add_metric([status], (shop.now - total.oldest_at).total_seconds() if total else 0)
    yield from (count, oldest_s)
    paused, in_flight = (
        pausing.current_pause(shop),
        [totals[status].sum for status in payouts.IN_FLIGHT if status in totals],
    )
    yield GaugeMetricFamily("soko_payouts_paused", "1 while payouts are paused.", float(paused is not None))
    yield GaugeMetricFamily(
        "soko_payouts_in_flight", "Sum of the payouts that are being paid, in minor units.", sum(in_flight)
    )
    cleared = -ledger.balance(shop, ledger.PAYOUTS)
    yield GaugeMetricFamily("soko_payouts_clearing", "The same sum in the ledger, in minor units.", cleared)


def _periodic_tasks(conn: Connection) -> Iterator[Metric]:
    done = GaugeMetricFamily(
        "soko_chore_done_timestamp_seconds", "When a periodic task last succeeded.", labels=["chore"]
    )
    failing = GaugeMetricFamily("soko_chore_failing", "1 if the last run of a periodic task failed.", labels=["chore"])
    for row in schedule.find_all(conn):
        if row.done_at:
            done.add_metric([row.name], row.done_at.timestamp())
        failing.add_metric([row.name], float(row.error is not None))
    yield from (done, failing)


def _backup(counts: Counts) -> Metric:
    """It has a sample also where none was made, so that its alert fires there."""
    made = max(dict(_labelled(counts, counters.BACKUPS)).values(), default=0)
    return GaugeMetricFamily(
        "soko_backup_done_timestamp_seconds", "When the last backup was made; 0 if none was.", made
    )


def _counter(name: str, about: str, counts: Counts, counter: str, label: str) -> Metric:
    family = CounterMetricFamily(name, about, labels=[label])
    for value, count in _labelled(counts, counter):
        family.add_metric([value], count)
    return family


def _waits(counts: Counts) -> Metric:
    in_bucket, running, buckets = dict(_labelled(counts, "waited")), 0, []
    for bound in [*map(str, LATENCIES_S), "+Inf"]:
        running += in_bucket.get(bound, 0)
        buckets.append((bound, float(running)))
    total_s = sum(dict(_labelled(counts, "waited_ms")).values()) / 1000
    return HistogramMetricFamily(
        "soko_text_wait_seconds", "Time from queueing a text to its acceptance by a provider.", buckets, total_s
    )


def _labelled(counts: Counts, counter: str) -> Iterator[tuple[str, int]]:
    return ((label, count) for (name, label), count in sorted(counts.items()) if name == counter)


def routes(
    database: Database,
    open_shop: OpenShop,
    consumer: str,
    strangers_cap: int,
    before_reading: Callable[[], None],
    *,
    is_open: bool = True,
    token: str | None = None,
) -> Blueprint:
    """The page that Prometheus scrapes. `consumer` is the name of the cursor of the event consumer.

    `before_reading` is called first at each scrape, to write what this process has counted. If the page is not open, it
    is 401 without the token.
    """
    blueprint, registry = Blueprint("metrics", __name__), CollectorRegistry()
    if not is_open:
        blueprint.before_request(partial(_require, f"Bearer {token}" if token else None))
    registry.register(DatabaseCollector(database, open_shop, consumer, strangers_cap))
    blueprint.add_url_rule("/metrics", "metrics", partial(_page, registry, before_reading))
    return blueprint


def _require(authorization: str | None, /) -> None:
    sent = request.headers.get("Authorization", "")
    if authorization is None or not compare_digest(sent.encode(), authorization.encode()):
        raise Unauthorized(www_authenticate=WWWAuthenticate("bearer"))


def _page(registry: Any, before_reading: Callable[[], None]) -> Response:
    before_reading()
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
