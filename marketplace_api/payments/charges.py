"""Shipping charges and taxes: what a buyer pays beside the goods, by the country to which they go."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import String, bindparam, or_, select

from marketplace_api.models import ShippingCharge, TaxRate
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

EVERYWHERE = "*"
"""In the table, every country without a row of its own."""
POINTS = 100_00
"""Basis points in the whole."""
# made once, because each page of a product executes them
_COUNTRY = bindparam("country", type_=String)
_SHIPPING = (
    select(ShippingCharge.country, ShippingCharge.pieces, ShippingCharge.amount)
    .where(or_(ShippingCharge.country == _COUNTRY, ShippingCharge.country == EVERYWHERE))
    .order_by(ShippingCharge.pieces)
)
_ANY_SHIPPING = select(ShippingCharge.country).limit(1)
_TAX = select(TaxRate.country, TaxRate.points).where(or_(TaxRate.country == _COUNTRY, TaxRate.country == EVERYWHERE))


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
    found = shop.session.execute(_SHIPPING, {"country": country}).all()
    for place in (country, EVERYWHERE):
        rows = [(most, amount) for of, most, amount in found if of == place]
        if rows:
            fits = next((amount for most, amount in rows if most >= pieces), None)
            largest, amount = rows[-1]
            return -(-pieces // largest) * amount if fits is None else fits
    if shop.session.scalar(_ANY_SHIPPING):
        raise Refused("no_shipping_there", 422, country=country)
    return 0


def tax_points(shop: Shop, country: str) -> int:
    """The tax of a country, in basis points; 0 until it is set."""
    rows = {of: points for of, points in shop.session.execute(_TAX, {"country": country})}  # noqa: C416 - rows, not pairs
    return rows.get(country, rows.get(EVERYWHERE, 0))


def tax(amount: int, points: int) -> int:
    """The tax on `amount`, rounded to the nearest minor unit, halves up.

    >>> tax(4_505_00, 16_00)
    72080
    """
    return (amount * points + POINTS // 2) // POINTS
