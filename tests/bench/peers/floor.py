"""WSGI callables that do a part of a hop's work and nothing else: what is below them no service can reach.

empty            answers without looking at the request
form_and_store   reads the form, and loads and saves a session of 1 kB as `SqlSessions` or `RedisSessions` does
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from bot.providers import forms
from state.redis_sessions import RedisSessions
from state.sql_sessions import SqlSessions

SCREEN = b"CON Soko\n1. Sell something\n2. My products\n3. Orders\n4. My money\n5. Settings\n6. Help"
DOCUMENT = b"{" + b"x" * 1022 + b"}"
LEASE_S, KEPT_S = 2.5, 600.0

_url = os.environ.get("REDIS_URL")
_sessions = RedisSessions(_url) if _url else SqlSessions(os.environ.get("DATABASE_URL", "sqlite://"))


def empty(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return _answer(start_response)


def form_and_store(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    form = forms.read(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    msisdn, holder, now = form.required("phoneNumber"), form.required("sessionId") + form.text("text"), time.time()
    claimed = _sessions.claim(msisdn, holder, now=now, lease=LEASE_S)
    if claimed is None or not _sessions.save(msisdn, DOCUMENT, holder, now=now, ttl=KEPT_S):
        raise RuntimeError("another request holds the session")
    return _answer(start_response)


def _answer(start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(SCREEN)))])
    return [SCREEN]
