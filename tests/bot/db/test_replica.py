"""Pages of the shop are read from a read replica of PostgreSQL, and from the primary while it fails or is late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from bot.db.engine import create_engine
from bot.db.replica import CHECK_S, LATE, LateReads
from bot.db.unit_of_work import Database
from tests.bot.fixtures import AKINYI, POT, add_product, products_titled, seed_shop
from tests.databases import migrated_postgres
from tests.servers import Postgres, running_postgres
from tests.service import serving

IS_REPLICA = text("SELECT pg_is_in_recovery()")
WRITTEN = text("SELECT pg_current_wal_lsn()::text")
REPLAYED = text("SELECT pg_last_wal_replay_lsn() >= CAST(:lsn AS pg_lsn)")


@dataclass
class Pair:
    """A primary and its standby, with a migrated database."""

    primary_server: Postgres
    standby_server: Postgres
    url: str
    replica_url: str
    seconds: float = 0.0
    primary: Engine = field(init=False)
    replica: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.primary, self.replica = create_engine(self.url), create_engine(self.replica_url)

    def reads(self, late: timedelta = LATE) -> LateReads:
        return LateReads(Database.of(self.primary), self.replica, late=late, monotonic=lambda: self.seconds)

    def catch_up(self) -> None:
        """Commit something, and wait until the replica has it."""
        with self.primary.begin() as conn:
            conn.execute(text("SELECT pg_logical_emit_message(true, 'soko', 'test')"))
        with self.primary.connect() as conn:
            written = conn.scalar(WRITTEN)
        with self.replica.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            for _ in range(100_000):
                if conn.scalar(REPLAYED, {"lsn": written}):
                    return
        raise TimeoutError("the standby does not follow")

    def set_replay(self, action: str) -> None:
        with self.replica.connect() as conn:
            conn.execute(text(f"SELECT pg_wal_replay_{action}()"))


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with running_postgres() as primary, migrated_postgres(primary) as url, primary.standby() as standby:
        pair = Pair(primary, standby, url, primary.url_on(standby, url))
        pair.catch_up()
        yield pair
        pair.primary.dispose()
        pair.replica.dispose()


def is_replica(session: Session) -> bool:
    return bool(session.scalar(IS_REPLICA))


def test_reads_are_run_on_the_replica(pair: Pair) -> None:
    assert pair.reads().run(is_replica)


def test_without_a_replica_they_are_run_on_the_primary(pair: Pair) -> None:
    assert not LateReads(Database.of(pair.primary), None).run(is_replica)


def test_a_replica_that_is_late_is_not_read(pair: Pair) -> None:
    assert not pair.reads(late=timedelta(0)).run(is_replica)


def test_a_read_that_the_replica_breaks_off_is_run_on_the_primary(pair: Pair) -> None:
    """As when the replica must apply changes to rows that it reads at this moment."""

    def breaks_off_on_replicas(session: Session) -> bool:
        if is_replica(session):
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return is_replica(session)

    assert not pair.reads().run(breaks_off_on_replicas)


def test_a_replica_that_is_frozen_is_not_waited_for(pair: Pair) -> None:
    reads = pair.reads()
    assert reads.run(is_replica)
    with pair.standby_server.frozen():
        assert not reads.run(is_replica)
    assert not reads.run(is_replica), "it is asked again after a while only"


def test_a_replica_that_failed_is_asked_again_after_a_while(pair: Pair) -> None:
    reads = pair.reads()
    assert reads.run(is_replica)
    pair.standby_server.stop()
    assert not reads.run(is_replica)
    pair.standby_server.start_again()
    assert not reads.run(is_replica)
    pair.catch_up()
    pair.seconds += CHECK_S
    assert reads.run(is_replica)


def test_a_product_that_the_replica_does_not_have_yet_can_be_ordered(pair: Pair, tmp_path: Path) -> None:
    settings = {"database_url": pair.url, "database_replica_url": pair.replica_url}
    with serving(tmp_path, **settings) as service:
        seed_shop(service)
        pair.catch_up()
        pair.set_replay("pause")
        try:
            add_product(service, AKINYI, "Basket")
            page, code = service.http.get("/").text, products_titled(service, "Basket")[0]["code"]
            assert POT in page
            assert ">Basket<" not in page
            assert service.http.get(f"/products/{code}").status_code == 200
        finally:
            pair.set_replay("resume")
