"""Orders in the console.

GET  /operator/orders?q=&status=&after=    search; newest first
GET  /operator/orders/<id>                 one order and its history
GET  /operator/orders/<id>/<act>           what the act does, also to money, before it is done
POST /operator/orders/<id>/<act>           does it, if that is still what it does; 303 to the order
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from flask import Blueprint, abort, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import lazyload
from werkzeug.wrappers import Response

from bot.web.operator import order_acts, order_history
from bot.web.operator.access import operator, reading, resources, shop_in
from bot.web.operator.effects import Effects
from bot.web.operator.order_acts import ACTS, LONGEST, OrderAct
from marketplace_api import codes
from marketplace_api.accounts import operators
from marketplace_api.models import SHOP_WINDOW, ApiKey, Artisan, Assignment, Order
from marketplace_api.orders import orders as shop_orders
from marketplace_api.rest import lists
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop
from marketplace_api.statuses import OrderStatus

orders = Blueprint("orders", __name__)

A_PAGE = 30
STATUSES: tuple[OrderStatus, ...] = get_args(OrderStatus)
CHANGED = "Something has changed since you saw this. Nothing was done; read again what it does now."
MISSING = "Please fill in every field, with at most 200 characters."


@orders.get("/orders")
def page() -> str:
    asked, status = request.args.get("q", "").strip(), request.args.get("status", "")
    with reading() as shop:
        found = shop.session.scalars(_search(shop, asked, status, request.args.get("after")).limit(A_PAGE + 1)).all()
        return render_template(
            "orders.html",
            orders=found[:A_PAGE],
            has_more=len(found) > A_PAGE,
            asked=asked,
            status=status,
            statuses=STATUSES,
            storefronts=_names(shop),
        )


def _search(shop: Shop, asked: str, status: str, after: str | None) -> Select[Order]:
    newest_first = select(Order).order_by(Order.created_at.desc(), Order.id.desc())
    found = newest_first.options(lazyload(Order.timeline))
    if status in STATUSES:
        found = found.where(Order.status == status)
    if asked:
        found = found.where(_is_asked(shop, asked))
    last = shop.session.get(Order, after) if after else None
    if last:
        found = found.where(lists.after(Order, (last.created_at, last.id)))
    return found


def _is_asked(shop: Shop, asked: str) -> ColumnElement[bool]:
    """Orders with this code, else of this phone, else of this storefront, else whose buyer's name has these words."""
    if shop_orders.by_code(shop, asked):
        return Order.code == codes.normalise(asked)
    try:
        msisdn = shop.terms.parse_msisdn(asked)
    except ValueError:
        keys = [id for id, name in _names(shop).items() if name.casefold() == asked.casefold()]
        return Order.placed_by.in_(keys) if keys else Order.buyer_name.icontains(asked, autoescape=True)
    of_artisan = select(Assignment.order_id).join(Assignment.artisan).where(Artisan.msisdn == msisdn)
    return or_(Order.buyer_msisdn == msisdn, Order.id.in_(of_artisan))


def _names(shop: Shop) -> Mapping[str, str]:
    """The names of those who place orders, by what `Order.placed_by` says."""
    keys = shop.session.scalars(select(ApiKey))
    return {**{key.id: key.name for key in keys}, SHOP_WINDOW: "our shop window"}


@orders.get("/orders/<order_id>", endpoint="order")
def order_page(order_id: str) -> str:
    with reading() as shop:
        order = shop_orders.by_id(shop, order_id)
        return render_template(
            "order.html",
            order=order,
            history=order_history.of_order(shop, order),
            acts={name: ACTS[name] for name in order_acts.possible(order)} if operator().may("orders.act") else {},
            storefront=_names(shop).get(order.placed_by, order.placed_by),
            **_money_of(order),
        )


@orders.get("/orders/<order_id>/<act>")
def check(order_id: str, act: str) -> tuple[str, int]:
    return _check_page(order_id, act, {})


@orders.post("/orders/<order_id>/<act>", endpoint="act")
def do_act(order_id: str, act: str) -> Response | tuple[str, int]:
    chosen = _act(act)
    typed = {name: request.form.get(name, "").strip() for name in chosen.fields}
    if not all(0 < len(value) <= LONGEST for value in typed.values()):
        return _check_page(order_id, act, typed, MISSING, 422)
    with resources().database.writing() as session, session.begin() as transaction:
        shop = shop_in(session)
        order = shop_orders.by_id(shop, order_id)
        before = _snapshot(order)
        effects = order_acts.perform(shop, order, chosen, typed)
        is_seen = effects.digest == request.form.get("seen") and order_acts.may(operator().role, effects)
        if is_seen:
            after = {**_snapshot(order), **typed, "money": list(effects.money)}
            operators.log(shop, f"order.{act}", order.id, before=before, after=after)
        else:
            transaction.rollback()
    if is_seen:
        return redirect(url_for(".order", order_id=order_id), 303)
    return _check_page(order_id, act, typed, CHANGED, 409)


def _check_page(
    order_id: str, act: str, typed: Mapping[str, str], refused: str | None = None, status: int = 200
) -> tuple[str, int]:
    """What the act does; it is tried in a transaction that is rolled back."""
    chosen = _act(act)
    with resources().database.writing() as session, session.begin() as transaction:
        shop = shop_in(session)
        order = shop_orders.by_id(shop, order_id)
        code, title = order.code, order.title
        effects = order_acts.foretell(shop, order, chosen)
        transaction.rollback()
    if not order_acts.may(operator().role, effects):
        abort(403, _why_not(effects))
    html = render_template(
        "order_act.html",
        order_id=order_id,
        code=code,
        title=title,
        name=act,
        act=chosen,
        effects=effects,
        typed=typed,
        refused=refused,
    )
    return html, status


def _why_not(effects: Effects) -> str:
    needed = "money" if effects.money else "desk"
    return f"This is for operators of role {needed} or all, because {'' if effects.money else 'no '}money moves."


def _act(name: str) -> OrderAct:
    return ACTS.get(name) or abort(404)


def _snapshot(order: Order) -> dict[str, Any]:
    return {"status": order.status, "total": order.total, "expires_at": order.expires_at.isoformat()}


def _money_of(order: Order) -> dict[str, Any]:
    amounts = {"goods": order.commission + order.artisan_earns, "shipping": order.shipping, "tax": order.tax}
    return {
        "total": Money(amount=order.total, currency=order.currency),
        "earns": Money(amount=order.artisan_earns, currency=order.currency),
        "amounts": {name: Money(amount=amount, currency=order.currency) for name, amount in amounts.items()},
    }
