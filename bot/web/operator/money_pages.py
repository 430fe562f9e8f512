"""Money in the console: what needs somebody, what is owed, what kiosks hold, and whether the books balance.

GET /operator/money          payouts, refunds and payments that wait for somebody; storefronts; kiosks
GET /operator/money/books    checks the books now, and says in words what is wrong
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from flask import Blueprint, render_template
from sqlalchemy import Select, select

from bot.web.operator import money_acts
from bot.web.operator.access import operator, reading, resources, shop_in
from bot.web.operator.money_acts import ACTS
from marketplace_api.accounts import api_keys, proposals
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.models import BuyerPayment, Payout, Refund
from marketplace_api.orders import deciding, direct_payments
from marketplace_api.payments import audit, storefronts
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop
from marketplace_api.statuses import BuyerPaymentStatus, HoldReason, PayoutStatus, RefundStatus

money = Blueprint("money", __name__)

Waiting = TypeVar("Waiting", Payout, Refund, BuyerPayment)

PAYOUTS: Sequence[PayoutStatus] = ("held", "failed", "unknown")
REFUNDS: Sequence[RefundStatus] = ("failed", "unknown", "due")
PAYMENTS: Sequence[BuyerPaymentStatus] = ("unknown", "disputed")
"""The statuses in which something may wait for somebody."""
MOST_LISTED = 100
HELD: Mapping[HoldReason, str] = {
    "large": "large: until the kiosk ships the order",
    "first": "one of the artisan's first: until the kiosk ships the order",
    "disputed": "the buyer disputes the payment: until that is won",
    "new_phone": "the phone for payouts is new: for three days after it was changed",
    "day_cap": "more than an artisan is paid in one day: until tomorrow",
}
"""Why a payout is held, and until when."""


@dataclass(frozen=True, slots=True)
class StorefrontLine:
    """What a storefront owes us, and what it may owe; both in minor units, None for no limit."""

    key_id: str
    name: str
    owes: int
    credit: int | None


@money.get("/money")
def page() -> str:
    with reading() as shop:
        waiting = proposals.waiting(shop)
        return render_template(
            "money.html",
            payouts=shop.session.scalars(_oldest(Payout, PAYOUTS)).all(),
            refunds=shop.session.scalars(_oldest(Refund, REFUNDS)).all(),
            payments=_payments(shop),
            unmatched=direct_payments.in_status(shop, "unmatched")[:MOST_LISTED],
            proposals=waiting,
            titles={name: act.title for name, act in ACTS.items()},
            subjects={each.id: ACTS[each.act].subject(shop, each.about).words for each in waiting},
            acts=ACTS if operator().may("money_acts.act") else {},
            of_payout=money_acts.of_payout,
            of_refund=money_acts.of_refund,
            of_payment=money_acts.of_payment,
            storefronts=list(_storefronts(shop)),
            drawers=[(kiosk, cash_float.balance(shop, kiosk)) for kiosk in kiosks.list_all(shop)[:MOST_LISTED]],
            held=HELD,
            own=partial(_own, shop),
        )


@money.get("/money/books")
def books() -> str:
    with resources().database.snapshot() as session:
        checks = audit.checks(shop_in(session))
    return render_template("books.html", checks=checks, is_good=not any(check.inconsistencies for check in checks))


def _oldest(table: type[Waiting], statuses: Sequence[str]) -> Select[Waiting]:
    return select(table).where(table.status.in_(statuses)).order_by(table.created_at, table.id).limit(MOST_LISTED)


def _payments(shop: Shop) -> Sequence[BuyerPayment]:
    """The payments that are unknown or disputed, and all on which an operator must decide."""
    undecided = deciding.undecided(shop)[:MOST_LISTED]
    ids = {payment.id for payment in undecided}
    others = shop.session.scalars(_oldest(BuyerPayment, PAYMENTS))
    return [*undecided, *(payment for payment in others if payment.id not in ids)]


def _storefronts(shop: Shop) -> Iterator[StorefrontLine]:
    """The storefronts that owe us something or have paid us, or whose credit is limited."""
    for key in api_keys.list_all(shop):
        owes, terms = storefronts.owes(shop, key.id), storefronts.terms_of(shop, key.id)
        if owes or terms.credit is not None or storefronts.settlements(shop, key.id):
            yield StorefrontLine(key.id, key.name, owes, terms.credit)


def _own(shop: Shop, amount: int) -> Money:
    return Money(amount=amount, currency=shop.terms.currency)
