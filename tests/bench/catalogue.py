"""The CPU time of a page of a catalogue of 1,000 products, and of one a hundred times as large.

The ratio compares the large catalogue with the small one: 1 means that the cost does not grow with the catalogue.
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
from tests.actors import TESTER
from tests.service import Service, serving

SIZES = SMALL, LARGE = 1_000, 100_000
QUERIES = ("limit=50", "limit=50&q=basket", "limit=50&q=guinea+fowl")
TURNS, REQUESTS = 30, 5


def measure(folder: Path) -> list[dict[str, Any]]:
    """Two rows for each query: microseconds of CPU in the small catalogue and in the large one."""
    with ExitStack() as shops:
        services = {size: shops.enter_context(_shop(folder / str(size), size)) for size in SIZES}
        costs: dict[tuple[str, int], list[float]] = {(query, size): [] for query in QUERIES for size in SIZES}
        for _ in range(TURNS):
            for (query, size), cost in costs.items():
                cost.append(_cost(services[size], query))
    medians = {what: median(cost) for what, cost in costs.items()}
    return [
        {
            "what": f"/products?{query}, {size:,}",
            "cpu_us": round(cost, 1),
            "ratio": round(cost / medians[query, SMALL], 2),
        }
        for (query, size), cost in medians.items()
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
            bulk.fill(service.services.shop(session, TESTER), BulkCounts(artisans=products // 20, products=products))
        yield service


def _cost(service: Service, query: str) -> float:
    """Microseconds of CPU per request."""
    environs = [EnvironBuilder("/api/v1/products", query_string=query).get_environ() for _ in range(REQUESTS)]
    begun = process_time()
    answers = [run_wsgi_app(service.app, environ, buffered=True) for environ in environs]
    cost = (process_time() - begun) / REQUESTS * 1e6
    if any(status != "200 OK" for _, status, _ in answers):
        raise RuntimeError(f"the catalogue did not answer {query}")
    return cost
