"""Checks of backups: one was made lately, and one was restored lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.installation.checking import CheckFinding, Installation, InstallationCheck, well, wrong
from bot.installation.restore import TRIED
from state import counters

OLDEST_BACKUP, OLDEST_TRIAL = timedelta(hours=26), timedelta(days=35)
"""A backup is made each day, which may take two hours; one is restored each month."""
NOT_IN_DEVELOPMENT = "not needed in development"


def _backup_age(installation: Installation) -> CheckFinding:
    if installation.settings.development:
        return well(NOT_IN_DEVELOPMENT)
    latest = max((at for _, at in _made(installation)), default=None)
    remedy = "Run `script/soko backup FILE`, and let a timer do it each night (docs/deploy.md)."
    return _age(installation, latest, OLDEST_BACKUP, "backup", remedy)


def _restore_age(installation: Installation) -> CheckFinding:
    if installation.settings.development:
        return well(NOT_IN_DEVELOPMENT)
    remedy = "Try one: `script/soko restore FILE` with DATABASE_URL and PHOTOS_DIR of an empty place (docs/deploy.md)."
    trials = [
        datetime.fromtimestamp(mark.stat().st_mtime, UTC)
        for folder, _ in _made(installation)
        for mark in Path(folder).glob(f"*{TRIED}")
    ]
    return _age(installation, max(trials, default=None), OLDEST_TRIAL, "restored backup", remedy)


def _made(installation: Installation) -> Iterator[tuple[str, datetime]]:
    """The folders of backups, and when the last was made there."""
    with installation.services.database.reading() as session:
        counts = counters.read(session.connection())
    for (name, folder), seconds in counts.items():
        if name == counters.BACKUPS:
            yield folder, datetime.fromtimestamp(seconds, UTC)


def _age(
    installation: Installation, latest: datetime | None, oldest: timedelta, what: str, remedy: str
) -> CheckFinding:
    if latest is None:
        return wrong(f"there is no {what}", remedy)
    hours = (installation.now - latest).total_seconds() / 3600
    words = f"the last {what} is {hours:.0f} hours old"
    return well(words) if installation.now - latest <= oldest else wrong(words, remedy)


CHECKS = (
    InstallationCheck("backup_age", "a backup was made lately", _backup_age, needs=("schema",)),
    InstallationCheck("restore_age", "a backup was restored lately", _restore_age, needs=("schema",)),
)
