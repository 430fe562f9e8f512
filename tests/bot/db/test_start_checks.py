"""At the start, a store that cannot be used ends the process with one line, which names the variable."""

from __future__ import annotations

import os
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from bot.db import start_checks
from tests.command_line import run_command
from tests.databases import migrated_sqlite
from tests.repository.architecture import ROOT
from tests.servers import free_port
from tests.service import Service

PASSWORD = "hunter2"
NOWHERE = "127.0.0.1:1"  # a port that nothing listens at
NO_HOST = "no-such-host.invalid"


def line(check: Callable[[str], None], value: str) -> str:
    """The line with which the process ends; it never holds the password."""
    with pytest.raises(SystemExit) as ended:
        check(value)
    assert isinstance(ended.value.code, str)
    assert "\n" not in ended.value.code
    assert PASSWORD not in ended.value.code
    return ended.value.code


def sqlite_of(kind: str, folder: Path) -> str:
    """The address of an SQLite database that cannot be used for this reason."""
    (file := folder / "file").write_text("this is no database, and is longer than the head of one " * 100)
    read_only = migrated_sqlite(folder / "soko.db").removeprefix("sqlite:///")
    path = {
        "below a file": f"{file}/soko.db",
        "not a database": str(file),
        "a folder": str(folder),
        "where no folder can be made": "/proc/nowhere/soko.db",
        "read-only": f"file:{read_only}?mode=ro&uri=true",
        "in memory": "",
    }
    return f"sqlite:///{path[kind]}"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("below a file", "(Not a directory|File exists): .*/file"),
        ("not a database", "file is not a database"),
        ("a folder", "unable to open database file"),
        ("where no folder can be made", "No such file or directory: .*"),
        ("read-only", "attempt to write a readonly database"),
        ("in memory", "processes cannot share a database in memory"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, kind: str, reason: str) -> None:
    said = line(start_checks.check_database, sqlite_of(kind, tmp_path))

    assert re.fullmatch(f"DATABASE_URL: cannot be used: {reason}", said)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"soko:{PASSWORD}@{NOWHERE}/soko", "Connection refused"),
        (f"soko:{PASSWORD}@{NO_HOST}/soko", NO_HOST),
        (f"soko:{PASSWORD}@{NOWHERE}/soko?colour=blue", "colour"),
        (f"soko:{PASSWORD}@/soko?host=/nowhere", "No such file"),
    ],
)
def test_a_postgresql_that_cannot_be_reached(address: str, reason: str) -> None:
    said = line(start_checks.check_database, f"postgresql+psycopg://{address}")

    assert said.startswith("DATABASE_URL: cannot be used: ")
    assert reason in said


def test_a_postgresql_without_the_database_the_user_or_writes(postgres_url: str) -> None:
    start_checks.check_database(postgres_url)

    for wrong in ({"database": "missing"}, {"username": "nobody"}):
        url = make_url(postgres_url).set(**wrong).render_as_string(hide_password=False)
        assert "does not exist" in line(start_checks.check_database, url)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on")
        try:
            said = line(start_checks.check_database, postgres_url)
        finally:
            connection.execute("ALTER ROLE CURRENT_USER RESET default_transaction_read_only")
    assert said.endswith("it is a standby, or read-only")


def test_a_database_that_another_process_writes_to_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_checks, "PATIENCE_S", 2.0)
    url = migrated_sqlite(tmp_path / "soko.db")
    engine = start_checks.create_engine(url)
    with engine.begin():
        start_checks.check_database(url)
    engine.dispose()


@contextmanager
def redis_that_says(answer: bytes) -> Iterator[str]:
    """The address of something that gives this answer to each command."""

    class Answering(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            while self.request.recv(4096):
                self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"-WRONGPASS invalid username-password pair or user is disabled.\r\n", "invalid username-password pair"),
        (b"-NOAUTH Authentication required.\r\n", "Authentication required"),
        (b"-READONLY You can't write against a read only replica.\r\n", "read only replica"),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", "maxmemory"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "Protocol error"),
    ],
)
def test_a_redis_that_refuses(answer: bytes, reason: str) -> None:
    with redis_that_says(answer) as address:
        said = line(start_checks.check_redis, f"redis://soko:{PASSWORD}@{address}/0")

    assert said.startswith("REDIS_URL: cannot be used: ")
    assert reason in said


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"redis://:{PASSWORD}@{NOWHERE}/0", "Connection refused"),
        (f"redis://:{PASSWORD}@{NO_HOST}/0", NO_HOST),
        (f"redis://:{PASSWORD}@redis:port/0", "Port could not be cast"),
        ("unix:///nowhere/redis.sock", "No such file"),
    ],
)
def test_a_redis_that_cannot_be_reached(url: str, reason: str) -> None:
    said = line(start_checks.check_redis, url)

    assert said.startswith("REDIS_URL: cannot be used: ")
    assert reason in said


@pytest.mark.parametrize("kind", ["redis+cluster", "redis+sentinel"])
def test_a_group_of_redis_servers_none_of_which_can_be_reached(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_checks, "PATIENCE_S", 0.05)
    said = line(start_checks.check_redis, f"{kind}://:{PASSWORD}@{NOWHERE},{NOWHERE}/{'soko' * ('sentinel' in kind)}")

    assert said.startswith("REDIS_URL: cannot be used: ")
    assert "Connection refused" in said


def test_a_redis_that_is_no_cluster_is_refused_as_one(redis_url: str) -> None:
    address = redis_url.removeprefix("redis://").removesuffix("/0")

    assert "cluster support disabled" in line(start_checks.check_redis, f"redis+cluster://{address}")


def test_a_redis_that_takes_writes_can_be_used() -> None:
    with redis_that_says(b"+OK\r\n") as address:
        start_checks.check_redis(f"redis://{address}/0")
    start_checks.check_redis(None)


@pytest.mark.parametrize(
    ("path", "reason"),
    [("file", "File exists: .*/file"), ("file/photos", "Not a directory: .*"), ("/proc/photos", "No such file .*")],
)
def test_a_folder_in_which_no_file_can_be_created(tmp_path: Path, path: str, reason: str) -> None:
    (tmp_path / "file").touch()
    said = line(start_checks.check_folder, str(tmp_path / path))

    assert re.fullmatch(f"PHOTOS_DIR: cannot be used: {reason}", said)


def test_a_folder_that_is_not_there_yet_is_created_and_stays_empty(tmp_path: Path) -> None:
    start_checks.check_folder(str(tmp_path / "photos/of/products"))

    assert list((tmp_path / "photos/of/products").iterdir()) == []


UNUSABLE = {"DATABASE_URL": "sqlite:////proc/soko.db", "REDIS_URL": f"redis://{NOWHERE}", "PHOTOS_DIR": "/proc/photos"}


def test_each_store_is_checked(tmp_path: Path) -> None:
    usable = (migrated_sqlite(tmp_path / "soko.db"), None, str(tmp_path))
    start_checks.check(*usable)
    for number, (variable, value) in enumerate(UNUSABLE.items()):
        stores = [*usable[:number], value, *usable[number + 1 :]]
        with pytest.raises(SystemExit, match=f"^{variable}: cannot be used: "):
            start_checks.check(*stores)


@pytest.mark.parametrize(("program", "variable"), [("bot.server", "DATABASE_URL"), ("bot.worker", "REDIS_URL")])
def test_a_process_prints_the_line_and_nothing_else(tmp_path: Path, program: str, variable: str) -> None:
    others = {name: value for name, value in os.environ.items() if name not in UNUSABLE}
    stores = {"DATABASE_URL": migrated_sqlite(tmp_path / "soko.db"), "PHOTOS_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-m", program],
        cwd=ROOT,
        env=others | stores | {"PORT": str(free_port()), variable: UNUSABLE[variable]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (1, "")
    (said,) = ended.stderr.splitlines()
    assert said.startswith(f"{variable}: cannot be used: ")


@pytest.mark.parametrize(
    "command",
    [
        ("apikey", "list"),
        ("apikey", "create", "shop", "--scope", "storefront"),
        ("secrets", "check"),
        ("db", "upgrade"),
        ("ledger", "check"),
        ("payouts", "resume"),
        ("broadcast", "hello"),
        ("export-person", "+254711000111"),
        ("erase-person", "--yes", "+254711000111"),
        ("breach-list", "--since", "2026-01-01", "--until", "2026-01-02"),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_the_database_ends_with_the_line(embedded: Service, command: tuple[str, ...]) -> None:
    settings = embedded.services.settings.model_copy(update={"database_url": UNUSABLE["DATABASE_URL"]})
    embedded.app.extensions["services"] = replace(embedded.services, settings=settings)
    ended = run_command(embedded.app, *command)

    assert ended.exit_code == 1
    assert ended.output.startswith("DATABASE_URL: cannot be used: ")
    assert len(ended.output.splitlines()) == 1
