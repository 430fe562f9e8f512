"""The desk: people who wait for help, and what was said to and by each of them.

    GET  /operator/desk                     who waits, the oldest first; how long people waited
    POST /operator/desk/find                by phone; 303 to the person
    GET  /operator/desk/people/<id>         the conversation as the person saw it
    POST /operator/desk/people/<id>/number  shows the whole number, for a reason
    POST /operator/desk/people/<id>/check   shows a text before it is sent
    POST /operator/desk/people/<id>/send    sends it, once
    POST /operator/desk/requests/<id>/close the person was helped
    POST /operator/desk/requests/<id>/hand  a colleague helps the person
    POST /operator/desk/requests/<id>/called the person was called back
    POST /operator/desk/size                the size of a text, as part of a page

Who looked at a conversation or at a number is stored (`state.lookups`); what was done is in the log.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median, quantiles

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from bot.messaging import queue
from bot.messaging.queue import NewMessage, Priority
from bot.web.operator import people, text_size, typed
from bot.web.operator.access import DESK, operator, reading, resources, writing
from bot.web.operator.text_size import LONGEST
from bot.web.operator.today import waited
from marketplace_api.accounts import help_requests, operators
from marketplace_api.models import HelpRequest
from marketplace_api.shop import Shop
from state import lookups, messages

desk = Blueprint("desk", __name__)

MOST_WAITING, MOST_CLOSED, MOST_TEXTS = 200, 10, 100
MEASURED = timedelta(days=30)
FEWEST_MEASURED = 2
"""A quantile needs at least so many values."""
KEY_BYTES = 16
LONGEST_REASON = 200
NO_REASON = "Please say why you need the number."
NOT_A_TEXT = f"Please write a text of 1 to {LONGEST} letters."
NOBODY = "Nobody with this phone has an order, goods, a kiosk or a request for help here."
NO_PHONE = "This is no phone number."


@desk.get("/desk")
def page() -> str:
    return _desk_page()


@desk.post("/desk/find")
def find() -> Response | tuple[str, int]:
    typed = request.form.get("phone", "")
    with reading() as shop:
        try:
            id = people.id_of(shop, shop.terms.parse_msisdn(typed))
        except ValueError:
            return _desk_page(NO_PHONE), 422
    return redirect(url_for(".person", id=id), 303) if id else (_desk_page(NOBODY), 404)


def _desk_page(refused: str | None = None) -> str:
    with reading() as shop:
        waiting = select(HelpRequest).where(HelpRequest.closed_at.is_(None)).order_by(HelpRequest.created_at)
        closed = select(HelpRequest).where(HelpRequest.closed_at.is_not(None)).order_by(HelpRequest.closed_at.desc())
        recent = closed.where(HelpRequest.closed_at >= shop.now - MEASURED)
        helped = shop.session.scalars(recent).all()
        answered = shop.session.scalars(select(HelpRequest).where(HelpRequest.answered_at >= shop.now - MEASURED)).all()
        handlers = {operator.id: operator.name for operator in operators.list_all(shop)}
        return render_template(
            "desk.html",
            waiting=[_row(shop, each, handlers) for each in shop.session.scalars(waiting.limit(MOST_WAITING))],
            closed=[_row(shop, each, handlers) for each in helped[:MOST_CLOSED]],
            helped=_spread([each.closed_at - each.created_at for each in helped if each.closed_at]),
            answered=_spread([each.answered_at - each.created_at for each in answered if each.answered_at]),
            refused=refused,
        )


def _spread(times: Sequence[timedelta]) -> tuple[str, str | None] | None:
    """Within which time half of the people were served, and nine of ten; None where there are too few."""
    times_s = [time.total_seconds() for time in times]
    if not times_s:
        return None
    nine_of_ten = waited(timedelta(seconds=_p90(times_s))) if len(times_s) >= FEWEST_MEASURED else None
    return waited(timedelta(seconds=median(times_s))), nine_of_ten


def _p90(times_s: Sequence[float]) -> float:
    return quantiles(times_s, n=10, method="inclusive")[-1]


def _row(shop: Shop, asked: HelpRequest, handlers: Mapping[str, str]) -> dict[str, object]:
    until: datetime = asked.closed_at or shop.now
    who = ", ".join(people.words_for(shop, asked.msisdn)) or "somebody new"
    handler = handlers.get(asked.handler_id or "", "")
    return {"request": asked, "who": who, "waited": waited(until - asked.created_at), "handler": handler}


@desk.get("/desk/people/<id>")
def person(id: str) -> str:
    return _person_page(id)


def _person_page(id: str, refused: str | None = None, number: str | None = None, text: str = "") -> str:
    """The page; that the operator looks at the conversation is stored."""
    with writing() as shop:
        msisdn = people.of_id(shop, id).msisdn
        lookups.record(shop.session.connection(), msisdn, "conversation", str(shop.by), shop.now)
    screens, seen_at = resources().screens(msisdn)  # outside of a transaction: it may wait for Redis
    with reading() as shop:
        found = people.of_id(shop, id)
        return render_template(
            "person.html",
            person=found,
            talk=list(reversed(messages.history(shop.session.connection(), msisdn, limit=MOST_TEXTS))),
            screens=screens,
            seen_at=seen_at,
            waited=waited(shop.now - found.waiting.created_at) if found.waiting else None,
            colleagues=_colleagues(shop),
            acts=operators.acts_about(shop, id),
            number=number,
            refused=refused,
            text=text,
            longest=LONGEST,
        )


def _colleagues(shop: Shop) -> Mapping[str, str]:
    """The names of the operators who may help people, by id."""
    return {each.id: each.name for each in operators.list_all(shop) if each.role in DESK and not each.revoked_at}


@desk.post("/desk/people/<id>/number")
def number(id: str) -> str | tuple[str, int]:
    reason = request.form.get("reason", "").strip()[:LONGEST_REASON]
    if not reason:
        return _person_page(id, NO_REASON), 422
    with writing() as shop:
        msisdn = people.of_id(shop, id).msisdn
        lookups.record(shop.session.connection(), msisdn, "number", str(shop.by), shop.now)
        operators.log(shop, "person.number_seen", id, after={"reason": reason})
    return _person_page(id, number=msisdn)


# -- answering by text


@desk.post("/desk/size")
def size() -> str:
    typed = request.get_json(silent=True)
    text = typed.get("text") if isinstance(typed, dict) else ""
    with reading() as shop:
        price = text_size.last_price(shop.session.connection())
    return render_template("text_size.html", size=text_size.of_text(str(text)[: 4 * LONGEST], price))


@desk.post("/desk/people/<id>/check", endpoint="check")
def check_text(id: str) -> str | tuple[str, int]:
    text = request.form.get("text", "")
    if not _is_text(text):
        return _person_page(id, NOT_A_TEXT, text=text), 422
    with reading() as shop:
        found = people.of_id(shop, id)
        price = text_size.last_price(shop.session.connection())
    return render_template(
        "text_check.html", person=found, size=text_size.of_text(text, price), key=secrets.token_urlsafe(KEY_BYTES)
    )


@desk.post("/desk/people/<id>/send")
def send(id: str) -> Response | tuple[str, int]:
    text, key = request.form.get("text", ""), request.form.get("key", "")[:100]
    if not _is_text(text) or not key:
        return _person_page(id, NOT_A_TEXT, text=text), 422
    with writing() as shop:
        found, message_id = people.of_id(shop, id), shop.ids.new_id("msg")
        message = NewMessage(
            f"operator:{operator().id}:{key}",
            found.msisdn,
            text.strip(),
            found.language,
            "reply" if found.waiting else "operator",  # who asked for help is answered, also after STOP
            about=found.waiting.id if found.waiting else None,
            priority=Priority.REPLY,
        )
        if queue.add(shop.session.connection(), message, message_id, shop.now):
            operators.log(shop, "person.texted", id, after={"message": message_id})
            if found.waiting:
                help_requests.note_answer(shop, found.waiting.id, operator().id)
    return redirect(url_for(".person", id=id), 303)


def _is_text(text: str) -> bool:
    return 0 < len(text.strip()) <= LONGEST


@desk.post("/desk/requests/<id>/close")
def close(id: str) -> Response:
    with writing() as shop:
        help_requests.close(shop, id)
        operators.log(shop, "help.closed", id)
    return redirect(url_for(".page"), 303)


@desk.post("/desk/requests/<id>/called")
def called(id: str) -> Response:
    with writing() as shop:
        help_requests.note_answer(shop, id, operator().id)
        operators.log(shop, "person.called", id)
    return redirect(url_for(".person", id=id), 303)


@desk.post("/desk/requests/<id>/hand")
def hand(id: str) -> Response:
    with writing() as shop:
        colleagues = _colleagues(shop)
        colleague = typed.choice("colleague", colleagues)
        help_requests.hand_over(shop, id, colleague)
        operators.log(shop, "help.handed_over", id, after={"to": colleagues[colleague]})
    return redirect(url_for(".person", id=id), 303)
