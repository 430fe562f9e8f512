"""How an artisan is paid; the change needs the PIN."""

from collections.abc import Sequence

from flows.commands import ChangePayout, CheckPin
from flows.kit import N_, Act, AskPhone, AskPin, Confirm, Flow, Go, Menu, Notice, Option, Turn
from flows.kit.checks import Check, RejectedAnswer
from flows.kit.flow import because
from flows.kit.state_kinds.base import StateKind
from flows.msisdn import is_mobile_of


def has_pin(turn: Turn) -> bool:
    return turn.person.pin


def check_pin(turn: Turn) -> CheckPin:
    """Three states ask for the PIN. Only the latest answer is left, because each is deleted after its command."""
    return CheckPin(turn.get("new_pin") or turn.get("pin") or turn["again"])


def change_payout(turn: Turn) -> ChangePayout:
    msisdn = payout_phone(turn)
    return ChangePayout("mobile_money" if msisdn else "kiosk_cash", msisdn)


def can_be_paid(turn: Turn, msisdn: str) -> bool:
    """True if the number can have a wallet of the network that pays artisans."""
    return is_mobile_of(msisdn, turn.place.payout_country)


class WalletCheck(Check):
    """A number that the network can pay."""

    def rejection(self, turn: Turn) -> RejectedAnswer:
        return RejectedAnswer(self.problem, network=turn.place.payout_network, prefix=turn.place.payout_prefix)


WALLET = WalletCheck(
    can_be_paid,
    N_(
        "{network} pays only mobile numbers that begin with {prefix}. Please write another number.",
        "{network} pays only {prefix} numbers.",
    ),
    "+254712345678",
)


def cannot_be_paid_here(turn: Turn) -> bool:
    return not can_be_paid(turn, turn.person.msisdn)


def payout_phone(turn: Turn) -> str | None:
    """The MSISDN that was chosen for mobile money; None for cash."""
    match turn["payout"]:
        case "cash":
            return None
        case "another":
            return str(turn["payout_msisdn"])
    return str(turn["other_phone"]) if cannot_be_paid_here(turn) else turn.person.msisdn


def ask_way_of_payment(then: str) -> Sequence[StateKind]:
    """The states that ask how the artisan is paid, and lead to the state `then`. A typed number is said back."""
    return (
        Menu(
            "payout",
            N_("How do you want to be paid?"),
            Option(
                N_("Mobile money, this phone"), [Go("other_phone", when=cannot_be_paid_here), Go(then)], value="this"
            ),
            Option(N_("Mobile money, another phone"), "payout_msisdn", value="another"),
            Option(N_("Cash at the kiosk"), then, value="cash"),
        ),
        AskPhone(
            "payout_msisdn", N_("Which phone number gets the money?"), check=WALLET, then="payout_msisdn_is_right"
        ),
        Confirm(
            "payout_msisdn_is_right",
            N_(
                "Your money goes to {payout_msisdn}, {payout_network}. Is this number right?",
                "Money to {payout_msisdn}, {payout_network}. Right?",
            ),
            yes=then,
            no="payout_msisdn",
        ),
        AskPhone(
            "other_phone",
            N_(
                "{payout_network} cannot pay this phone, only numbers that begin with {payout_prefix}. "
                "Which number gets the money?",
                "{payout_network} pays only {payout_prefix} numbers. Which number?",
            ),
            check=WALLET,
            then="other_phone_is_right",
        ),
        Confirm(
            "other_phone_is_right",
            N_(
                "Your money goes to {other_phone}, {payout_network}. Is this number right?",
                "Money to {other_phone}, {payout_network}. Right?",
            ),
            yes=then,
            no="other_phone",
        ),
    )


FACTS = {"left": lambda turn: turn.get("left", "")}
"""For the flows that ask for a PIN: how many tries are left after a wrong one."""


def ask_pin_before(then: str) -> Sequence[StateKind]:
    """The states that ask for the PIN and lead to the state `then` if it is right."""
    return (
        AskPin("pin", N_("What is your PIN?"), then="checking"),
        Act("checking", command=check_pin, done=then, rejected=[Go("locked", when=because("locked")), Go("again")]),
        AskPin(
            "again",
            N_(
                "That is not your PIN. Tries left: {left}. Forgot it? Ask your kiosk agent.",
                "Wrong PIN. Tries left: {left}.",
            ),
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
    *ask_way_of_payment("changing"),
    Act(
        "changing",
        command=change_payout,
        done="changed",
        rejected=[Go("pin", when=because("pin")), Go("not_changed")],
    ),
    Notice("changed", N_("Changed. We text you how you are paid from now on.", "Changed. We text you.")),
    Notice("not_changed", N_("That could not be changed now. Please try again later.", "Please try again later.")),
    start=[Go("pin", when=has_pin), Go("new_pin")],
    facts=FACTS,
)
