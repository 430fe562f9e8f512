"""The simulated page where a buyer pays by card, in place of Stripe's.

    POST /simulator/stripe/pay/cs_test_3f0…
    act=pay                 or decline, later, dispute, win, lose; with fate=twice as in `bot.simulator.cards`
    303  Location: …/simulator/stripe/pay/cs_test_3f0…?leave=1, which leads on to the success_url

A payment by `later` is complete and unpaid for a minute, like one that a bank moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from bot.simulator import cards
from bot.simulator.cards import BANK_TAKES, CardScript, CardSession
from bot.simulator.stripe import SOON_S, StripeSimulator, dispute_fields, event, session_fields


def routes(simulator: StripeSimulator) -> Blueprint:
    """The page of each session."""
    blueprint = Blueprint("card_page", __name__, url_prefix="/simulator/stripe", template_folder="templates")
    blueprint.add_url_rule("/pay/<id>", "show", partial(_show_page, simulator), methods=["GET"])
    blueprint.add_url_rule("/pay/<id>", "act", partial(_act, simulator), methods=["POST"])
    return blueprint


def _show_page(simulator: StripeSimulator, id: str) -> Response:
    with simulator.transaction() as conn:
        session = cards.find_session(conn, id) or abort(404)
    now = simulator.clock()
    scripts = {name: digits for digits, (name, _) in cards.SCRIPTS.items()}
    page = render_template(
        "simulator/card.html",
        session=session,
        status=session.status_at(now),
        is_paid=session.is_paid(now),
        scripts=scripts,
    )
    answer = Response(page)
    if "leave" in request.args:
        answer.headers["Refresh"] = f"1; url={session.success_url}"
    return answer


def _act(simulator: StripeSimulator, id: str) -> AnyResponse:
    with simulator.transaction() as conn:
        session = cards.find_session(conn, id, get_lock=True) or abort(404)
        script = cards.script_for(session.amount, request.form.get("fate", ""))
        change = _change(request.form.get("act", ""), session, script, simulator.clock())
        if change:
            cards.change_session(conn, session.id, **change)
    after = replace(session, **change)
    _post_change(simulator, session, after, script)
    leave = "1" if after.status == "complete" != session.status else None
    return redirect(url_for("card_page.show", id=id, leave=leave), 303)


def _change(act: str, session: CardSession, script: CardScript, now: datetime) -> Mapping[str, Any]:
    """What an act changes of a session; nothing if it is not possible now."""
    is_open, is_paid = session.status_at(now) == "open", session.is_paid(now)
    match act:
        case "pay" if is_open and not script.declines:
            return {"status": "complete", "paid": session.amount - script.short_by, "paid_at": now}
        case "pay" | "decline" if is_open:
            return {"declined": True}
        case "later" if is_open and script.declines:
            return {"status": "complete", "declined": True}
        case "later" if is_open:
            paid = session.amount - script.short_by
            return {"status": "complete", "paid": paid, "paid_at": now + BANK_TAKES}
        case "dispute" if is_paid and session.dispute is None:
            return {"dispute": "open"}
        case "win" | "lose" if session.dispute == "open":
            return {"dispute": "won" if act == "win" else "lost"}
    return {}


def _post_change(simulator: StripeSimulator, before: CardSession, after: CardSession, script: CardScript) -> None:
    """Post the events of a change, now or later."""
    if after.dispute != before.dispute:
        kind = "created" if after.dispute == "open" else "closed"
        simulator.post_later(event(simulator, f"charge.dispute.{kind}", dispute_fields(after)), SOON_S)
    if after.status == before.status:
        return
    completed = event(simulator, "checkout.session.completed", session_fields(simulator, after))
    if script.event_first:
        simulator.post(completed)
    for seconds in script.events_after_s:
        simulator.post_later(completed, seconds)
    if not after.is_paid(simulator.clock()):
        kind = "async_payment_succeeded" if after.paid_at else "async_payment_failed"
        ended = event(simulator, f"checkout.session.{kind}", session_fields(simulator, after))
        for seconds in script.events_after_s:
            simulator.post_later(ended, BANK_TAKES.total_seconds() + seconds)
