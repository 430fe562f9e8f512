"""All dialogues, and the engine that runs them."""

from flows.kit import DialogueEngine

from . import (
    agent,
    bought,
    help,
    home,
    join,
    language,
    money,
    orders,
    payout,
    photo,
    pin_reset,
    products,
    sell,
    settings,
    track,
    unknown_keyword,
)

ENGINE = DialogueEngine(
    home.flow,
    language.flow,
    join.flow,
    sell.flow,
    products.flow,
    products.price,
    products.stock,
    products.remove,
    photo.flow,
    orders.flow,
    orders.accept,
    orders.decline,
    orders.ready,
    money.flow,
    money.statement,
    settings.rename,
    settings.kiosk,
    payout.flow,
    settings.leave,
    agent.receive,
    agent.cash,
    agent.ship,
    agent.today,
    pin_reset.flow,
    track.flow,
    bought.received,
    bought.drop,
    help.flow,
    help.call,
    unknown_keyword.flow,
)

__all__ = ["ENGINE"]
