"""An artisan's products: list them, change price and stock, remove them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flows.commands import RemoveProduct, SetDescription, SetPrice, SetStock, SetTitle
from flows.kit import (
    N_,
    USSD,
    Act,
    Ask,
    AskCode,
    AskMoney,
    AskQuantity,
    Check,
    Choice,
    Confirm,
    Enter,
    Flow,
    Go,
    Gone,
    Keyword,
    Menu,
    Notice,
    Option,
    PagedList,
    Place,
    Turn,
    Wording,
    between,
    length,
)
from flows.kit.checks import RejectedAnswer
from flows.kit.flow import Fill, given, known
from flows.market import OutOfReach, ProductSummary
from flows.reading import codes, keywords
from flows.reading.unsafe_text import is_unsafe

from .sell import PRICE, TITLE, is_dear

LOOKS_LIKE_A_CODE = re.compile(r"[a-z]\d[a-z]\w*", re.IGNORECASE)
"""Matches a mistyped code such as `K7P0`, which is asked again, but not `x3` and `ksh1500`, which are other answers."""


class OnSaleCheck(Check):
    """How many pieces are on sale. 0 means sold out; on a call it means *back*, so there none is written as 000."""

    def rejection(self, turn: Turn) -> RejectedAnswer:
        return RejectedAnswer(self.problem, **{**self.values, "least": "000" if turn.channel is USSD else 0})


_LIMITS = between(0, 999)
ON_SALE = OnSaleCheck(_LIMITS.passes, _LIMITS.problem, _LIMITS.longest, _LIMITS.values)


def products(turn: Turn) -> Sequence[Choice]:
    return [Choice(product.code, f"{product.code} {product.title}") for product in turn.market.products()]


def product_code(turn: Turn) -> str:
    """The product that was picked or named."""
    return str(turn.get("code") or turn["named"])


def chosen(turn: Turn) -> ProductSummary:
    for product in turn.market.products():
        if product.code == product_code(turn):
            return product
    raise Gone(product_code(turn))


def is_on_sale(turn: Turn, code: Any) -> bool:
    return any(product.code == code for product in turn.market.products())


def code_then(name: str) -> Fill:
    """For `PRICE K7P4 1500`, `PRICE K7P4` or `PRICE`; None if no part of the text looks like a code."""

    def fill(rest: str, place: Place) -> Mapping[str, str] | None:
        rest = keywords.without_courtesy(rest)
        code, others = codes.find(rest) or _mistyped(rest)
        if not code:
            return None if rest else {}
        code = codes.read(code) or code
        if is_unsafe(rest, place.senders):  # as it was typed, so that the question refuses it
            return {"code": code, name: rest}
        return {"code": code, name: " ".join(others)} if others else {"code": code}

    return fill


def code_as(name: str) -> Fill:
    """For `REMOVE K7P4` or `REMOVE`; None for what does not look like a code."""

    def fill(rest: str, _place: Place) -> Mapping[str, str] | None:
        rest = keywords.without_courtesy(rest)
        code, others = codes.find(rest) or _mistyped(rest)
        if others or not code:
            return None if rest else {}
        return {name: codes.read(code) or code}

    return fill


def _mistyped(rest: str) -> tuple[str, Sequence[str]]:
    """The first part of a text if it looks like a mistyped code, and the other parts; else no code."""
    first, *others = keywords.tokens(rest) or [""]
    return (first, others) if LOOKS_LIKE_A_CODE.fullmatch(first) else ("", others)


def set_price(turn: Turn) -> SetPrice:
    return SetPrice(turn["code"], turn["price"])


def set_stock(turn: Turn) -> SetStock:
    return SetStock(turn["code"], turn["quantity"])


def is_far_off(turn: Turn) -> bool:
    """The new price is below half or above double of the present one, perhaps because of a typing error."""
    if is_out_of_reach(turn):
        return False
    now, new = chosen(turn).price, turn["price"]
    return bool(2 * new < now or new > 2 * now)


def is_doubtful(turn: Turn) -> bool:
    """The new price is high, or cannot be compared with the present one."""
    return is_dear(turn) or is_out_of_reach(turn)


def is_out_of_reach(turn: Turn) -> bool:
    """True while the shop cannot be read."""
    try:
        turn.market.products()
    except OutOfReach:
        return True
    return False


def set_title(turn: Turn) -> SetTitle:
    return SetTitle(turn["code"], turn["title"])


def set_description(turn: Turn) -> SetDescription:
    return SetDescription(turn["code"], turn["description"])


def remove_product(turn: Turn) -> RemoveProduct:
    return RemoveProduct(product_code(turn))


def is_ordered(turn: Turn) -> bool:
    """True if some of the pieces that were counted are ordered."""
    return bool(turn.get("reserved"))


def stock_shown(turn: Turn) -> str:
    product = chosen(turn)
    left_and_ordered, left = N_("{left} left, {reserved} ordered"), N_("{left} left")
    return turn.say(left_and_ordered if product.reserved else left, left=product.quantity, reserved=product.reserved)


FACTS = {
    "title": lambda turn: chosen(turn).title,
    "now": lambda turn: turn.money(chosen(turn).price),
    "left": lambda turn: chosen(turn).quantity,
    "stock": stock_shown,
    "product": product_code,
}
NONE = N_("You have nothing on sale yet. Choose Sell something, or text SELL.")
NOT_OWN = N_("You have no such product. Answer with a number.", "Answer with a number.")
NO_SUCH = N_("You have no product with that code.", "No such product.")
GONE = N_("{product} is not on sale any more.")


def own_product(text: Wording, then: str) -> PagedList:
    """Asks which product. A code that was typed is taken while the shop is out of reach; it decides later."""
    return PagedList("code", text, items=products, then=then, empty="none", unseen=codes.read, example=NOT_OWN)


flow = Flow(
    "products",
    PagedList("code", N_("Your products:"), items=products, then="product", empty="none"),
    Menu(
        "product",
        N_("{title}\n{now} each, {stock}. Code {product}.", "{now}, {stock}."),
        Option(N_("Change price"), Enter("price", carry=("code",))),
        Option(N_("Change how many"), Enter("stock", carry=("code",))),
        Option(N_("Remove"), Enter("remove", carry=("code",))),
        Option(N_("Photo"), Enter("photo", carry=("code",))),
        Option(N_("Name"), Enter("title", carry=("code",))),
        Option(N_("Description"), Enter("description", carry=("code",))),
    ),
    Notice("none", NONE, stays=True),
    facts=FACTS,
    keywords=[Keyword("PRODUCTS", sw="BIDHAA", fr="PRODUITS, ARTICLES", am="ዕቃዎች, ዕቃዎቼ, እቃዎች, EKAWOCH")],
)

price = Flow(
    "price",
    own_product(N_("Which product has a new price?", "Which product?"), then="price"),
    AskMoney(
        "price",
        N_("New price of {title}, in {currency}? Now it is {now}.", "New price, in {currency}?"),
        check=PRICE,
        then=[Go("far", when=is_far_off), Go("dear", when=is_doubtful), Go("pricing")],
    ),
    Confirm(
        "far",
        N_(
            "{title} costs {now} now. The new price is {price} for one. Is that right?",
            "Now {now}. New price {price} for one?",
        ),
        yes="pricing",
        no="price",
    ),
    Confirm(
        "dear",
        N_("The price is {price} for one. Is that right?", "{price} for one?"),
        yes="pricing",
        no="price",
    ),
    Act("pricing", command=set_price, done="priced", rejected="gone"),
    Notice("priced", N_("{title}, code {product}, now costs {price}.", "{product} now costs {price}.")),
    Notice("gone", GONE),
    Notice("none", NONE),
    start=[Go("price", when=known("code")), Go("code")],
    facts=FACTS,
    keywords=[Keyword("PRICE", sw="BEI", fr="PRIX", am="ዋጋ, WAGA", fill=code_then("price"))],
)

stock = Flow(
    "stock",
    own_product(N_("Of which product do you have more or fewer?", "Which product?"), then="quantity"),
    AskQuantity(
        "quantity",
        N_(
            "{title}: how many do you have now, ordered ones too? The shop shows: {stock}.",
            "How many do you have now, ordered ones too?",
        ),
        check=ON_SALE,
        then="counting",
    ),
    Act("counting", command=set_stock, done=[Go("shared", when=is_ordered), Go("counted")], rejected="gone"),
    Notice(
        "shared",
        N_(
            "You have {on_hand} x {title}: {reserved} ordered, {left} on sale. Code {product}.",
            "{product}: {on_hand}, {reserved} ordered, {left} on sale.",
        ),
    ),
    Notice("counted", N_("You have {quantity} x {title} on sale. Code {product}.", "{product}: {quantity} on sale.")),
    Notice("gone", GONE),
    Notice("none", NONE),
    start=[Go("quantity", when=known("code")), Go("code")],
    facts=FACTS,
    keywords=[Keyword("STOCK", sw="IDADI", fr="QUANTITE", am="ብዛት, BIZAT", fill=code_then("quantity"))],
)

title = Flow(
    "title",
    own_product(N_("Which product has a new name?", "Which product?"), then="title"),
    Ask("title", N_("What is its new name? Now it is {now}.", "What is its new name?"), check=TITLE, then="naming"),
    Act("naming", command=set_title, done="named", rejected="gone"),
    Notice("named", N_("{product} is called {title} now.", "{product} has its new name.")),
    Notice("gone", GONE),
    Notice("none", NONE),
    start=[Go("title", when=known("code")), Go("code")],
    facts={"now": lambda turn: chosen(turn).title, "product": product_code},
    keywords=[Keyword("TITLE", "RENAME", sw="JINA", fr="TITRE, NOM", am="ስም, SIM", fill=code_then("title"))],
)

description = Flow(
    "description",
    own_product(N_("Which product do you describe?", "Which product?"), then="description"),
    Ask(
        "description",
        N_("Describe {title} for buyers: what it is made of, its size.", "Describe it: material, size."),
        check=length(3, 300),
        then="describing",
    ),
    Act("describing", command=set_description, done="described", rejected="gone"),
    Notice("described", N_("The shop shows your description of {title}, code {product}.", "{product} is described.")),
    Notice("gone", GONE),
    Notice("none", NONE),
    start=[Go("description", when=known("code")), Go("code")],
    facts=FACTS,
    keywords=[
        Keyword("DESCRIBE", sw="MAELEZO, ELEZA", fr="DECRIRE", am="ማብራሪያ, MABRARIYA", fill=code_then("description"))
    ],
)

remove = Flow(
    "remove",
    PagedList("code", N_("Which product do you remove?", "Which product?"), items=products, then="sure", empty="none"),
    Confirm(
        "sure", N_("Remove {title}, code {product}, from the shop?", "Remove {product}?"), yes="removing", no="kept"
    ),
    AskCode(
        "named",
        N_("Which product do you remove? Write its code."),
        check=Check(is_on_sale, NO_SUCH, "K7P4M2"),
        then="sure",
    ),
    Act("removing", command=remove_product, done="removed", rejected="gone"),
    Notice("removed", N_("{product} is removed from the shop.")),
    Notice("kept", N_("{product} stays on sale.")),
    Notice("gone", GONE),
    Notice("none", NONE),
    start=[Go("sure", when=known("code")), Go("named", when=given("named")), Go("code")],
    facts=FACTS,
    keywords=[Keyword("REMOVE", sw="ONDOSHA", fr="RETIRER", am="ማውጣት, MAWTAT", fill=code_as("named"))],
)
