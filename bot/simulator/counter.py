"""What is behind the counter: orders with their purses, payouts, books and jobs, and the story step by step.

GET /simulator/counter?order=K7P4      with an ETag
200  {"story": {"about": "K7P4", "steps": […]}, "orders": […], "payouts": […], "books": {…}, "jobs": {…}}

The page asks for it while its panel is open, when the numbers in `/simulator/news` have changed. In development only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, Row, func, select
from sqlalchemy.orm import selectinload

from bot.providers import forms
from bot.runtime.settings import SIMULATOR
from bot.services import Services
from bot.simulator.story import Told, steps
from marketplace_api import codes
from marketplace_api.actors import Actor
from marketplace_api.models import Artisan, Event, LedgerAccount, LedgerEntry, LedgerPosting, Order, Payout, Product
from marketplace_api.payments import ledger, purse
from marketplace_api.shop import Shop
from state import outbox
from state.tables import outbox as jobs

MOST_SHOWN = 20
"""Orders, payouts and jobs."""
MOST_ENTRIES = 8
DEMO = str(Actor("job", "demo"))
GROUPS = {
    "order": "purses of orders",
    "artisan": "owed to artisans",
    "storefront": "owed by storefronts",
    "collector": "at collectors",
    "provider": "at providers",
    "kiosk": "cash at kiosks",
}
"""By the first word of their names, accounts that are shown as one, and what they are called."""


def numbers(conn: Connection, now: datetime) -> list[int]:
    """What changes with the books and the jobs: the last entry, and how many jobs wait and are dead."""
    depth = outbox.depth(conn, now)
    return [conn.scalar(select(func.max(LedgerEntry.id))) or 0, depth.waiting, depth.dead]


def routes(services: Services) -> Blueprint:
    """`/simulator/counter`."""
    blueprint = Blueprint("simulated_counter", __name__, url_prefix="/simulator")

    @blueprint.get("/counter")
    def counter() -> Response:
        with services.database.reading() as session:
            shop = services.shop(session, Actor("job", SIMULATOR))
            asked = codes.normalise(forms.clean(request.args.get("order", "")))
            answer = jsonify(_read(shop, asked))
        answer.add_etag()
        return answer.make_conditional(request)  # type: ignore[return-value]

    return blueprint


def _read(shop: Shop, code: str | None) -> dict[str, Any]:
    orders = _orders(shop)
    followed = next((order for order in orders if order.code == code), None) or next(iter(orders), None)
    return {
        "story": {"about": followed.code if followed else None, "steps": steps(_told(shop, followed))},
        "orders": [_order(shop, order) for order in orders],
        "payouts": [_payout(payout) for payout in _payouts(shop)],
        "books": _books(shop),
        "jobs": _jobs(shop),
    }


def _told(shop: Shop, order: Order | None) -> Told:
    """The story of an order; without one, of the person who joined last and did not come with the demo."""
    if order:
        own = [order.product.artisan] if order.product else []
        artisan = next(iter([*(part.artisan for part in order.assignments), *own]), None)
        payouts = shop.session.scalars(select(Payout).where(Payout.order_id == order.id)).all()
        return Told(artisan, order.product, order, payouts)
    joined = select(Event).where(Event.type == "artisan.registered", Event.by != DEMO)
    last = shop.session.scalar(joined.order_by(Event.seq.desc()).limit(1))
    artisan = shop.session.get(Artisan, last.data["id"]) if last else None
    if artisan is None:
        return Told()
    listed = select(Product).where(Product.artisan_id == artisan.id).order_by(Product.created_at.desc())
    return Told(artisan, shop.session.scalar(listed.limit(1)))


def _orders(shop: Shop) -> Sequence[Order]:
    newest = select(Order).order_by(Order.created_at.desc(), Order.id.desc()).limit(MOST_SHOWN)
    return shop.session.scalars(newest.options(selectinload(Order.assignments), selectinload(Order.payments))).all()


def _order(shop: Shop, order: Order) -> dict[str, Any]:
    what = order.brief or order.product
    return {
        "code": order.code,
        "what": f"{order.quantity} x {what.title if what else '?'}",
        "status": order.status,
        "paid": order.payment_status,
        "total": _money(order.total, order.currency),
        "purse": _money(purse.held(shop, order), order.currency),
        "needed": _money(purse.needed(order), order.currency),
    }


def _payouts(shop: Shop) -> Sequence[Payout]:
    newest = select(Payout).order_by(Payout.created_at.desc(), Payout.id.desc()).limit(MOST_SHOWN)
    return shop.session.scalars(newest.options(selectinload(Payout.artisan), selectinload(Payout.order))).all()


def _payout(payout: Payout) -> dict[str, Any]:
    return {
        "code": payout.code,
        "order": payout.order.code if payout.order else None,
        "artisan": payout.artisan.name,
        "method": payout.method,
        "amount": _money(payout.amount, payout.currency),
        "status": payout.status,
        "why": payout.failure or payout.hold or "",
    }


def _books(shop: Shop) -> dict[str, Any]:
    """The balances, those of many accounts of one kind as one; their sum in each currency; the newest entries."""
    summed = select(LedgerAccount.name, LedgerAccount.currency, func.sum(LedgerPosting.amount))
    rows = shop.session.execute(summed.join(LedgerPosting).group_by(LedgerAccount.name, LedgerAccount.currency)).all()
    grouped: defaultdict[tuple[str, str], int] = defaultdict(int)
    total: defaultdict[str, int] = defaultdict(int)
    for name, currency, amount in rows:
        grouped[_called(name), currency] += int(amount)
        total[currency] += int(amount)
    newest = select(LedgerEntry).order_by(LedgerEntry.id.desc()).limit(MOST_ENTRIES)
    entries = shop.session.scalars(newest.options(selectinload(LedgerEntry.postings))).all()
    currencies = {name: currency for name, currency, _ in rows}
    return {
        "balances": [{"account": name, **_money(amount, currency)} for (name, currency), amount in grouped.items()],
        "sums": [_money(amount, currency) for currency, amount in total.items()],
        "entries": [_entry(entry, currencies) for entry in entries],
        "count": ledger.size(shop).entries,
    }


def _called(account: str) -> str:
    return GROUPS.get(account.partition(":")[0], account)


def _entry(entry: LedgerEntry, currencies: dict[str, str]) -> dict[str, Any]:
    lines = [
        {"account": _called(each.account), **_money(each.amount, currencies[each.account])} for each in entry.postings
    ]
    return {"id": entry.id, "note": entry.note, "at": _time(entry.at), "postings": lines}


def _jobs(shop: Shop) -> dict[str, Any]:
    conn = shop.session.connection()
    depth = outbox.depth(conn, shop.now)
    live = select(jobs).where(jobs.c.done_at.is_(None)).order_by(jobs.c.dead_at, jobs.c.due_at, jobs.c.id)
    return {
        "waiting": depth.waiting,
        "dead": depth.dead,
        "first": [_job(row) for row in conn.execute(live.limit(MOST_SHOWN))],
    }


def _job(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "due_at": _time(row.due_at),
        "attempts": row.attempts,
        "is_dead": row.dead_at is not None,
        "error": row.error or "",
    }


def _money(amount: int, currency: str) -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
