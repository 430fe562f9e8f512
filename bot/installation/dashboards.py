"""The dashboards of Grafana, made from the metrics themselves: each metric has one panel, and no panel has another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client.core import Metric

BOARDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "messages": ("Soko: messages", ("soko_text", "soko_duplicates", "soko_consents", "soko_stranger")),
    "money": (
        "Soko: money",
        ("soko_payouts", "soko_buyer", "soko_refunds", "soko_direct", "soko_collecting", "soko_audit"),
    ),
    "work": ("Soko: work", ("soko_hop", "soko_outbox", "soko_events", "soko_chore", "soko_backup")),
}
"""By the name of the file: the title, and how the names of its metrics begin."""
COLUMNS, WIDTH, HEIGHT = 2, 12, 8
QUANTILES = (0.5, 0.95, 0.99)
SOURCE = {"type": "prometheus", "uid": "${source}"}


def boards(metrics: Iterable[Metric]) -> dict[str, str]:
    """The JSON of each dashboard, by the name of its file. Raises ValueError for a metric that belongs to none."""
    shown = sorted(metrics, key=lambda metric: metric.name)
    if lost := [metric.name for metric in shown if not any(metric.name.startswith(begin) for begin in _beginnings())]:
        raise ValueError(f"no dashboard shows {', '.join(lost)}")
    return {
        f"{name}.json": json.dumps(
            _board(name, title, [metric for metric in shown if metric.name.startswith(beginnings)]), indent=2
        )
        + "\n"
        for name, (title, beginnings) in BOARDS.items()
    }


def _beginnings() -> list[str]:
    return [begin for _, beginnings in BOARDS.values() for begin in beginnings]


def _board(name: str, title: str, metrics: Sequence[Metric]) -> dict[str, Any]:
    return {
        "uid": f"soko-{name}",
        "title": title,
        "schemaVersion": 39,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(number, metric) for number, metric in enumerate(metrics)],
    }


def _panel(number: int, metric: Metric) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": metric.documentation.rstrip("."),
        "description": metric.name,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": _unit(metric), "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend}
            for place, (expression, legend) in enumerate(_queries(metric))
        ],
    }


def _queries(metric: Metric) -> list[tuple[str, str]]:
    """The PromQL of the panel, and the names of its lines. All processes give the same values, so `max` joins them."""
    labels: Sequence[str] = getattr(metric, "_labelnames", ())
    by, legend = f"by ({', '.join(labels)}) ", " ".join(f"{{{{{label}}}}}" for label in labels) or metric.name
    if metric.type == "histogram":
        buckets = f"max by (le) (rate({metric.name}_bucket[$__rate_interval]))"
        return [(f"histogram_quantile({quantile}, {buckets})", f"{quantile:.0%}") for quantile in QUANTILES]
    if metric.type == "counter":
        return [(f"max {by}(increase({metric.name}_total[$__rate_interval]))", legend)]
    if metric.name.endswith("_timestamp_seconds"):
        return [(f"time() - max {by}({metric.name})", legend)]
    return [(f"max {by}({metric.name})", legend)]


def _unit(metric: Metric) -> str:
    return "s" if metric.name.endswith("_seconds") else "short"
