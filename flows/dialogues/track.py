"""A buyer asks for the status of an order."""

from collections.abc import Mapping
from typing import Any

from flows.kit import N_, AskCode, Check, Flow, Go, Gone, Keyword, Notice, Place, Turn
from flows.market import OrderSummary
from flows.reading import codes, keywords

STATUS = {
    "unpaid": N_("waiting for payment"),
    "placed": N_("waiting for the artisan"),
    "accepted": N_("being made"),
    "at_kiosk": N_("at the kiosk"),
    "shipped": N_("on its way to you"),
    "delivered": N_("delivered"),
    "declined": N_("declined by the artisan"),
    "expired": N_("not answered in time"),
    "cancelled": N_("cancelled"),
}


def is_own_order(turn: Turn, code: Any) -> bool:
    return turn.market.bought(code) is not None


OWN_ORDER = Check(is_own_order, N_("This phone has no order with that code.", "No such order."), "K7P4M2")


def bought(turn: Turn) -> OrderSummary:
    order = turn.market.bought(turn["code"])
    if order is None:
        raise Gone(turn["code"])
    return order


ENDED = ("declined", "expired", "cancelled")
"""Statuses of orders of which no goods come."""


def has_a_total(turn: Turn) -> bool:
    """True unless the order has ended without goods, or the shop does not say what it costs."""
    order = bought(turn)
    return order.total is not None and order.status not in ENDED


def was_paid(turn: Turn) -> bool:
    """True if the buyer paid us for the order."""
    purchase = bought(turn).purchase
    return purchase is not None and purchase.is_paid


def waits_for_money(turn: Turn) -> bool:
    order = bought(turn)
    return order.status == "unpaid" and order.purchase is not None


def can_pay_bill(turn: Turn) -> bool:
    purchase = bought(turn).purchase
    return waits_for_money(turn) and purchase is not None and bool(purchase.paybill)


PAID = N_("Total {total}, paid.")
GOES_BACK = N_("{back} goes back to you.")
CAME_BACK = N_("{back} was sent back to you.")


def money(turn: Turn) -> str:
    """What the buyer paid for the order, and what goes or went back."""
    order = bought(turn)
    sentences = []
    if has_a_total(turn):
        sentences.append(turn.say(PAID, total=turn.money(order.total or 0)))
    if order.purchase and order.purchase.back:
        back = turn.words.money(order.purchase.back, order.purchase.currency)
        sentences.append(turn.say(CAME_BACK if order.purchase.is_back else GOES_BACK, back=back))
    return " ".join(sentences)


SENT = N_("on its way to you with {carrier}, number {tracking}")


def progress(turn: Turn) -> str:
    """The status of the order and, once it is shipped, with whom."""
    order = bought(turn)
    if is_on_its_way(turn):
        return turn.say(SENT, carrier=order.carrier, tracking=order.tracking)
    return turn.words.text(STATUS[order.status])


NOT_PAID = N_("not paid in time")


def status(turn: Turn) -> str:
    """The status of the order in words; an order that was never paid was offered to nobody."""
    order = bought(turn)
    never_paid = order.purchase is not None and not order.purchase.is_paid
    return turn.words.text(NOT_PAID if never_paid and order.status == "expired" else STATUS[order.status])


def paybill(turn: Turn) -> str:
    purchase = bought(turn).purchase
    return purchase.paybill if purchase else ""


def is_on_its_way(turn: Turn) -> bool:
    """The order is shipped, and the shop says with which tracking number."""
    order = bought(turn)
    return order.status == "shipped" and bool(order.tracking)


def code_given(rest: str, _place: Place) -> Mapping[str, str] | None:
    """`TRACK K7P4`, `TRACK my order K7P4 please` or `TRACK`; a code that cannot be read is asked again."""
    if found := codes.find(rest):
        return {"code": found[0]}
    rest = keywords.without_courtesy(rest)
    return {"code": rest} if rest else {}


def code_needed(rest: str, _place: Place) -> Mapping[str, str] | None:
    """`CANCEL K7P4`; None for a text without a code."""
    found = codes.find(rest)
    return {"code": found[0]} if found else None


flow = Flow(
    "track",
    AskCode(
        "code",
        N_("What is the code of your order?"),
        check=OWN_ORDER,
        then=[
            Go("pay_bill", when=can_pay_bill),
            Go("unpaid", when=waits_for_money),
            Go("paid", when=was_paid),
            Go("sent", when=is_on_its_way),
            Go("bill", when=has_a_total),
            Go("status"),
        ],
    ),
    Notice(
        "pay_bill",
        N_(
            "Order {order}, {asked} x {product}: not paid yet. Pay {total} by {network}: paybill {paybill}, "
            "account {order}.",
            "Order {order} is not paid yet. Pay {total} by {network}: paybill {paybill}, account {order}.",
            "Order {order}, not paid: {total}. Paybill {paybill}, account {order}.",
        ),
    ),
    Notice(
        "unpaid",
        N_(
            "Order {order}, {asked} x {product}: not paid yet. Pay {total} where you ordered.",
            "Order {order} is not paid yet. Pay {total} where you ordered.",
        ),
    ),
    Notice(
        "paid",
        N_(
            "Order {order}, {asked} x {product}: {progress}. {money}",
            "Order {order}: {progress}. {money}",
            "Order {order}: {status}. {money}",
        ),
    ),
    Notice(
        "sent",
        N_(
            "Order {order}, {asked} x {product}: on its way to you with {carrier}, number {tracking}. Total {total}.",
            "Order {order}: on its way to you with {carrier}, number {tracking}. Total {total}.",
            "Order {order}: on its way to you with {carrier}, number {tracking}.",
            "Order {order} is on its way. Number {tracking}.",
        ),
    ),
    Notice(
        "bill",
        N_(
            "Order {order}, {asked} x {product}: {status}. Total {total}.",
            "Order {order}, quantity {asked}: {status}. Total {total}.",
            "Order {order}: {status}. Total {total}.",
        ),
    ),
    Notice("status", N_("Order {order}, {asked} x {product}: {status}.", "Order {order}: {status}.")),
    facts={
        "order": lambda turn: turn["code"],
        "asked": lambda turn: bought(turn).quantity,
        "product": lambda turn: bought(turn).title,
        "carrier": lambda turn: bought(turn).carrier,
        "tracking": lambda turn: bought(turn).tracking,
        "total": lambda turn: turn.money(bought(turn).total or 0),
        "status": status,
        "progress": progress,
        "money": money,
        "paybill": paybill,
        "network": lambda turn: turn.place.payout_network,
    },
    keywords=[Keyword("TRACK", sw="FUATILIA", fr="SUIVRE", am="መከታተል, ክትትል, MEKETATEL", fill=code_given)],
)
