"""Restores a backup into an empty database and a folder of photos, all of it or nothing."""

from __future__ import annotations

import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import copyfileobj, rmtree

import msgspec
from sqlalchemy import URL, Engine, inspect
from sqlalchemy.engine import make_url

from bot.db.engine import create_engine
from bot.installation.backup import (
    CHUNK,
    DATABASE,
    FORMAT,
    MANIFEST,
    PHOTOS,
    BackupError,
    HashingReader,
    Manifest,
    run_postgresql,
)
from bot.installation.stores import known_revisions, revision
from bot.runtime.settings import Settings

TRIED = ".restored"
"""The end of the name of the file beside a backup whose time says when the backup was last restored."""
WRITTEN_BY_UPGRADES = {"alembic_version", "shop_currency"}
"""The tables that have rows although nobody has used the database yet."""
_PHOTO = re.compile(r"[A-Za-z0-9_-]+\.jpg")


def read_manifest(file: Path) -> Manifest:
    """What is in a backup. Raises BackupError if it is no backup, or not whole."""
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
            _check_files(archive, manifest)
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, msgspec.MsgspecError, KeyError, EOFError, NotImplementedError) as error:
        raise BackupError(f"{file} is not a whole backup: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{file} has format {manifest.format}, which this version cannot read")
    return manifest


def _check_files(archive: zipfile.ZipFile, manifest: Manifest) -> None:
    if sorted(archive.namelist()) != sorted([MANIFEST, *manifest.files]) or DATABASE not in manifest.files:
        raise zipfile.BadZipFile("files are missing, or others were added")
    for name in manifest.photos:
        if not _PHOTO.fullmatch(name):
            raise zipfile.BadZipFile(f"{name!r} is not the name of a photo")
    for name, right in manifest.files.items():
        with archive.open(name) as source:
            hashing = HashingReader(source)
            while hashing.read(CHUNK):
                pass
        if hashing.digest != right:
            raise zipfile.BadZipFile(f"{name} was changed")


def restore(file: Path, settings: Settings, upgrade: Callable[[Settings], None]) -> Manifest:
    """Restore a backup into the database and the folder that the settings name, and upgrade it to this version.

    Raises BackupError; then nothing has changed.
    """
    manifest = read_manifest(file)
    url, photos = make_url(settings.database_url), Path(settings.photos_dir)
    _check_fits(manifest, settings, url)
    _check_empty(url, manifest)
    with zipfile.ZipFile(file) as archive, _staged_photos(archive, manifest, photos) as keep_photos:
        if url.get_backend_name() == "sqlite":
            _restore_file(archive, Path(url.database or ""), settings, upgrade)
        else:
            _restore_dump(archive, url)
            upgrade(settings)
        keep_photos()
    with suppress(OSError):  # the folder of backups may be read-only here
        file.with_name(file.name + TRIED).touch()
    return manifest


def _check_fits(manifest: Manifest, settings: Settings, url: URL) -> None:
    if manifest.database != url.get_backend_name():
        raise BackupError(f"the backup is of {manifest.database}, and DATABASE_URL names {url.get_backend_name()}")
    if manifest.revision not in known_revisions():
        raise BackupError(f"the backup has revision {manifest.revision}, which this version does not know")
    if manifest.currency != settings.currency:
        raise BackupError(f"the backup's amounts are in {manifest.currency}, and CURRENCY is {settings.currency}")


def _check_empty(url: URL, manifest: Manifest) -> None:
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            raise BackupError("DATABASE_URL names a database in memory")
        if not Path(url.database or "").exists():
            return
    engine = create_engine(url.render_as_string(hide_password=False))
    try:
        _check_no_rows(engine, manifest)
    finally:
        engine.dispose()


def _check_no_rows(engine: Engine, manifest: Manifest) -> None:
    """Tables without rows are allowed if they are the backup's own: `db upgrade` may have made them."""
    with engine.connect().execution_options(read_only=True) as connection:
        names = inspect(connection).get_table_names()
        quote = connection.dialect.identifier_preparer.quote
        for name in names:
            exists = f"SELECT EXISTS (SELECT 1 FROM {quote(name)})"  # noqa: S608 - the name is the database's own
            if name not in WRITTEN_BY_UPGRADES and connection.exec_driver_sql(exists).scalar_one():
                raise BackupError(f"the database is not empty: the table {name} has rows")
        if names and revision(connection) != manifest.revision and engine.dialect.name == "postgresql":
            raise BackupError("the database has tables of another version; name an empty one")


@contextmanager
def _staged_photos(archive: zipfile.ZipFile, manifest: Manifest, folder: Path) -> Iterator[Callable[[], None]]:
    """Extract the photos beside their place; the function that the block gets moves them there."""
    made = next((path for path in (*reversed(folder.absolute().parents), folder.absolute()) if not path.exists()), None)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".restoring-", dir=folder) as staging:
            for name in manifest.photos:
                _extract(archive, PHOTOS + name, Path(staging) / name)

            def keep() -> None:
                for name in manifest.photos:
                    os.replace(Path(staging) / name, folder / name)

            yield keep
    except BaseException as error:
        if made:
            rmtree(made, ignore_errors=True)
        if isinstance(error, OSError):
            raise BackupError(f"{error.filename} cannot be written: {error.strerror}") from error
        raise


def _extract(archive: zipfile.ZipFile, name: str, target: Path) -> None:
    with archive.open(name) as source, target.open("wb") as written:
        copyfileobj(source, written, CHUNK)
        written.flush()
        os.fsync(written.fileno())


def _restore_file(
    archive: zipfile.ZipFile, file: Path, settings: Settings, upgrade: Callable[[Settings], None]
) -> None:
    """Upgrade a copy beside the file, then rename it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restoring-", dir=file.parent) as folder:
        copy = Path(folder) / file.name
        _extract(archive, DATABASE, copy)
        upgrade(settings.model_copy(update={"database_url": f"sqlite:///{copy}"}))
        _close_log(copy)
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        os.replace(copy, file)


def _close_log(file: Path) -> None:
    """Write the log of an upgraded copy into the file itself."""
    engine = create_engine(f"sqlite:///{file}")
    try:
        raw = engine.raw_connection()
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw.close()
    finally:
        engine.dispose()


def _restore_dump(archive: zipfile.ZipFile, url: URL) -> None:
    with tempfile.TemporaryDirectory(prefix="soko-restore-") as folder:
        dump = Path(folder) / DATABASE
        _extract(archive, DATABASE, dump)
        options = "--no-owner", "--no-privileges", "--clean", "--if-exists", "--single-transaction", "--exit-on-error"
        run_postgresql(url, "pg_restore", *options, str(dump))
