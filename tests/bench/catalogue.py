"""What it costs to look into a catalogue of 1,000 products, and into one a hundred times as large.

The ratio is the large one's to the small one's: 1 says that the cost does not grow with the shop.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

from werkzeug.test import EnvironBuilder, run_wsgi_app

from bot.demo import bulk
from bot.demo.bulk import BulkCounts
from tests.service import Service, serving

SIZES = SMALL, LARGE = 1_000, 100_000
ASKED = ("limit=50", "limit=50&q=basket", "limit=50&q=guinea+fowl")
TURNS, REQUESTS = 30, 5


def measure(folder: Path) -> list[dict[str, Any]]:
    """Two rows for each thing asked: microseconds of CPU in the small catalogue and in the large one."""
    with ExitStack() as shops:
        services = {size: shops.enter_context(_shop(folder / str(size), size)) for size in SIZES}
        costs: dict[tuple[str, int], list[float]] = {(asked, size): [] for asked in ASKED for size in SIZES}
        for _ in range(TURNS):
            for (asked, size), cost in costs.items():
                cost.append(_cost(services[size], asked))
    medians = {what: median(cost) for what, cost in costs.items()}
    return [
        {
            "what": f"/products?{asked}, {size:,}",
            "cpu_us": round(cost, 1),
            "ratio": round(cost / medians[asked, SMALL], 2),
        }
        for (asked, size), cost in medians.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"\n{'':<46}{'CPU us':>9}{f'x {SMALL:,}':>13}"]
    lines += [f"{row['what']:<46}{row['cpu_us']:>9.1f}{row['ratio']:>13.2f}" for row in rows]
    return "\n".join(lines) + "\n"


@contextmanager
def _shop(folder: Path, products: int) -> Iterator[Service]:
    folder.mkdir()
    with serving(folder, with_demo=True) as service:
        with service.services.database.writing.begin() as session:
            bulk.fill(service.services.shop(session), BulkCounts(artisans=products // 20, products=products))
        yield service


def _cost(service: Service, asked: str) -> float:
    """Microseconds of CPU a request."""
    environs = [EnvironBuilder("/api/v1/products", query_string=asked).get_environ() for _ in range(REQUESTS)]
    begun = process_time()
    answers = [run_wsgi_app(service.app, environ, buffered=True) for environ in environs]
    cost = (process_time() - begun) / REQUESTS * 1e6
    if any(status != "200 OK" for _, status, _ in answers):
        raise RuntimeError(f"the catalogue did not answer {asked}")
    return cost
