"""Exchange rates: what buyers pay in another currency than the shop's.

An operator sets a rate; it is valid for 24 hours. A payment keeps the rate at which it was created, and its refunds use
it too, so a rate that changes later changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

_MOST_READ = 500
"""As many rates are read at most to find the valid ones, so that old rates cost nothing."""
_LATEST = (
    select(ExchangeRate.currency, ExchangeRate.rate, ExchangeRate.margin, ExchangeRate.at)
    .order_by(ExchangeRate.id.desc())
    .limit(_MOST_READ)
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
    if currency == shop.terms.currency:
        step = card_units.step(currency)
        return AskedPrice(-(-amount // step) * step, currency)
    row = shop.session.scalars(_NEWEST, {"currency": currency}).one_or_none()
    if row is None or not is_valid(shop, row):
        raise Refused("no_exchange_rate", currency=currency)
    rate = _with_margin(row.rate, row.margin)
    return AskedPrice(converted(amount, shop.terms.currency, currency, rate), currency, f"{rate:f}")


def valid_rates(shop: Shop) -> Mapping[str, Decimal]:
    """What one unit of each currency with a valid rate costs a buyer, by currency, in their order. One statement."""
    found: dict[str, tuple[str, str]] = {}
    since = shop.now - VALID_FOR
    for currency, rate, margin, at in shop.session.connection().execute(_LATEST):
        if at >= since:
            found.setdefault(currency, (rate, margin))
    return {currency: _with_margin(*found[currency]) for currency in sorted(found)}


def converted(amount: int, own: str, currency: str, rate: Decimal) -> int:
    """What `amount` minor units of the currency `own` are in minor units of `currency`, rounded up as for a card."""
    step = card_units.step(currency)
    value = Decimal(amount).scaleb(-get_currency_precision(own)) / rate
    return int((value.scaleb(get_currency_precision(currency)) / step).to_integral_value(ROUND_CEILING)) * step


def _with_margin(rate: str, margin: str) -> Decimal:
    """The rate at which the buyer pays the margin on top, with `_DIGITS` significant digits."""
    value = Decimal(rate) / (1 + Decimal(margin) / 100)
    value = value.normalize()
    return value.quantize(Decimal(1).scaleb(value.adjusted() - _DIGITS + 1)).normalize()
