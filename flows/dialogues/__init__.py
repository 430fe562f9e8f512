"""The dialogues, and the book they make together."""

from flows.kit import Book

from . import agent, help, home, join, language, money, orders, products, sell, track

BOOK = Book(
    home.flow,
    language.flow,
    join.flow,
    sell.flow,
    products.flow,
    orders.flow,
    orders.accept,
    orders.decline,
    money.flow,
    agent.receive,
    agent.cash,
    agent.ship,
    agent.today,
    track.flow,
    help.flow,
    help.call,
)

__all__ = ["BOOK"]
