"""Offers in one text, in any order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.reading.offers import Offer, read


@pytest.mark.parametrize(
    ("text", "title", "price", "quantity"),
    [
        ("kiondo basket 1500 x3", "kiondo basket", 1500_00, 3),
        ("1500 kiondo basket 3", "kiondo basket", 1500_00, 3),
        ("kiondo basket 3 1500", "kiondo basket", 1500_00, 3),
        ("kiondo, 1,650/=, 3 pcs", "kiondo", 1650_00, 3),
        ("x3 basket @1500", "basket", 1500_00, 3),
        ("3 kiondos at 1500 each", "kiondos", 1500_00, 3),
        ("3 x kiondo 1500", "kiondo", 1500_00, 3),
        ("kiondo*1500*3", "kiondo", 1500_00, 3),
        ("kiondo - 1500 - 3", "kiondo", 1500_00, 3),
        ("kiondo-1500-3", "kiondo", 1500_00, 3),
        ("basket 1500x3", "basket", 1500_00, 3),
        ("basket 1500 x 3", "basket", 1500_00, 3),
        ("3 x 500 beads", "beads", 500_00, 3),
        ("beads Ksh 200 100 pcs", "beads", 200_00, 100),
        ("Kikapu bei 800 vipande 5", "Kikapu", 800_00, 5),
        ("basket 1.5k 3", "basket", 1500_00, 3),
        ("basket 1500.00 qty 3", "basket", 1500_00, 3),
        ("panier 1500 chacun 3", "panier", 1500_00, 3),
        ("ቅርጫት 1500 x3", "ቅርጫት", 1500_00, 3),
        ("🧺 basket 1500 ×3", "basket", 1500_00, 3),
        ("kiondo 1 500 x3", "kiondo", 1500_00, 3),
        ("kiondo 1500/=x3", "kiondo", 1500_00, 3),
        ("kiondo,1,650,3", "kiondo", 1650_00, 3),
        ("kiondo.1500.3", "kiondo", 1500_00, 3),
        ("kiondo/1700/=/x3", "kiondo", 1700_00, 3),
        ("kiondo;1500;3", "kiondo", 1500_00, 3),
        ("kiondo*1,650*x3", "kiondo", 1650_00, 3),
        ("kiondo\n1500\n3", "kiondo", 1500_00, 3),
        ("1700/= kiondo 3", "kiondo", 1700_00, 3),
        ("kiondo ksh.1500 3pcs", "kiondo", 1500_00, 3),
        ("kiondo @1500/= x 3", "kiondo", 1500_00, 3),
        ("kiondo x3 @ 1.5k", "kiondo", 1500_00, 3),
        ("kiondo price=1500 qty=3", "kiondo", 1500_00, 3),
        ("kiondo bei:1500 idadi 3", "kiondo", 1500_00, 3),
        ("kiondo kwa 1500 x3", "kiondo", 1500_00, 3),
        ("kiondo 1500 bob 3", "kiondo", 1500_00, 3),
        ("kiondo ١٥٠٠ x٣", "kiondo", 1500_00, 3),
        ("kiondo 3*1500", "kiondo", 1500_00, 3),
        ("kiondo 3@1500", "kiondo", 1500_00, 3),
        ("kiondo (1500) 3", "kiondo", 1500_00, 3),
        ("kiondo 1500 3nos", "kiondo", 1500_00, 3),
        ("panier 1500 x 3 pièces", "panier", 1500_00, 3),
        ("ቅርጫት ዋጋ 900 ብዛት 2", "ቅርጫት", 900_00, 2),
        ("Kiondo basket (large) 1500 x3", "Kiondo basket (large)", 1500_00, 3),
        ("kiondo lOOO x3", "kiondo", None, 3),
        # Measures belong to the title.
        ("basket 30cm 1500 x3", "basket 30cm", 1500_00, 3),
        ("basket 30 cm 1500 3", "basket 30 cm", 1500_00, 3),
        ("mat 2x3m 4000", "mat 2x3m", 4000_00, None),
        ("30 x 40 mat 1500", "30x40 mat", 1500_00, None),
        ("set of 6 cups 900 x2", "set of 6 cups", 900_00, 2),
        ("tea set 500 x2", "tea set", 500_00, 2),
        ("oil lamp 1500 2", "oil lamp", 1500_00, 2),
        # What is missing or unclear is left open.
        ("kiondo", "kiondo", None, None),
        ("kiondo 1500", "kiondo", 1500_00, None),
        ("kiondo for 1500", "kiondo", 1500_00, None),
        ("kiondo 3", "kiondo", None, 3),
        ("kiondo x3", "kiondo", None, 3),
        ("1,650", "", 1650_00, None),
        ("", "", None, None),
        ("beads 200 100", "beads", None, None),
        ("kiondo 3 500", "kiondo", None, None),
        ("kiondo 15OO x3", "kiondo", None, 3),
        ("kiondo Ksh15OO x3", "kiondo", None, 3),
        ("kiondo 1.500/= x3", "kiondo", None, 3),
        ("kiondo 1500/= 1600/= x3", "kiondo", None, 3),
        ("kiondo 1500 x3 x4", "kiondo", 1500_00, None),
    ],
)
def test_offers_are_read_in_any_order(text: str, title: str, price: int | None, quantity: int | None) -> None:
    assert read(text) == Offer(title, price, quantity)


def test_an_offer_is_priced_in_the_currency_of_the_place() -> None:
    assert read("kiondo USh 50,000 x3", "UGX") == Offer("kiondo", 50_000, 3)


@given(st.integers(50, 500_000), st.integers(1, 49), st.permutations(["kiondo basket", "{price}", "{count}"]))
def test_the_order_of_an_offer_does_not_matter(price: int, count: int, order: list[str]) -> None:
    text = " ".join(order).format(price=f"{price}/=", count=f"x{count}")
    assert read(text) == Offer("kiondo basket", price * 100, count)
