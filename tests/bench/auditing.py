"""How long the audit of the books takes in a shop with many orders that their buyers have paid, on PostgreSQL.

.venv/bin/python -m tests.bench.auditing [ORDERS]
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from bot.providers import registry
from bot.runtime.clock import system_clock
from bot.services import Services, build
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.payments import audit
from tests.actors import TESTER
from tests.databases import migrated_postgres
from tests.marketplace.conftest import register
from tests.servers import running_postgres

ORDERS = 100_000
ARTISANS = 200
RUNS = 3
FILL = (Path(__file__).parent / "paid_orders.sql").read_text()


def measure(folder: Path, orders: int = ORDERS) -> list[dict[str, Any]]:
    """A row for the audit: seconds, the shortest of `RUNS`."""
    with running_postgres() as postgres, migrated_postgres(postgres) as url:
        services = build(registry.make_settings(database_url=url, photos_dir=str(folder)), clock=system_clock)
        try:
            fill(services, orders)
            seconds = min(_seconds(services) for _ in range(RUNS))
        finally:
            services.close()
    return [{"what": f"audit of {orders:,} paid orders, PostgreSQL", "seconds": round(seconds, 2)}]


def fill(services: Services, orders: int) -> None:
    """Fill an empty shop."""
    with services.database.writing.begin() as session:
        shop = services.shop(session, TESTER)
        kiosk = kiosks.create(shop, name="Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn="+254711000001")
        for number in range(ARTISANS):
            artisan = register(shop, kiosk, f"+2547123{number:05}")
            products.list_product(shop, artisan, title="Basket", category="baskets", price=150_000, quantity=9)
    with services.database.writing.begin() as session:
        cursor = session.connection().connection.cursor()
        for statement in FILL.format(orders=orders).split(";"):  # one by one, because of the limit of each statement
            cursor.execute(statement)


def _seconds(services: Services) -> float:
    """Seconds for all checks, in one snapshot as the worker takes it."""
    begun = time.monotonic()
    with services.database.snapshot() as session:
        found = list(audit.inconsistencies(services.shop(session, TESTER)))
    if found:
        raise RuntimeError(f"the books are wrong: {found[:3]}")
    return time.monotonic() - begun


def table(rows: list[dict[str, Any]]) -> str:
    lines = [f"\n{'':<50}{'seconds':>9}"]
    lines += [f"{row['what']:<50}{row['seconds']:>9.2f}" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(table(measure(Path(folder), int(sys.argv[1]) if len(sys.argv) > 1 else ORDERS)))
