"""Help as a text, for artisans and for buyers, and the request to be called by a person."""

from flows.commands import RequestCall
from flows.kit import N_, Act, Flow, Go, Keyword, Notice, Turn


def request_call(turn: Turn) -> RequestCall:
    return RequestCall()


def is_buyer(turn: Turn) -> bool:
    """The person has ordered something, and sells nothing."""
    return turn.person.locale is not None and not turn.person.artisan


def is_buyer_and_artisan(turn: Turn) -> bool:
    return turn.person.locale is not None and turn.person.artisan


flow = Flow(
    "help",
    Notice(
        "help",
        N_(
            "Soko. To sell, dial {ussd_code} or text SELL, ORDERS or MONEY to {short_code}. "
            "Bought something? Text TRACK. To talk to us, text CALL.",
            "Soko. To sell, text SELL, ORDERS or MONEY to {short_code}. Bought something? Text TRACK. To talk to us, "
            "text CALL.",
            "Dial {ussd_code} or text MENU to {short_code}. Text CALL and we call you.",
            "Text MENU to {short_code}. Text CALL and we call you.",
        ),
        stays=True,
    ),
    Notice(
        "buyer",
        N_(
            "Soko. With your order's code, text TRACK to see where it is, RECEIVED when it has come, DROP to cancel "
            "it. To talk to us, text CALL.",
            "With your order's code, text TRACK, RECEIVED or DROP. To talk to us, text CALL.",
        ),
        stays=True,
    ),
    Notice(
        "buyer_and_artisan",
        N_(
            "Soko. To sell, text SELL, ORDERS or MONEY to {short_code}. Bought something? With your order's code, text "
            "TRACK, RECEIVED when it has come, or DROP to cancel it. To talk to us, text CALL.",
            "To sell, text SELL, ORDERS or MONEY. As a buyer, text TRACK, RECEIVED or DROP. To talk to us, text CALL.",
            "Text SELL, ORDERS, MONEY, TRACK, RECEIVED, DROP or CALL.",
        ),
        stays=True,
        segments=2,
    ),
    start=[Go("buyer_and_artisan", when=is_buyer_and_artisan), Go("buyer", when=is_buyer), Go("help")],
    keywords=[Keyword("HELP", shared="INFO", sw="MSAADA", fr="AIDE", am="እርዳታ, ERDATA")],
)

call = Flow(
    "call",
    Act("requesting", command=request_call, done="requested", rejected="requested"),
    Notice("requested", N_("Somebody will call you soon on this number.")),
    keywords=[Keyword("CALL", "CALL ME", sw="NIPIGIE", fr="APPEL, APPELEZ MOI", am="ደውሉልኝ, ይደውሉልኝ, DEWLULIGN")],
)
