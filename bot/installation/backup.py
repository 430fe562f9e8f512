"""Backups: one file with the database and the photos, made while the service runs.

The file is a ZIP archive:

    manifest.json       {"format": 1, "database": "sqlite", "revision": "0041", "currency": "KES", "made_at": "…",
                         "files": {"database": "3b0c…", "photos/pht_1.jpg": "90ab…"}}     SHA-256 of each file
    database            SQLite's file, or what `pg_dump --format=custom` writes
    photos/…            the files of the photos that this database names

The database is copied first, as it was at one instant. A photo's files are written before its row and deleted after it,
so all are there unless one was replaced meanwhile: then everything is copied once more. Sessions in Redis are not in a
backup: after a restore, callers begin at the menu.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from sqlite3 import connect
from typing import Protocol

import msgspec
from sqlalchemy import URL, Connection, Engine, select

from bot.db.engine import create_engine
from bot.installation.stores import revision
from marketplace_api.models import Photo
from state import counters

FORMAT = 1
MANIFEST, DATABASE, PHOTOS = "manifest.json", "database", "photos/"
CHUNK = 1024 * 1024


class BackupError(Exception):
    """The backup was not made, or not restored, for the reason in the message."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup. `files` has the SHA-256 of every file, by its name in the archive."""

    database: str
    revision: str
    currency: str
    made_at: datetime
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def photos(self) -> Sequence[str]:
        """The names of the photos' files, as in the folder of photos."""
        return [name.removeprefix(PHOTOS) for name in self.files if name.startswith(PHOTOS)]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made, and the names of files that the database names and that are lost."""

    manifest: Manifest
    lost: frozenset[str]


def make(engine: Engine, photos: Path, file: Path, *, currency: str, now: datetime) -> Made:
    """Write a backup to `file`, which must not exist. Raises BackupError; then there is no such file."""
    if file.exists():
        raise BackupError(f"{file} exists, and a backup replaces no file")
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        made = _write(engine, photos, partial, currency, now)
        partial.rename(file)
    except OSError as error:
        raise BackupError(f"{file} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
    with engine.begin() as connection:
        counters.store(connection, counters.BACKUPS, {str(file.parent.resolve()): int(now.timestamp())})
    return made


def _write(engine: Engine, photos: Path, file: Path, currency: str, now: datetime) -> Made:
    """Copy everything, and again while other photos are missing than before: they were replaced meanwhile."""
    lost: frozenset[str] = frozenset()
    while True:
        made = _write_once(engine, photos, file, currency, now)
        if made.lost <= lost:
            return made
        lost = made.lost


def _write_once(engine: Engine, photos: Path, file: Path, currency: str, now: datetime) -> Made:
    with tempfile.TemporaryDirectory(prefix=".soko-backup-", dir=file.parent) as folder:
        copied = Path(folder) / DATABASE
        at, ids = copy_database(engine, copied)
        names = [f"{id}{end}" for id in ids for end in (".jpg", "-small.jpg")]
        with (
            os.fdopen(os.open(file, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600), "w+b") as written,
            zipfile.ZipFile(written, "w") as archive,
        ):
            hashes = {DATABASE: _add(archive, copied, DATABASE, zipfile.ZIP_DEFLATED)}
            hashes |= {PHOTOS + name: _add(archive, photos / name, PHOTOS + name, zipfile.ZIP_STORED) for name in names}
            files = {name: found for name, found in hashes.items() if found}
            manifest = Manifest(engine.dialect.name, at, currency, now, files)
            archive.writestr(MANIFEST, msgspec.json.encode(manifest))
    return Made(manifest, frozenset(hashes.keys() - files.keys()))


def _add(archive: zipfile.ZipFile, path: Path, name: str, kind: int) -> str | None:
    """Add a file to the archive; returns its SHA-256, or None if there is no such file."""
    try:
        source = path.open("rb")
    except FileNotFoundError:
        return None
    entry = zipfile.ZipInfo(name)
    entry.compress_type = kind
    entry.file_size = path.stat().st_size if path.exists() else 0  # tells whether it needs the format for large files
    with source, archive.open(entry, "w") as target:
        hashing = HashingReader(source)
        copyfileobj(hashing, target, CHUNK)
    return hashing.digest


class Readable(Protocol):
    """A file, or a file in an archive."""

    def read(self, size: int = ..., /) -> bytes: ...


class HashingReader:
    """Reads a file, and hashes what it has read."""

    def __init__(self, file: Readable) -> None:
        self._file, self._hash = file, hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._file.read(size)
        self._hash.update(chunk)
        return chunk

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


def copy_database(engine: Engine, target: Path) -> tuple[str, Sequence[str]]:
    """Copy the database as it is at one instant; returns its revision and the ids of its photos."""
    if engine.dialect.name == "postgresql":
        return _dump(engine.url, target)
    with engine.connect() as connection, closing(connect(target)) as copy:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.backup(copy)
    copied = create_engine(f"sqlite:///{target}", is_limited=False)
    try:
        with copied.connect().execution_options(read_only=True) as connection:
            return _facts(connection)
    finally:
        copied.dispose()
        _end_log(target)


def _end_log(file: Path) -> None:
    """Make a copy one file, without a log beside it."""
    with closing(connect(file)) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")


def _dump(url: URL, target: Path) -> tuple[str, Sequence[str]]:
    engine = create_engine(url.render_as_string(hide_password=False), is_limited=False)
    try:
        snapshots = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with snapshots.connect() as connection:
            facts = _facts(connection)
            snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
            run_postgresql(
                url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--compress=0",
                f"--snapshot={snapshot}", f"--file={target}",
            )  # fmt: skip
            return facts
    finally:
        engine.dispose()


def _facts(connection: Connection) -> tuple[str, Sequence[str]]:
    at = revision(connection)
    if at is None:
        raise BackupError("the database has no tables of Soko")
    return at, connection.scalars(select(Photo.id).order_by(Photo.id)).all()


def run_postgresql(url: URL, program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's on this database. Raises BackupError."""
    # without the password, which other users of this machine would see among the arguments
    address = URL.create(
        "postgresql", url.username, host=url.host, port=url.port, database=url.database, query=url.query
    ).render_as_string()
    environment = {**os.environ, **({"PGPASSWORD": url.password} if url.password else {})}
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, and no shell
            [program, f"--dbname={address}", *arguments], env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise BackupError(f"{program} is missing: install postgresql-client of the server's version") from None
    if done.returncode != 0:
        line, *_ = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise BackupError(f"{program} failed: {line}")
