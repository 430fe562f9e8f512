"""What the same costs among 1,000 and among 1,000,000 artisans, sessions, products, orders, texts and jobs.

    script/bench --grow                                     1,000,000, on SQLite and on PostgreSQL
    script/bench --grow 100000 --on sqlite --only artisan   another size, one database, some subjects

The people who are measured have the same orders, products and texts in both sizes, and so has the busiest kiosk, except
for orders that it has shipped. Everybody else's are a thousand times as many in the larger one. There are 21 kiosks in
both: a list of kiosks is as long as there are kiosks.

CPU is that of our process and of the processes of PostgreSQL, the median of the turns. Beside it is what the database
reads: steps of the virtual machine of SQLite, which are the same in each run, and pages of 8 kB of PostgreSQL. An index
of a million rows has a level or two more than one of a thousand, so PostgreSQL reads a page or two more for a look-up.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import Any

import psycopg
from werkzeug.test import EnvironBuilder, run_wsgi_app

from marketplace_api.accounts import artisans
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Product
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import balances
from marketplace_api.shop import Shop
from state import outbox, people
from tests.actors import TESTER
from tests.bench import filling
from tests.bench.orders import AGENT, SUBJECTS, KioskShop, Operation
from tests.databases import migrated_postgres
from tests.marketplace.conftest import place, register
from tests.servers import Postgres, running_postgres
from tests.service import OPERATOR_KEY, Service, serving

SMALL, LARGE = 1_000, 1_000_000
TURNS = 40
ALLOWED = 0.10
"""How much more anything may cost in the larger shop."""
ARTISAN, NEIGHBOUR = "+254711000101", "+254711000102"
PRODUCTS, OPEN, BROUGHT = 5, 10, 10
"""Products of the artisan; and orders of each of two artisans that are accepted, and that were brought and shipped."""
CLAIMED = 10
SERVER = {
    "shared_preload_libraries": "pg_stat_statements",
    "shared_buffers": "1GB",
    "max_wal_size": "16GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}

Prepare = Callable[[KioskShop], Operation]


def _page(path: str) -> Prepare:
    """A request of an operator to the API."""

    def prepare(shop: KioskShop) -> Operation:
        headers = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        environ = EnvironBuilder(f"/api/v1{path}", headers=headers).get_environ()

        def ask() -> None:
            body, status, _ = run_wsgi_app(shop.service.app, environ, buffered=True)
            if status != "200 OK":
                raise RuntimeError(f"{path} is answered by {status}: {b''.join(body)!r}")

        return ask

    return prepare


def _yes(shop: KioskShop) -> Operation:
    """A text that accepts a new offer."""
    with shop.service.services.database.writing.begin() as session:
        market = shop.service.services.shop(session, TESTER)
        artisan = artisans.by_msisdn(market, ARTISAN)
        assert artisan
        product = products.of_artisan(market, artisan)[0]
        code = place(market, product, 1).code
    return shop.text(ARTISAN, f"YES {code}")


def _claim(shop: KioskShop) -> Operation:
    """A claim of due jobs, which is rolled back."""
    services, numbers = shop.service.services, count()

    def claim() -> None:
        with services.engine.connect() as conn:
            now, token = services.clock(), f"token {next(numbers)}"
            lease, kinds = timedelta(minutes=1), (filling.KIND,)
            jobs = outbox.claim(conn, now=now, limit=CLAIMED, lease=lease, token=token, kinds=kinds)
            conn.rollback()
        if len(jobs) != CLAIMED:
            raise RuntimeError(f"{len(jobs)} jobs were claimed")

    return claim


def _call(*typed: str, by: str = ARTISAN, shows: str) -> Prepare:
    return lambda shop: shop.call(by, *typed, shows=shows)


ALL: Mapping[str, Prepare] = SUBJECTS | {
    "hop: into the settings": _call("5", shows="Language"),
    "artisan: dial": _call(shows="Sell something"),
    "artisan: Sell something": _call("1", shows="What are you selling?"),
    "artisan: one product": _call("2", "1", shows="Change price"),
    "artisan: Settings, Language": _call("5", "1", shows="Kiswahili"),
    "artisan: Settings, My name": _call("5", "2", shows="name"),
    "artisan: Settings, My kiosk": _call("5", "3", shows="kiosk"),
    "artisan: Settings, How I am paid": _call("5", "4", shows="PIN"),
    "artisan: Settings, Leave Soko": _call("5", "5", shows="Leave Soko?"),
    "artisan: Help": _call("6", shows="CALL"),
    "artisan: text YES": _yes,
    "agent: Receive goods": _call("1", by=AGENT, shows="code"),
    "agent: Pay cash": _call("2", by=AGENT, shows="6 digits"),
    "agent: Settings": _call("5", by=AGENT, shows="PIN"),
    "catalogue: newest": _page("/products?limit=10"),
    "catalogue: a category": _page("/products?limit=10&category=baskets"),
    "search: a word that many have": _page("/products?limit=10&q=basket"),
    "search: two words": _page("/products?limit=10&q=blue+basket"),
    "search: two words of few products": _page("/products?limit=10&q=tiny+rare"),
    "search: a code": _page("/products?limit=10&q=A2A2A3"),
    "operator: orders": _page("/orders?limit=20"),
    "operator: a conversation": _page(f"/conversations/{ARTISAN.replace('+', '%2B')}?limit=20"),
    "operator: failed texts": _page("/messages?limit=5&status=failed"),
    "worker: claim of 10 jobs": _claim,
}


def main(arguments: Sequence[str]) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("size", nargs="?", type=int, default=LARGE, help="the larger size (%(default)s)")
    options.add_argument("--on", choices=("sqlite", "postgresql"), help="one database instead of both")
    options.add_argument("--only", default="", help="subjects whose name this regular expression finds")
    options.add_argument("--turns", type=int, default=TURNS)
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args(arguments)
    subjects = {name: prepare for name, prepare in ALL.items() if re.search(chosen.only, name)}
    with tempfile.TemporaryDirectory() as folder:
        for database in [chosen.on] if chosen.on else ["sqlite", "postgresql"]:
            opened = _on_sqlite if database == "sqlite" else _on_postgresql
            with opened(Path(folder), (SMALL, chosen.size)) as sides:
                found = list(measure(database, sides, subjects, chosen.turns))
            sys.stdout.write(json.dumps([asdict(row) for row in found]) + "\n" if chosen.json else table(found))
            sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Row:
    """Microseconds of CPU and what is read, in the small shop and in the large one."""

    database: str
    what: str
    cpu: tuple[float, float]
    reads: tuple[int, int]
    size: int

    @property
    def growth(self) -> float:
        return self.cpu[1] / self.cpu[0] - 1


@dataclass(frozen=True, slots=True)
class Side:
    """A shop of one size, and how its costs are counted."""

    size: int
    shop: KioskShop
    cpu_ns: Callable[[], int]
    reads: Callable[[Operation], int]


def measure(database: str, sides: Sequence[Side], subjects: Mapping[str, Prepare], turns: int) -> Iterator[Row]:
    """A row for each subject."""
    for what, prepare in subjects.items():
        costs: Mapping[int, list[int]] = {side.size: [] for side in sides}
        for turn in range(turns + 1):
            # the size that comes second finds the processor's caches warm, so each is second in every other turn
            for side in sides if turn % 2 else reversed(sides):
                operation = prepare(side.shop)
                begun = side.cpu_ns()
                operation()
                costs[side.size].append(side.cpu_ns() - begun)
        # the first turn has filled caches
        small, large = (median(costs[side.size][1:]) / 1000 for side in sides)
        few, many = (side.reads(prepare(side.shop)) for side in sides)
        yield Row(database, what, (round(small, 1), round(large, 1)), (few, many), sides[-1].size)


def table(rows: Sequence[Row]) -> str:
    """The rows of one database for people; what grows too much is marked."""
    database, size = rows[0].database, rows[0].size
    units = "steps" if database == "sqlite" else "pages"
    lines = [f"\n{database + ', us of CPU':<40}{SMALL:>12,}{size:>12,}{'growth':>9}{units:>10}"]
    for row in rows:
        mark = " !" if row.growth > ALLOWED else ""
        cpu, reads = (f"{row.cpu[0]:>12.0f}{row.cpu[1]:>12.0f}", f"{row.reads[0]:>10,}{row.reads[1]:>10,}")
        lines.append(f"{row.what:<40}{cpu}{row.growth:>9.0%}{reads}{mark}")
    return "\n".join(lines) + "\n"


# -- the shops


@contextmanager
def _on_sqlite(folder: Path, sizes: Sequence[int]) -> Iterator[Sequence[Side]]:
    with ExitStack() as stack:
        sides = []
        for size in sizes:
            shop = stack.enter_context(filled(folder / f"sqlite-{size}", size))
            sides.append(Side(size, shop, process_time_ns, steps))
        yield sides


@contextmanager
def _on_postgresql(folder: Path, sizes: Sequence[int]) -> Iterator[Sequence[Side]]:
    with running_postgres(**SERVER) as server, ExitStack() as stack:
        sides = []
        for size in sizes:
            url = stack.enter_context(migrated_postgres(server))
            shop = stack.enter_context(filled(folder / f"postgresql-{size}", size, database_url=url))
            with shop.service.services.engine.begin() as conn:
                conn.exec_driver_sql("CREATE EXTENSION pg_stat_statements")
            sides.append(Side(size, shop, lambda: process_time_ns() + _server_ns(server), _pages(shop)))
        yield sides


@contextmanager
def filled(folder: Path, size: int, **settings: Any) -> Iterator[KioskShop]:
    folder.mkdir()
    with serving(folder, **settings) as service:
        logging.getLogger().setLevel(logging.ERROR)
        kiosk = service.kiosk(AGENT)["id"]
        shop = _people(service, kiosk)
        service.work()
        _disconnect(service)
        filling.fill(service.services.engine, size, service.clock(), kiosk)
        yield shop


def _disconnect(service: Service) -> None:
    services = service.services
    services.engine.dispose()
    services.sessions.close()
    if callers := services.conversation.resources.callers:
        callers.close()


def _people(service: Service, kiosk_id: str) -> KioskShop:
    """Two artisans with their products and orders, and their buyer; everything is paid and told."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        kiosk = kiosks.by_id(shop, kiosk_id)
        for phone in (ARTISAN, NEIGHBOUR):
            artisan = register(shop, kiosk, phone, payout_msisdn=phone)
            listed = [
                products.list_product(
                    shop, artisan, title=f"Basket {n}", category="baskets", price=150_000, quantity=900
                )
                for n in range(PRODUCTS)
            ]
            parts = [_accepted(shop, artisan, listed[0]) for _ in range(OPEN + BROUGHT)]
            for order in parts[OPEN:]:
                receiving.receive(shop, kiosk, order.assignments[0].id, 1)
                orders.ship(shop, order, "DHL", "7")
        while balances.store_sums(shop):
            pass
        order = parts[0]
        for msisdn in (AGENT, ARTISAN, NEIGHBOUR, order.buyer_msisdn):
            people.set_language(session.connection(), msisdn, "en", service.clock())
        return KioskShop(service, ARTISAN, order.buyer_msisdn, order.code)


def _accepted(shop: Shop, artisan: Artisan, product: Product) -> Any:
    order = place(shop, product, 1)
    orders.accept(shop, artisan, order.code)
    return order


# -- counters


def steps(operation: Operation) -> int:
    """How many steps SQLite's virtual machine takes, on all connections of this process."""
    taken, connections = 0, [found for found in gc.get_objects() if isinstance(found, sqlite3.Connection)]

    def step() -> None:
        nonlocal taken
        taken += 1

    for connection in connections:
        connection.set_progress_handler(step, 1)
    operation()
    for connection in connections:
        connection.set_progress_handler(None, 1)
    return taken


def _server_ns(server: Postgres) -> int:
    """Nanoseconds of CPU that the processes of the server have used, those of present connections at least."""
    total = 0
    for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        with suppress(FileNotFoundError):  # the process has ended meanwhile
            total += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return total


def _pages(shop: KioskShop) -> Callable[[Operation], int]:
    """A function that counts the pages that PostgreSQL reads from its cache or from files."""
    address = shop.service.services.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)

    def pages(operation: Operation) -> int:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SELECT pg_stat_statements_reset()")
            operation()
            found = connection.execute("SELECT sum(shared_blks_hit + shared_blks_read)::int FROM pg_stat_statements")
            (number,) = found.fetchone() or (0,)
        return number or 0

    return pages
