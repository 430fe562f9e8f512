"""Shipping charges and taxes: what a buyer pays beside the goods, by the country to which they go."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select

from marketplace_api.models import ShippingCharge, TaxRate
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

EVERYWHERE = "*"
"""In the table, every country without a row of its own."""
POINTS = 100_00
"""Basis points in the whole."""


def set_shipping(shop: Shop, country: str, pieces: int, amount: int) -> None:
    """Set what up to `pieces` pieces cost to a country, or `EVERYWHERE`, in minor units of the shop's currency."""
    shop.session.merge(ShippingCharge(country=country, pieces=pieces, amount=amount))
    shop.session.flush()


def set_tax(shop: Shop, country: str, points: int) -> None:
    """Set the tax of a country, in basis points of goods and shipping."""
    shop.session.merge(TaxRate(country=country, points=points))
    shop.session.flush()


def all_shipping(shop: Shop) -> Sequence[ShippingCharge]:
    """All shipping charges, by country and pieces."""
    return shop.session.scalars(select(ShippingCharge).order_by(ShippingCharge.country, ShippingCharge.pieces)).all()


def all_taxes(shop: Shop) -> Sequence[TaxRate]:
    """All taxes, by country."""
    return shop.session.scalars(select(TaxRate).order_by(TaxRate.country)).all()


def shipping(shop: Shop, country: str, pieces: int) -> int:
    """What shipping costs, in minor units; nothing while no charge is set for any country.

    It is the charge for the smallest number of pieces that is large enough; for more pieces than any row has, the
    largest row counts as often as it is needed. `Refused` with `no_shipping_there`.
    """
    for place in (country, EVERYWHERE):
        found = select(ShippingCharge).where(ShippingCharge.country == place).order_by(ShippingCharge.pieces)
        rows = shop.session.scalars(found).all()
        if rows:
            fits = next((row for row in rows if row.pieces >= pieces), None)
            largest = rows[-1]
            return fits.amount if fits else -(-pieces // largest.pieces) * largest.amount
    if shop.session.scalar(select(ShippingCharge.country).limit(1)):
        raise Refused("no_shipping_there", 422, country=country)
    return 0


def tax_points(shop: Shop, country: str) -> int:
    """The tax of a country, in basis points; 0 until it is set."""
    rate = select(TaxRate).where(or_(TaxRate.country == country, TaxRate.country == EVERYWHERE))
    rows = {row.country: row.points for row in shop.session.scalars(rate)}
    return rows.get(country, rows.get(EVERYWHERE, 0))


def tax(amount: int, points: int) -> int:
    """The tax on `amount`, rounded to the nearest minor unit, halves up.

    >>> tax(4_505_00, 16_00)
    72080
    """
    return (amount * points + POINTS // 2) // POINTS
