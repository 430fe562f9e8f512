"""`/healthz`: the process is alive. `/readyz`: its stores take writes, the disk has room, and it will not stop soon.

GET /readyz   200  {"database": "ok", "sessions": "ok"}
              503  {"database": "ok", "sessions": "TimeoutError"}
              503  {"database": "ok", "sessions": "ok", "disk": "full"}
              503  {"server": "stopping"}
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flask import Blueprint, Response, jsonify
from sqlalchemy import URL

from bot.db.unit_of_work import Database
from bot.web.draining import Draining
from state import deadline, rates
from state.sessions import Sessions

CHECK_S = 1.0
"""For each store; a frozen one costs no more."""
LEAST_FREE = 1024 * 1024
"""In bytes."""

Check = Callable[[], object]
"""Raises an exception, whose name is reported, if something is wrong."""


class FileReplacedError(Exception):
    """Another file has the name of the database, and this process still has the old one open."""


class DiskFullError(Exception):
    """Less than `LEAST_FREE` is free."""


class DiskReadOnlyError(Exception):
    """The file system takes no writes."""


class Readiness:
    """Runs checks, one after the other, each for `CHECK_S` at most.

    Requests that come meanwhile get the result of the same run, so that a flood of them costs the stores little.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = threading.Lock()
        self._states: dict[str, str] = {}
        self._done_at = 0.0

    def states(self) -> dict[str, str]:
        """`ok`, or the name of the exception, by check."""
        asked_at = time.monotonic()
        with self._lock:
            if self._done_at < asked_at:
                self._states = {name: _state(check) for name, check in self._checks.items()}
                self._done_at = time.monotonic()
            return self._states


def _state(check: Check) -> str:
    try:
        with deadline.within(CHECK_S):
            check()
    except Exception as error:
        return type(error).__name__
    return "ok"


def routes(database: Database, sessions: Sessions, url: URL, photos: Path, draining: Draining) -> Blueprint:
    """Both pages, for load balancers and process managers. `url` is the database's."""
    blueprint = Blueprint("health", __name__)
    file = _file(url)
    readiness = Readiness(
        {
            "database": _DatabaseCheck(database, file).run,
            "sessions": sessions.ping,
            "disk": lambda: _check_disk([photos, *([file.parent] if file else [])]),
        }
    )

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        if draining.has_begun:
            return jsonify(server="stopping"), 503
        states = readiness.states()
        shown = {name: state for name, state in states.items() if name != "disk" or state != "ok"}
        return jsonify(shown), 200 if all(state == "ok" for state in states.values()) else 503

    return blueprint


def _file(url: URL) -> Path | None:
    """The file of an SQLite database."""
    is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(url.database or "").absolute() if is_file else None


class _DatabaseCheck:
    """Writes to the database. SQLite would go on in a file that was deleted, so that is looked at too."""

    def __init__(self, database: Database, file: Path | None) -> None:
        self._database, self._file = database, file
        self._identity = _identity(file) if file and file.exists() else None

    def run(self) -> None:
        if self._file:
            self._check_file(self._file)
        with self._database.writing.begin() as session:
            rates.probe(session.connection())

    def _check_file(self, file: Path) -> None:
        identity = _identity(file)
        if self._identity is None:
            self._identity = identity
        elif identity != self._identity:
            raise FileReplacedError


def _identity(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_dev, stat.st_ino


def _check_disk(folders: Sequence[Path]) -> None:
    for folder in folders:
        if folder.exists():  # the folder of photos is created with the first one
            disk = os.statvfs(folder)
            if disk.f_flag & os.ST_RDONLY:
                raise DiskReadOnlyError
            if disk.f_bavail * disk.f_frsize < LEAST_FREE:
                raise DiskFullError
