"""An artisan answers orders: accepts all or a part, or declines; and later gives an order back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from flows.commands import AcceptOrder, DeclineOrder, ReleaseOrder
from flows.kit import (
    N_,
    Act,
    AskCode,
    AskHowMany,
    AskQuantity,
    Check,
    Choice,
    Confirm,
    Enter,
    Flow,
    Go,
    Gone,
    Keyword,
    Menu,
    Notice,
    Option,
    PagedList,
    Place,
    Turn,
    between,
)
from flows.kit.flow import because, given
from flows.kit.state_kinds.base import StateKind
from flows.kit.state_kinds.questions import EVERYTHING
from flows.market import OrderSummary
from flows.reading import codes, keywords
from flows.reading.answers import is_all

from .answered import NO_ANSWER_AWAITED, YOURS, YOURS_SHORT, gone, what_holds
from .stock_left import AFTER_NO, AFTER_YES

PLACED, ACCEPTED = "placed", "accepted"
DAYS = between(1, 60)
PIECES = replace(between(1, 9999), passes=lambda _turn, count: count == EVERYTHING or 1 <= count <= 9999)


def orders(turn: Turn) -> Sequence[Choice]:
    return [line(order) for order in turn.market.orders()]


def unanswered(turn: Turn) -> Sequence[Choice]:
    return [line(order) for order in turn.market.orders() if order.status == PLACED]


def line(order: OrderSummary) -> Choice:
    return Choice(order.code, f"{order.code} {order.quantity} x {order.title}")


def order_code(turn: Turn) -> str:
    """The order that was picked or named."""
    return str(turn.get("code") or turn["which"])


def chosen(turn: Turn) -> OrderSummary:
    order = _find(turn)
    if order is None:
        raise Gone(order_code(turn))
    return order


def due_on(turn: Turn) -> date | None:
    """The day by which the goods must be at the kiosk; None if there is no such day, or the order no longer exists."""
    if (told := turn.get("due_on")) is not None:  # by the outcome of the command
        return date.fromisoformat(told) if told else None
    order = _find(turn)
    return order.due_on if order else None


def _find(turn: Turn) -> OrderSummary | None:
    """The order. If the artisan accepted a part and more is still offered, it is the accepted part."""
    found = [order for order in turn.market.orders() if order.code == order_code(turn)]
    return max(found, key=lambda order: order.status == ACCEPTED, default=None)


def is_due(turn: Turn) -> bool:
    return due_on(turn) is not None


def is_unanswered(turn: Turn) -> bool:
    return chosen(turn).status == PLACED


def is_wanted_by_a_day(turn: Turn) -> bool:
    return is_unanswered(turn) and is_due(turn)


def is_ready(turn: Turn) -> bool:
    return chosen(turn).ready


def are_asked(turn: Turn, count: Any) -> bool:
    return bool(1 <= count <= chosen(turn).quantity)


def accept_order(turn: Turn) -> AcceptOrder:
    """The answers to `fewer`, `how_many` and `sooner`, which ask again, replace the first answers."""
    part = turn.get("fewer") or turn.get("how_many") or turn.get("part")
    all_of_it = "all" in (turn.get("order"), turn.get("wanted")) or part == EVERYTHING
    days = turn.get("sooner") or turn.get("days")
    return AcceptOrder(order_code(turn), None if all_of_it else part, days, all=all_of_it)


def decline_order(turn: Turn) -> DeclineOrder:
    return DeclineOrder(turn["code"], turn["why"])


def release_order(turn: Turn) -> ReleaseOrder:
    return ReleaseOrder(turn["code"])


def day_due(turn: Turn) -> str:
    due = due_on(turn)
    return turn.day(due) if due else ""


DECLINED = N_("You declined order {code}.")
UNKNOWN = N_("You have no order {code}. Text ORDERS to see yours.", "You have no order {code}.")
NONE = N_("You have no open orders.")

FACTS = {
    "code": order_code,
    "asked": lambda turn: chosen(turn).quantity,
    "product": lambda turn: chosen(turn).title,
    "to_kiosk": lambda turn: chosen(turn).kiosk,
    "would_earn": lambda turn: turn.money(chosen(turn).earns),
    "earned": lambda turn: turn.money(turn["earns"]),
    "due": day_due,
    "what_holds": lambda turn: what_holds(turn, _find(turn), YOURS),
    "holds_in_short": lambda turn: what_holds(turn, _find(turn), YOURS_SHORT),
}


def accepting(*unsaid: Go) -> Sequence[StateKind]:
    """The states from the number of days to the outcome. After too many pieces or too late a day they ask again.

    `unsaid` is where to go if the quantity was not said, but has to be.
    """
    return (
        AskQuantity("days", N_("In how many days can you bring {part}?"), check=DAYS, then="accepting"),
        Act(
            "accepting",
            command=accept_order,
            done=[AFTER_YES, Go("accepted_by", when=is_due), Go("accepted")],
            rejected=[
                *unsaid,
                Go("fewer", when=because("wrong_count")),
                Go("sooner", when=because("too_late")),
                *NO_ANSWER_AWAITED,
            ],
        ),
        AskHowMany(
            "fewer",
            N_("Order {code} is for {most}, not more. How many can you make?"),
            check=PIECES,
            then="accepting",
        ),
        AskQuantity(
            "sooner",
            N_(
                "It has to be at the kiosk by {due}. In how many days can you bring it?",
                "It is due {due}. In how many days?",
            ),
            check=DAYS,
            then="accepting",
        ),
        Notice(
            "accepted",
            N_(
                "Order {code} is yours: {quantity} x {title}. Bring it to {kiosk}. You earn {earned}.",
                "Order {code} is yours. Bring {quantity} to {kiosk}. You earn {earned}.",
                "Order {code} is yours. You earn {earned}.",
            ),
        ),
        Notice(
            "accepted_by",
            N_(
                "Order {code} is yours: {quantity} x {title}. Bring it to {kiosk} by {due}. You earn {earned}.",
                "Order {code} is yours. Bring {quantity} to {kiosk} by {due}. You earn {earned}.",
                "Order {code} is yours, due {due}. You earn {earned}.",
            ),
        ),
        gone(),
        Notice("unknown", UNKNOWN),
    )


def offer(name: str, text: tuple[str, ...]) -> Menu:
    return Menu(
        name,
        text,
        Option(N_("Yes, all of it"), "accepting", value="all"),
        Option(N_("A part of it"), "part", value="part"),
        Option(N_("No"), "why", value="no"),
    )


def task(name: str, text: tuple[str, ...]) -> Menu:
    return Menu(
        name,
        text,
        Option(N_("It is ready"), Enter("ready", carry=("code",))),
        Option(N_("I cannot make it"), "sure"),
    )


flow = Flow(
    "orders",
    PagedList(
        "code",
        N_("Your orders:"),
        items=orders,
        then=[
            Go("wanted", when=is_wanted_by_a_day),
            Go("order", when=is_unanswered),
            Go("made", when=is_ready),
            Go("bring_by", when=is_due),
            Go("bring"),
        ],
        empty="none",
    ),
    offer(
        "order",
        N_(
            "Order {code}: {asked} x {product}. You earn {would_earn}.",
            "{asked} x {product}. You earn {would_earn}.",
            "Order {code}: quantity {asked}. You earn {would_earn}.",
        ),
    ),
    offer(
        "wanted",
        N_(
            "Order {code}: {asked} x {product} still wanted by {due}. You earn {would_earn}.",
            "{asked} x {product} by {due}. You earn {would_earn}.",
            "Order {code}: quantity {asked} by {due}. You earn {would_earn}.",
        ),
    ),
    AskQuantity(
        "part",
        N_("How many of {asked} can you make?"),
        check=Check(are_asked, N_("They want only {asked}."), 9999),
        then="days",
    ),
    *accepting(),
    Menu(
        "why",
        N_("Why not?"),
        Option(N_("Too busy"), "declining", value="busy"),
        Option(N_("Too low a price"), "declining", value="price"),
        Option(N_("No material"), "declining", value="material"),
        Option(N_("Something else"), "declining", value="other"),
    ),
    Act(
        "declining",
        command=decline_order,
        done=[AFTER_NO, Go("declined")],
        rejected=NO_ANSWER_AWAITED,
    ),
    Notice("declined", DECLINED),
    task(
        "bring",
        N_(
            "Order {code}: bring {asked} x {product} to {to_kiosk}. You earn {would_earn}.",
            "{code}: bring {asked}. You earn {would_earn}.",
        ),
    ),
    task(
        "bring_by",
        N_(
            "Order {code}: bring {asked} x {product} to {to_kiosk} by {due}. You earn {would_earn}.",
            "{code}: bring {asked} by {due}. You earn {would_earn}.",
        ),
    ),
    Confirm(
        "sure",
        N_("Give order {code} back, {asked} x {product}? You earn nothing for it.", "Give order {code} back?"),
        yes="releasing",
        no="code",
    ),
    Act("releasing", command=release_order, done="released", rejected="not_released"),
    Notice("released", N_("Order {code} is not yours any more. Thank you for saying so.")),
    Notice("not_released", N_("Order {code} cannot be given back any more.")),
    Notice(
        "made",
        N_(
            "Order {code} is ready: bring {asked} x {product} to {to_kiosk}. You earn {would_earn}.",
            "{code}: bring {asked}. You earn {would_earn}.",
        ),
        stays=True,
    ),
    Notice("none", NONE, stays=True),
    facts=FACTS,
    keywords=[Keyword("ORDERS", sw="MAAGIZO, ODA", fr="COMMANDES, COMMANDE", am="ትዕዛዝ, ትዕዛዞች, ትእዛዝ, TIZAZ")],
)


def code_and_number(rest: str, _place: Place) -> Mapping[str, str] | None:
    """`YES K7P4 20 5` (20 pieces in 5 days), `YES for order K7P4 ALL please`, `YES 2`, `YES ALL` or `YES`.

    None for anything else.
    """
    parts = keywords.tokens(keywords.without_courtesy(rest))
    if not parts or (len(parts) == 1 and (parts[0].isdecimal() or is_all(parts[0]))):
        return {"part": parts[0]} if parts else {}
    match codes.find(rest):
        case None:
            return None
        case code, []:
            return {"code": code}
        case code, [part, days] if (part.isdecimal() or is_all(part)) and _may_be_days(days):
            return {"code": code, "part": part, "days": days}
        case code, others:
            return {"code": code, "part": " ".join(others)}


def _may_be_days(number: str) -> bool:
    """False for three digits, which belong to the number before: `1 500` is one number."""
    return number.isdecimal() and len(number) < 3


accept = Flow(
    "accept",
    AskCode("code", N_("Which order? Write its code."), then=[Go("part", when=given("part")), Go("accepting")]),
    PagedList(
        "which",
        N_("Which order do you accept?", "Which order?"),
        items=unanswered,
        then=[Go("part", when=given("part")), Go("accepting")],
        empty="none",
        pick_single=True,
    ),
    AskHowMany(
        "part",
        N_("How many can you make?"),
        check=PIECES,
        then=[Go("days", when=given("days")), Go("accepting")],
    ),
    AskHowMany(
        "how_many",
        N_(
            "Order {code}: how many of {most} can you make? Write a number, or ALL.",
            "{code}: how many of {most}? A number, or ALL.",
        ),
        check=PIECES,
        then="accepting",
    ),
    *accepting(Go("how_many", when=because("quantity_unsaid"))),
    Notice("none", NONE),
    start=[Go("code", when=given("code")), Go("which")],
    facts=FACTS,
    keywords=[Keyword("YES", "ACCEPT", sw="NDIYO, NDIO", fr="OUI", am="አዎ, አዎን, እሺ, AWO, ESHI", fill=code_and_number)],
)

decline = Flow(
    "decline",
    AskCode("code", N_("Which order? Write its code."), then="declining"),
    PagedList(
        "which", N_("Which order do you decline?", "Which order?"), items=unanswered, then="declining", empty="none"
    ),
    Act(
        "declining",
        command=lambda turn: DeclineOrder(order_code(turn)),
        done=[AFTER_NO, Go("declined")],
        rejected=NO_ANSWER_AWAITED,
    ),
    Notice("declined", DECLINED),
    gone(),
    Notice("unknown", UNKNOWN),
    Notice("none", NONE),
    start=[Go("code", when=given("code")), Go("which")],
    facts=FACTS,
    keywords=[Keyword("NO", "DECLINE", sw="HAPANA", fr="NON", am="አይ, አይደለም, AY, AYDELEM", fill=code_and_number)],
)
