"""Artisans in the console: found, looked at, and corrected.

    GET  /operator/artisans?q=&kiosk=&after=      by name, newest first
    POST /operator/artisans/find                  by phone; 303 to the artisan
    GET  /operator/artisans/<id>                  what is owed, the statement, payout methods, who shares the phone
    POST /operator/artisans/<id>/name             corrects the name
    POST /operator/artisans/<id>/language         what the artisan reads
    POST /operator/artisans/<id>/kiosk            where the artisan brings goods
    POST /operator/artisans/<id>/payout/check     says what another payout method does
    POST /operator/artisans/<id>/payout           changes it

The log has no phone, and names only beside the id of their artisan, so that erasing the person finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import Select, or_, select
from werkzeug.wrappers import Response

from bot.messaging.rendering import language_names
from bot.web.operator import typed
from bot.web.operator.access import reading, resources, writing
from bot.web.operator.checking import check_page
from marketplace_api.accounts import artisans as domain
from marketplace_api.accounts import operators
from marketplace_api.actors import Actor
from marketplace_api.catalogue import products
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan, Kiosk
from marketplace_api.payments import balances, holds, payout_methods, statements
from marketplace_api.payments.holds import COOLING_OFF
from marketplace_api.refused import Refused
from marketplace_api.rest import lists
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop
from marketplace_api.statuses import PayoutMethod
from state import people

artisans = Blueprint("artisans", __name__)

A_PAGE = 30
LAST_LINES = 50
STATED = timedelta(days=90)
"""The time of which a page states the account; the CSV of `statements` has all of it."""
METHODS: tuple[PayoutMethod, ...] = get_args(PayoutMethod)
METHOD_WORDS = {"mobile_money": "mobile money", "kiosk_cash": "cash at the kiosk"}
NOBODY = "No artisan has this phone."


@artisans.get("/artisans")
def page() -> str:
    asked, kiosk = request.args.get("q", "").strip(), request.args.get("kiosk", "")
    with reading() as shop:
        found = shop.session.scalars(_search(shop, asked, kiosk, request.args.get("after")).limit(A_PAGE + 1)).all()
        some = found[:A_PAGE]
        return render_template(
            "artisans.html",
            artisans=some,
            owed={id: _own(shop, amount) for id, amount in _owed(shop, some).items()},
            has_more=len(found) > A_PAGE,
            asked=asked,
            kiosk=kiosk,
            kiosks=kiosks.list_all(shop),
        )


def _search(shop: Shop, asked: str, kiosk: str, after: str | None) -> Select[Artisan]:
    """Artisans whose name has these words, of this kiosk, older than `after`."""
    found = select(Artisan).order_by(Artisan.created_at.desc(), Artisan.id.desc())
    if asked:
        found = found.where(Artisan.name.icontains(asked, autoescape=True))
    if kiosk:
        found = found.where(Artisan.kiosk_id == kiosk)
    last = shop.session.get(Artisan, after) if after else None
    if last:
        found = found.where(lists.after(Artisan, (last.created_at, last.id)))
    return found


def _owed(shop: Shop, some: Sequence[Artisan]) -> dict[str, int]:
    return dict(balances.amounts_owed(shop, [artisan.id for artisan in some])) if some else {}


@artisans.post("/artisans/find")
def find() -> Response:
    with reading() as shop:
        artisan = domain.by_msisdn_including_left(shop, typed.phone(shop, "phone"))
    if artisan is None:
        raise typed.MistypedError(NOBODY)
    return redirect(url_for(".artisan", id=artisan.id), 303)


@artisans.get("/artisans/<id>")
def artisan(id: str) -> str:
    with reading() as shop:
        found = domain.by_id(shop, id)
        return render_template(
            "artisan.html",
            artisan=found,
            balance=balances.balance_of(shop, found),
            statement=_statement(shop, found),
            since=shop.now - STATED,
            last_lines=LAST_LINES,
            products=products.of_artisan(shop, found),
            changes=payout_methods.changes_of(shop, found),
            sharers=_sharers(shop, found),
            held_until=holds.cooled_off_on(shop, found),
            acts=operators.acts_about(shop, id),
            kiosks=kiosks.list_all(shop),
            languages=_languages(),
            methods=METHOD_WORDS,
            own=lambda amount: _own(shop, amount),
        )


def _statement(shop: Shop, artisan: Artisan) -> statements.AccountStatement | None:
    """The account since `STATED` ago; None if it has too many lines for a page."""
    try:
        return statements.of_artisan(shop, artisan, since=shop.now - STATED)
    except Refused:
        return None


@dataclass(frozen=True, slots=True)
class Sharer:
    """Somebody else who uses one of the artisan's two phones. `id` is of the artisan or kiosk, `phone` is masked."""

    id: str
    who: str
    phone: str


def _sharers(shop: Shop, artisan: Artisan) -> Sequence[Sharer]:
    """The other artisans and the agents of whom one phone is the artisan's, or the one on which the artisan is paid."""
    phones = [phone for phone in (artisan.msisdn, artisan.payout_msisdn) if phone]
    is_used = or_(Artisan.msisdn.in_(phones), Artisan.payout_msisdn.in_(phones))
    others = select(Artisan).where(is_used, Artisan.id != artisan.id).order_by(Artisan.name)
    agents = select(Kiosk).where(Kiosk.agent_msisdn.in_(phones)).order_by(Kiosk.name)
    found = []
    for other in shop.session.scalars(others.limit(A_PAGE)):
        phone = other.msisdn if other.msisdn in phones else other.payout_msisdn or ""
        use = "is their own" if other.msisdn in phones else "is where they are paid"
        found.append(Sharer(other.id, f"{other.name}: {use}", _masked(phone)))
    for kiosk in shop.session.scalars(agents):
        words = f"{kiosk.agent_name}, agent of {kiosk.name}: is their own"
        found.append(Sharer(kiosk.id, words, _masked(kiosk.agent_msisdn)))
    return found


# -- corrections


@artisans.post("/artisans/<id>/name")
def rename(id: str) -> Response:
    name = typed.line("name", "name")
    with writing() as shop:
        artisan = domain.by_id(shop, id)
        before = {"id": id, "name": artisan.name}
        domain.rename(shop, artisan, name)
        operators.log(shop, "artisan.renamed", id, before=before, after={"id": id, "name": name})
    return _back(id)


@artisans.post("/artisans/<id>/language")
def language(id: str) -> Response:
    code = typed.choice("language", dict(_languages()))
    with writing() as shop:
        artisan = domain.by_id(shop, id)
        before = {"language": artisan.language}
        domain.set_language(shop, artisan, code)
        people.set_language(shop.session.connection(), artisan.msisdn, code, shop.now)
        operators.log(shop, "artisan.language_changed", id, before=before, after={"language": code})
    return _back(id)


@artisans.post("/artisans/<id>/kiosk")
def kiosk(id: str) -> Response:
    kiosk_id = request.form.get("kiosk", "")
    with writing() as shop:
        artisan = domain.by_id(shop, id)
        before = {"kiosk": artisan.kiosk_id}
        domain.set_kiosk(shop, artisan, kiosk_id)
        operators.log(shop, "artisan.kiosk_changed", id, before=before, after={"kiosk": kiosk_id})
    return _back(id)


@artisans.post("/artisans/<id>/payout/check")
def payout_check(id: str) -> str:
    method = typed.choice("method", METHODS)
    with reading() as shop:
        artisan = domain.by_id(shop, id)
        msisdn = _payout_phone(shop, artisan, method)
        if msisdn and not shop.terms.can_be_paid(msisdn):
            raise Refused("not_a_wallet", 422, network=shop.terms.payout_network)
        is_new = msisdn not in (None, artisan.payout_msisdn or artisan.msisdn)
    new_phone = f"The phone is new: payouts are held for {COOLING_OFF.days} days, in case it is a mistake."
    return check_page(
        "Change how an artisan is paid",
        [
            f"From now on {artisan.name} is paid by {METHOD_WORDS[method]}{f', on {msisdn}' if msisdn else ''}.",
            "Payouts that failed because of the old phone are paid in the new way.",
            *([new_phone] if is_new else []),
            "The artisan is texted about the change, and so is the old phone for payouts.",
        ],
        action=url_for(".payout", id=id),
        button="Change it",
        back=url_for(".artisan", id=id),
        hidden={"method": method, "phone": msisdn or ""},
    )


@artisans.post("/artisans/<id>/payout")
def payout(id: str) -> Response:
    method = typed.choice("method", METHODS)
    with writing() as shop:
        artisan = domain.by_id(shop, id)
        msisdn = _payout_phone(shop, artisan, method)
        before = _paid_to(artisan)
        domain.set_payout_method(shop, artisan, method, msisdn)
        operators.log(shop, "artisan.payout_changed", id, before=before, after=_paid_to(artisan))
    return _back(id)


def _payout_phone(shop: Shop, artisan: Artisan, method: str) -> str | None:
    """The phone that was typed, or the artisan's own if none was; None for cash."""
    if method == "kiosk_cash":
        return None
    return typed.phone(shop, "phone") if request.form.get("phone", "").strip() else artisan.msisdn


def _paid_to(artisan: Artisan) -> dict[str, Any]:
    """How the artisan is paid, for the log."""
    return {"method": artisan.payout_method, "phone": artisan.payout_msisdn and _masked(artisan.payout_msisdn)}


def _masked(msisdn: str) -> str:
    return Actor.with_phone("phone", msisdn).name


def _languages() -> Sequence[tuple[str, str]]:
    return language_names(resources().settings.languages)


def _own(shop: Shop, amount: int) -> Money:
    return Money(amount=amount, currency=shop.terms.currency)


def _back(id: str) -> Response:
    return redirect(url_for(".artisan", id=id), 303)
