"""A buyer confirms that an order has come, or cancels it. CANCEL with a code cancels an order; alone it means STOP."""

from flows.commands import CancelOrder, ConfirmDelivery
from flows.kit import N_, Act, AskCode, Flow, Go, Keyword, Notice, Turn
from flows.kit.flow import stands

from .track import OWN_ORDER, STATUS, bought, code_given, code_needed, money


def confirm_delivery(turn: Turn) -> ConfirmDelivery:
    return ConfirmDelivery(turn["code"])


def payment(turn: Turn) -> object:
    """The payment status of the order that was just cancelled; an older shop, and one out of reach, says none."""
    return turn.outcome.values.get("payment") if turn.outcome else None


def was_unpaid(turn: Turn) -> bool:
    return payment(turn) == "unpaid"


def was_paid(turn: Turn) -> bool:
    return payment(turn) not in (None, "unpaid", "vouched")


def cancel_order(turn: Turn) -> CancelOrder:
    return CancelOrder(turn["code"])


FACTS = {
    "order": lambda turn: turn["code"],
    "status": lambda turn: turn.words.text(STATUS[bought(turn).status]),
    "money": money,
}

received = Flow(
    "received",
    AskCode("code", N_("Which order has come? Write its code."), check=OWN_ORDER, then="confirming"),
    Act(
        "confirming",
        command=confirm_delivery,
        done="thanks",
        rejected=[Go("thanked", when=stands("delivered")), Go("too_soon")],
    ),
    Notice("thanks", N_("Thank you! We noted that order {order} has come.")),
    Notice("thanked", N_("We know already that order {order} has come. Thank you!")),
    Notice("too_soon", N_("Nothing to confirm. Order {order}: {status}.", "Order {order}: {status}.")),
    facts=FACTS,
    keywords=[Keyword("RECEIVED", sw="NIMEPOKEA", fr="RECU", am="ደርሶኛል, DERSOGNAL", fill=code_given)],
)

drop = Flow(
    "drop",
    AskCode("code", N_("Which order do you cancel? Write its code."), check=OWN_ORDER, then="cancelling"),
    Act(
        "cancelling",
        command=cancel_order,
        done=[Go("paid_back", when=was_paid), Go("cancelled_unpaid", when=was_unpaid), Go("cancelled")],
        rejected=[Go("dropped", when=stands("cancelled")), Go("too_late")],
    ),
    Notice(
        "cancelled",
        N_("You cancelled order {order}. If you paid for it, ask where you ordered.", "You cancelled order {order}."),
    ),
    Notice("paid_back", N_("You cancelled order {order}. {money}")),
    Notice("cancelled_unpaid", N_("You cancelled order {order}.")),
    Notice("dropped", N_("Order {order} is cancelled already.")),
    Notice("too_late", N_("You cannot cancel order {order}: {status}.", "Order {order}: {status}.")),
    facts=FACTS,
    keywords=[
        Keyword("DROP", sw="GHAIRI", fr="ANNULER", am="ሰርዝ, SERZ", fill=code_given),
        Keyword("CANCEL", fill=code_needed),
    ],
)
