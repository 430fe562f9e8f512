"""A kiosk agent resets the PIN of an artisan, with a one-time code that only the artisan was texted."""

from flows.commands import OfferPinReset, ResetPin
from flows.kit import N_, Act, AskDigits, AskPhone, Flow, Go, Notice, Turn
from flows.kit.flow import because


def offer_pin_reset(turn: Turn) -> OfferPinReset:
    return OfferPinReset(turn["whose"])


def reset_pin(turn: Turn) -> ResetPin:
    """Two states ask for the code. Only the latest answer is left, because each is deleted after its command."""
    return ResetPin(turn["whose"], turn.get("digits") or turn["again"])


LOCKED = Go("locked", when=because("locked"))
NOT_YOURS = Go("not_yours", when=because("not_yours"))
EXPIRED = Go("expired", when=because("expired"))

flow = Flow(
    "pin_reset",
    AskPhone(
        "whose",
        N_("What is the phone number of the artisan who forgot her PIN?", "What is the artisan's phone number?"),
        then="offering",
    ),
    Act("offering", command=offer_pin_reset, done="digits", rejected=[LOCKED, Go("not_yours")]),
    AskDigits(
        "digits",
        N_("We texted {artisan} a code of 6 digits. What is the code?", "What is the code of 6 digits?"),
        digits=6,
        then="resetting",
    ),
    Act("resetting", command=reset_pin, done="reset", rejected=[LOCKED, NOT_YOURS, EXPIRED, Go("again")]),
    AskDigits(
        "again",
        N_("That is not the code. Try again; three wrong ones end it.", "Wrong code. Again?"),
        digits=6,
        then="resetting",
    ),
    Notice(
        "reset",
        N_(
            "Done. {artisan} has no PIN now. She chooses a new one when she changes how she is paid.",
            "Done. She has no PIN now.",
        ),
    ),
    Notice("not_yours", N_("No artisan of your kiosk has that phone.")),
    Notice("expired", N_("That code has run out. Please begin again.")),
    Notice("locked", N_("Too many wrong codes. You can begin again in 30 minutes.", "Try again in 30 minutes.")),
)
