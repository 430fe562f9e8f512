"""The parts that a kiosk expects are found without reading the other orders, also on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import text

from marketplace_api.orders import orders, receiving
from marketplace_api.shop import Shop
from tests.marketplace.conftest import ShopDatabase, bring, place, seed_sample

_COPIES = """
    INSERT INTO "order" SELECT (jsonb_populate_record(o, jsonb_build_object('id', o.id || n, 'code', o.code || n))).*
    FROM "order" o, generate_series(1, 3000) n WHERE o.id = :id;
    INSERT INTO assignment (order_id, artisan_id, quantity, earns, status, reason, refused)
    SELECT o.id, a.artisan_id, a.quantity, a.earns, a.status, '', 0
    FROM "order" o JOIN assignment a ON a.order_id = :id WHERE o.id <> :id AND o.id LIKE :id || '%'
"""
"""Copies of an order and its part, so that PostgreSQL has a reason to choose its plan with care."""
_ROWS_READ = """
    SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
    WHERE relname IN ('order', 'assignment')
"""


def rows_read(shop: Shop) -> int:
    """How many rows of orders and their parts this transaction has read so far."""
    return sum(count for _, count in shop.session.execute(text(_ROWS_READ)))


def test_no_order_that_has_come_is_read_for_the_list(postgres_database: ShopDatabase) -> None:
    sample = seed_sample(postgres_database)
    with postgres_database.open() as shop:
        came, expected = place(shop, sample.product, 1), place(shop, sample.product, 1)
        for order in (came, expected):
            orders.accept(shop, sample.artisan, order.code)
        bring(shop, sample.kiosk, came, 1)
        shop.session.flush()
        for statement in _COPIES.split(";"):
            shop.session.execute(text(statement), {"id": came.id})
    with postgres_database.open() as shop:
        shop.session.execute(text("ANALYZE"))
        # rows that another process reads would not be counted
        shop.session.execute(text("SET LOCAL max_parallel_workers_per_gather = 0"))
        before = rows_read(shop)
        assert [part.order_id for part in receiving.expected_parts(shop, sample.kiosk)] == [expected.id]
        assert rows_read(shop) - before < 20
