"""Migrates the database to the schema of this version: one history for the tables of all packages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.exc import ProgrammingError

from bot.db.engine import create_engine
from bot.db.unit_of_work import Database
from bot.runtime.keys import Purpose
from bot.runtime.settings import Settings
from marketplace_api.events import restored
from marketplace_api.models import Base
from marketplace_api.payments import currency
from marketplace_api.refused import Refused
from state.tables import metadata

log = logging.getLogger(__name__)

SCRIPTS = Path(__file__).parent
MIGRATED: tuple[MetaData, ...] = (metadata, Base.metadata)
"""The tables that the history creates and changes."""


def upgrade(settings: Settings) -> None:
    """Migrate the tables to the newest revision; fast if there is nothing to do.

    Creates the simulator's tables too if these settings use the simulator.
    """
    engine = create_engine(settings.database_url, is_limited=False)
    try:
        _move_to_head(engine, settings.keys.accepted(Purpose.CODES))
        check_currency(Database.of(engine), settings)
        _follow_restored_events(engine)
        if settings.development:
            from bot.simulator import tables  # production does not even import it

            tables.create(engine, settings)
    finally:
        engine.dispose()


def _move_to_head(engine: Engine, code_keys: tuple[bytes, ...]) -> None:
    """Move to the newest revision; end the process with one line if the database is newer, or does not allow it."""
    from alembic.util import CommandError  # slow to import, and no web process needs it

    try:
        move(engine, "head", code_keys)
    except CommandError as error:
        raise SystemExit(f"DATABASE_URL: cannot be used by this version: {error}") from None
    except ProgrammingError as error:
        reason = str(error.orig).partition("\n")[0]
        if "permission denied" not in reason:
            raise
        raise SystemExit(f"DATABASE_URL: cannot be used: {reason}") from None


def _follow_restored_events(engine: Engine) -> None:
    with engine.begin() as connection:
        if restored.follow(connection):
            log.warning("the events come from another PostgreSQL: transactions are numbered after those of the events")


def check_currency(database: Database, settings: Settings) -> None:
    """Store CURRENCY at the first start; end the process with one line if the database has another currency."""
    try:
        with database.writing.begin() as session:
            currency.keep(session, settings.currency)
    except Refused as refused:
        raise SystemExit(
            f"CURRENCY: {settings.currency!r} is wrong: the amounts in this database are in {refused.values['kept']}; "
            "set that currency, or use another database"
        ) from None


def move(engine: Engine, revision: str, code_keys: tuple[bytes, ...] = (b"",)) -> None:
    """Move the schema up or down to a revision: `head` is the newest, `base` an empty database.

    Codes that older versions stored in clear are hashed with the first of `code_keys`; an empty database needs no key.
    Raises RuntimeError, and changes nothing, if rows would refer to rows that no longer exist.
    """
    from alembic import command  # slow to import, and no web process needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.connect() as connection, _foreign_keys_unchecked(connection), connection.begin():
        config.attributes |= {"connection": connection, "code_keys": code_keys}
        migrate = command.downgrade if _is_behind(connection, revision) else command.upgrade
        migrate(config, revision)
        _check_foreign_keys(connection)


def _is_behind(connection: Connection, revision: str) -> bool:
    """True if the revision is older than the one of the database."""
    from alembic.migration import MigrationContext

    current = MigrationContext.configure(connection).get_current_revision() or ""
    return revision == "base" or (revision != "head" and revision < current)


@contextmanager
def _foreign_keys_unchecked(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by replacing it; meanwhile it must not check the rows that refer to the old one."""
    driver = connection.connection.driver_connection
    if connection.dialect.name != "sqlite" or driver is None:
        yield
        return
    driver.execute("PRAGMA foreign_keys = OFF")  # has an effect only outside a transaction
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _check_foreign_keys(connection: Connection) -> None:
    """On SQLite, check all foreign keys now; PostgreSQL has checked them during the migration."""
    if connection.dialect.name == "sqlite":
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if dangling:
            raise RuntimeError(f"the migration would leave rows that refer to nothing: {dangling[:5]}")
