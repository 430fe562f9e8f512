"""After a partial yes or a no to an order, asks how many pieces the artisan has left to sell.

The shop lets the pieces that are not accepted be ordered again, but perhaps nobody has them.
"""

from flows.commands import SetStock
from flows.kit import N_, Act, AskQuantity, Enter, Flow, Go, Notice, Turn
from flows.kit.flow import known

from .products import ON_SALE

YOURS = N_("Order {code} is yours: {quantity} x {title}. Bring it to {kiosk}. You earn {earned}.")
YOURS_SHORT = N_("Order {code} is yours. You earn {earned}.")
DECLINED = N_("You declined order {code}.")
# on a call 0 means *back*, and 000 does not
HOW_MANY = N_(
    "{answered} {title}: how many do you have left to sell? If none, write 000.",
    "{answered_short} {title}: how many do you have left to sell? If none, write 000.",
    "{answered_short} How many left to sell? None: 000.",
)


def is_asked(turn: Turn) -> bool:
    """True if pieces of a product can be ordered again because of the answer, and the person can still be asked."""
    return turn.can_ask and bool(turn.get("back"))


AFTER_YES = Go(Enter("stock_left", carry=("code", "stock", "title", "quantity", "kiosk", "earns")), when=is_asked)
AFTER_NO = Go(Enter("stock_left", carry=("code", "stock", "title")), when=is_asked)
"""Edges from an answer to the question; they come before those to the notice of the answer."""


def set_stock(turn: Turn) -> SetStock:
    return SetStock(turn["stock"], turn["left"], besides_orders=True)


def answered(turn: Turn, yours: str) -> str:
    """The notice of the answer, which the question begins with."""
    if not known("earns")(turn):
        return turn.say(DECLINED, code=turn["code"])
    facts = {name: turn[name] for name in ("code", "quantity", "title", "kiosk")}
    return turn.say(yours, earned=turn.money(turn["earns"]), **facts)


flow = Flow(
    "stock_left",
    AskQuantity("left", HOW_MANY, check=ON_SALE, then="stocking", optional=True),
    Act("stocking", command=set_stock, done="stocked", rejected="off_sale"),
    Notice("stocked", N_("Thank you. The shop shows {left} x {title} now.", "The shop shows {left} now.")),
    Notice("off_sale", N_("Thank you. The shop does not sell it any more.")),
    facts={
        "answered": lambda turn: answered(turn, YOURS),
        "answered_short": lambda turn: answered(turn, YOURS_SHORT),
    },
)
