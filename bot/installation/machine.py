"""Checks of this machine: Python and its packages, the disks, the rights of files, the user, the clock."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib import metadata
from pathlib import Path

from sqlalchemy import select

from bot.db import start_checks
from bot.installation.checking import CheckFinding, Installation, InstallationCheck, well, wrong
from bot.runtime.clock import MovableClock, system_clock
from marketplace_api.models import Photo
from state import schedule

OLDEST_PYTHON = (3, 11)
LEAST_FREE = 512 * 1024 * 1024
"""In bytes: room for a day's photos and a backup. `/readyz` says no much later, when almost nothing is left."""
LEAST_FREE_SHARE = 0.05
CLOCK_DIFFERENCE = timedelta(seconds=30)
"""How far our clock may be from a store's: signatures of Stripe may be 5 minutes old, and leases last a minute."""
PRIVATE = stat.S_IRWXG | stat.S_IRWXO
"""The rights that nobody but the service's user may have."""
SET_UP = "Run `script/setup`, which installs what requirements.txt names."
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)(\s*;)?", re.MULTILINE)


def _python(_: Installation) -> CheckFinding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < OLDEST_PYTHON:
        return wrong(f"this is Python {version}", "Install Python 3.11 or newer, then run `script/setup`.")
    return well(f"Python {version}")


def _packages(installation: Installation) -> CheckFinding:
    pins = PIN.findall((installation.root / "requirements.txt").read_text())
    others = [
        f"{name} {found or 'is missing'} instead of {version}"
        for name, version, is_conditional in pins
        if (found := _version(name)) != version and not (is_conditional and found is None)
    ]
    if others:
        return wrong("; ".join(others[:5]), SET_UP)
    return well(f"{len(pins)} packages as pinned")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _clock(installation: Installation) -> CheckFinding:
    remedy = "Set this machine's clock, and let it be kept right: `timedatectl set-ntp true`."
    clock = installation.services.clock
    if isinstance(clock, MovableClock) and clock.ahead:
        return well(f"development: the clock was moved forward by {clock.ahead}")
    for store, difference in _differences(installation):
        if abs(difference) > CLOCK_DIFFERENCE:
            seconds = abs(difference).total_seconds()
            direction = "behind" if difference > timedelta() else "ahead of"
            return wrong(f"this machine is {seconds:.0f} s {direction} {store}", remedy)
    with installation.services.database.reading() as session:
        done = [row.done_at for row in schedule.find_all(session.connection()) if row.done_at]
    latest = max(done, default=installation.now)
    if latest - installation.now > CLOCK_DIFFERENCE:
        return wrong(f"the database has a time that is yet to come: {latest:%Y-%m-%d %H:%M} UTC", remedy)
    return well("as the stores' clocks")


def _differences(installation: Installation) -> Iterator[tuple[str, timedelta]]:
    """How far the clocks of the stores are ahead of ours."""
    if installation.services.engine.dialect.name == "postgresql":
        with installation.services.engine.connect() as connection:
            there = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
        yield "PostgreSQL", there - system_clock()
    url = installation.settings.redis_url
    if url and url.startswith(("redis://", "rediss://", "unix://")):
        from state.redis_clients import server_time

        yield "Redis", server_time(url) - system_clock()


def _disk(installation: Installation) -> CheckFinding:
    free = {folder: shutil.disk_usage(_existing(folder)) for folder in folders(installation)}
    for folder, disk in free.items():
        if disk.free < max(LEAST_FREE, LEAST_FREE_SHARE * disk.total):
            left = f"{disk.free / 1e9:.1f} of {disk.total / 1e9:.1f} GB are free at {folder}"
            return wrong(left, "Make room, or move the folder to a larger disk.")
    return well(f"{min(disk.free for disk in free.values()) / 1e9:.1f} GB are free")


def folders(installation: Installation) -> list[Path]:
    """The folders that we write to: of the photos, and of SQLite's file."""
    file = database_file(installation)
    return [Path(installation.settings.photos_dir), *([file.parent] if file else [])]


def database_file(installation: Installation) -> Path | None:
    """SQLite's file; None for PostgreSQL."""
    url = installation.services.engine.url
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def _existing(folder: Path) -> Path:
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _photos(installation: Installation) -> CheckFinding:
    remedy = "Give the service's user the right to write to PHOTOS_DIR, or name another folder."
    folder = Path(installation.settings.photos_dir)
    if not folder.is_dir() and installation.settings.development:
        return well("development: the folder is made with the first photo")
    if not folder.is_dir():
        return wrong(f"the folder {folder} does not exist", f"Run `script/soko doctor --fix`, or: mkdir -p {folder}")
    try:
        start_checks.check_folder(str(folder))
    except SystemExit as error:
        return wrong(str(error), remedy)
    with installation.services.database.reading() as session:
        ids = session.scalars(select(Photo.id)).all()
    there = {entry.name for entry in os.scandir(folder)}
    missing = [id for id in ids if not {f"{id}.jpg", f"{id}-small.jpg"} <= there]
    if missing:
        lost = f"{len(missing)} of {len(ids)} photos have no file, such as {missing[0]}"
        return wrong(lost, "Restore the files from a backup, or correct PHOTOS_DIR.")
    return well(f"{len(ids)} photos, each with its files")


def _make_folder(installation: Installation) -> None:
    Path(installation.settings.photos_dir).mkdir(mode=0o700, parents=True, exist_ok=True)


def _rights(installation: Installation) -> CheckFinding:
    if installation.settings.development:
        return well("not needed in development")
    if open_to_others := list(_open_to_others(installation)):
        words = ", ".join(map(str, open_to_others[:3]))
        return wrong(f"other users of this machine can use {words}", "Run `script/soko doctor --fix`, or: chmod go=")
    return well("only this user can read the data")


def _open_to_others(installation: Installation) -> Iterator[Path]:
    file = database_file(installation)
    beside = [file.with_name(file.name + end) for end in ("", "-wal", "-shm")] if file else []
    for path in (Path(installation.settings.photos_dir), *beside, installation.root / ".env"):
        if path.exists() and path.stat().st_mode & PRIVATE:
            yield path


def _close_to_others(installation: Installation) -> None:
    for path in _open_to_others(installation):
        path.chmod(path.stat().st_mode & ~PRIVATE)


def _user(installation: Installation) -> CheckFinding:
    if installation.settings.development:
        return well("not needed in development")
    if os.geteuid() == 0:
        return wrong("this is root", "Run Soko as a user of its own: a fault in it then has few rights.")
    return well("not root")


CHECKS = (
    InstallationCheck("python", "Python is new enough", _python),
    InstallationCheck("packages", "the packages are those that were tested", _packages),
    InstallationCheck("clock", "this machine's clock is right", _clock, needs=("schema",)),
    InstallationCheck("disk", "the disks have room", _disk),
    InstallationCheck("photos", "the photos are there", _photos, needs=("schema",), repair=_make_folder),
    InstallationCheck("file_rights", "nobody else reads the data", _rights, repair=_close_to_others),
    InstallationCheck("user", "the service has a user of its own", _user),
)
