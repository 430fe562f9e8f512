"""An artisan answers her orders: all of it, a part, or not at all; and says when one is made."""

from collections.abc import Mapping, Sequence

from flows import reading
from flows.kit import (
    N_,
    Act,
    AskCode,
    AskQuantity,
    Choice,
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
from flows.kit.flow import because, given, known
from flows.market import AcceptOrder, DeclineOrder, Order, SayReady

PLACED, ACCEPTED_BY_HER = "placed", "accepted"


def orders(turn: Turn) -> Sequence[Choice]:
    return [_line(order) for order in turn.market.orders()]


def unanswered(turn: Turn) -> Sequence[Choice]:
    return [_line(order) for order in turn.market.orders() if order.status == PLACED]


def being_made(turn: Turn) -> Sequence[Choice]:
    return [_line(order) for order in turn.market.orders() if order.status == ACCEPTED_BY_HER and not order.ready]


def _line(order: Order) -> Choice:
    return Choice(order.code, f"{order.code} {order.quantity} x {order.title}")


def chosen(turn: Turn) -> Order:
    for order in turn.market.orders():
        if order.code == turn["code"]:
            return order
    raise Gone(turn["code"])


def is_unanswered(turn: Turn) -> bool:
    return chosen(turn).status == PLACED


def is_ready(turn: Turn) -> bool:
    return chosen(turn).ready


def accept_it(turn: Turn) -> AcceptOrder:
    return AcceptOrder(turn["code"], turn.get("part"))


def decline_it(turn: Turn) -> DeclineOrder:
    return DeclineOrder(turn["code"], turn["why"])


def earned(turn: Turn) -> str:
    return turn.money(turn["earns"])


ACCEPTED = N_(
    "Order {code} is yours: {quantity} x {title}. Bring it to {kiosk}. You earn {earned}.",
    "Order {code} is yours. Bring {quantity} to {kiosk}. You earn {earned}.",
    "Order {code} is yours. You earn {earned}.",
)
DECLINED = N_("You declined order {code}.")
GONE = N_("Order {code} is no longer open.")
UNKNOWN = N_("You have no order {code}. Text ORDERS to see yours.", "You have no order {code}.")
TOO_MANY = N_("Order {code} is for {most}, not more.")
NONE = N_("You have no open orders.")

CLOSED = [Go("gone", when=because("order_not_open")), Go("unknown")]
REJECTED = [Go("too_many", when=because("wrong_count")), *CLOSED]

flow = Flow(
    "orders",
    PagedList(
        "code",
        N_("Your orders:"),
        items=orders,
        then=[Go("order", when=is_unanswered), Go("made", when=is_ready), Go("bring")],
        empty="none",
    ),
    Menu(
        "order",
        N_(
            "Order {code}: {asked} x {product}. You earn {would_earn}.",
            "{asked} x {product}. You earn {would_earn}.",
            "Order {code}: {asked} pieces. You earn {would_earn}.",
        ),
        Option(N_("Yes, all of it"), "accepting"),
        Option(N_("A part of it"), "part"),
        Option(N_("No"), "why"),
    ),
    Menu(
        "why",
        N_("Why not?"),
        Option(N_("Too busy"), "declining", value="busy"),
        Option(N_("Too low a price"), "declining", value="price"),
        Option(N_("No material"), "declining", value="material"),
        Option(N_("Something else"), "declining", value="other"),
    ),
    AskQuantity("part", N_("How many of {asked} can you make?"), check=between(1, 9999), then="accepting"),
    Act("accepting", command=accept_it, done="accepted", rejected=REJECTED),
    Act("declining", command=decline_it, done="declined", rejected=CLOSED),
    Notice("accepted", ACCEPTED),
    Notice("declined", DECLINED),
    Menu(
        "bring",
        N_(
            "Order {code}: bring {asked} x {product} to {to_kiosk}. You earn {would_earn}.",
            "{code}: bring {asked}. You earn {would_earn}.",
        ),
        Option(N_("It is ready"), Enter("ready", carry=("code",))),
    ),
    Notice(
        "made",
        N_(
            "Order {code} is ready: bring {asked} x {product} to {to_kiosk}. You earn {would_earn}.",
            "{code}: bring {asked}. You earn {would_earn}.",
        ),
        stays=True,
    ),
    Notice("gone", GONE),
    Notice("unknown", UNKNOWN),
    Notice("too_many", TOO_MANY),
    Notice("none", NONE, stays=True),
    facts={
        "code": lambda turn: turn["code"],
        "asked": lambda turn: chosen(turn).quantity,
        "product": lambda turn: chosen(turn).title,
        "to_kiosk": lambda turn: chosen(turn).kiosk,
        "would_earn": lambda turn: turn.money(chosen(turn).earns),
        "earned": earned,
    },
    keywords=[Keyword("ORDERS", "MAAGIZO", "ODA", "COMMANDES", "COMMANDE", "ትዕዛዝ", "ትዕዛዞች", "ትእዛዝ", "TIZAZ")],
)


def code_and_number(rest: str, _place: Place) -> Mapping[str, str] | None:
    """`YES K7P4 2`, `YES K7P4`, `YES 2` or `YES`; something else after YES is not this keyword."""
    match reading.tokens(rest):
        case []:
            return {}
        case [number] if number.isdecimal():
            return {"part": number}
        case [first, *others] if reading.code(first):
            return {"code": first, "part": " ".join(others)} if others else {"code": first}
    return None


def code_alone(rest: str, _place: Place) -> Mapping[str, str] | None:
    """`READY K7P4` or `READY`; something else after the word is not this keyword."""
    if not rest:
        return {}
    return {"code": rest} if reading.code(rest) else None


def _answered(turn: Turn) -> str:
    return str(turn.get("code") or turn["which"])


accept = Flow(
    "accept",
    AskCode("code", N_("Which order? Write its code."), then=[Go("part", when=given("part")), Go("accepting")]),
    PagedList(
        "which",
        N_("Which order do you accept?", "Which order?"),
        items=unanswered,
        then=[Go("part", when=given("part")), Go("accepting")],
        empty="none",
        alone=True,
    ),
    AskQuantity("part", N_("How many can you make?"), check=between(1, 9999), then="accepting"),
    Act(
        "accepting",
        command=lambda turn: AcceptOrder(_answered(turn), turn.get("part")),
        done="accepted",
        rejected=REJECTED,
    ),
    Notice("accepted", ACCEPTED),
    Notice("gone", GONE),
    Notice("unknown", UNKNOWN),
    Notice("too_many", TOO_MANY),
    Notice("none", NONE),
    start=[Go("code", when=given("code")), Go("which")],
    facts={"code": _answered, "earned": earned},
    keywords=[Keyword("YES", "NDIYO", "NDIO", "ACCEPT", "OUI", "አዎ", "አዎን", "እሺ", "AWO", "ESHI", fill=code_and_number)],
)

decline = Flow(
    "decline",
    AskCode("code", N_("Which order? Write its code."), then="declining"),
    PagedList(
        "which", N_("Which order do you decline?", "Which order?"), items=unanswered, then="declining", empty="none"
    ),
    Act("declining", command=lambda turn: DeclineOrder(_answered(turn)), done="declined", rejected=CLOSED),
    Notice("declined", DECLINED),
    Notice("gone", GONE),
    Notice("unknown", UNKNOWN),
    Notice("none", NONE),
    start=[Go("code", when=given("code")), Go("which")],
    facts={"code": _answered},
    keywords=[Keyword("NO", "HAPANA", "DECLINE", "NON", "አይ", "አይደለም", "AY", "AYDELEM", fill=code_and_number)],
)

ready = Flow(
    "ready",
    AskCode("code", N_("Which order? Write its code."), then="telling"),
    PagedList(
        "which",
        N_("Which order is ready?", "Which order?"),
        items=being_made,
        then="telling",
        empty="nothing",
        alone=True,
    ),
    Act(
        "telling",
        command=lambda turn: SayReady(_answered(turn)),
        done="told",
        rejected=[Go("not_making", when=because("order_not_expected")), Go("unknown")],
    ),
    Notice(
        "told",
        N_(
            "Order {code} is ready. Now bring {quantity} x {title} to {kiosk}.",
            "Order {code} is ready. Now bring it to {kiosk}.",
            "Order {code} is ready. Now bring it.",
        ),
    ),
    Notice("not_making", N_("Order {code} is not one that you are making now.")),
    Notice("unknown", UNKNOWN),
    Notice("nothing", N_("You are making no order now.")),
    start=[Go("telling", when=known("code")), Go("code", when=given("code")), Go("which")],
    facts={"code": _answered},
    keywords=[Keyword("READY", "TAYARI", "PRET", "PRETE", "ዝግጁ", "ZIGJU", fill=code_alone)],
)
