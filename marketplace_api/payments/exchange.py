"""Exchange rates: what buyers pay in another currency than the shop's.

An operator sets a rate; it is valid for 24 hours. A payment keeps the rate at which it was created, and its refunds use
it too, so a rate that changes later changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal

from babel.numbers import get_currency_precision
from sqlalchemy import String, bindparam, func, select

from marketplace_api.models import ExchangeRate
from marketplace_api.payments import card_units
from marketplace_api.payments.buyer_payments import AskedPrice
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

VALID_FOR = timedelta(hours=24)
_DIGITS = 12
"""Significant digits of a rate that includes a margin."""
# made once, because each page of a product executes them
_CURRENCIES = select(ExchangeRate.currency).distinct().order_by(ExchangeRate.currency)
_NEWEST = (
    select(ExchangeRate)
    .where(ExchangeRate.currency == bindparam("currency", type_=String))
    .order_by(ExchangeRate.id.desc())
    .limit(1)
)


def set_rate(shop: Shop, currency: str, rate: Decimal, margin: Decimal) -> ExchangeRate:
    """Store the price of one unit of `currency` in the shop's, and the margin in percent that buyers pay on top.

    Every rate is kept. `Refused` with `other_currency` for the shop's own currency.
    """
    if currency == shop.terms.currency:
        raise Refused("other_currency", 422, currency=shop.terms.currency)
    row = ExchangeRate(currency=currency, rate=str(rate), margin=str(margin), by=str(shop.by), at=shop.now)
    shop.session.add(row)
    shop.session.flush()
    return row


def currencies(shop: Shop) -> Sequence[str]:
    """The currencies that ever had a rate, in alphabetical order."""
    return shop.session.scalars(_CURRENCIES).all()


def newest(shop: Shop) -> Sequence[ExchangeRate]:
    """The newest rate of each currency, in the order of the currencies; some may be too old."""
    ids = select(func.max(ExchangeRate.id)).group_by(ExchangeRate.currency)
    return shop.session.scalars(
        select(ExchangeRate).where(ExchangeRate.id.in_(ids)).order_by(ExchangeRate.currency)
    ).all()


def is_valid(shop: Shop, rate: ExchangeRate) -> bool:
    """True if the rate is at most `VALID_FOR` old."""
    return rate.at >= shop.now - VALID_FOR


def price_in(shop: Shop, amount: int, currency: str) -> AskedPrice:
    """What `amount` minor units of the shop's currency are in `currency`, rounded up to what a card can be charged.

    `Refused` with `no_exchange_rate` if there is no rate that is at most `VALID_FOR` old.
    """
    step = card_units.step(currency)
    if currency == shop.terms.currency:
        return AskedPrice(-(-amount // step) * step, currency)
    row = shop.session.scalars(_NEWEST, {"currency": currency}).one_or_none()
    if row is None or not is_valid(shop, row):
        raise Refused("no_exchange_rate", currency=currency)
    rate = Decimal(row.rate) / (1 + Decimal(row.margin) / 100)  # so that the buyer pays the margin on top
    rate = rate.normalize().quantize(Decimal(1).scaleb(rate.adjusted() - _DIGITS + 1)).normalize()
    value = Decimal(amount).scaleb(-get_currency_precision(shop.terms.currency)) / rate
    steps = (value.scaleb(get_currency_precision(currency)) / step).to_integral_value(ROUND_CEILING)
    return AskedPrice(int(steps) * step, currency, f"{rate:f}")
