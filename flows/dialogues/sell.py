"""An artisan puts a product on sale."""

from collections.abc import Mapping

from flows.commands import ListProduct
from flows.kit import (
    N_,
    Act,
    Ask,
    AskMoney,
    AskQuantity,
    Confirm,
    Flow,
    Go,
    Keyword,
    Notice,
    PagedList,
    Place,
    Turn,
    amount,
    between,
    length,
)
from flows.reading import numbers, offers

from .home import is_artisan
from .join import crafts

PRICE = amount(10_00, 500_000_00)
TITLE = length(3, 40)
DEAR = 100_000_00
"""A price of this amount or more must be confirmed, because it is easy to type one zero too many."""


def is_dear(turn: Turn) -> bool:
    return turn["price"] >= DEAR  # type: ignore[no-any-return]


def earns(turn: Turn) -> str:
    return turn.money(turn.market.earns(turn["price"]))


def list_product(turn: Turn) -> ListProduct:
    return ListProduct(turn["title"], turn["category"], turn["price"], turn["quantity"])


def offer_given(rest: str, place: Place) -> Mapping[str, str]:
    """`SELL kiondo basket 1500 x3`: the answers that could be read; the dialogue asks for the others."""
    offer = offers.read(rest, place.currency)
    given = {"title": offer.title}
    if offer.price is not None:
        given["price"] = numbers.format_money(offer.price, place.currency)
    if offer.quantity is not None:
        given["quantity"] = str(offer.quantity)
    return {name: value for name, value in given.items() if value}


flow = Flow(
    "sell",
    Ask(
        "title",
        N_("What are you selling? Write its name.", "What are you selling?"),
        check=TITLE,
        then="category",
    ),
    PagedList("category", N_("What kind of product is it?"), items=crafts, then="price"),
    AskMoney(
        "price",
        N_("Price of one, in {currency}?"),
        check=PRICE,
        then=[Go("dear", when=is_dear), Go("quantity")],
    ),
    Confirm(
        "dear",
        N_("The price is {price} for one. Is that right?", "{price} for one?"),
        yes="quantity",
        no="price",
    ),
    AskQuantity("quantity", N_("How many do you have?"), check=between(1, 999), then="review"),
    Confirm(
        "review",
        N_(
            "Sell {quantity} x {title} at {price} each? You earn {earns} for each.",
            "{quantity} x {title}, {price} each?",
            "{quantity} at {price} each?",
        ),
        yes="listing",
        no="title",
    ),
    Act("listing", command=list_product, done="listed", rejected="not_listed"),
    Notice("listed", N_("{title} is on sale at {price}. Its code is {code}.", "On sale. Code {code}.")),
    Notice(
        "not_listed",
        N_(
            "{title} could not be put on sale now. Please try again later.",
            "That did not work. Please try again later.",
        ),
    ),
    Notice(
        "join_first",
        N_(
            "Only artisans can sell. To join, dial {ussd_code} or text JOIN to {short_code}.",
            "Only artisans can sell. To join, text JOIN to {short_code}.",
        ),
    ),
    start=[Go("title", when=is_artisan), Go("join_first")],
    facts={"earns": earns},
    keywords=[Keyword("SELL", sw="UZA", fr="VENDRE", am="መሸጥ, ሽያጭ, MESHET, SHIYACH", fill=offer_given)],
)
