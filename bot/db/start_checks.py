"""Checks at the start of a process: each store that the settings name can be reached, and takes writes.

REDIS_URL: cannot be used: Error 111 connecting to 127.0.0.1:6379. Connection refused.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from bot.db.engine import create_engine
from state import deadline

PATIENCE_S = 5.0
"""How long each store may take."""


class UnusableError(Exception):
    """The store answers, and cannot be used all the same."""


def check(database_url: str, redis_url: str | None, photos_dir: str) -> None:
    """End the process with one line that names the variable if one of these cannot be used."""
    check_database(database_url)
    check_redis(redis_url)
    check_folder(photos_dir)


def check_database(url: str) -> None:
    """End the process with one line if the database cannot be used."""
    _or_end("DATABASE_URL", url, _write_to_database)


def check_redis(url: str | None) -> None:
    """End the process with one line if there should be a Redis and it cannot be used."""
    if url:
        _or_end("REDIS_URL", url, _write_to_redis)


def check_folder(path: str) -> None:
    """End the process with one line if no file can be created in this folder, which is created if it is missing."""
    _or_end("PHOTOS_DIR", path, _write_to_folder)


def _or_end(variable: str, value: str, write: Callable[[str], None]) -> None:
    try:
        write(value)
    except Exception as error:  # each driver has errors of its own, and all of them mean the same here
        raise SystemExit(f"{variable}: cannot be used: {_reason(error, value)}") from None


def _reason(error: Exception, value: str) -> str:
    """The first line of what the driver or the system says, without a password that is in the value."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    line, *_ = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    for password in re.findall(r"://[^/@]*:([^/@]+)@", value):
        line = line.replace(unquote(password), "***")
    return line


def _write_to_database(url: str) -> None:
    target = make_url(url)
    is_sqlite = target.get_backend_name() == "sqlite"
    if is_sqlite and target.database in (None, "", ":memory:"):
        raise UnusableError("processes cannot share a database in memory")
    engine = create_engine(url)
    try:
        with deadline.within(PATIENCE_S), engine.connect() as connection:
            if is_sqlite:
                _write_to_file(connection)
            elif connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on":
                raise UnusableError("PostgreSQL takes no writes: it is a standby, or read-only")
    except OperationalError as error:
        if "database is locked" not in str(error):  # another process is writing
            raise
    finally:
        engine.dispose()


def _write_to_file(connection: Connection) -> None:
    """Write what is there already, without keeping it: to begin a transaction is no proof that writing is allowed."""
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    connection.exec_driver_sql(f"PRAGMA user_version = {int(version)}")
    connection.rollback()


def _write_to_redis(url: str) -> None:
    from state import redis_clients  # redis-py takes time to import, and without Redis nothing needs it

    redis_clients.write(url, PATIENCE_S)


def _write_to_folder(path: str) -> None:
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"\n")
        file.flush()
