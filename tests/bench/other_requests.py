"""`script/bench --requests`: processor time of requests that are no menu hops, through the wire.

The catalogue of 50 products, the page of a product, the window, and a YES by text and by USSD, with all that it writes.
Servers and load are processes of their own, as with `--wire`. `x Flask` compares with a bare Flask view that reads one
form field, on the same web server in the same run. At the end: what an idle process tree takes of one processor, and
what a web process takes to start.

script/bench --requests --rounds 3 --only SQLite
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, select

from bot.providers import registry
from bot.services import Services, build
from marketplace_api.catalogue import products
from marketplace_api.models import Artisan, Assignment, Product
from marketplace_api.orders import orders
from tests.actors import TESTER
from tests.bench import wire_servers
from tests.bench.wire_load import LoadJob
from tests.bench.wire_servers import ARTISANS, ECHO, USSD, Loader, Running, Subject, soko, web
from tests.databases import migrate, migrated_sqlite
from tests.marketplace.conftest import request as order_request
from tests.servers import running_postgres, running_redis

ROUNDS = 3
CONNECTIONS = 16
PRODUCTS = 50
READS = 1_500
"""Requests of a turn. The kernel counts processor time in hundredths of a second."""
IDLE_S = 30.0
STARTS = 5
FLASK = "bare Flask form view"
SMS = f"{USSD.removesuffix('ussd')}sms"
SETTINGS = {
    "PUBLIC_RATE": "100000000/minute",
    "COLLECTORS": "stripe",
    "STRIPE_API_KEY": "sk_live_1",
    "STRIPE_WEBHOOK_SECRET": "whsec_" + "1" * 32,
}
"""No limit of pages an hour, and a way to pay, without which a product's page has no form."""

Row = dict[str, Any]


@dataclass
class MeasuredShop:
    """A server with its database, in which orders are placed before each turn."""

    server: Running
    services: Services
    figures: dict[str, list[float]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def place_orders(self) -> list[tuple[str, str]]:
        """Place an order with each artisan; returns their phones and the codes of the orders."""
        with self.services.database.writing.begin() as session:
            shop = self.services.shop(session, TESTER)
            found = session.scalars(select(Product).order_by(Product.artisan_id)).unique().all()
            request = replace(order_request("key_1"), buyer_msisdn="+254733000333")
            return [(row.artisan.msisdn, orders.place(shop, request, row.id, 1).code) for row in found]

    def accepted(self) -> int:
        with self.services.database.reading() as session:
            is_accepted = Assignment.status == "accepted"
            return session.scalar(select(func.count()).select_from(Assignment).where(is_accepted)) or 0

    def text(self, phone: str, words: str) -> bytes:
        number = next(self._numbers)
        return post(SMS, {"id": f"ATXid_{number}", "from": phone, "to": "22384", "text": words})

    def hop(self, phone: str, session: str, typed: str) -> bytes:
        fields = {"sessionId": session, "phoneNumber": phone, "serviceCode": "*384*22#", "text": typed}
        return post(USSD, fields)


def measure(rounds: int, only: str = "") -> list[Row]:
    """A row for each server and kind of request, with its ratio to the bare Flask view."""
    first, *others = sorted(os.sched_getaffinity(0))
    servers, rest = {first}, set(others[:1]) or {first}
    os.sched_setaffinity(0, rest)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        loader = Loader(rest, CONNECTIONS)
        stack.callback(loader.close)
        bare = Subject(FLASK, web("tests.bench.peers.flask_form:app"), shows=ECHO)
        flask = stack.enter_context(wire_servers.running(bare, servers))
        shops = [
            MeasuredShop(stack.enter_context(wire_servers.running(subject, servers)), services)
            for subject, services in stack.enter_context(_subjects(folder))
            if re.search(only, subject.name)
        ]
        bases: list[float] = []
        for number in range(rounds + 1):  # the first one only warms
            base = _cost(loader, flask, [post("/", {"text": "1"})] * READS, b"CON 1")
            bases += [base] if number else []
            for shop in shops:
                for what, cost in _turn(loader, shop):
                    shop.figures.setdefault(what, []).extend([cost] if number else [])
    base = median(bases)
    rows = [{"what": FLASK, "cpu_us": round(base), "ratio": 1.0}]
    for shop in shops:
        for what, costs in shop.figures.items():
            cost = median(costs)
            name = f"{shop.server.subject.name}: {what}"
            rows.append({"what": name, "cpu_us": round(cost), "ratio": round(cost / base, 2)})
    return rows


@contextmanager
def _subjects(folder: Path) -> Iterator[list[tuple[Subject, Services]]]:
    with ExitStack() as stack:
        sqlite, redis = migrated_sqlite(folder / "soko.db"), stack.enter_context(running_redis()).url
        postgres = stack.enter_context(stack.enter_context(running_postgres()).fresh_database())
        migrate(postgres)
        found = []
        for name, url, redis_url in (("SQLite", sqlite, ""), ("Redis + PostgreSQL", postgres, redis)):
            wire_servers.add_artisans(url)
            services = build(registry.make_settings(database_url=url))
            stack.callback(services.close)
            _add_products(services)
            found.append((soko(name, DATABASE_URL=url, REDIS_URL=redis_url, **SETTINGS), services))
        yield found


def _add_products(services: Services) -> None:
    with services.database.writing.begin() as session:
        shop = services.shop(session, TESTER)
        for number, artisan in enumerate(session.scalars(select(Artisan).limit(PRODUCTS)).unique().all()):
            title = f"Kiondo basket {number}"
            about = "Woven of sisal, dyed with bark and roots, with a strap of leather. It carries ten kilograms."
            products.list_product(
                shop, artisan, title=title, category="baskets", price=1_500_00, quantity=9_999, description=about
            )


def _turn(loader: Loader, shop: MeasuredShop) -> Iterator[tuple[str, float]]:
    server = shop.server
    with shop.services.database.reading() as session:
        codes = list(session.scalars(select(Product.code)))
    yield (
        f"GET /products, {PRODUCTS} products",
        _cost(loader, server, [_get("/api/v1/products?limit=50")] * READS, b'{"'),
    )
    pages = [_get(f"/products/{code}") for code in codes] * (READS // len(codes))
    yield "the page of a product", _cost(loader, server, pages, b"Place order")
    yield "the window", _cost(loader, server, [_get("/")] * READS, b'class="ware"')
    yield "YES by text", _accepting(loader, shop, lambda phone, code, _: ([], shop.text(phone, f"YES {code}")), b"")
    yield "YES by USSD", _accepting(loader, shop, _hops_to_yes(shop), b"is yours")


def _hops_to_yes(shop: MeasuredShop) -> Callable[[str, str, str], tuple[list[bytes], bytes]]:
    """The hops of a call to the newest order, and the one that accepts it."""
    return lambda phone, _, session: (
        [shop.hop(phone, session, typed) for typed in ("", "3", "3*1")],
        shop.hop(phone, session, "3*1*1"),
    )


def _accepting(
    loader: Loader, shop: MeasuredShop, requests: Callable[[str, str, str], tuple[list[bytes], bytes]], shows: bytes
) -> float:
    """Microseconds of each request that accepts an order; what leads to it is not measured."""
    before, rounds = shop.accepted(), 6
    cost = 0.0
    for _ in range(rounds):
        made = [requests(phone, code, f"ATUid_{code}") for phone, code in shop.place_orders()]
        for step in zip(*(leading for leading, _ in made), strict=True):
            _send(loader, shop.server, step, b"")
        cost += _cost(loader, shop.server, [last for _, last in made], shows) / rounds
    if shop.accepted() - before != rounds * PRODUCTS:
        raise RuntimeError(f"{shop.accepted() - before} orders were accepted")
    return cost


def _cost(loader: Loader, server: Running, requests: Sequence[bytes], shows: bytes) -> float:
    """Microseconds of processor time of the server's process tree for each request."""
    before = server.cpu_s()
    _send(loader, server, requests, shows)
    return (server.cpu_s() - before) / len(requests) * 1e6


def _send(loader: Loader, server: Running, requests: Sequence[bytes], shows: bytes) -> None:
    each, shown = tuple(requests), (shows.decode(),)
    loader.run(LoadJob(server.port, "", 0, len(each), (), shown, ARTISANS, CONNECTIONS, requests=each))


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n".encode()


def post(path: str, fields: dict[str, str]) -> bytes:
    body = urlencode(fields)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def measure_idle(folder: Path) -> Row:
    """What the process tree of `script/server` takes of one processor while nothing happens."""
    url = migrated_sqlite(folder / "idle.db")
    environment = {"DATABASE_URL": url, "REDIS_URL": "", "DEMO": "false", "PHOTOS_DIR": str(folder / "photos")}
    subject = Subject("idle", lambda _: [sys.executable, "-m", "bot.server"], environment=environment)
    with wire_servers.running(subject, os.sched_getaffinity(0)) as server:
        time.sleep(10)  # the worker starts after the port is open
        before = server.cpu_s()
        time.sleep(IDLE_S)
        return {
            "what": "idle process tree, % of a processor",
            "percent": round(100 * (server.cpu_s() - before) / IDLE_S, 2),
        }


def measure_start() -> Row:
    """The processor time and the memory of a process that imports the application, each the least of some."""
    seconds, megabytes = [], []
    program = "import wsgi; print(*(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    for _ in range(STARTS):
        before = getrusage(RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
        after = getrusage(RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        megabytes.append(int(done.stdout) / 1024)
    return {"what": "import of a web process", "cpu_s": round(min(seconds), 2), "mb": round(min(megabytes), 1)}


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'':<52}{'CPU us':>9}{'x Flask':>9}"]
    lines += [f"{row['what']:<52}{row['cpu_us']:>9}{row['ratio']:>9.2f}" for row in rows if "cpu_us" in row]
    for row in rows:
        lines += [f"{row['what']:<52}{row['percent']:>9.2f}"] if "percent" in row else []
        lines += [f"{row['what']:<52}{row['cpu_s']:>7.2f} s{row['mb']:>7.1f} MB"] if "mb" in row else []
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--only", default="", help="measure only the servers whose names match this")
    chosen = options.parse_args(arguments)
    rows = [measure_start()]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(measure_idle(Path(folder)))
    rows += measure(chosen.rounds, chosen.only)
    sys.stdout.write(json.dumps(rows, indent=2) + "\n" if chosen.json else table(rows))


if __name__ == "__main__":
    main()
