"""Real servers for the tests: Debian's Redis and PostgreSQL, in a temporary folder each, gone afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import sample
from typing import Any, LiteralString, NoReturn

import psycopg
import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry


class Redis:
    """A Redis on a free port that keeps nothing; `stop` and `start` are how a test restarts it."""

    def __init__(self, folder: Path) -> None:
        self._program = program("redis-server", "redis-server")
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        address = ["--bind", "127.0.0.1", "--port", str(self._port), "--dir", str(self._folder)]
        self._process = subprocess.Popen(
            [self._program, *address, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        with redis.Redis.from_url(self.url, retry=Retry(ConstantBackoff(0.01), 1000)) as client:
            client.ping()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It accepts connections, and answers nothing until the block ends."""
        with _frozen(self.pid):
            yield

    def kill(self) -> None:
        """As when the power fails: what it held is gone, and it starts again empty."""
        self._process.kill()
        self._process.wait()
        self.start()


@contextmanager
def running_redis() -> Iterator[Redis]:
    with tempfile.TemporaryDirectory(prefix="soko-redis-") as folder:
        server = Redis(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


_TABLES: LiteralString = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
_SCHEMA: LiteralString = """
    SELECT count(*), max(xmin::text::bigint) FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
"""Another row as soon as a table, an index or a constraint is made, changed or dropped."""
KEPT = "kept for the next test"
"""The `application_name` of connections that a test leaves open, in no transaction."""
_DISCONNECT: LiteralString = f"""
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND NOT (application_name = '{KEPT}' AND state = 'idle')
"""
_RESTART_SEQUENCES: LiteralString = """
    SELECT setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences
    WHERE last_value IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class _Lent:
    """A database that is lent to one test after another, and what it looks like between them."""

    name: str
    connection: psycopg.Connection
    tables: Sequence[str]
    schema: tuple[Any, ...] | None


_CARELESS = {
    # it may forget what the machine forgets, but not what a killed server does: commits stay synchronous
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    # it writes nothing of its own accord: readers of events would wait for that
    "autovacuum": "off",
}


class Postgres:
    """A PostgreSQL that listens on a socket in its own folder, and needs no password.

    `settings` are those of `postgresql.conf` that are not as usual in tests.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self._bin = newest_postgres()
        self._folder = folder
        self._settings = _CARELESS | settings
        self._made = 0
        self._templates: dict[Callable[[str], None], str] = {}
        self._free: dict[Callable[[str], None], list[_Lent]] = {}

    @property
    def folder(self) -> str:
        """Where its socket is."""
        return str(self._folder)

    def start(self) -> None:
        give_away(self._folder)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync")
        self._launch()

    def _launch(self) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        where = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "start", "--wait", f"--log={self._folder}/log", f"--options={where} {settings}")

    def stop(self) -> None:
        for database in (database for free in self._free.values() for database in free):
            database.connection.close()
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def start_again(self) -> None:
        """Start after `stop`, with what was committed."""
        self._launch()

    def restart(self) -> None:
        """Every connection breaks off in the middle of a word; what was committed stays."""
        self.stop()
        self._launch()

    @property
    def pid(self) -> int:
        """The process that is the parent of all of its others."""
        return int((self._folder / "data/postmaster.pid").read_text().split()[0])

    @contextmanager
    def standby(self) -> Iterator[Postgres]:
        """A read replica of this server, which follows it until the block ends."""
        with tempfile.TemporaryDirectory(prefix="soko-standby-") as folder:
            standby = Postgres(Path(folder), **self._settings)
            give_away(Path(folder))
            source = f"--host={self._folder}", "--username=postgres"
            standby._run("pg_basebackup", *source, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
            standby._launch()
            try:
                yield standby
            finally:
                standby.stop()

    def url_on(self, standby: Postgres, url: str) -> str:
        """The URL of the copy of one of our databases on a standby."""
        return url.replace(str(self._folder), str(standby._folder))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It and all of its processes stand still until the block ends."""
        with _frozen(self.pid):
            yield

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The URL of an empty database, which is dropped when the block ends."""
        with self._database("template0") as name:
            yield self._url(name)

    @contextmanager
    def moved_database(self, url: str, to: Postgres) -> Iterator[str]:
        """The URL of a copy on another server, as operators make it; it is dropped when the block ends."""
        with to._database("template0") as name:
            dump, restore = (self._bin / program for program in ("pg_dump", "psql"))
            dumped = subprocess.run([dump, _plain(url)], stdout=subprocess.PIPE, check=True).stdout
            quiet = ["--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1"]
            subprocess.run([restore, *quiet, _plain(to._url(name))], input=dumped, check=True)
            yield to._url(name)

    def benchmark(self, url: str, script: Path, clients: int, each: int) -> float:
        """Transactions per second of so many clients, each of which runs PostgreSQL's benchmark script so often."""
        size = [f"--client={clients}", f"--jobs={clients}", f"--transactions={each}", "--no-vacuum"]
        command = [self._bin / "pgbench", *size, f"--file={script}", _plain(url)]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        (rate,) = re.findall(r"^tps = ([\d.]+) ", said, re.MULTILINE)
        return float(rate)

    @contextmanager
    def lent_database(self, fill: Callable[[str], None]) -> Iterator[str]:
        """The URL of a database as `fill` makes it from an empty one, given its URL.

        It is lent again afterwards, without the rows that were added: deleting them takes 3 ms, and making another
        database 100 ms or more. A database whose tables were changed is dropped.
        """
        free = self._free.setdefault(fill, [])
        database = free.pop() if free else self._make(fill)
        yield self._url(database.name)
        if self._clear(database):
            free.append(database)
        else:
            database.connection.close()
            self._drop(database.name)

    def _make(self, fill: Callable[[str], None]) -> _Lent:
        if fill not in self._templates:
            name = self._new_database("template0")
            fill(self._url(name))
            self._templates[fill] = name
        name = self._new_database(self._templates[fill])
        connection = self._connect(name)
        tables = [table for (table,) in connection.execute(_TABLES)]
        empty = [t for t in tables if connection.execute(f'SELECT 1 FROM "{t}" LIMIT 1').fetchone() is None]
        schema = connection.execute(_SCHEMA).fetchone()
        connection.execute("SET session_replication_role = replica")  # no trigger and no foreign key hinders `_clear`
        return _Lent(name, connection, empty, schema)

    def _clear(self, database: _Lent) -> bool:
        """Ends its connections and deletes its rows; False if its tables are not what they were, or it is gone."""
        try:
            database.connection.execute(_DISCONNECT)
            if database.connection.execute(_SCHEMA).fetchone() != database.schema:
                return False
            with database.connection.transaction():
                database.connection.execute(";".join(f'DELETE FROM "{table}"' for table in database.tables))
                database.connection.execute(_RESTART_SEQUENCES)
        except psycopg.OperationalError:  # the test has restarted the server
            return False
        return True

    @contextmanager
    def _database(self, template: str) -> Iterator[str]:
        name = self._new_database(template)
        try:
            yield name
        finally:
            self._drop(name)

    def _drop(self, name: str) -> None:
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _new_database(self, template: str) -> str:
        self._made += 1
        name = f"soko_{self._made}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def _url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def _execute(self, sql: str) -> None:
        with self._connect("postgres") as connection:
            connection.execute(sql)

    def _connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(host=str(self._folder), user="postgres", dbname=name, autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / program, f"--pgdata={self._folder}/data", *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            check=True,
            **unprivileged(),
        )


@contextmanager
def running_postgres(**settings: str) -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory(prefix="soko-postgres-") as folder:
        server = Postgres(Path(folder), **settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _frozen(pid: int) -> Iterator[None]:
    """Stops a process and its children, the parent first, so that it begets no others meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for child in children:
        os.kill(child, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in (pid, *children):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


def unprivileged() -> dict[str, Any]:
    """How a server is started by root: as another user. PostgreSQL and PgBouncer refuse to run as root."""
    return {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}


def give_away(folder: Path) -> None:
    """Let a server that `unprivileged` has started write to this folder."""
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")


def _plain(url: str) -> str:
    """The URL as PostgreSQL's own programs read it."""
    return url.replace("+psycopg", "", 1)


def newest_postgres() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: int(bin.parent.name))
    return found[-1] if found else _missing("PostgreSQL", "postgresql")


def program(name: str, package: str) -> str:
    """The path of an installed program, which this Debian package has."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") or _missing(name, package)


def _missing(what: str, package: str) -> NoReturn:
    pytest.fail(f"{what} is missing, and these tests need the real one: apt-get install {package}", pytrace=False)


def free_port() -> int:
    """A port that stays free while its server is started again: the system lends none of these to a connection."""
    return next(port for port in sample(range(10_000, 32_000), 1000) if _is_free(port))


def _is_free(port: int) -> bool:
    with suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
