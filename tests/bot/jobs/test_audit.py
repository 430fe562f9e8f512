"""The audit of the books reads one state of the database, and nobody waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import InternalError

from bot.jobs import periodic
from marketplace_api.actors import Actor
from state import counters
from tests.bot.fixtures import AKINYI, OTIENO, accepted_order, choose_language, dial, order_status, seed_shop
from tests.service import Service, serving

LOCKS = text("SELECT locktype, mode FROM pg_locks WHERE pid = :pid")
READING = {("relation", "AccessShareLock"), ("virtualxid", "ExclusiveLock")}
"""The locks of a transaction that only reads: no write waits for them."""


def is_audit(conn: Connection) -> bool:
    return bool(conn.get_execution_options().get("postgresql_readonly", False))


def sell(service: Service) -> str:
    """An order is placed, accepted by a text and received in a call; its status then."""
    order = accepted_order(service)
    dial(service, OTIENO, "1", order["code"], "1", "1")
    return order_status(service, order)


def test_hops_write_while_the_audit_reads_and_it_sees_none_of_it(migrated_postgres_url: str, tmp_path: Path) -> None:
    sold: list[str] = []
    held: set[tuple[str, str]] = set()
    with serving(tmp_path, database_url=migrated_postgres_url) as service:
        seed_shop(service)
        choose_language(service, "en", AKINYI, OTIENO)
        sell(service)
        engine = service.services.engine

        def sell_meanwhile(conn: Connection, *_: Any) -> None:
            if not is_audit(conn):
                return
            driver: Any = conn.connection.driver_connection
            sold.append(sell(service))
            with engine.connect() as other:
                held.update((kind, mode) for kind, mode in other.execute(LOCKS, {"pid": driver.info.backend_pid}))

        listen(engine, "after_cursor_execute", sell_meanwhile)
        try:
            periodic.audit(service.services.database, service.services.opener(Actor("job", "ledger.audit")))
        finally:
            remove(engine, "after_cursor_execute", sell_meanwhile)
        with service.services.database.reading() as session:
            stored = counters.read(session.connection())

    assert len(sold) > 10
    assert set(sold) == {"at_kiosk"}
    assert held == READING
    assert {value for (name, _), value in stored.items() if name == periodic.AUDIT} == {0}


def test_nothing_can_be_written_in_a_snapshot(migrated_postgres_url: str, tmp_path: Path) -> None:
    with serving(tmp_path, database_url=migrated_postgres_url) as service:
        database = service.services.database
        with database.snapshot() as session, pytest.raises(InternalError, match="read-only transaction"):
            session.execute(text("DELETE FROM outbox"))
        with database.writing.begin() as session:  # by the same connection, from the pool
            session.execute(text("DELETE FROM outbox"))
