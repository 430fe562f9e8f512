"""Hops by dialogue, state and outcome, and how long the hops of calls took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from state.dialogue_counts import BOUNDS_S, HOP_MS, HOP_S, HOPS


def metrics(counts: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """The metrics of the counters, which are by name and label."""
    hops = CounterMetricFamily(
        "soko_hops", "Hops by state and outcome.", labels=["channel", "dialogue", "state", "outcome"]
    )
    in_bucket: dict[str, int] = {}
    for (name, label), count in sorted(counts.items()):
        if name == HOPS:
            hops.add_metric(label.split(" "), count)
        elif name == HOP_S:
            in_bucket[label] = count
    yield hops
    running, buckets = 0, []
    for bound in [*map(str, BOUNDS_S), "+Inf"]:
        running += in_bucket.get(bound, 0)
        buckets.append((bound, float(running)))
    total_s = counts.get((HOP_MS, ""), 0) / 1000
    yield HistogramMetricFamily("soko_hop_seconds", "Time to answer a hop of a call.", buckets, total_s)
