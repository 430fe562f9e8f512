"""`/healthz`: the process is alive. `/readyz`: its database and its session store answer, and Redis takes writes.

GET /readyz   200  {"database": "ok", "sessions": "ok"}
              503  {"database": "ok", "sessions": "ConnectionError"}
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from bot.db.unit_of_work import Database
from state.sessions import Sessions


def routes(database: Database, sessions: Sessions) -> Blueprint:
    """Both pages, for load balancers and process managers."""
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @blueprint.get("/readyz")
    def readyz() -> tuple[Response, int]:
        states = {"database": _state(lambda: _ping(database)), "sessions": _state(sessions.ping)}
        return jsonify(states), 200 if all(state == "ok" for state in states.values()) else 503

    return blueprint


def _ping(database: Database) -> None:
    with database.reading() as session:
        session.connection().exec_driver_sql("SELECT 1")


def _state(ping: Callable[[], object]) -> str:
    """`ok`, or the name of the exception that was raised."""
    try:
        ping()
    except Exception as error:
        return type(error).__name__
    return "ok"
