"""A storefront in the console: on which terms it orders, what it owes us line by line, and what it has settled.

GET /operator/money/storefronts/<key_id>?since=&until=    the statement from one day to another, both included
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flask import Blueprint, render_template, request

from bot.web.operator.access import operator, reading
from marketplace_api import problems
from marketplace_api.accounts import api_keys
from marketplace_api.payments import statements
from marketplace_api.payments import storefronts as shop_storefronts
from marketplace_api.payments.statements import AccountStatement
from marketplace_api.refused import Refused
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop

storefronts = Blueprint("storefronts", __name__)

SHOWN = timedelta(days=30)
"""The statement begins so long before today, if no day is chosen."""
NO_DAY = "Please choose two days, the earlier one first."
WORDS = {
    "vouched": "it vouched for an order",
    "credit": "credit note",
    "settled": "it paid",
    "opening": "from before",
    "reversal": "reversal",
}


@storefronts.get("/money/storefronts/<key_id>")
def page(key_id: str) -> str | tuple[str, int]:
    with reading() as shop:
        key, statement, refused = api_keys.by_id(shop, key_id), None, None
        first, last = _day("since", shop.today - SHOWN), _day("until", shop.today)
        try:
            statement = _statement(shop, key.id, first, last)
        except Refused as too_long:
            refused = problems.explain(too_long)
        html = render_template(
            "storefront.html",
            key=key,
            terms=shop_storefronts.terms_of(shop, key.id),
            owes=shop_storefronts.owes(shop, key.id),
            statement=statement,
            settlements=list(reversed(shop_storefronts.settlements(shop, key.id))),
            first=first,
            last=last,
            refused=refused if statement or refused else NO_DAY,
            words=WORDS,
            may_settle=operator().may("money_acts.act"),
            own=lambda amount: Money(amount=amount, currency=shop.terms.currency),
        )
    return html if statement else (html, 422)


def _day(name: str, otherwise: date) -> date | None:
    """The day that was chosen; None if it is none."""
    try:
        return date.fromisoformat(request.args[name]) if request.args.get(name) else otherwise
    except ValueError:
        return None


def _statement(shop: Shop, key_id: str, first: date | None, last: date | None) -> AccountStatement | None:
    """The statement from one day to another; None if these are not two days in their order."""
    if first is None or last is None or not date(2000, 1, 1) <= first <= last < date(2200, 1, 1):
        return None
    since: datetime = shop.midnight(first)
    return statements.of_storefront(shop, key_id, since, shop.midnight(last + timedelta(days=1)))
