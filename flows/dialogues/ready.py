"""An artisan says that the goods of an order are made."""

from collections.abc import Mapping, Sequence

from flows.commands import SayReady
from flows.kit import N_, Act, AskCode, Choice, Flow, Go, Keyword, Notice, PagedList, Place, Turn
from flows.kit.flow import because, given, known
from flows.reading import codes, keywords

from .orders import ACCEPTED, UNKNOWN, line, order_code


def being_made(turn: Turn) -> Sequence[Choice]:
    return [line(order) for order in turn.market.orders() if order.status == ACCEPTED and not order.ready]


def code_alone(rest: str, _place: Place) -> Mapping[str, str] | None:
    """`READY K7P4` or `READY`; None for anything else."""
    if keywords.is_polite(rest):
        return {}
    match codes.find(rest):
        case code, []:
            return {"code": code}
    return None


flow = Flow(
    "ready",
    AskCode("code", N_("Which order? Write its code."), then="telling"),
    PagedList(
        "which",
        N_("Which order is ready?", "Which order?"),
        items=being_made,
        then="telling",
        empty="nothing",
        pick_single=True,
    ),
    Act(
        "telling",
        command=lambda turn: SayReady(order_code(turn)),
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
    facts={"code": order_code},
    keywords=[Keyword("READY", sw="TAYARI", fr="PRET, PRETE", am="ዝግጁ, ZIGJU", fill=code_alone)],
)
