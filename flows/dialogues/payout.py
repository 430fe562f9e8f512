"""How an artisan is paid; the change needs the PIN."""

from collections.abc import Sequence

from flows.commands import ChangePayout, CheckPin
from flows.kit import N_, Act, AskPhone, AskPin, Flow, Go, Menu, Notice, Option, Turn
from flows.kit.flow import because
from flows.kit.state_kinds.base import StateKind


def has_pin(turn: Turn) -> bool:
    return turn.person.pin


def check_pin(turn: Turn) -> CheckPin:
    """Three states ask for the PIN. Only the latest answer is left, because each is deleted after its command."""
    return CheckPin(turn.get("new_pin") or turn.get("pin") or turn["again"])


def change_payout(turn: Turn) -> ChangePayout:
    match turn["payout"]:
        case "cash":
            return ChangePayout("kiosk_cash", None)
        case "another":
            return ChangePayout("mobile_money", turn["payout_msisdn"])
    return ChangePayout("mobile_money", turn.person.msisdn)


def ask_pin_before(then: str) -> Sequence[StateKind]:
    """The states that ask for the PIN and lead to the state `then` if it is right."""
    return (
        AskPin("pin", N_("What is your PIN?"), then="checking"),
        Act("checking", command=check_pin, done=then, rejected=[Go("locked", when=because("locked")), Go("again")]),
        AskPin(
            "again",
            N_("That is not your PIN. Try again; three wrong ones lock it.", "Wrong PIN. Again?"),
            then="checking",
        ),
        Notice(
            "locked",
            N_(
                "Too many wrong PINs: yours is locked for 24 hours. Your kiosk agent can help you to a new one.",
                "Your PIN is locked for 24 hours. Forgot it? Ask your kiosk agent.",
                "PIN locked for 24 hours. Ask your kiosk agent.",
            ),
        ),
    )


flow = Flow(
    "payout",
    AskPin(
        "new_pin",
        N_(
            "Choose a PIN of 4 digits. It guards your money: remember it, and tell it to nobody.",
            "Choose a PIN of 4 digits and keep it secret.",
        ),
        then="checking",
    ),
    *ask_pin_before("payout"),
    Menu(
        "payout",
        N_("How do you want to be paid?"),
        Option(N_("Mobile money, this phone"), "changing", value="this"),
        Option(N_("Mobile money, another phone"), "payout_msisdn", value="another"),
        Option(N_("Cash at the kiosk"), "changing", value="cash"),
    ),
    AskPhone("payout_msisdn", N_("Which phone number gets the money?"), then="changing"),
    Act(
        "changing",
        command=change_payout,
        done="changed",
        rejected=[Go("pin", when=because("pin")), Go("not_changed")],
    ),
    Notice("changed", N_("Changed. We text you how you are paid from now on.", "Changed. We text you.")),
    Notice("not_changed", N_("That could not be changed now. Please try again later.", "Please try again later.")),
    start=[Go("pin", when=has_pin), Go("new_pin")],
)
