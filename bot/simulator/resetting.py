"""Starts the shop afresh, and moves its clock. In development only.

POST /simulator/reset    204: an empty shop with its demo, and the clock shows the present time
POST /simulator/clock    {"advance_seconds": 3600}, {"runs": false}, {"runs": true} or {"back_to_now": true}
200  {"now": "2026-11-23T09:00:00Z", "ahead_s": 3600, "runs": true}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from flask import Blueprint, Response, abort, jsonify, request
from pydantic import Field, ValidationError
from sqlalchemy import Connection, delete, insert, select, text, update
from sqlalchemy.orm import Session

from bot.runtime.clock import MovableClock
from bot.services import Services
from bot.simulator import tables
from bot.simulator.tables import simulated_reset
from marketplace_api import problems
from marketplace_api.fields import LateModel
from marketplace_api.models import Base, Photo, Product, ShopCurrency
from state.tables import metadata as state_tables
from state.tables import outbox, schedule

KEPT = ShopCurrency.__table__
"""The table that outlives a reset: the currency belongs to the settings."""
LONGEST_STEP_S = 366 * 86_400
_SQLITE_GUARDS = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '% BEFORE DELETE %'")
_POSTGRESQL_GUARDS = text(
    "SELECT DISTINCT event_object_table FROM information_schema.triggers WHERE event_manipulation = 'DELETE'"
    " AND action_timing = 'BEFORE' AND trigger_schema = current_schema()"
)


class ClockRequest(LateModel):
    """What the clock does, in this order: it goes back, stops or runs, and moves forward, at most a leap year."""

    back_to_now: bool = False
    runs: bool | None = None
    advance_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_STEP_S)] = 0


def routes(services: Services, clock: MovableClock, forget: Callable[[], None]) -> Blueprint:
    """`/simulator/reset` and `/simulator/clock`. `forget` is called after a reset."""
    blueprint = Blueprint("simulated_time", __name__, url_prefix="/simulator")

    @blueprint.post("/reset")
    def reset() -> tuple[str, int]:
        if request.headers.get("Sec-Fetch-Site") == "cross-site":  # the page of another origin, in the same browser
            abort(403)
        start_afresh(services, clock)
        forget()
        return "", 204

    @blueprint.post("/clock")
    def move() -> Response | tuple[Response, int]:
        try:
            asked = ClockRequest.model_validate_json(request.get_data())
        except ValidationError as error:
            return jsonify(detail=problems.not_valid(error.errors()).detail), 400
        if asked.back_to_now:
            go_back_to_now(services, clock)
        if asked.runs is not None:
            clock.run() if asked.runs else clock.stand()
        now = clock.advance(asked.advance_seconds)
        return jsonify(now=now.isoformat().replace("+00:00", "Z"), **shown(clock))

    return blueprint


def shown(clock: MovableClock) -> dict[str, Any]:
    """How far the clock is ahead of the real time, and whether it runs; of one that stands, when it stands."""
    if clock.stands:
        return {"runs": False, "stands_at": clock().isoformat().replace("+00:00", "Z")}
    return {"runs": True, "ahead_s": round(clock.ahead.total_seconds())}


def began(conn: Connection) -> str | None:
    """The time of the last reset; None if there was none."""
    at = _reset_at(conn)
    return at.isoformat().replace("+00:00", "Z") if at else None


def last_reset(services: Services) -> datetime | None:
    """The real time of the last reset, after which the clock shows it; None if there was none."""
    with services.database.reading() as session:
        return _reset_at(session.connection())


def _reset_at(conn: Connection) -> datetime | None:
    return conn.scalar(select(simulated_reset.c.at))


def go_back_to_now(services: Services, clock: MovableClock) -> None:
    """Let the clock show the present time. Jobs that were added in the future are due as much earlier."""
    ahead = clock.ahead
    clock.go_back()
    if ahead > timedelta():
        with services.database.writing.begin() as session:
            _bring_back(session.connection(), ahead, services)


def _bring_back(conn: Connection, ahead: timedelta, services: Services) -> None:
    now, c = services.clock(), outbox.c
    live = select(c.id, c.due_at).where(c.created_at > now, c.done_at.is_(None), c.dead_at.is_(None))
    for id, due_at in conn.execute(live).all():
        conn.execute(update(outbox).where(c.id == id).values(due_at=max(now, due_at - ahead)))
    conn.execute(delete(schedule))  # the worker adds each task again, due at its next time


def start_afresh(services: Services, clock: MovableClock) -> None:
    """Delete everything, add the demo data if the settings want it, and let the clock show the present time.

    Keys that are in the settings are in no table, so they stay. The pictures of the demo are drawn only if they are
    missing.
    """
    from bot.demo import seed  # imported here: it needs the libraries for pictures, which no other request needs

    clock.go_back()
    with services.database.writing.begin() as session:
        pictures = _demo_pictures(session)
        _empty(session.connection())
        wanted = services.settings.demo is not False and services.marketplace.is_local
        listed = seed.add(services, session) if wanted else []
        session.flush()
        hung = _hang_again(session, listed, pictures)
        session.execute(insert(simulated_reset).values(at=services.clock()))
    for msisdn in services.sessions.mentioning(lambda _: True):  # those in Redis; others were in a table
        services.sessions.delete(msisdn)
    _delete_files(services, {picture["id"] for picture in hung})
    hung_on = {picture["product_id"] for picture in hung}
    seed.draw(services, [product for product in listed if product.id not in hung_on])


def _empty(conn: Connection) -> None:
    with _unguarded(conn):
        for metadata in (tables.metadata, state_tables, Base.metadata):
            for table in reversed(metadata.sorted_tables):
                if table is not KEPT:
                    conn.execute(delete(table))


@contextmanager
def _unguarded(conn: Connection) -> Iterator[None]:
    """The tables that are append-only, such as the ledger's, allow a deletion in this block of a transaction."""
    if conn.dialect.name == "sqlite":
        guards = conn.execute(_SQLITE_GUARDS).all()
        off, on = [f"DROP TRIGGER {name}" for name, _ in guards], [sql for _, sql in guards]
    else:
        guarded = conn.scalars(_POSTGRESQL_GUARDS).all()
        off, on = ([f"ALTER TABLE {table} {do} TRIGGER USER" for table in guarded] for do in ("DISABLE", "ENABLE"))
    for statement in off:
        conn.exec_driver_sql(statement)
    yield
    for statement in on:
        conn.exec_driver_sql(statement)


def _demo_pictures(session: Session) -> Sequence[dict[str, Any]]:
    """The first picture of each product, as rows: those of the demo are used again."""
    found = session.execute(select(Photo.__table__).where(Photo.number == 1)).mappings()
    return [dict(row) for row in found]


def _hang_again(
    session: Session, listed: Sequence[Product], pictures: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Add the pictures again whose products were added again; returns these. Products of the demo keep their ids."""
    ids = {product.id for product in listed}
    hung = [picture for picture in pictures if picture["product_id"] in ids]
    if hung:
        session.execute(insert(Photo), hung)
    return hung


def _delete_files(services: Services, kept: set[str]) -> None:
    """Delete the pictures of all photos but these."""
    folder = Path(services.settings.photos_dir)
    for file in folder.glob("*.jpg") if folder.is_dir() else ():
        if file.stem.removesuffix("-small") not in kept:
            file.unlink(missing_ok=True)
