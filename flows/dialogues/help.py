"""Help as a text, and the request to be called by a person."""

from flows.commands import RequestCall
from flows.kit import N_, Act, Flow, Keyword, Notice, Turn


def request_call(turn: Turn) -> RequestCall:
    return RequestCall()


flow = Flow(
    "help",
    Notice(
        "help",
        N_(
            "Soko. To sell, dial {ussd_code} or text SELL, ORDERS or MONEY to {short_code}. "
            "Bought something? Text TRACK. To talk to us, text CALL.",
            "Dial {ussd_code} or text MENU to {short_code}. Text CALL and we call you.",
        ),
        stays=True,
    ),
    keywords=[Keyword("HELP", "INFO", "MSAADA", "AIDE", "እርዳታ", "ERDATA")],
)

call = Flow(
    "call",
    Act("requesting", command=request_call, done="requested", rejected="requested"),
    Notice("requested", N_("Somebody will call you soon on this number.")),
    keywords=[Keyword("CALL", "CALL ME", "NIPIGIE", "APPEL", "APPELEZ MOI", "ደውሉልኝ", "ይደውሉልኝ", "DEWLULIGN")],
)
