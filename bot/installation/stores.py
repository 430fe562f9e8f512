"""Checks of the stores: the database, its schema, a read replica, Redis."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect

from bot.db import start_checks
from bot.installation.checking import CheckFinding, Installation, InstallationCheck, well, wrong
from marketplace_api.models import Base
from state.tables import metadata

MIGRATIONS = Path(__file__).parents[1] / "migrations"
OLDEST_SQLITE, OLDEST_POSTGRESQL = (3, 35), 14
UPGRADE = "Run `script/soko db upgrade`, or start `script/server`, which does it by itself."
POLICY = "noeviction"


def _database(installation: Installation) -> CheckFinding:
    settings = installation.settings
    try:
        start_checks.check_database(settings.database_url)
    except SystemExit as error:
        return wrong(str(error), "Start the database, or correct DATABASE_URL.")
    return well(f"{installation.services.engine.dialect.name} takes writes")


def _version(installation: Installation) -> CheckFinding:
    dialect, version = installation.services.engine.dialect.name, _server_version(installation)
    words = f"{dialect} {'.'.join(map(str, version))}"
    if dialect == "sqlite" and version[:2] < OLDEST_SQLITE:
        return wrong(words, "Use a Python whose SQLite is 3.35 or newer.")
    if dialect == "postgresql" and version[0] < OLDEST_POSTGRESQL:
        return wrong(words, f"Upgrade PostgreSQL to {OLDEST_POSTGRESQL} or newer.")
    return well(words)


def _server_version(installation: Installation) -> tuple[int, ...]:
    with installation.services.engine.connect() as connection:
        return tuple(map(int, connection.dialect.server_version_info or ()))


def _schema(installation: Installation) -> CheckFinding:
    with installation.services.engine.connect() as connection:
        current = revision(connection)
    if current == newest_revision():
        return well(f"revision {current}")
    if current in known_revisions():
        return wrong(f"the database is at revision {current}, and this version needs {newest_revision()}", UPGRADE)
    if current is None:
        return wrong("the database has no tables of Soko", UPGRADE)
    return wrong(
        f"the database is at revision {current}, which this version does not know",
        "Run the version that has written the database, or a newer one.",
    )


def revision(connection: Connection) -> str | None:
    """The revision of the schema; None in a database without our tables."""
    from alembic.migration import MigrationContext  # slow to import, and only commands need it

    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str:
    """The revision that this version needs."""
    return known_revisions()[0]


@cache
def known_revisions() -> tuple[str, ...]:
    """Every revision that this version can upgrade, the newest first."""
    from alembic.script import ScriptDirectory

    return tuple(script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions())


def _upgrade(installation: Installation) -> None:
    installation.upgrade(installation.settings)


def _tables(installation: Installation) -> CheckFinding:
    with installation.services.engine.connect() as connection:
        lacking = list(_lacking(connection))
    if lacking:
        remedy = "Somebody has changed the schema by hand. Make it again as bot/migrations does, or restore a backup."
        return wrong(f"missing: {', '.join(lacking[:5])}", remedy)
    return well("every table, column and index is there")


def _lacking(connection: Connection) -> Iterator[str]:
    there = inspect(connection)
    names = set(there.get_table_names())
    columns, indexes = there.get_multi_columns(), there.get_multi_indexes()
    for table in (*metadata.sorted_tables, *Base.metadata.sorted_tables):
        if table.name not in names:
            yield f"table {table.name}"
            continue
        key = None, table.name
        found = {column["name"] for column in columns[key]}
        yield from (f"column {table.name}.{column.name}" for column in table.columns if column.name not in found)
        made = {index["name"] for index in indexes[key]}
        yield from (f"index {index.name}" for index in table.indexes if index.name not in made)


def _replica(installation: Installation) -> CheckFinding:
    replica = installation.services.replica
    if replica is None:
        return well("not used")
    with replica.connect() as connection:
        if not connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar_one():
            return wrong("DATABASE_REPLICA_URL is no replica", "Name a hot standby of DATABASE_URL, or unset it.")
    return well("the replica answers")


def _redis(installation: Installation) -> CheckFinding:
    if not installation.settings.redis_url:
        return well("not used: sessions are kept in the database")
    try:
        start_checks.check_redis(installation.settings.redis_url)
    except SystemExit as error:
        return wrong(str(error), "Start Redis, or correct REDIS_URL. Calls fail meanwhile.")
    return well("Redis takes writes")


def _redis_policy(installation: Installation) -> CheckFinding:
    url = installation.settings.redis_url
    if not url:
        return well("not used")
    from state.redis_clients import eviction_policies  # redis-py takes time to import

    others = sorted(eviction_policies(url) - {POLICY})
    if others:
        return wrong(
            f"Redis evicts: maxmemory-policy is {', '.join(others)}",
            f"Set `maxmemory-policy {POLICY}` in redis.conf: a session that is evicted is a lost call.",
        )
    return well("Redis evicts nothing")


CHECKS = (
    InstallationCheck("database", "the database takes writes", _database),
    InstallationCheck("database_version", "the database is new enough", _version, needs=("database",)),
    InstallationCheck("schema", "the schema is that of this version", _schema, needs=("database",), repair=_upgrade),
    InstallationCheck("tables", "tables, columns and indexes are there", _tables, needs=("schema",)),
    InstallationCheck("replica", "the read replica answers", _replica),
    InstallationCheck("redis", "Redis takes writes", _redis),
    InstallationCheck("redis_policy", "Redis evicts nothing", _redis_policy, needs=("redis",)),
)
