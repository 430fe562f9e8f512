"""Texts, money and days in every language, short enough for a small screen."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

import locales
from flows import gsm7
from flows.reading import numbers

NAIROBI = ZoneInfo("Africa/Nairobi")
LATIN = [code for code in locales.available() if code != "am"]


def test_english_is_the_source_itself() -> None:
    english = locales.catalogue("en")
    assert english.text("More") == "More"
    assert english.plural("{n} piece", "{n} pieces", 1) == "{n} piece"
    assert english.plural("{n} piece", "{n} pieces", 3) == "{n} pieces"


def test_swahili_is_translated() -> None:
    swahili = locales.catalogue("sw")
    assert swahili.text("More") == "Zaidi"
    assert swahili.text("Yes") == "Ndiyo"


@pytest.mark.parametrize("code", locales.available())
def test_a_text_without_a_translation_stays_as_it_is(code: str) -> None:
    language = locales.catalogue(code)
    assert language.text("Nobody translated this.") == "Nobody translated this."
    assert language.text("") == ""


def test_a_language_is_read_once() -> None:
    assert locales.catalogue("sw") is locales.catalogue("sw")


def test_an_unknown_language_raises() -> None:
    with pytest.raises(LookupError, match="no catalogue for de"):
        locales.catalogue("de")


def test_languages_are_listed_in_order_with_their_own_names() -> None:
    names = [language.name for language in locales.languages(["en", "sw", "fr", "am"])]
    assert names == ["English", "Kiswahili", "Français", "አማርኛ"]


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("sw", "sw"),
        ("sw-KE", "sw"),
        ("SW_tz", "sw"),
        ("en-GB", "en"),
        ("pt-BR", "pt-BR"),
        ("pt_br", "pt-BR"),
        ("de", "en"),
        ("", "en"),
        (None, "en"),
    ],
)
def test_the_best_language_for_a_locale(tag: str | None, code: str) -> None:
    assert locales.best_match(tag, ["en", "sw", "pt-BR"]) == code


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (1500_00, "KES", "KSh 1,500"),
        (1650_50, "KES", "KSh 1,650.50"),
        (1_234_567_05, "KES", "KSh 1,234,567.05"),
        (0, "KES", "KSh 0"),
        (5, "KES", "KSh 0.05"),
        (-500_00, "KES", "-KSh 500"),
        (50_000, "UGX", "USh 50,000"),
        (1500, "RWF", "RF 1,500"),
        (1500_00, "TZS", "TSh 1,500"),
        (150_00, "ETB", "Br 150"),
        (15_99, "USD", "USD 15.99"),
    ],
)
def test_money_is_short_and_as_people_write_it(amount: int, currency: str, written: str) -> None:
    assert locales.catalogue("en").money(amount, currency) == written
    assert locales.catalogue("sw").money(amount, currency) == written


@pytest.mark.parametrize(
    ("code", "amount", "currency", "written"),
    [
        ("fr", 1500_00, "KES", "1 500 KSh"),
        ("fr", 1650_50, "KES", "1 650,50 KSh"),
        ("fr", 1500, "RWF", "1 500 RF"),
        ("am", 1500_00, "KES", "KSh 1,500"),
        ("am", 150_00, "ETB", "Br 150"),
    ],
)
def test_each_language_writes_money_in_its_own_way(code: str, amount: int, currency: str, written: str) -> None:
    assert locales.catalogue(code).money(amount, currency) == written


@given(
    st.integers(0, 99_999_999_99),
    st.sampled_from(LATIN),
    st.sampled_from(["KES", "UGX", "TZS", "RWF", "ETB"]),
)
def test_money_can_be_sent_and_is_read_back(amount: int, code: str, currency: str) -> None:
    written = locales.catalogue(code).money(amount, currency)
    assert gsm7.is_gsm7(written)
    ambiguous = re.match(r"\d{1,3},\d\d ", written)  # `12,50` may mean 12,500, so the reader rejects it
    if amount < 100_000_000 and not ambiguous:
        assert numbers.money(written.replace("RF", ""), currency).value == amount


@pytest.mark.parametrize(
    ("code", "day", "written"),
    [
        ("en", date(2026, 3, 9), "9 Mar"),
        ("en", date(2026, 12, 31), "31 Dec"),
        ("sw", date(2026, 3, 9), "9 Mac"),
        ("sw", date(2026, 8, 20), "20 Ago"),
        ("fr", date(2026, 3, 9), "9 mars"),
        ("fr", date(2026, 8, 20), "20 aout"),
        ("am", date(2026, 3, 9), "9 ማርች"),
    ],
)
def test_days_are_short(code: str, day: date, written: str) -> None:
    assert locales.catalogue(code).day(day) == written


def test_a_moment_is_written_in_the_readers_time_zone() -> None:
    at = datetime(2026, 3, 9, 22, 5, tzinfo=UTC)
    assert locales.catalogue("en").moment(at, NAIROBI) == "10 Mar 01:05"
    assert locales.catalogue("sw").moment(at, UTC) == "9 Mac 22:05"


@given(st.dates(), st.sampled_from(LATIN))
def test_days_can_be_sent(day: date, code: str) -> None:
    assert gsm7.is_gsm7(locales.catalogue(code).day(day))
