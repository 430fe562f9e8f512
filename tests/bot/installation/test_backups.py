"""A backup, made while people act, is restored whole into an empty place, and into no other."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import threading
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from bot.installation import backup, restore
from bot.installation.backup import BackupError
from bot.installation.stores import newest_revision
from bot.migrations import upgrade
from bot.playground.harness import RepeatableIds
from bot.providers import registry
from bot.runtime.settings import Settings
from marketplace_api.actors import Actor
from marketplace_api.models import Photo
from marketplace_api.payments import audit
from state import counters
from tests.bot import fixtures
from tests.bot.photos.camera import photo
from tests.command_line import run_command
from tests.databases import migrated_sqlite
from tests.service import Service, serving


@pytest.fixture
def empty_url(service: Service, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the same kind as the shop's, without tables."""
    if service.services.engine.dialect.name == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/empty/soko.db"


def settings_of(url: str, folder: Path, **others: str) -> Settings:
    return registry.make_settings(database_url=url, photos_dir=str(folder / "restored"), **others)


def back_up(service: Service, file: Path) -> backup.Made:
    settings = service.settings
    engine, photos = service.services.engine, Path(settings.photos_dir)
    return backup.make(engine, photos, file, currency=settings.currency, now=service.clock())


def add_photo(service: Service) -> str:
    """The id of a new photo of the pot."""
    (pot,) = fixtures.products_titled(service, fixtures.POT)
    return str(service.services.photo_store.add(pot["code"], photo(320, 240)).photo.id)


def test_a_restored_shop_balances_has_its_photos_and_goes_on(service: Service, empty_url: str, tmp_path: Path) -> None:
    id = add_photo(service)
    order = fixtures.received_order(service)
    file = tmp_path / "monday.soko"
    with busy(service):
        made = back_up(service, file)
    place = settings_of(empty_url, tmp_path)
    restore.restore(file, place, upgrade.upgrade)

    assert made.lost == frozenset()
    assert made.manifest.revision == newest_revision()
    assert file.stat().st_mode & 0o077 == 0
    assert (tmp_path / f"monday.soko{restore.TRIED}").exists()
    assert {path.name for path in Path(place.photos_dir).iterdir()} == {f"{id}.jpg", f"{id}-small.jpg"}
    (tmp_path / "empty").mkdir(exist_ok=True)
    with serving(tmp_path / "empty", database_url=empty_url, photos_dir=place.photos_dir) as restored:
        continue_ids(service, restored)
        assert inconsistencies(restored) == []
        assert is_of_one_instant(restored)
        assert fixtures.order_status(restored, order) == fixtures.order_status(service, order)
        restored.later(minutes=1)
        assert "You are owed KSh 1,620" in " ".join(restored.received(fixtures.AKINYI))  # a text that had not left
        assert fixtures.received_order(restored)["status"] == "at_kiosk"
        assert inconsistencies(restored) == []


def continue_ids(service: Service, restored: Service) -> None:
    """The ids of a harness repeat; those of the restored shop follow the first one's, as random ones do."""
    before, after = service.services.ids, restored.services.ids
    assert isinstance(before, RepeatableIds)
    assert isinstance(after, RepeatableIds)
    after.made.update(before.made)
    after.sources.update(before.sources)
    after.random.setstate(before.random.getstate())
    restored._random.setstate(service._random.getstate())


class busy:  # noqa: N801 - used as a function
    """Somebody writes two counts in one transaction, again and again, until the block ends."""

    def __init__(self, service: Service) -> None:
        self._service, self._stop, self._began = service, threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        while not self._stop.is_set():
            with self._service.services.engine.begin() as connection:
                counters.add(connection, {("busy", "a"): 1})
                counters.add(connection, {("busy", "b"): 1})
            self._began.set()

    def __enter__(self) -> None:
        self._thread.start()
        assert self._began.wait(10)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def is_of_one_instant(restored: Service) -> bool:
    with restored.services.engine.connect() as connection:
        counts = counters.read(connection)
    return counts["busy", "a"] == counts["busy", "b"] > 0


def inconsistencies(service: Service) -> list[str]:
    with service.services.database.snapshot() as session:
        return list(audit.inconsistencies(service.services.shop(session, Actor("job", "test"))))


def test_a_photo_that_is_replaced_meanwhile_is_in_the_backup_as_it_is_then(
    embedded: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, first, copies = embedded, add_photo(embedded), []
    copy = backup.copy_database

    def copy_and_replace(engine: Engine, target: Path) -> object:
        copied = copy(engine, target)
        if not copies:
            with service.services.database.writing.begin() as session:
                session.delete(session.get_one(Photo, first))
            service.services.photo_store._remove(first)
        copies.append(copied)
        return copied

    monkeypatch.setattr(backup, "copy_database", copy_and_replace)
    made = back_up(service, tmp_path / "a.soko")

    assert len(copies) == 2
    assert (made.manifest.photos, made.lost) == ([], frozenset())


def test_a_photo_that_was_lost_before_is_named(embedded: Service, tmp_path: Path) -> None:
    id = add_photo(embedded)
    (Path(embedded.settings.photos_dir) / f"{id}.jpg").unlink()

    assert back_up(embedded, tmp_path / "a.soko").lost == {f"photos/{id}.jpg"}


# -- what is refused


@pytest.fixture
def file(embedded: Service, tmp_path: Path) -> Path:
    add_photo(embedded)
    back_up(embedded, tmp_path / "a.soko")
    return tmp_path / "a.soko"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)


def without_photos(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        kept = {name: archive.read(name) for name in archive.namelist() if "photos" not in name}
    write(file, kept)


def with_another_database(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    write(file, content | {"database": b"SQLite format 3"})


def with_a_path(file: Path) -> None:
    """A file that would be written outside of the folder of photos."""
    with zipfile.ZipFile(file) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    evil = hashlib.sha256(b"evil").hexdigest()
    manifest = content["manifest.json"].replace(b'"files":{', f'"files":{{"photos/../../evil.jpg":"{evil}",'.encode())
    write(file, content | {"manifest.json": manifest, "photos/../../evil.jpg": b"evil"})


def write(file: Path, content: dict[str, bytes]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in content.items():
            archive.writestr(name, part)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below the folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


BROKEN = [cut, flip, without_photos, with_another_database, with_a_path, lambda file: file.write_bytes(b"")]


def test_a_file_that_is_not_whole_is_refused_and_changes_nothing(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for spoil in BROKEN:
        file.write_bytes(whole)
        spoil(file)
        before = tree(tmp_path)
        with pytest.raises(BackupError, match="not a whole backup"):
            restore.restore(file, settings_of(f"sqlite:///{tmp_path}/new/soko.db", tmp_path), upgrade.upgrade)
        assert tree(tmp_path) == before
        assert not (tmp_path / "new").exists()
        assert not (tmp_path / "restored").exists()


def test_a_database_with_rows_is_refused_and_stays_as_it_was(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "a.soko"
    back_up(service, file)
    place = settings_of(service.settings.database_url, tmp_path)
    with pytest.raises(BackupError, match="the database is not empty: the table"):
        restore.restore(file, place, upgrade.upgrade)

    assert not (tmp_path / "restored").exists()
    assert len(fixtures.products_titled(service, fixtures.POT)) == 1


def test_tables_without_rows_are_an_empty_database(file: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    place = settings_of(migrated_sqlite(tmp_path / "new" / "soko.db"), tmp_path)
    restore.restore(file, place, upgrade.upgrade)

    with closing(sqlite3.connect(tmp_path / "new" / "soko.db")) as restored:
        assert restored.execute("SELECT count(*) > 0 FROM product").fetchone() == (1,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"currency": "UGX"}, "the backup's amounts are in KES, and CURRENCY is UGX"),
        ({"database_url": "postgresql://nobody@127.0.0.1:1/none"}, "the backup is of sqlite"),
        ({"photos_dir": "/proc/nowhere"}, "cannot be written"),
    ],
)
def test_a_place_that_does_not_fit_is_refused(file: Path, tmp_path: Path, change: dict[str, str], words: str) -> None:
    place = settings_of(f"sqlite:///{tmp_path}/new/soko.db", tmp_path).model_copy(update=change)
    with pytest.raises(BackupError, match=words):
        restore.restore(file, place, upgrade.upgrade)

    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_newer_version_is_refused(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "known_revisions", lambda: ("0001",))
    with pytest.raises(BackupError, match="which this version does not know"):
        restore.restore(file, settings_of(f"sqlite:///{tmp_path}/new/soko.db", tmp_path), upgrade.upgrade)


def test_an_upgrade_that_fails_leaves_no_database_and_no_photos(file: Path, tmp_path: Path) -> None:
    def fail(_: Settings) -> None:
        raise SystemExit("CURRENCY: wrong")

    with pytest.raises(SystemExit):
        restore.restore(file, settings_of(f"sqlite:///{tmp_path}/new/soko.db", tmp_path), fail)

    assert tree(tmp_path / "new") == {}
    assert not (tmp_path / "restored").exists()


def test_a_backup_replaces_no_file_and_leaves_none_when_it_fails(
    embedded: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.soko"
    back_up(embedded, file)
    with pytest.raises(BackupError, match="exists"):
        back_up(embedded, file)

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "copyfileobj", fail)
    with pytest.raises(BackupError, match="No space left"):
        back_up(embedded, tmp_path / "b.soko")
    assert list(tmp_path.glob("*b.soko*")) == []


@pytest.mark.parametrize(
    ("program", "words"), [("pg_nowhere", "install postgresql-client"), ("pg_restore", "pg_restore failed: .+")]
)
def test_a_program_of_postgresql_that_is_missing_or_fails_is_named(program: str, words: str) -> None:
    with pytest.raises(BackupError, match=words):
        backup.run_postgresql(make_url("postgresql://nobody:secret@127.0.0.1:1/none"), program, "/dev/null")


def test_an_address_of_postgresql_is_given_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[tuple[list[str], str]] = []

    def record(arguments: list[str], *, env: dict[str, str], **_: object) -> subprocess.CompletedProcess[str]:
        run.append((arguments, env["PGPASSWORD"]))
        return subprocess.CompletedProcess(arguments, 0)

    monkeypatch.setattr(subprocess, "run", record)
    backup.run_postgresql(make_url("postgresql+psycopg://soko:secret@db/soko?sslmode=require"), "pg_dump")

    assert run == [(["pg_dump", "--dbname=postgresql://soko@db/soko?sslmode=require"], "secret")]


# -- the commands


def test_the_commands_say_what_was_done_and_why_not(embedded: Service, tmp_path: Path) -> None:
    add_photo(embedded)
    file = tmp_path / "a.soko"
    made = run_command(embedded.app, "backup", str(file))
    refused = run_command(embedded.app, "restore", str(file))

    assert (made.exit_code, made.output.split(": ")[0]) == (0, str(file))
    assert "2 files of photos" in made.output
    assert refused.exit_code == 1
    assert "the database is not empty" in refused.output
    assert "Nothing was restored." in refused.output
