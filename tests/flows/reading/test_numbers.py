"""Amounts and counts, as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.reading.numbers import money, quantity
from flows.reading.result import Read

from .samples import GUESS, SURE, reason_of


@pytest.mark.parametrize(
    ("text", "amount", "certain"),
    [
        ("1500", 1500_00, SURE),
        ("1,500", 1500_00, SURE),
        ("1, 500", 1500_00, SURE),
        ("1 500", 1500_00, SURE),
        ("1'500", 1500_00, SURE),
        ("1,234,567", 1_234_567_00, SURE),
        ("1500.", 1500_00, SURE),
        ("1500.5", 1500_50, SURE),
        ("1,650.00", 1650_00, SURE),
        ("1 500,00", 1500_00, SURE),
        ("1.500,50", 1500_50, SURE),
        ("1500,00", 1500_00, SURE),
        ("0", 0, SURE),
        ("0150", 150_00, SURE),
        ("1500/=", 1500_00, SURE),
        ("1500/-", 1500_00, SURE),
        ("1,500/= only", 1500_00, SURE),
        ("1500=", 1500_00, SURE),
        ("1500-", 1500_00, SURE),
        ("Ksh1500", 1500_00, SURE),
        ("KSH 1,500", 1500_00, SURE),
        ("Ksh.1,500/=", 1500_00, SURE),
        ("kshs. 300", 300_00, SURE),
        ("KES 1,650.00", 1650_00, SURE),
        ("1500kes", 1500_00, SURE),
        ("1500ksh", 1500_00, SURE),
        ("sh 300", 300_00, SURE),
        ("sh.300", 300_00, SURE),
        ("300 bob", 300_00, SURE),
        ("shilingi 300", 300_00, SURE),
        ("300 shillings", 300_00, SURE),
        ("Ksh1.5k", 1500_00, SURE),
        ("1.5k", 1500_00, SURE),
        ("1.5 K", 1500_00, SURE),
        ("1,5k", 1500_00, SURE),
        ("2K", 2000_00, SURE),
        ("2kbob", 2000_00, SURE),
        ("elfu 2", 2000_00, SURE),
        ("2 elfu", 2000_00, SURE),
        ("2 thousand", 2000_00, SURE),
        ("@1500", 1500_00, SURE),
        ("bei ni 1500", 1500_00, SURE),
        ("bei: 1500", 1500_00, SURE),
        ("1500 each", 1500_00, SURE),
        ("1500 kila moja", 1500_00, SURE),
        ("1500 tu", 1500_00, SURE),
        ("prix 1500", 1500_00, SURE),
        ("١٥٠٠", 1500_00, SURE),
        ("１５００", 1500_00, SURE),
        ("  1500\u200b ", 1500_00, SURE),
        ("1700/=", 1700_00, SURE),
        ("1,650", 1650_00, SURE),
        ("1500 /=", 1500_00, SURE),
        ("1500/=each", 1500_00, SURE),
        ("ksh1500/-", 1500_00, SURE),
        ("Kes.1500", 1500_00, SURE),
        ("Ksh:1500", 1500_00, SURE),
        ("Ksh,1500", 1500_00, SURE),
        ("=1500", 1500_00, SURE),
        ("*1500*", 1500_00, SURE),
        ("1500 Kshs", 1500_00, SURE),
        ("shs1500", 1500_00, SURE),
        ("1500bob", 1500_00, SURE),
        ("1500 sh.", 1500_00, SURE),
        ("@ 1500", 1500_00, SURE),
        ("@1500 each", 1500_00, SURE),
        ("1500 per piece", 1500_00, SURE),
        ("1500 a piece", 1500_00, SURE),
        ("kwa 1500", 1500_00, SURE),
        ("1500 kwa moja", 1500_00, SURE),
        ("1500 kwa kila moja", 1500_00, SURE),
        ("1500 pekee", 1500_00, SURE),
        ("ዋጋ 1500", 1500_00, SURE),
        ("1’500", 1500_00, SURE),
        ("1,500.-", 1500_00, SURE),
        ("1500.00/=", 1500_00, SURE),
        ("2.25k", 2250_00, SURE),
        ("1k", 1000_00, SURE),
        ("٢٥٠٠", 2500_00, SURE),
        ("۲۵۰۰", 2500_00, SURE),
        ("1٬500", 1500_00, SURE),
        ("1,5OO", 1500_00, GUESS),
        ("5oo", 500_00, GUESS),
        ("1OOO", 1000_00, GUESS),
        ("15OO", 1500_00, GUESS),
        ("lOO", 100_00, GUESS),
        ("l5oo", 1500_00, GUESS),
        ("I500", 1500_00, GUESS),
        ("Ksh 15OO/=", 1500_00, GUESS),
        ("1.500", 1500_00, GUESS),
        ("1.234.567", 1_234_567_00, GUESS),
    ],
)
def test_amounts_are_read(text: str, amount: int, certain: bool) -> None:
    assert money(text) == Read(amount, certain)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("\u200b", "empty"),
        ("hello", "number"),
        ("lol", "number"),
        ("oil", "number"),
        ("k", "number"),
        (".50", "number"),
        ("50 cents", "number"),
        ("1500-2000", "number"),
        ("1500 x3", "number"),
        ("$15", "number"),
        ("1" * 41, "number"),
        ("-1500", "negative"),
        ("- 1500", "negative"),
        ("−1500", "negative"),
        ("1,5", "ambiguous"),
        ("1,50", "ambiguous"),
        ("15,00", "ambiguous"),
        ("1,500k", "ambiguous"),
        ("1500 1600", "ambiguous"),
        ("12.3456", "ambiguous"),
        ("0,500", "ambiguous"),
        ("0712345678", "too_big"),
        ("999999k", "ambiguous"),
        ("99999999999999", "too_big"),
    ],
)
def test_other_texts_are_no_amounts(text: str, reason: str) -> None:
    assert reason_of(lambda: money(text)) == reason


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [
        ("5000", "UGX", 5000),
        ("USh 5,000/=", "UGX", 5000),
        ("2k", "RWF", 2000),
        ("1500 frw", "RWF", 1500),
        ("tsh 2,500", "TZS", 2500_00),
        ("150 birr", "ETB", 150_00),
        ("150 ብር", "ETB", 150_00),
        ("USD 15.50", "USD", 15_50),
    ],
)
def test_amounts_are_read_in_other_currencies(text: str, currency: str, amount: int) -> None:
    assert money(text, currency) == Read(amount)


def test_a_currency_without_cents_has_none() -> None:
    assert reason_of(lambda: money("1500.50", "UGX")) == "too_fine"


@pytest.mark.parametrize(
    ("text", "count", "certain"),
    [
        ("3", 3, SURE),
        ("03", 3, SURE),
        (" 3. ", 3, SURE),
        ("(3)", 3, SURE),
        ("x3", 3, SURE),
        ("X 3", 3, SURE),
        ("3x", 3, SURE),
        ("×3", 3, SURE),
        ("3 pcs", 3, SURE),
        ("3pcs.", 3, SURE),
        ("pieces 3", 3, SURE),
        ("qty: 3", 3, SURE),
        ("3 pairs", 3, SURE),
        ("vipande 3", 3, SURE),
        ("vipande vitatu", 3, SURE),
        ("jozi 2", 2, SURE),
        ("3 pièces", 3, SURE),
        ("1,000", 1000, SURE),
        ("0", 0, SURE),
        ("tatu", 3, SURE),
        ("Moja", 1, SURE),
        ("viwili", 2, SURE),
        ("kumi", 10, SURE),
        ("three", 3, SURE),
        ("SIX", 6, SURE),
        ("deux", 2, SURE),
        ("dix", 10, SURE),
        ("ሶስት", 3, SURE),
        ("dozen", 12, SURE),
        ("٣", 3, SURE),
        ("፫", 3, SURE),
        ("x3.", 3, SURE),
        ("3nos", 3, SURE),
        ("3 x", 3, SURE),
        ("ብዛት 3", 3, SURE),
        ("*3*", 3, SURE),
        ("quantité 3", 3, SURE),
        ("only 3", 3, GUESS),
        ("3 only", 3, GUESS),
        ("3 baskets", 3, GUESS),
        ("3 vikapu", 3, GUESS),
        ("I have 3", 3, GUESS),
        ("niko na 3", 3, GUESS),
        ("kama tatu hivi", 3, GUESS),
        ("tatu tu", 3, GUESS),
        ("about 10", 10, GUESS),
        ("1O", 10, GUESS),
        ("l0", 10, GUESS),
    ],
)
def test_counts_are_read(text: str, count: int, certain: bool) -> None:
    assert quantity(text) == Read(count, certain)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("many", "number"),
        ("pair", "number"),
        ("3 or 4", "number"),
        ("x", "number"),
        ("-3", "negative"),
        ("3 or 4 baskets", "number"),
        ("none", "number"),
        ("my no is 0712345678", "number"),
        ("3.5", "whole"),
        ("3,5", "ambiguous"),
        ("3 4", "ambiguous"),
        ("10000000", "too_big"),
    ],
)
def test_other_texts_are_no_counts(text: str, reason: str) -> None:
    assert reason_of(lambda: quantity(text)) == reason


@given(
    st.integers(0, 9_999_999),
    st.sampled_from(["{}", "{:,}", "Ksh {:,}/=", "KES {:,}.00", "{} bob", "@{:,} each"]),
)
def test_an_amount_is_read_back_in_any_form(amount: int, form: str) -> None:
    assert money(form.format(amount)) == Read(amount * 100)
