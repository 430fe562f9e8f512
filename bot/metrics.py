"""`/metrics` for Prometheus: every figure is read from the database when it is asked for.

So it is the same whichever of many processes answers, and none of them keeps a count of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from bot.clock import Clock
from bot.delivery import LATENCIES_S
from bot.work import Database
from state import messages, outbox, people, schedule, tallies

Counts = dict[tuple[str, str], int]


class Figures(Collector):
    """The shop's figures as they stand at a scrape."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def collect(self) -> Iterable[Metric]:
        with self._database.reading() as db:
            conn = db.connection()
            counts = tallies.read(conn)
            return [*self._outbox(conn), *_texts(conn, counts), *_people(conn, counts), *_chores(conn)]

    def _outbox(self, conn: Connection) -> Iterator[Metric]:
        now = self._clock()
        depth = outbox.depth(conn, now)
        oldest_s = (now - depth.oldest_due_at).total_seconds() if depth.oldest_due_at else 0.0
        yield GaugeMetricFamily("soko_outbox_jobs", "Jobs that are not finished.", depth.waiting)
        yield GaugeMetricFamily("soko_outbox_due_jobs", "Jobs that could be done now.", depth.due)
        yield GaugeMetricFamily("soko_outbox_oldest_seconds", "For how long the oldest of them has been due.", oldest_s)
        yield GaugeMetricFamily("soko_outbox_dead_jobs", "Jobs that were given up.", depth.dead)


def _texts(conn: Connection, counts: Counts) -> Iterator[Metric]:
    unknown = messages.unknown_ones(conn)
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
    for what, count in people.consents(conn).items():
        changes.add_metric([what], count)
    yield changes


def _chores(conn: Connection) -> Iterator[Metric]:
    done = GaugeMetricFamily("soko_chore_done_timestamp_seconds", "When a chore was last done.", labels=["chore"])
    failing = GaugeMetricFamily("soko_chore_failing", "Whether a chore failed the last time.", labels=["chore"])
    for row in schedule.rows(conn):
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


def routes(database: Database, clock: Clock) -> Blueprint:
    """The page that Prometheus reads."""
    blueprint, registry = Blueprint("metrics", __name__), CollectorRegistry()
    registry.register(Figures(database, clock))
    blueprint.add_url_rule("/metrics", "metrics", partial(_page, registry))
    return blueprint


def _page(registry: Any) -> Response:
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
