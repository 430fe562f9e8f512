"""What an operator can do to an order. A page shows what the act will do to money before it is done.

No second set of rules computes this: the act is done in a transaction that is then rolled back, and what it
wrote into the books is put into words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.web.formats import price
from bot.web.operator import effects
from bot.web.operator.effects import Effects
from marketplace_api.lifecycles import ORDER, OrderTrigger
from marketplace_api.models import Event, Order
from marketplace_api.orders import closing, deadlines, orders
from marketplace_api.payments import ledger
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop
from marketplace_api.statuses import OperatorRole

Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OrderAct:
    """An act: its words, the trigger that must be possible, what is typed, and the function that does it."""

    title: str
    about: str
    trigger: OrderTrigger
    perform: Callable[[Shop, Order, Typed], Order]
    fields: Mapping[str, str]
    """By name, what each field asks for."""


ACTS: Mapping[str, OrderAct] = {
    "cancel": OrderAct(
        "Cancel",
        "The buyer does not want it any more. The artisan and the buyer are texted.",
        "cancel",
        lambda shop, order, _: orders.cancel(shop, order),
        {},
    ),
    "extend": OrderAct(
        "Give more time",
        "The artisans can answer for two days longer; a brief at most until its day. Nobody is texted.",
        "accept",
        lambda shop, order, _: deadlines.extend(shop, order),
        {},
    ),
    "ship": OrderAct(
        "Mark as shipped",
        "The goods have left the kiosk. The buyer is texted the carrier and the tracking number.",
        "ship",
        lambda shop, order, typed: orders.ship(shop, order, typed["carrier"], typed["tracking"]),
        {"carrier": "Carrier", "tracking": "Tracking number"},
    ),
    "deliver": OrderAct(
        "Mark as delivered",
        "The goods have reached the buyer.",
        "deliver",
        lambda shop, order, _: orders.deliver(shop, order),
        {},
    ),
    "void": OrderAct(
        "Void",
        "The order ends, although it was accepted. Parts that are still to come are released; what artisans earned by "
        "goods that the kiosk received stays theirs. Artisan and buyer are texted.",
        "void",
        lambda shop, order, typed: closing.void(shop, order, typed["reason"]),
        {"reason": "Reason, which the artisan reads"},
    ),
}
"""By the last part of their address."""

LONGEST = 200
"""Characters of a field."""


def may(role: OperatorRole, found: Effects) -> bool:
    """True if a role may do what has these effects: `money` where money moves, `desk` where none does."""
    return role in ("all", "money" if found.money else "desk")


def possible(order: Order) -> Sequence[str]:
    """The names of the acts whose status the order has."""
    return [name for name, act in ACTS.items() if ORDER.allows(order, act.trigger)]


def perform(shop: Shop, order: Order, act: OrderAct, typed: Typed) -> Effects:
    """Do it, and say what it has changed. Raises `Refused`."""
    before, mark = order.status, effects.mark(shop)
    after = act.perform(shop, order, typed).status
    written = effects.written_since(shop, mark)
    moved = [_moved(shop, posting.account, posting.amount) for posting in written.postings]
    return Effects(before, after, [*filter(None, moved), *_payouts(written.events)])


def foretell(shop: Shop, order: Order, act: OrderAct) -> Effects:
    """What the act would change. The caller rolls the transaction back."""
    return perform(shop, order, act, dict.fromkeys(act.fields, "-"))


def _moved(shop: Shop, account: str, amount: int) -> str | None:
    """A sentence about a posting of an order's money; None for the purse, which every other posting is about."""
    money = price(Money(amount=abs(amount), currency=shop.terms.currency))
    for begin, words in _WORDS.items():
        if account.startswith(begin):
            return words and words.format(money=money)
    return f"{money} moves to or from the account {account}."


_WORDS: Mapping[str, str | None] = {
    ledger.PURSE: None,
    ledger.REFUNDS: "{money} goes back to the buyer.",
    ledger.storefront_account(""): "{money} less is owed by the storefront that ordered: a credit note.",
    ledger.LOSSES: "{money} was given back before, and stays with us.",
    ledger.CARRIERS: "{money} of shipping is owed to the carrier.",
    ledger.TAX: "{money} of tax is owed.",
}


def _payouts(events: Sequence[Event]) -> Iterator[str]:
    for event in events:
        if event.type in ("payout.released", "payout.created", "payout.cancelled"):
            verb = {"payout.released": "is paid out now", "payout.created": "is to be paid out"}.get(event.type)
            yield f"{price(Money(**event.data['amount']))} {verb or 'is not paid out'} to the artisan."
