"""Telephone numbers, from the API and typed on a phone; and that only one module has a pattern of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import msisdn
from flows.reading.result import Read

from .reading.samples import reason_of

AMINA = "+254712345678"
ROOT = Path(__file__).parents[2]
SOURCE = ("bot", "flows", "state", "marketplace_api", "locales")
PATTERN_OF_A_NUMBER = re.compile(r"(\\\+|\[\+\])\??\(?(\[[0-9]|\\d)")
"""A plus and a class of digits: how every pattern of a telephone number begins."""


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("+254712345678", True),
        ("+1234567", True),
        ("+123456789012345", True),
        ("+123456", False),
        ("+1234567890123456", False),
        ("+0712345678", False),
        ("254712345678", False),
        ("+254 712345678", False),
        ("+254712345678\n", False),
        ("+\u0662\u0665\u0664\u0667\u0661\u0662\u0663\u0664\u0665", False),
        ("22384", False),
        ("MPESA", False),
        ("", False),
    ],
)
def test_an_msisdn_is_a_plus_and_seven_to_fifteen_digits(number: str, valid: bool) -> None:
    assert msisdn.is_e164(number) is valid


def test_no_other_file_has_a_pattern_of_telephone_numbers() -> None:
    files = [file for package in SOURCE for file in (ROOT / package).rglob("*.py")]
    found = [str(file.relative_to(ROOT)) for file in files if PATTERN_OF_A_NUMBER.search(file.read_text())]
    assert found == ["flows/msisdn.py"]


@pytest.mark.parametrize(
    "pattern", [r"\+[1-9][0-9]{7,14}", r"^\+\d{7,15}$", r"\+?[0-9 ().-]{4,30}", r"[+]\d+", r"\+([0-9]{3})"]
)
def test_a_second_pattern_would_be_found(pattern: str) -> None:
    assert PATTERN_OF_A_NUMBER.search(f're.compile(r"{pattern}")')


# Numbers written in a request to the API.


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+254712345678", AMINA),
        ("+254 712 345-678", AMINA),
        ("00254712345678", AMINA),
        ("254712345678", AMINA),
        ("0712345678", AMINA),
        ("(0712) 345.678", AMINA),
        (" 0712 345 678 ", AMINA),
        ("0110123456", "+254110123456"),
        ("+447400123456", "+447400123456"),
        ("+12125550123", "+12125550123"),
    ],
)
def test_a_mobile_number_is_written_as_e164(written: str, read: str) -> None:
    assert msisdn.parse(written, "KE") == read


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ABC",
        "22384",
        "071234567",
        "07123456789",
        "O712345678",
        "my no is 0712345678",
        "0712345678;0722000000",
        "0712345678 ext 5",
        "0202123456",  # a landline
        "0800221020",  # toll-free
        "tel:+254712345678",
        "+254712345678\x00",
    ],
)
def test_anything_else_is_rejected(written: str) -> None:
    with pytest.raises(ValueError, match="not a mobile number"):
        msisdn.parse(written, "KE")


@given(st.text(alphabet="+0123456789 ().-", max_size=20))
def test_an_msisdn_is_read_as_itself(written: str) -> None:
    try:
        read = msisdn.parse(written, "KE")
    except ValueError:
        return
    assert msisdn.parse(read, "TZ") == read


# Numbers typed on a phone.


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0712345678", "+254712345678"),
        ("712345678", "+254712345678"),
        ("254712345678", "+254712345678"),
        ("+254712345678", "+254712345678"),
        ("+254 712 345 678", "+254712345678"),
        ("0712 345 678", "+254712345678"),
        ("0712-345-678", "+254712345678"),
        ("(0712) 345678", "+254712345678"),
        ("0712.345.678", "+254712345678"),
        ("0110123456", "+254110123456"),
        ("0747123456", "+254747123456"),
        ("0120123456", "+254120123456"),
        ("00254712345678", "+254712345678"),
        ("000254712345678", "+254712345678"),
        ("+2540712345678", "+254712345678"),
        ("2540712345678", "+254712345678"),
        ("٠٧١٢٣٤٥٦٧٨", "+254712345678"),
        ("０７１２３４５６７８", "+254712345678"),
        ("110123456", "+254110123456"),
        ("+254110123456", "+254110123456"),
        ("0763123456", "+254763123456"),
        ("0772123456", "+254772123456"),
        ("0712/345678", "+254712345678"),
        ("0712,345,678", "+254712345678"),
        ("0712_345_678", "+254712345678"),
        ("0712 345678.", "+254712345678"),
        ("254-712-345-678", "+254712345678"),
        ("+254(0)712345678", "+254712345678"),
        ("\u202a+254 712 345678\u202c", "+254712345678"),
        ("“0712345678”", "+254712345678"),
        ("+256772123456", "+256772123456"),
        ("00256772123456", "+256772123456"),
        ("+255712345678", "+255712345678"),
        ("+1 415 555 2671", "+14155552671"),
    ],
)
def test_a_typed_mobile_number_becomes_an_msisdn(text: str, number: str) -> None:
    assert msisdn.read(text, "KE") == Read(number)


@pytest.mark.parametrize("text", ["O712345678", "o712 345 678", "07l2345678", "O7I2345678", "+254 7l2 345678"])
def test_letters_for_digits_make_a_mobile_number_a_guess(text: str) -> None:
    assert msisdn.read(text, "KE") == Read("+254712345678", certain=False)


def test_a_local_number_belongs_to_the_country_it_is_dialled_in() -> None:
    assert msisdn.read("0772123456", "KE") == Read("+254772123456")
    assert msisdn.read("0772123456", "UG") == Read("+256772123456")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("ABC", "phone"),
        ("+", "phone"),
        ("22384", "phone"),
        ("071234567", "phone"),
        ("07123456789", "phone"),
        ("256772123456", "phone"),
        ("0712345678 or O722000000", "phone"),
        ("my no is 0712345678", "phone"),
        ("tel:+254712345678", "phone"),
        ("0712345678 ext 5", "phone"),
        ("0712345678;0722000000", "phone"),
        ("0712345678 0722000000", "phone"),
        ("0712345678/0722000000", "phone"),
        ("0412345678", "not_mobile"),
        ("0202123456", "not_mobile"),
        ("0800221020", "not_mobile"),
    ],
)
def test_other_texts_are_no_mobile_numbers(text: str, reason: str) -> None:
    assert reason_of(lambda: msisdn.read(text, "KE")) == reason
