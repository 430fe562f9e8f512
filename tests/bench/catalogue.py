"""The CPU time of a page of a catalogue of 1,000 products, and of one a hundred times as large.

The ratio compares the large catalogue with the small one: 1 means that the cost does not grow with the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import process_time

from werkzeug.test import EnvironBuilder, run_wsgi_app

from bot.demo import bulk
from bot.demo.bulk import BulkCounts
from tests.actors import TESTER
from tests.bench import growth
from tests.service import Service, serving

SIZES = SMALL, LARGE = 1_000, 100_000
QUERIES = ("/products?limit=20", "/products?limit=20&q=basket", "/products?limit=20&q=guinea+fowl")
"""The small catalogue has a full page for each, as the large one has."""
TURNS, REQUESTS = 30, 5


def measure(folder: Path) -> list[growth.Row]:
    """Two rows for each query: microseconds of CPU in the small catalogue and in the large one."""
    with ExitStack() as shops:
        services = {size: shops.enter_context(_shop(folder / str(size), size)) for size in SIZES}
        return growth.measure(lambda query, size: _cost(services[size], query), QUERIES, SIZES, TURNS)


@contextmanager
def _shop(folder: Path, products: int) -> Iterator[Service]:
    folder.mkdir()
    with serving(folder, with_demo=True) as service:
        with service.services.database.writing.begin() as session:
            bulk.fill(service.services.shop(session, TESTER), BulkCounts(artisans=products // 20, products=products))
        growth.settle(service.services.engine)
        yield service


def _cost(service: Service, query: str) -> float:
    """Microseconds of CPU per request."""
    environs = [EnvironBuilder(f"/api/v1{query}").get_environ() for _ in range(REQUESTS)]
    begun = process_time()
    answers = [run_wsgi_app(service.app, environ, buffered=True) for environ in environs]
    cost = (process_time() - begun) / REQUESTS * 1e6
    if any(status != "200 OK" for _, status, _ in answers):
        raise RuntimeError(f"the catalogue did not answer {query}")
    return cost
