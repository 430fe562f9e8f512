"""An artisan changes the name or the kiosk, or leaves Soko."""

from flows.commands import ChangeKiosk, Leave, RenameArtisan
from flows.kit import N_, Act, Ask, Confirm, Enter, Flow, Go, Notice, Turn, length
from flows.kit.flow import because

from . import kiosks

NOT_CHANGED = N_("That could not be changed now. Please try again later.", "Please try again later.")


def rename_artisan(turn: Turn) -> RenameArtisan:
    return RenameArtisan(turn["name"])


rename = Flow(
    "rename",
    Ask("name", N_("Write your new name.", "Your name?"), check=length(2, 40), then="renaming"),
    Act("renaming", command=rename_artisan, done="renamed", rejected="not_renamed"),
    Notice("renamed", N_("You are {name} now.")),
    Notice("not_renamed", NOT_CHANGED),
)


def change_kiosk(turn: Turn) -> ChangeKiosk:
    return ChangeKiosk(turn["kiosk"])


kiosk = Flow(
    "kiosk",
    *kiosks.choice_of_kiosk("changing"),
    Act("changing", command=change_kiosk, done="changed", rejected="not_changed"),
    Notice(
        "changed",
        N_("From now on, bring your goods to {kiosk}. Cash waits for you there too.", "Your kiosk is changed."),
    ),
    Notice("not_changed", NOT_CHANGED),
    start=kiosks.FIRST,
)


def leave_soko(turn: Turn) -> Leave:
    return Leave()


leave = Flow(
    "leave",
    Confirm(
        "sure",
        N_("Leave Soko? All your products are taken off sale.", "Leave Soko?"),
        yes="leaving",
        no=Enter("home"),
    ),
    Act(
        "leaving",
        command=leave_soko,
        done="left",
        rejected=[
            Go("orders_open", when=because("orders_open")),
            Go("money_owed", when=because("money_owed")),
            Go("not_left"),
        ],
    ),
    Notice(
        "left",
        N_("You have left Soko. Thank you for your work. To come back, dial {ussd_code}.", "You have left Soko."),
    ),
    Notice(
        "orders_open",
        N_(
            "You have open orders. Bring or decline them first; then you can leave.",
            "Please finish your orders first.",
        ),
    ),
    Notice(
        "money_owed",
        N_("We still owe you money. Once you are paid, you can leave.", "We still owe you money."),
    ),
    Notice("not_left", NOT_CHANGED),
)
