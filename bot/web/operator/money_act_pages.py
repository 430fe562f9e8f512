"""Acts on money in the console: what an act does is shown before it is done; above a limit, two operators are needed.

GET  /operator/money/acts/<act>/<about>         what is typed; or what the act does, if nothing is typed
POST /operator/money/acts/<act>/<about>/check   what the act does; it is tried, and rolled back
POST /operator/money/acts/<act>/<about>         does it, if it still does the same, or proposes it; 303
GET  /operator/money/proposals/<id>             a proposal, and what it does now
POST /operator/money/proposals/<id>/approve     does it, if it does what was proposed; 303
POST /operator/money/proposals/<id>/refuse      303
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from babel.numbers import get_currency_precision
from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from bot.payments.typed_amounts import NotANumberError
from bot.web.formats import price
from bot.web.operator import money_acts
from bot.web.operator.access import operator, reading, resources, shop_in, writing
from bot.web.operator.effects import Effects
from bot.web.operator.money_acts import ACTS, MoneyAct
from bot.web.operator.money_subjects import MoneySubject
from marketplace_api import problems
from marketplace_api.accounts import operators, proposals
from marketplace_api.accounts.proposals import Proposed
from marketplace_api.actors import Actor
from marketplace_api.models import MoneyProposal
from marketplace_api.refused import Refused
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop

acts = Blueprint("money_acts", __name__)

LONGEST = 200
LONGEST_FILLED_IN = 40_000
"""Characters of a field that is typed, and of one that a page fills in."""
CHANGED = "Something has changed since you saw this. Nothing was done; read again what it does now."
MISSING = "Please fill in every field, with at most 200 characters."
NO_PHONE = "This is no phone number."
OTHER_NOW = "This act does something else now than was proposed. Nothing was done. Refuse it and make a new proposal."

Page = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Tried:
    """An act that was tried and rolled back: what it does, and `limit`, in words, if a second operator is needed."""

    subject: MoneySubject
    effects: Effects
    amount: int | None
    limit: str | None


@acts.get("/money/acts/<act>/<about>")
def form(act: str, about: str) -> Page | Response:
    chosen = _act(act)
    if not chosen.fields:
        return _check_page(act, about, {})
    with reading() as shop:
        subject = chosen.subject(shop, about)
    return redirect(subject.url, 303) if chosen.is_filled_in else _form_page(act, about, {})


@acts.post("/money/acts/<act>/<about>/check")
def check(act: str, about: str) -> Page:
    return _read_and_check(act, about)


@acts.post("/money/acts/<act>/<about>", endpoint="act")
def do_act(act: str, about: str) -> Page | Response:
    chosen = _act(act)
    try:
        typed = _typed(chosen)
        with resources().database.writing() as session, session.begin() as transaction:
            shop = shop_in(session)
            before, amount = chosen.subject(shop, about), chosen.amount(shop, about, typed)
            effects = money_acts.perform(shop, chosen, about, typed)
            is_seen, limit = effects.seen == request.form.get("seen"), _limit(amount, shop.terms.currency)
            if is_seen and limit is None:
                _log(shop, act, about, before, effects, typed)
            else:
                transaction.rollback()
    except (Refused, NotANumberError, _NotFilledInError):
        return _read_and_check(act, about)  # it says why
    if not is_seen:
        return _check_page(act, about, typed, CHANGED, 409)
    if limit is None:
        return _done(act, before)
    proposed = Proposed(act, about, typed, effects.sentences, effects.digest, amount)
    with writing() as shop:
        return redirect(url_for(".proposal", id=proposals.propose(shop, proposed).id), 303)


def _done(act: str, subject: MoneySubject) -> Response:
    return redirect(f"{subject.url}?{urlencode({'done': act})}", 303)


@acts.app_template_global()
def title_of_done(act: str) -> str | None:
    """The title of the act that was done before this page; None if there is none."""
    return ACTS[act].title if act in ACTS else None


def _read_and_check(act: str, about: str) -> Page:
    """The page that says what the act does; or the form again, with the reason, if it cannot be done so."""
    chosen = _act(act)
    try:
        return _check_page(act, about, _typed(chosen))
    except (NotANumberError, _NotFilledInError) as error:
        return _form_page(act, about, request.form, str(error), 422)
    except Refused as refused:
        if not chosen.fields or chosen.is_filled_in:
            raise
        return _form_page(act, about, request.form, problems.explain(refused), refused.status)


def _form_page(act: str, about: str, typed: Mapping[str, str], refused: str | None = None, status: int = 200) -> Page:
    chosen = _act(act)
    with reading() as shop:
        subject = chosen.subject(shop, about)
    html = render_template(
        "money_form.html", name=act, about=about, act=chosen, subject=subject, typed=typed, refused=refused
    )
    return html, status


def _check_page(act: str, about: str, typed: Mapping[str, str], refused: str | None = None, status: int = 200) -> Page:
    chosen = _act(act)
    tried = _try(chosen, about, typed)
    html = render_template(
        "money_check.html", name=act, about=about, act=chosen, tried=tried, typed=typed, refused=refused
    )
    return html, status


def _try(act: MoneyAct, about: str, typed: Mapping[str, str]) -> Tried:
    """What the act does; it is done in a transaction that is rolled back. Raises `Refused` or NotANumberError."""
    with resources().database.writing() as session, session.begin() as transaction:
        shop = shop_in(session)
        subject, amount = act.subject(shop, about), act.amount(shop, about, typed)
        effects = money_acts.perform(shop, act, about, typed)
        transaction.rollback()
    return Tried(subject, effects, amount, _limit(amount, shop.terms.currency))


def _limit(amount: int | None, currency: str) -> str | None:
    """The amount above which two operators are needed, in words; None if they are not needed for this amount."""
    whole = resources().settings.four_eyes_above
    if whole is None:
        return None
    limit = whole * 10 ** get_currency_precision(currency)
    is_above = amount is None or amount > limit  # another currency has no rate that is always known
    return price(Money(amount=int(limit), currency=currency)) if is_above else None


# -- proposals


@acts.get("/money/proposals/<id>")
def proposal(id: str) -> Page:
    return _proposal_page(id)


@acts.post("/money/proposals/<id>/approve")
def approve(id: str) -> Page | Response:
    with resources().database.writing() as session, session.begin() as transaction:
        shop = shop_in(session)
        found = proposals.decide(shop, id, "approved")
        chosen = _act(found.act)
        before = chosen.subject(shop, found.about)
        effects = money_acts.perform(shop, chosen, found.about, found.typed)
        if is_proposed := effects.digest == found.digest:
            _log(shop, found.act, found.about, before, effects, found.typed, found)
        else:
            transaction.rollback()
    return _done(found.act, before) if is_proposed else _proposal_page(id, OTHER_NOW, 409)


@acts.post("/money/proposals/<id>/refuse")
def refuse(id: str) -> Response:
    with writing() as shop:
        proposals.decide(shop, id, "refused")
    return redirect(url_for("money.page"), 303)


def _proposal_page(id: str, refused: str | None = None, status: int = 200) -> Page:
    with reading() as shop:
        found = proposals.by_id(shop, id)
        chosen = _act(found.act)
        html = render_template(
            "proposal.html",
            proposal=found,
            act=chosen,
            subject=chosen.subject(shop, found.about),
            typed=_shown(found.typed),
            why_not=_why_not(shop, found),
            is_open=found.status == "open" and found.expires_at > shop.now,
            is_own=found.proposed_by == str(shop.by),
            refused=refused,
        )
    return html, status


def _why_not(shop: Shop, found: MoneyProposal) -> str | None:
    """Why this operator cannot approve it, in words; None if nothing is against it."""
    try:
        proposals.check(shop, found, "approved")
    except Refused as refused:
        return problems.explain(refused)
    return None


# -- what is typed, and the log


class _NotFilledInError(Exception):
    """A field is missing or wrong; the message is for the operator."""


def _typed(act: MoneyAct) -> dict[str, str]:
    """What the form has for the fields of an act. Raises _NotFilledInError."""
    typed = {name: request.form.get(name, "").strip() for name in act.fields}
    longest = LONGEST_FILLED_IN if act.is_filled_in else LONGEST
    for name, value in typed.items():
        if len(value) > longest or not value.isprintable() or not (value or name in act.optional):
            raise _NotFilledInError(MISSING)
    if typed.get("phone"):
        try:
            with reading() as shop:
                typed["phone"] = shop.terms.parse_msisdn(typed["phone"])
        except ValueError:
            raise _NotFilledInError(NO_PHONE) from None
    return typed


def _log(
    shop: Shop,
    act: str,
    about: str,
    before: MoneySubject,
    effects: Effects,
    typed: Mapping[str, str],
    proposal: MoneyProposal | None = None,
) -> None:
    """Write the act into the log, with what was typed, and without a whole phone number."""
    two = {"proposal": proposal.id, "proposed_by": proposal.proposed_by} if proposal else {}
    after = {**_shown(typed), "does": effects.sentences, **two}
    operators.log(shop, f"money.{act}", about, before={"state": before.state or before.balance}, after=after)


def _shown(typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed, without a whole phone number."""
    hidden = {"phone": Actor.with_phone("phone", typed["phone"]).name} if typed.get("phone") else {}
    return {**typed, **hidden}


def _act(name: str) -> MoneyAct:
    return ACTS.get(name) or abort(404)


def may_act() -> bool:
    """True if the operator of this request may act on money."""
    return operator().may("money_acts.act")
