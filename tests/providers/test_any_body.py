"""Any bytes that are posted to a callback: never an error of ours, and the same on SQLite and PostgreSQL."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from flask import Flask
from sqlalchemy import Engine, select
from twilio.request_validator import RequestValidator

from bot.db.engine import create_engine
from bot.providers import forms, registry, stripe_checkout
from bot.providers.declaration import Handlers
from state import tables
from tests.bot import fixtures
from tests.databases import migrated_sqlite
from tests.providers.any_body import CALLBACKS, any_body
from tests.providers.recording import CallbackRecorder
from tests.runs import is_full, seed
from tests.service import Service, serving

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
BODIES = 1_000_000 if is_full() else 20_000 // len(CALLBACKS)
"""For each callback, given to the adapter alone."""
STORED = 1000 if is_full() else 20
"""For each callback, handled by the whole service on both databases."""
CHUNK = 1000
"""So many bodies are told before their fields are stored in both databases."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No log, which would take most of the time, and every signature is right."""
    monkeypatch.setattr(RequestValidator, "validate", lambda *_: True)
    monkeypatch.setattr(stripe_checkout, "is_signed", lambda *_: True)
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def post(app: WSGIApplication, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
    """The status and body of the answer; without a test client, which takes longer than the callback."""
    statuses: list[str] = []
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": f"/webhooks/{path}",
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "wsgi.url_scheme": "http",
    }
    answer = app(environ, lambda status, _headers, _error=None: statuses.append(status))  # type: ignore[arg-type,return-value]
    return int(statuses[0][:3]), b"".join(answer)


def facts_in(told: object) -> Iterator[str | datetime]:
    """The texts and times of what a handler was told; numbers fit into a column."""
    match told:
        case str():
            yield told
        case list() | tuple():
            for part in told:
                yield from facts_in(part)
        case dict():
            yield from facts_in([*told.items()])
        case datetime():
            yield told
        case int():
            assert abs(told) < 2**63  # the largest number of a column
        case _ if is_dataclass(told):
            for field in fields(told):
                yield from facts_in(getattr(told, field.name))


def check_facts(facts: Collection[str | datetime], engines: Sequence[Engine]) -> None:
    """Each text and time is clean, and each database returns it as it was stored."""
    texts = [fact for fact in facts if isinstance(fact, str)]
    times = [fact for fact in facts if isinstance(fact, datetime)]
    for text in texts:
        assert forms.clean(text) == text
        assert len(text) <= forms.LONGEST_TEXT
    for time in times:
        assert time.tzinfo is UTC
        assert time.year >= forms.FIRST_YEAR
    same = {"direction": "in", "msisdn": "", "channel": "sms", "status": "received", "encoding": "", "segments": 1}
    kept = [(text, None) for text in texts] + [("", time) for time in times]
    new = [
        same | {"id": f"msg_{n}", "text": text, "sent_at": time, "created_at": NOW}
        for n, (text, time) in enumerate(kept)
    ]
    message = tables.message
    for engine in engines if new else ():
        with engine.connect() as conn:  # is rolled back
            conn.execute(message.insert(), new)
            assert [
                tuple(row) for row in conn.execute(select(message.c.text, message.c.sent_at).order_by("seq"))
            ] == kept


@pytest.mark.long
@pytest.mark.parametrize("callback", CALLBACKS)
def test_any_body_is_read_without_an_error_and_told_in_clean_fields_that_both_databases_store_alike(
    tmp_path: Path, migrated_postgres_url: str, callback: str
) -> None:
    chance, handler, app = Random(f"{seed()} {callback}"), CallbackRecorder(), Flask(__name__)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    settings = registry.make_settings(webhook_secret="dev", twilio_auth_token="token")
    handlers = Handlers(messages=handler, payments=handler, collections=handler.collections)
    for blueprint in registry.blueprints(settings, handlers):
        app.register_blueprint(blueprint)
    served, heard = registry.with_fast_paths(app.wsgi_app, settings, handlers), 0

    urls = migrated_sqlite(tmp_path / "soko.db"), migrated_postgres_url
    engines = [create_engine(url) for url in urls]
    for first in range(0, BODIES, CHUNK):
        for _ in range(min(CHUNK, BODIES - first)):
            body, content_type = any_body(chance, callback)
            status, _answer = post(served, callback.format(secret="dev"), body, content_type)
            assert status < 500, (body, content_type)
        check_facts(set(facts_in(handler.recorded)), engines)
        heard += len(handler.recorded)
        handler.recorded.clear()
        handler.callbacks.clear()
    for engine in engines:
        engine.dispose()
    assert heard > BODIES / 10  # the bodies are not just refused


def rows(service: Service) -> list[tuple[object, ...]]:
    """What the callbacks have stored, without the ids that are made by chance."""
    message, early, person = tables.message.c, tables.early_report.c, tables.person.c
    kept = (
        select(message.direction, message.msisdn, message.channel, message.text, message.encoding, message.segments)
        .add_columns(message.status, message.provider, message.provider_id, message.error, message.sent_at)
        .order_by(message.seq),
        select(early).order_by(early.provider, early.provider_id, early.status),
        select(person.msisdn, person.language, person.keyword_language).order_by(person.msisdn),
    )
    with service.services.engine.connect() as conn:
        return [tuple(row) for query in kept for row in conn.execute(query)]


@pytest.mark.parametrize("callback", CALLBACKS)
def test_any_body_has_the_same_answer_and_rows_on_both_databases(
    tmp_path: Path, migrated_postgres_url: str, callback: str
) -> None:
    chance, path = Random(f"{seed()} {callback}"), callback.format(secret="dev")
    with ExitStack() as open_services:
        urls = migrated_sqlite(tmp_path / "soko.db"), migrated_postgres_url
        services = [open_services.enter_context(serving(tmp_path, database_url=url)) for url in urls]
        for service in services:
            fixtures.seed_shop(service)
        statuses = set()
        for _ in range(STORED):
            body, content_type = any_body(chance, callback)
            first, second = (post(service.http.application.wsgi_app, path, body, content_type) for service in services)
            assert first[0] < 500, (body, content_type)
            assert first == second, (body, content_type)
            statuses.add(first[0])
        assert statuses & {200, 204}
        assert rows(services[0]) == rows(services[1])
