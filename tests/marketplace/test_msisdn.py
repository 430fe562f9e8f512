"""Which telephone numbers the API takes, and how it writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace_api import msisdn

AMINA = "+254712345678"


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
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a mobile number"):
        msisdn.parse(written, "KE")


@given(st.text(alphabet="+0123456789 ().-", max_size=20))
def test_what_was_read_is_read_again_alike(written: str) -> None:
    try:
        read = msisdn.parse(written, "KE")
    except ValueError:
        return
    assert msisdn.parse(read, "TZ") == read
