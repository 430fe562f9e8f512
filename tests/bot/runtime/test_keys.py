"""Keys of our own: one for each purpose, derived as RFC 5869 says, from one value or from two."""

from __future__ import annotations

import hashlib
from itertools import combinations

import pytest

from bot.runtime.keys import DERIVED_PLAINLY, Keys, Purpose, hkdf, values_of
from tests.repository.architecture import ROOT

OLD, NEW = "m7Yc2Wq9Rt4Zk8Vx3Np6Jd5Hs1Gb0FeL", "Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU"


# https://www.rfc-editor.org/rfc/rfc5869#appendix-A
@pytest.mark.parametrize(
    ("secret", "salt", "info", "output"),
    [
        (
            b"\x0b" * 22,
            bytes(range(13)),
            bytes(range(0xF0, 0xFA)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09"
            "da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_the_vectors_of_the_standard(secret: bytes, salt: bytes, info: bytes, output: str) -> None:
    assert hkdf(secret, salt=salt, info=info, length=len(output) // 2).hex() == output


def test_each_purpose_has_a_key_of_its_own_that_is_neither_the_secret_nor_its_hash() -> None:
    keys = Keys.of(OLD)
    current = [keys.current(purpose) for purpose in Purpose]

    assert all(one != other for one, other in combinations(current, 2))
    assert not {OLD.encode(), hashlib.sha256(OLD.encode()).digest()} & set(current)
    assert {len(key) for key in current} == {32}


def test_a_key_is_not_that_of_a_similar_secret() -> None:
    assert Keys.of(OLD).current(Purpose.PINS) != Keys.of(OLD + "1").current(Purpose.PINS)


@pytest.mark.parametrize("purpose", Purpose)
def test_the_first_of_two_values_makes_and_both_are_accepted(purpose: Purpose) -> None:
    keys = Keys.of(f"{NEW}, {OLD}")

    assert keys.current(purpose) == Keys.of(NEW).current(purpose)
    assert keys.derived(purpose) == (keys.current(purpose), Keys.of(OLD).current(purpose))
    assert Keys.of(OLD).current(purpose) in keys.accepted(purpose)
    assert Keys.of(OLD).current(purpose) not in Keys.of(NEW).accepted(purpose)


@pytest.mark.parametrize("purpose", Purpose)
def test_what_was_signed_before_keys_were_derived_is_accepted_where_it_lasts(purpose: Purpose) -> None:
    plain = hashlib.sha256(OLD.encode()).digest()

    assert (plain in Keys.of(OLD).accepted(purpose)) == (purpose in DERIVED_PLAINLY)
    assert Keys.of(OLD).current(purpose) != plain


def test_values_are_separated_by_commas() -> None:
    assert values_of(" a , b,") == ("a", "b")
    assert values_of("") == ()


def test_no_key_is_in_the_text_of_the_object() -> None:
    assert OLD not in repr(Keys.of(OLD))


def test_only_the_settings_read_the_secret_itself() -> None:
    files = {
        path for package in ("bot", "state", "flows", "marketplace_api") for path in ROOT.glob(f"{package}/**/*.py")
    }
    readers = {path.name for path in files if ".secret_key" in path.read_text()}

    assert readers == {"settings.py"}
