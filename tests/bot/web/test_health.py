"""`/readyz` says when a store takes no writes, when the disk is full and when SQLite's file is gone."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis
from flask import Flask
from sqlalchemy import event

from bot.db.engine import create_engine
from bot.db.unit_of_work import Database
from bot.web import health
from bot.web.draining import Draining
from bot.web.health import LEAST_FREE, Readiness
from state.sql_sessions import SqlSessions
from tests.service import Service, serving


def readiness(service: Service) -> tuple[int, dict[str, str]]:
    answer = service.http.get("/readyz")
    return answer.status_code, answer.get_json()


READY = (200, {"database": "ok", "sessions": "ok"})


def database_file(service: Service) -> Path:
    return Path(service.services.engine.url.database or "")


def test_a_healthy_service_is_ready_again_and_again(service: Service) -> None:
    assert [readiness(service) for _ in range(3)] == [READY] * 3


def test_a_deleted_file_is_not_ready(embedded: Service) -> None:
    database_file(embedded).unlink()

    assert readiness(embedded) == (503, {"database": "FileNotFoundError", "sessions": "ok"})


def test_a_replaced_file_is_not_ready(embedded: Service) -> None:
    file = database_file(embedded)
    file.with_suffix(".new").write_bytes(file.read_bytes())
    file.with_suffix(".new").rename(file)

    assert readiness(embedded) == (503, {"database": "FileReplacedError", "sessions": "ok"})


def test_a_locked_database_is_not_ready(embedded: Service) -> None:
    with closing(sqlite3.connect(database_file(embedded), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status, states = readiness(embedded)

    assert (status, states["database"]) == (503, "OperationalError")
    assert readiness(embedded) == READY


def test_a_postgresql_that_takes_no_writes_is_not_ready(tmp_path: Path, migrated_postgres_url: str) -> None:
    engine, sessions = create_engine(migrated_postgres_url), SqlSessions(migrated_postgres_url)
    event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("SET TRANSACTION READ ONLY"))
    app = Flask("bot")
    app.register_blueprint(health.routes(Database.of(engine), sessions, engine.url, tmp_path, Draining()))
    answer = app.test_client().get("/readyz")
    sessions.close()
    engine.dispose()

    assert (answer.status_code, answer.get_json()) == (503, {"database": "InternalError", "sessions": "ok"})


@pytest.mark.parametrize("command", ["REPLICAOF 127.0.0.1 1", "CONFIG SET maxmemory 1"], ids=["replica", "full"])
def test_a_redis_that_takes_no_writes_is_not_ready(tmp_path: Path, redis_url: str, command: str) -> None:
    undo = {"REPLICAOF 127.0.0.1 1": "REPLICAOF NO ONE", "CONFIG SET maxmemory 1": "CONFIG SET maxmemory 0"}[command]
    with serving(tmp_path, redis_url=redis_url) as service, redis.Redis.from_url(redis_url) as client:
        client.execute_command(*command.split())
        try:
            status, states = readiness(service)
        finally:
            client.execute_command(*undo.split())

        assert (status, states["database"]) == (503, "ok")
        assert states["sessions"] != "ok"
        assert readiness(service) == READY


@pytest.mark.parametrize(
    ("free", "flags", "state"),
    [(LEAST_FREE - 1, 0, "DiskFullError"), (LEAST_FREE, os.ST_RDONLY, "DiskReadOnlyError")],
)
def test_a_disk_that_takes_no_writes_is_not_ready(
    embedded: Service, monkeypatch: pytest.MonkeyPatch, free: int, flags: int, state: str
) -> None:
    disk = SimpleNamespace(f_bavail=free, f_frsize=1, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)

    assert readiness(embedded) == (503, {"database": "ok", "sessions": "ok", "disk": state})


def test_requests_that_come_during_a_check_share_its_result() -> None:
    runs: list[int] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def check() -> None:
        runs.append(1)
        has_begun.set()
        assert may_end.wait(30)

    ready = Readiness({"store": check})
    results: list[dict[str, str]] = []
    ask: Callable[[], Any] = lambda: results.append(ready.states())  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(8)]
    threads[0].start()
    assert has_begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    may_end.set()
    for thread in threads:
        thread.join(30)

    assert results == [{"store": "ok"}] * 8
    assert len(runs) < len(threads)
    ready.states()
    assert len(runs) > 1


def test_a_process_that_will_stop_is_not_ready_and_closes_connections_with_its_answers(embedded: Service) -> None:
    before = embedded.http.get("/healthz")
    embedded.app.extensions["draining"].has_begun = True
    after = embedded.http.get("/healthz")

    assert readiness(embedded) == (503, {"server": "stopping"})
    assert (before.headers.get("Connection"), after.headers.get("Connection")) == (None, "close")
    assert (before.get_json(), after.get_json()) == ({"status": "alive"}, {"status": "alive"})
