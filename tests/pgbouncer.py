"""A real PgBouncer for the tests, in transaction mode: each transaction may get another connection of a few."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.servers import free_port, give_away, program, unprivileged

LIMIT_S = 30.0
PAUSE_S = 0.02
POOL_SIZE = 3
"""Fewer connections to PostgreSQL than threads use it."""


class PgBouncer:
    """A PgBouncer in front of the PostgreSQL at this host, which is a folder with its socket or an address."""

    def __init__(self, folder: Path, host: str, port: int = 5432, pool_size: int = POOL_SIZE) -> None:
        self._folder, self.port = folder, free_port()
        (folder / "users.txt").write_text('"postgres" ""\n')
        (folder / "pgbouncer.ini").write_text(f"""
[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 1000
server_round_robin = 1
server_login_retry = 1
server_connect_timeout = 2
""")

    def start(self) -> None:
        give_away(self._folder)
        command = [program("pgbouncer", "pgbouncer"), "-q", str(self._folder / "pgbouncer.ini")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **unprivileged())
        ends_at = time.monotonic() + LIMIT_S
        while not self._listens():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < ends_at, "PgBouncer does not answer"
            time.sleep(PAUSE_S)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def url(self, url: str) -> str:
        """The address through which the database at this URL is used."""
        pooled = make_url(url).set(host="127.0.0.1", port=self.port, username="postgres", query={})
        return pooled.render_as_string(hide_password=False)

    def _listens(self) -> bool:
        try:
            psycopg.connect(host="127.0.0.1", port=self.port, user="postgres", dbname="pgbouncer").close()
        except psycopg.OperationalError as error:
            return "not allowed" in str(error)  # its own console is closed to us, so it is there
        return True


@contextmanager
def running_pgbouncer(host: str, port: int = 5432, pool_size: int = POOL_SIZE) -> Iterator[PgBouncer]:
    with tempfile.TemporaryDirectory(prefix="soko-pgbouncer-") as folder:
        pgbouncer = PgBouncer(Path(folder), host, port, pool_size)
        pgbouncer.start()
        try:
            yield pgbouncer
        finally:
            pgbouncer.stop()
