"""Compares what the same costs in a small shop and in a large one, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from statistics import median
from typing import Any

from sqlalchemy import Engine

Row = dict[str, Any]


def measure(
    cost: Callable[[str, int], float], subjects: Iterable[str], sizes: Sequence[int], turns: int, unit: str = ""
) -> list[Row]:
    """A row for each subject and size: the median cost, and its ratio to the cost at the first size.

    `cost` takes a subject and a size, and returns microseconds of CPU. `unit` follows the size in the row's name.
    """
    costs: dict[tuple[str, int], list[float]] = {(what, size): [] for what in subjects for size in sizes}
    for turn in range(turns):
        # the size that comes second finds the processor's caches warm, so each is second in every other turn
        for what in dict.fromkeys(what for what, _ in costs):
            for size in sizes if turn % 2 else reversed(sizes):
                costs[what, size].append(cost(what, size))
    medians = {subject: median(found) for subject, found in costs.items()}
    return [
        {"what": f"{what}, {size:,}{unit}", "cpu_us": round(cpu, 1), "ratio": round(cpu / medians[what, sizes[0]], 2)}
        for (what, size), cpu in medians.items()
    ]


def settle(engine: Engine) -> None:
    """Write SQLite's log into its file, as happens in a running shop; the log of a small shop is not yet full."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def table(rows: Iterable[Row], smallest: int) -> str:
    """The rows for people; `smallest` is the first size."""
    lines = [f"\n{'':<50}{'CPU us':>9}{f'x {smallest:,}':>13}"]
    lines += [f"{row['what']:<50}{row['cpu_us']:>9.1f}{row['ratio']:>13.2f}" for row in rows]
    return "\n".join(lines) + "\n"
