"""What an order would cost, and how it can be paid, before it is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketplace_api.orders import paying
from marketplace_api.payments import charges, exchange
from marketplace_api.refused import Refused
from marketplace_api.schemas.money import Money
from marketplace_api.shares import split
from marketplace_api.shop import Shop
from marketplace_api.statuses import CollectorMethod


@dataclass(frozen=True, slots=True)
class Quote:
    """The parts of a total; `earns` is what the artisan gets of `goods`."""

    goods: Money
    shipping: Money
    tax: Money
    total: Money
    earns: Money


@dataclass(frozen=True, slots=True)
class WaysToPay:
    """How an order can be paid at the moment.

    `by_card` is its price in each currency in which a card can be charged; `stale` are the currencies whose exchange
    rate is too old. Both are empty if no card can be charged.
    """

    methods: Sequence[CollectorMethod]
    network: str
    """The mobile money of `mpesa`."""
    by_card: Sequence[Money] = ()
    stale: Sequence[str] = ()


def quote(shop: Shop, unit_price: int, quantity: int, country: str) -> Quote:
    """What `quantity` pieces cost that are sent to a country (ISO 3166); `Refused` with `no_shipping_there`."""
    shares = split(unit_price, quantity, shop.terms.commission_percent)
    shipping = charges.shipping(shop, country, quantity)
    tax = charges.tax(shares.total + shipping, charges.tax_points(shop, country))
    amounts = shares.total, shipping, tax, shares.total + shipping + tax, shares.earns
    return Quote(*(Money(amount=amount, currency=shop.terms.currency) for amount in amounts))


def ways_to_pay(shop: Shop, total: int) -> WaysToPay:
    """The ways to pay `total` minor units of the shop's currency."""
    methods, network = paying.open_collectors(shop), shop.terms.payout_network
    if "card" not in methods:
        return WaysToPay(methods, network)
    by_card, stale = [], []
    for currency in (shop.terms.currency, *exchange.currencies(shop)):
        try:
            price = exchange.price_in(shop, total, currency)
            by_card.append(Money(amount=price.amount, currency=currency))
        except Refused:
            stale.append(currency)
    return WaysToPay(methods, network, by_card, stale)
