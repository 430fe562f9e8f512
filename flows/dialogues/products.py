"""An artisan looks through what she has in the shop."""

from collections.abc import Sequence

from flows.kit import N_, Choice, Flow, Gone, Keyword, Notice, PagedList, Turn
from flows.market import Product


def products(turn: Turn) -> Sequence[Choice]:
    return [Choice(product.code, f"{product.code} {product.title}") for product in turn.market.products()]


def chosen(turn: Turn) -> Product:
    for product in turn.market.products():
        if product.code == turn["code"]:
            return product
    raise Gone(turn["code"])


flow = Flow(
    "products",
    PagedList("code", N_("Your products:"), items=products, then="product", empty="none"),
    Notice(
        "product",
        N_("{title}\n{price} each, {left} left. Code {product_code}.", "{price}, {left} left."),
        stays=True,
    ),
    Notice("none", N_("You have nothing on sale yet. Choose Sell something, or text SELL."), stays=True),
    facts={
        "title": lambda turn: chosen(turn).title,
        "price": lambda turn: turn.money(chosen(turn).price),
        "left": lambda turn: chosen(turn).quantity,
        "product_code": lambda turn: chosen(turn).code,
    },
    keywords=[Keyword("PRODUCTS", "BIDHAA", "PRODUITS", "ARTICLES", "ዕቃዎች", "ዕቃዎቼ", "እቃዎች", "EKAWOCH")],
)
