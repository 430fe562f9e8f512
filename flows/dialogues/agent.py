"""A kiosk agent at work: goods come in, parcels go out."""

from collections.abc import Sequence
from typing import Any

from flows.kit import (
    N_,
    Act,
    Ask,
    AskCode,
    AskDigits,
    AskQuantity,
    Check,
    Choice,
    Confirm,
    Flow,
    Go,
    Gone,
    Notice,
    PagedList,
    Turn,
    between,
    length,
)
from flows.kit.flow import because
from flows.market import FindCash, Order, PayCash, ReceiveGoods, ShipOrder


def awaited(turn: Turn) -> Order:
    for order in turn.market.expected(turn["code"]):
        return order
    raise Gone(turn["code"])


def is_awaited(turn: Turn, code: Any) -> bool:
    return bool(turn.market.expected(code))


def receive_goods(turn: Turn) -> ReceiveGoods:
    return ReceiveGoods(awaited(turn).part, turn["count"])


receive = Flow(
    "receive",
    AskCode(
        "code",
        N_("Receive goods. What is the order's code?"),
        check=Check(
            is_awaited,
            N_("No order with that code is on its way to your kiosk.", "No such order is awaited."),
            "K7P4M2",
        ),
        then="count",
    ),
    AskQuantity(
        "count",
        N_("{asked} x {product} from {maker}. How many came?", "{asked} from {maker}. How many came?"),
        check=between(1, 9999),
        then="review",
    ),
    Confirm(
        "review",
        N_("Receive {count} x {product} from {maker}?", "Receive {count} from {maker}?"),
        yes="receiving",
        no="count",
    ),
    Act(
        "receiving",
        command=receive_goods,
        done="received",
        rejected=[Go("wrong_count", when=because("wrong_count")), Go("gone")],
    ),
    Notice(
        "received",
        N_(
            "Received: {count} x {title}, order {code}. {artisan} is told.",
            "Received: {count}, order {code}.",
        ),
    ),
    Notice("wrong_count", N_("Order {code} is for {most}. Count again, please.")),
    Notice("gone", N_("Order {code} is not awaited any more.")),
    facts={
        "asked": lambda turn: awaited(turn).quantity,
        "product": lambda turn: awaited(turn).title,
        "maker": lambda turn: awaited(turn).artisan,
    },
)


def find_cash(turn: Turn) -> FindCash:
    return FindCash(turn["digits"])


def pay_cash(turn: Turn) -> PayCash:
    return PayCash(turn["payout"])


cash = Flow(
    "cash",
    AskDigits("digits", N_("Pay cash. What is the artisan's code of 6 digits?"), digits=6, then="finding"),
    Act("finding", command=find_cash, done="review", rejected=[Go("locked", when=because("locked")), Go("wrong")]),
    Confirm("review", N_("Pay {sum} to {artisan}?", "{sum} to {artisan}?"), yes="paying", no="kept"),
    Act("paying", command=pay_cash, done="paid", rejected="kept"),
    Notice("paid", N_("Paid: {sum} to {artisan}. We text her a receipt.", "Paid: {sum}.")),
    Notice("kept", N_("Nothing was paid.")),
    Notice("wrong", N_("No cash waits here for that code. Check it with the artisan, please.")),
    Notice("locked", N_("Too many wrong codes. Cash cannot be paid here for one hour.")),
    facts={"sum": lambda turn: turn.money(turn["amount"])},
)


def to_ship(turn: Turn) -> Sequence[Choice]:
    return [Choice(order.code, f"{order.code} {order.quantity} x {order.title}") for order in turn.market.to_ship()]


def ship_order(turn: Turn) -> ShipOrder:
    return ShipOrder(turn["code"], turn["carrier"], turn["tracking"])


ship = Flow(
    "ship",
    PagedList("code", N_("Which order do you ship?", "Which order?"), items=to_ship, then="carrier", empty="nothing"),
    Ask("carrier", N_("Who carries it? Write the name."), check=length(2, 30), then="tracking"),
    Ask("tracking", N_("What is the tracking number?"), check=length(3, 40, of=str.isalnum), then="review"),
    Confirm(
        "review",
        N_("Ship order {order} with {carrier}, number {tracking}?", "Ship {order}?"),
        yes="shipping",
        no="carrier",
    ),
    Act("shipping", command=ship_order, done="shipped", rejected="gone"),
    Notice("shipped", N_("Order {order} is shipped. The buyer is told.")),
    Notice("gone", N_("Order {order} cannot be shipped now.")),
    Notice("nothing", N_("Nothing waits to be shipped."), stays=True),
    facts={"order": lambda turn: turn["code"]},
)


def some_are_ready(turn: Turn) -> bool:
    return turn.market.day().ready > 0


today = Flow(
    "today",
    Notice(
        "day",
        N_(
            "{expected} orders on their way to you, {to_ship} to ship.",
            "{expected} to come, {to_ship} to ship.",
        ),
        stays=True,
    ),
    Notice(
        "some_ready",
        N_(
            "{expected} orders on their way to you, {ready} of them ready. {to_ship} to ship.",
            "{expected} to come, {ready} ready, {to_ship} to ship.",
        ),
        stays=True,
    ),
    start=[Go("some_ready", when=some_are_ready), Go("day")],
    facts={
        "expected": lambda turn: turn.market.day().expected,
        "ready": lambda turn: turn.market.day().ready,
        "to_ship": lambda turn: turn.market.day().to_ship,
    },
)
