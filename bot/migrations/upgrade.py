"""Brings the database to this edition's schema: one history for the tables of all rooms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData

from bot.db.engine import create_engine
from bot.runtime.settings import Settings
from bot.simulator import tables
from marketplace_api.models import Base
from state.tables import metadata

SCRIPTS = Path(__file__).parent
TABLES: tuple[MetaData, ...] = (metadata, Base.metadata, tables.metadata)


def upgrade(settings: Settings) -> None:
    """Makes the tables, or changes them to what this edition needs; quick when there is nothing to do."""
    engine = create_engine(settings.database_url)
    try:
        move(engine, "head")
    finally:
        engine.dispose()


def move(engine: Engine, revision: str) -> None:
    """Moves the schema up or down to a revision; `base` is an empty database."""
    from alembic import command  # slow to import, and no web process needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.connect() as connection, _tables_may_be_replaced(connection), connection.begin():
        config.attributes["connection"] = connection
        go = command.downgrade if _is_behind(connection, revision) else command.upgrade
        go(config, revision)
        _check_references(connection)


def _is_behind(connection: Connection, revision: str) -> bool:
    """Whether a revision lies behind where the database stands."""
    from alembic.migration import MigrationContext

    current = MigrationContext.configure(connection).get_current_revision() or ""
    return revision == "base" or (revision != "head" and revision < current)


@contextmanager
def _tables_may_be_replaced(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making another in its place; rows that refer to the old one must not object."""
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    driver.execute("PRAGMA foreign_keys = OFF")  # takes effect only outside a transaction
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _check_references(connection: Connection) -> None:
    """What nobody watched meanwhile."""
    if connection.dialect.name == "sqlite":
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if lost:
            raise RuntimeError(f"the migration would leave rows that refer to nothing: {lost[:5]}")
