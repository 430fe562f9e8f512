"""The first menu: for visitors, artisans and kiosk agents."""

from flows.kit import N_, Enter, Flow, Go, Keyword, Menu, Option, Turn
from flows.kit.edges import Guard


def is_new(turn: Turn) -> bool:
    return turn.person.language is None


def has_two_roles(turn: Turn) -> bool:
    return turn.person.artisan and turn.person.agent


def is_agent(turn: Turn) -> bool:
    return turn.person.agent


is_artisan: Guard = lambda turn: turn.person.artisan  # noqa: E731


flow = Flow(
    "home",
    Menu(
        "visitor",
        N_("Welcome to Soko, the shop for things made by hand.", "Welcome to Soko."),
        Option(N_("Join as an artisan"), Enter("join")),
        Option(N_("Track an order"), Enter("track")),
        Option(N_("Help"), Enter("help")),
    ),
    Menu(
        "artisan",
        N_("Soko: {name}", "Soko"),
        Option(N_("Sell something"), Enter("sell")),
        Option(N_("My products"), Enter("products")),
        Option(N_("Orders"), Enter("orders")),
        Option(N_("My money"), Enter("money")),
        Option(N_("Settings"), "my_settings"),
        Option(N_("Help"), Enter("help")),
    ),
    Menu(
        "agent",
        N_("Soko: {kiosk}", "Soko kiosk"),
        Option(N_("Receive goods"), Enter("receive")),
        Option(N_("Pay cash"), Enter("cash")),
        Option(N_("Ship orders"), Enter("ship")),
        Option(N_("Today"), Enter("today")),
        Option(N_("Settings"), "settings"),
    ),
    Menu(
        "roles",
        N_("Soko. Use it as:"),
        Option(N_("Artisan"), "artisan"),
        Option(N_("Kiosk agent"), "agent"),
    ),
    Menu(
        "settings",
        N_("Settings"),
        Option(N_("Language"), Enter("language")),
        Option(N_("An artisan forgot her PIN"), Enter("pin_reset")),
    ),
    Menu(
        "my_settings",
        N_("Settings"),
        Option(N_("Language"), Enter("language")),
        Option(N_("My name"), Enter("rename")),
        Option(N_("My kiosk"), Enter("kiosk")),
        Option(N_("How I am paid"), Enter("payout")),
        Option(N_("Leave Soko"), Enter("leave")),
    ),
    start=[
        Go(Enter("language"), when=is_new),
        Go("roles", when=has_two_roles),
        Go("agent", when=is_agent),
        Go("artisan", when=is_artisan),
        Go("visitor"),
    ],
    keywords=[Keyword("MENU", "HOME", shared="MENU, SOKO", sw="MENYU, MWANZO", fr="ACCUEIL", am="ሜኑ, ዋና")],
)
