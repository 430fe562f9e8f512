"""A price is split without losing a minor unit."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_api.shares import Split, split

prices = st.integers(1, 10**9)
quantities = st.integers(1, 1000)
percents = st.integers(0, 90)


@given(prices, quantities, percents)
def test_the_shares_add_up_to_the_total(price: int, quantity: int, percent: int) -> None:
    shares = split(price, quantity, percent)
    assert shares.total == price * quantity
    assert shares.commission + shares.earns == shares.total
    assert shares.commission >= 0
    assert shares.earns >= 0


@given(prices, quantities, percents)
def test_the_commission_is_rounded_to_the_nearest_amount_halves_up(price: int, quantity: int, percent: int) -> None:
    exact = Fraction(price * quantity * percent, 100)
    above = split(price, quantity, percent).commission - exact
    assert Fraction(-1, 2) < above <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("price", "quantity", "shares"),
    [
        (150_000, 2, Split(300_000, 30_000, 270_000)),
        (5, 1, Split(5, 1, 4)),
        (4, 1, Split(4, 0, 4)),
        (4, 2, Split(8, 1, 7)),  # rounded once on the total; rounded per piece it would be 0
    ],
)
def test_ten_percent_of_small_amounts(price: int, quantity: int, shares: Split) -> None:
    assert split(price, quantity, 10) == shares
