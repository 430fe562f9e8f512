"""A buyer confirms that an order has come, or cancels it. CANCEL with a code cancels an order; alone it means STOP."""

from flows.commands import CancelOrder, ConfirmDelivery
from flows.kit import N_, Act, AskCode, Flow, Go, Keyword, Notice, Turn
from flows.kit.flow import stands

from .track import OWN_ORDER, STATUS, bought, code_given, code_needed, money, was_paid


def confirm_delivery(turn: Turn) -> ConfirmDelivery:
    return ConfirmDelivery(turn["code"])


def is_vouched_for(turn: Turn) -> bool:
    """True if a storefront holds the money of the order that was cancelled."""
    return turn.outcome is not None and turn.outcome.values.get("payment_status") == "vouched"


def is_ours_to_tell(turn: Turn) -> bool:
    """True unless a storefront holds the money of the order."""
    return bought(turn).purchase is not None


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
        done=[
            Go("cancelled", when=is_vouched_for),
            Go("paid_back", when=was_paid),
            Go("cancelled_unpaid", when=is_ours_to_tell),
            Go("cancelled"),
        ],
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
