"""API keys in the console.

GET  /operator/settings/keys                all keys, and a form for a new one
POST /operator/settings/keys                makes one; this page alone shows it
GET  /operator/settings/keys/<id>/revoke    says what revoking does
POST /operator/settings/keys/<id>/revoke    revokes it
"""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from bot.web.operator import typed
from bot.web.operator.access import reading, writing
from bot.web.operator.checking import check_page
from marketplace_api.accounts import api_keys as domain
from marketplace_api.accounts import operators
from marketplace_api.models import ApiKey, WebhookEndpoint
from marketplace_api.payments import storefronts
from marketplace_api.shop import Shop
from marketplace_api.statuses import Scope

keys = Blueprint("keys", __name__)

SCOPES: tuple[Scope, ...] = get_args(Scope)
CREDIT = {
    "unlimited": "as much as it orders",
    "none": "nothing: its buyers pay first",
    "limited": "at most this amount",
}
"""What a key that can order may owe us."""
MOST_DAYS = 3650
NO_SCOPE = "Please choose at least one scope."
NO_DAYS = f"Please type a number of days from 1 to {MOST_DAYS}, or nothing."
CANNOT_ORDER = f"Only a key with {', '.join(sorted(domain.MAY_ORDER))} can order, and owe us something."
NAME_IS_USED = "A key in use has this name. Choose another one, or revoke that key."


@keys.get("/settings/keys")
def page() -> str:
    return _page()


def _page(made: str | None = None, name: str = "") -> str:
    with reading() as shop:
        return render_template(
            "keys.html", keys=domain.list_all(shop), scopes=SCOPES, credit=CREDIT, now=shop.now, made=made, name=name
        )


@keys.post("/settings/keys")
def create() -> str:
    name, chosen = typed.line("name", "name of the program that uses it"), request.form.getlist("scope")
    scopes = tuple(scope for scope in SCOPES if scope in chosen)
    if not scopes:
        raise typed.MistypedError(NO_SCOPE)
    days, credit = _days(), typed.choice("credit", CREDIT)
    if credit != "unlimited" and not domain.MAY_ORDER.intersection(scopes):
        raise typed.MistypedError(CANNOT_ORDER)
    with writing() as shop:
        if any(key.name == name and not key.revoked_at for key in domain.list_all(shop)):  # also a form sent twice
            raise typed.MistypedError(NAME_IS_USED)
        expires_at = shop.now + timedelta(days=days) if days else None
        key = domain.create(shop, name, *scopes, expires_at=expires_at)
        made = domain.find(shop.session, key, shop.now)
        assert made, "the key was just created"
        if credit != "unlimited":
            _limit(shop, made.id, typed.price(shop, "amount") if credit == "limited" else 0)
        after = {"name": name, "scopes": list(scopes), "expires_at": expires_at and expires_at.isoformat()}
        operators.log(shop, "api_key.created", made.id, after=after)
    return _page(key, name)


def _days() -> int | None:
    given = request.form.get("days", "").strip()
    if not given:
        return None
    if not (given.isascii() and given.isdecimal() and len(given) < len(str(MOST_DAYS)) + 1):
        raise typed.MistypedError(NO_DAYS)
    if not 1 <= int(given) <= MOST_DAYS:
        raise typed.MistypedError(NO_DAYS)
    return int(given)


def _limit(shop: Shop, key_id: str, credit: int) -> None:
    storefronts.set_terms(shop, key_id, may_vouch=credit > 0, credit=credit, settle_days=storefronts.SETTLE_DAYS)


@keys.get("/settings/keys/<id>/revoke")
def revoke_check(id: str) -> str:
    with reading() as shop:
        key = domain.by_id(shop, id)
        counted = select(func.count()).select_from(WebhookEndpoint).where(WebhookEndpoint.owner == id)
        endpoints = shop.session.scalar(counted) or 0
    return check_page(
        f"Revoke the key of {key.name}",
        [
            "Its next request is refused. This cannot be undone.",
            f"Its {endpoints} webhook endpoints are deleted, with what was not delivered.",
            "Its orders stay, and so does what it owes.",
        ],
        action=url_for(".revoke", id=id),
        button="Revoke it",
        back=url_for(".page"),
        hidden={},
    )


@keys.post("/settings/keys/<id>/revoke")
def revoke(id: str) -> Response:
    with writing() as shop:
        key: ApiKey = domain.revoke(shop, domain.by_id(shop, id).id)
        operators.log(shop, "api_key.revoked", id, after={"name": key.name})
    return redirect(url_for(".page"), 303)
