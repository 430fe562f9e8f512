"""What a kiosk agent does: receive and check goods, pay cash, ship orders, see the day's numbers."""

from collections.abc import Sequence
from typing import Any

from flows.commands import FindCash, PayCash, ReceiveGoods, ShipOrder
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
    Enter,
    Flow,
    Go,
    Gone,
    Menu,
    Notice,
    Option,
    Overview,
    PagedList,
    Turn,
    length,
)
from flows.kit.flow import because, came_from, known
from flows.market import OrderSummary

LATER = "later"


def expected_part(turn: Turn) -> OrderSummary:
    """The part that the agent receives: the picked one, if several artisans bring parts of the order."""
    for order in turn.market.expected(turn["code"]):
        if str(order.part) == turn["who"]:
            return order
    raise Gone(turn["code"])


def is_expected(turn: Turn, code: Any) -> bool:
    return bool(turn.market.expected(code))


def are_expected(turn: Turn, count: Any) -> bool:
    return bool(1 <= count <= expected_part(turn).quantity)


def have_arrived(turn: Turn, count: Any) -> bool:
    return bool(1 <= count <= turn["count"])


def artisans(turn: Turn) -> Sequence[Choice]:
    return [
        Choice(str(order.part), f"{order.artisan}, {order.quantity}") for order in turn.market.expected(turn["code"])
    ]


def some_are_missing(turn: Turn) -> bool:
    return bool(turn["count"] < expected_part(turn).quantity)


def receive_all(turn: Turn) -> ReceiveGoods:
    """Receives all counted pieces as good. The state `rest` was passed only if some pieces are missing."""
    follows = came_from("rest")(turn) and turn["rest"] == LATER
    return ReceiveGoods(int(turn["who"]), turn["count"], follows=follows)


def receive_some(turn: Turn) -> ReceiveGoods:
    return ReceiveGoods(
        int(turn["who"]), good(turn), refused=turn["bad"], reason=turn["why"], follows=turn["others"] == LATER
    )


def good(turn: Turn) -> int:
    return int(turn["count"] - turn["bad"])


def quality(name: str, text: tuple[str, ...], all_good: str) -> Menu:
    """A menu that repeats the count and asks about the quality."""
    return Menu(
        name,
        text,
        Option(N_("Yes, all good"), all_good),
        Option(N_("Some are not good"), "bad"),
        Option(N_("Count again"), "count"),
        Option(N_("Another problem: call me"), Enter("call")),
    )


def remainder(name: str, then: str) -> Menu:
    """A menu that asks whether the missing pieces follow."""
    return Menu(
        name,
        N_("Will the rest come later?"),
        Option(N_("Yes, later"), then, value=LATER),
        Option(N_("No, this is all"), then, value="all"),
    )


NOT_RECEIVED = [
    Go("wrong_count", when=because("wrong_count")),
    Go("own_goods", when=because("own_goods")),
    Go("gone"),
]

receive = Flow(
    "receive",
    AskCode(
        "code",
        N_("Receive goods. What is the order's code?"),
        check=Check(
            is_expected,
            N_("No order with that code is on its way to your kiosk.", "No such order is awaited."),
            "K7P4M2",
        ),
        then="who",
    ),
    PagedList(
        "who", N_("Whose goods are they?", "Whose goods?"), items=artisans, then="count", empty="gone", pick_single=True
    ),
    AskQuantity(
        "count",
        N_("{asked} x {product} from {maker}. How many came?", "{asked} from {maker}. How many came?"),
        check=Check(are_expected, N_("We wait for only {asked}."), 9999),
        then=[Go("short", when=some_are_missing), Go("review")],
    ),
    quality(
        "review",
        N_("Receive {count} x {product} from {maker}?", "Receive {count} from {maker}?", "Receive {count}?"),
        "receiving",
    ),
    quality(
        "short",
        N_(
            "Receive {count} of {asked} x {product} from {maker}?",
            "Receive {count} of {asked} from {maker}?",
            "Receive {count} of {asked}?",
        ),
        "rest",
    ),
    remainder("rest", "receiving"),
    Act("receiving", command=receive_all, done="received", rejected=NOT_RECEIVED),
    Notice(
        "received",
        N_(
            "Received: {count} x {title}, order {code}. {artisan} is told.",
            "Received: {count}, order {code}.",
        ),
    ),
    AskQuantity(
        "bad",
        N_("How many of {count} are not good?"),
        check=Check(have_arrived, N_("Only {count} came."), 9999),
        then="why",
    ),
    Menu(
        "why",
        N_("What is wrong?"),
        Option(N_("Damaged"), "others", value="damaged"),
        Option(N_("Not as ordered"), "others", value="different"),
        Option(N_("Badly made"), "others", value="badly_made"),
        Option(N_("Something else"), "others", value="other"),
    ),
    remainder("others", "sum"),
    Confirm(
        "sum",
        N_(
            "From {maker}: receive {good} x {product}, give {bad} back?",
            "From {maker}: receive {good}, give {bad} back?",
            "Receive {good}, give {bad} back?",
        ),
        yes="refusing",
        no="count",
    ),
    Act("refusing", command=receive_some, done="refused", rejected=NOT_RECEIVED),
    Notice(
        "refused",
        N_(
            "Order {code}: of {count} x {title}, {bad} not taken. {artisan} is told.",
            "Order {code}: of {count}, {bad} not taken.",
        ),
    ),
    Notice("wrong_count", N_("Order {code} is for {most}. Count again, please.")),
    Notice(
        "own_goods",
        N_(
            "The money for these goods comes to you, so you cannot receive them. Text CALL: another person will.",
            "The money for these goods is yours. Another person must receive them. Text CALL.",
        ),
    ),
    Notice("gone", N_("Order {code} is not awaited any more.")),
    start=[Go("who", when=known("code")), Go("code")],
    facts={
        "asked": lambda turn: expected_part(turn).quantity,
        "product": lambda turn: expected_part(turn).title,
        "maker": lambda turn: expected_part(turn).artisan,
        "good": good,
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
    Act("paying", command=pay_cash, done="paid", rejected=[Go("own_cash", when=because("own_goods")), Go("kept")]),
    Notice("paid", N_("Paid: {sum} to {artisan}. We text her a receipt.", "Paid: {sum}.")),
    Notice(
        "own_cash",
        N_(
            "This money is yours, so you cannot hand it out. Nothing was paid. Text CALL: another person will.",
            "This money is yours. Another person must hand it out. Text CALL.",
        ),
    ),
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


FIGURES = N_(
    "To come: {expected}, ready: {ready}\nTo ship: {to_ship}\nReceived today: {received}\nCash today: {cash}\n"
    "In the drawer: {drawer}",
    "To come: {expected}, ready: {ready}\nTo ship: {to_ship}\nReceived: {received}\nCash: {cash}\nDrawer: {drawer}",
)


def awaited(turn: Turn) -> Sequence[Choice]:
    """What is to come, one line a part; a line begins to receive its order."""
    return [
        Choice(order.code, f"{order.code} {order.quantity} x {order.title}, {order.artisan}")
        for order in turn.market.awaited()
    ]


today = Flow(
    "today",
    Overview(
        "code",
        FIGURES,
        heading=N_("To come:"),
        items=awaited,
        then=Enter("receive", carry=("code",)),
        empty="day",
    ),
    Notice("day", FIGURES, stays=True),
    facts={
        "expected": lambda turn: turn.market.day().expected,
        "ready": lambda turn: turn.market.day().ready,
        "to_ship": lambda turn: turn.market.day().to_ship,
        "received": lambda turn: turn.market.day().received,
        "cash": lambda turn: turn.money(turn.market.day().cash_paid),
        "drawer": lambda turn: turn.money(turn.market.day().drawer),
    },
)
