"""Broadcasts in the console: one text to many artisans, checked before it leaves, followed and stopped.

GET  /operator/broadcasts                 the last broadcasts, and a form for the next one
POST /operator/broadcasts/check           whom it reaches, what it costs, and what holds it up
POST /operator/broadcasts/test            sends the text to one phone; shows the same page again
POST /operator/broadcasts/start           sends it, once, if the number of people was typed; 303 to its page
GET  /operator/broadcasts/<id>            how far it is
GET  /operator/broadcasts/<id>/progress   the same, as part of a page
POST /operator/broadcasts/<id>/stop       nothing more of it is sent
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot.messaging import broadcasts as domain
from bot.messaging import queue
from bot.messaging.broadcasts import Audience, Reach
from bot.messaging.queue import NewMessage, Priority
from bot.messaging.send_policy import SendPolicy
from bot.web.operator import text_size, typed
from bot.web.operator.access import operator, reading, resources, writing
from bot.web.operator.text_size import LONGEST
from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from marketplace_api.shop import Shop
from state import broadcasts as stored
from state.broadcasts import BroadcastRecord
from state.messages import MessageStatus

broadcasts = Blueprint("broadcasts", __name__)

MOST_LISTED = 30
REFRESH_S = 5
NOT_A_TEXT = f"Please write a text of 1 to {LONGEST} letters."
NOBODY = "Nobody is like that: choose others."
ID = re.compile(r"bct_[0-9a-z]{20}")
WAITING: Sequence[MessageStatus] = ("queued", "sending")


@dataclass(frozen=True, slots=True)
class Draft:
    """A broadcast that is not sent yet. `id` is the one that it will have, so that it is sent once."""

    id: str
    text: str
    audience: Audience

    @property
    def fields(self) -> Mapping[str, str]:
        """What the forms of the page carry."""
        return {
            "id": self.id,
            "text": self.text,
            **{name: value or "" for name, value in asdict(self.audience).items()},
        }


@broadcasts.get("/broadcasts")
def page() -> str:
    with reading() as shop:
        return render_template(
            "broadcasts.html",
            broadcasts=[(each, _audience_words(shop, each.audience)) for each in _newest(shop)],
            choices=domain.choices(shop),
            longest=LONGEST,
        )


def _newest(shop: Shop) -> Sequence[BroadcastRecord]:
    return stored.newest(shop.session.connection(), MOST_LISTED)


def _audience_words(shop: Shop, audience: Mapping[str, str | None]) -> str:
    """`all artisans`, or `artisans of pottery, in Kisumu, who read Kiswahili`."""
    said = {"craft": " of {}", "kiosk_id": ", of the kiosk {}", "town": ", in {}", "language": ", who read {}"}
    choices = domain.choices(shop)
    parts = [said[name].format(choices[name].get(value, value)) for name, value in audience.items() if value]
    return f"artisans{''.join(parts)}" if parts else "all artisans"


# -- before it is sent


@broadcasts.post("/broadcasts/check")
def check() -> str:
    with reading() as shop:
        return _check_page(shop, _draft(shop))


@broadcasts.post("/broadcasts/test")
def test() -> str:
    with writing() as shop:
        draft, msisdn = _draft(shop), typed.phone(shop, "phone")
        message_id = shop.ids.new_id("msg")
        key = f"operator:{operator().id}:{message_id}"
        test_text = NewMessage(key, msisdn, draft.text, "", "operator", priority=Priority.REPLY)
        queue.add(shop.session.connection(), test_text, message_id, shop.now)
        operators.log(shop, "broadcast.tested", draft.id, after={"message": message_id})
        masked = Actor.with_phone("phone", msisdn).name
        return _check_page(shop, draft, done=f"A test text is on its way to {masked}.")


@broadcasts.post("/broadcasts/start")
def start() -> Response | tuple[str, int]:
    with writing() as shop:
        draft = _draft(shop)
        found = domain.reach(shop, draft.audience)
        is_known = stored.find(shop.session.connection(), draft.id) is not None
        if not is_known:
            if request.form.get("people", "").strip() != str(found.people):
                return _check_page(shop, draft, refused=f"Type the number of people, {found.people}, to send it."), 409
            domain.start(shop, draft.text, draft.audience, draft.id)
            after = {"people": found.people, "audience": _audience_words(shop, asdict(draft.audience))}
            operators.log(shop, "broadcast.started", draft.id, after=after)
    return redirect(url_for(".broadcast", id=draft.id), 303)


def _draft(shop: Shop) -> Draft:
    text = request.form.get("text", "").replace("\r\n", "\n").replace("\x00", "").strip()
    if not 0 < len(text) <= LONGEST:
        raise typed.MistypedError(NOT_A_TEXT)
    chosen = {
        name: typed.choice(name, values) if request.form.get(name) else None
        for name, values in domain.choices(shop).items()
    }
    id = request.form.get("id", "")
    return Draft(id if ID.fullmatch(id) else shop.ids.new_id("bct"), text, Audience(**chosen))


def _check_page(shop: Shop, draft: Draft, *, refused: str | None = None, done: str | None = None) -> str:
    conn = shop.session.connection()
    price, found = text_size.last_price(conn), domain.reach(shop, draft.audience)
    if not found.people:
        raise typed.MistypedError(NOBODY)
    size = text_size.of_text(draft.text, price)
    return render_template(
        "broadcast_check.html",
        draft=draft,
        audience=_audience_words(shop, asdict(draft.audience)),
        reach=found,
        size=size,
        segments=found.people * size.segments,
        cost=text_size.cost_of(found.people * size.segments, price),
        blockers=list(_blockers(found, shop.now)),
        refused=refused,
        done=done,
    )


def _blockers(found: Reach, now: datetime) -> Iterator[str]:
    """What keeps the texts, or some of them, from leaving at once."""
    settings, refusals = resources().settings, found.refusals
    zone = ZoneInfo(settings.timezone)
    policy = SendPolicy(settings.quiet_period, settings.hourly_cap, settings.country, zone)
    if refusals.opted_out:
        yield f"{refusals.opted_out} of them sent STOP and get nothing."
    if refusals.promotions_off:
        yield f"{refusals.promotions_off} of them block promotions at their network and get nothing."
    if until := policy.quiet_at_home_until(now):
        yield f"It is quiet now ({settings.quiet_hours}): the texts leave from {until.astimezone(zone):%H:%M} on."
    else:
        yield f"Texts that have not left when quiet hours begin ({settings.quiet_hours}) leave when they end."
    yield f"A phone gets at most {settings.hourly_cap} texts an hour that it did not ask for; more wait."
    if rates := settings.sms_rates:
        words = ", ".join(f"{rate:g} a second by {provider}" for provider, rate in rates.items())
        yield f"Providers take no more than {words}."


# -- while it is sent


@broadcasts.get("/broadcasts/<id>", endpoint="broadcast")
def broadcast_page(id: str) -> str:
    with reading() as shop:
        found, progress = _found(shop, id), _progress(shop, id)
        return render_template(
            "broadcast.html",
            audience=_audience_words(shop, found.audience),
            size=text_size.of_text(found.text, None),
            acts=operators.acts_about(shop, id),
            **progress,
        )


@broadcasts.get("/broadcasts/<id>/progress")
def progress(id: str) -> str:
    with reading() as shop:
        return render_template("broadcast_progress.html", **_progress(shop, id))


def _progress(shop: Shop, id: str) -> dict[str, Any]:
    conn, found = shop.session.connection(), _found(shop, id)
    counts = stored.counts(conn, id)
    unfinished = sum(counts.get(status, 0) for status in WAITING)
    unqueued = 0 if found.queued_at else max(0, found.recipients - sum(counts.values()))
    return {
        "broadcast": found,
        "counts": counts,
        "unqueued": unqueued,
        "errors": stored.errors(conn, id),
        "is_over": not unfinished and not (unqueued and not found.stopped_at),
        "every_s": REFRESH_S,
    }


def _found(shop: Shop, id: str) -> BroadcastRecord:
    return stored.find(shop.session.connection(), id) or abort(404)


@broadcasts.post("/broadcasts/<id>/stop")
def stop(id: str) -> Response:
    with writing() as shop:
        _found(shop, id)
        counts = stored.counts(shop.session.connection(), id)
        if domain.stop(shop, id):
            operators.log(shop, "broadcast.stopped", id, after={str(status): each for status, each in counts.items()})
    return redirect(url_for(".broadcast", id=id), 303)
