"""Yes, no, and a line of a menu."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.reading.answers import choice, is_all, yes_no
from flows.reading.result import Read

from .samples import GUESS, LABELS, SURE, reason_of


@pytest.mark.parametrize(
    ("answer", "texts"),
    [
        (True, "1|01|1.|(1)|y|Y|yes|YES!|yesss|yes please|Yes yes|yeah|ok|okaaay|sure|👍"),
        (True, "ndiyo|NDIO|ndiyooo|ndiyo tafadhali|eeh|eeeh|sawa|sawa sawa|naam|haya"),
        (True, "oui|Oui merci|ouais|አዎ|አዎን|እሺ|awo|eshi"),
        (
            True,
            "yap|yup|yah|fine|agreed|accept|ndyo|ndyio|sawasawa|nakubali|kubali|nimekubali|d'accord|ኣዎ|አወ|ishi|ok sawa",
        ),
        (True, "1️⃣|1 yes|yes, please|ndiyo!|haya sana|✅"),
        (False, "2️⃣|2.|no.|hapna|hpna|sio|siwezi|sitaweza|hapana kabisa|alfelgim|yelem|❌"),
        (False, "2|02|2)|n|N|no|NO!|nooo|nope|no thank you|👎"),
        (False, "hapana|Hapana asante|la|sitaki|non|non merci|አይ|አይደለም|የለም|aydelem"),
    ],
)
def test_yes_and_no_are_read_in_every_language(answer: bool, texts: str) -> None:
    for text in texts.split("|"):
        assert yes_no(text) == Read(answer), text


@pytest.mark.parametrize(
    "text", ["ALL", "All please", "Yote", "ZOTE tafadhali", "tout", "Toutes, merci", "ሁሉንም", "hulum"]
)
def test_all_is_read_in_every_language(text: str) -> None:
    assert is_all(text) is True


@pytest.mark.parametrize("text", ["", "3", "please", "all 3", "yes", "K7P4", "almost all"])
def test_other_texts_do_not_mean_all(text: str) -> None:
    assert is_all(text) is False


@pytest.mark.parametrize("text", ["", "3", "0", "yes no", "yes but 2", "maybe", "thank you", "yes K7P4M", "noted"])
def test_other_texts_are_neither_yes_nor_no(text: str) -> None:
    assert reason_of(lambda: yes_no(text)) == "yes_no"


@pytest.mark.parametrize(
    ("text", "index", "certain"),
    [
        ("1", 0, SURE),
        ("1.", 0, SURE),
        (" 01 ", 0, SURE),
        ("(1)", 0, SURE),
        ("1)", 0, SURE),
        ("#6", 5, SURE),
        ("1️⃣", 0, SURE),
        ("٢", 1, SURE),
        ("one", 0, SURE),
        ("tatu", 2, SURE),
        ("Orders", 2, SURE),
        ("orders!", 2, SURE),
        ("SELL", 0, SURE),
        ("something", 0, SURE),
        ("money", 3, SURE),
        ("my p", 1, SURE),
        ("prod", 1, SURE),
        ("o", 2, SURE),
        ("h", 5, SURE),
        ("set", 4, SURE),
        ("oders", 2, GUESS),
        ("prodcts", 1, GUESS),
        ("mony", 3, GUESS),
        ("setings", 4, GUESS),
        ("hlep", 5, GUESS),
    ],
)
def test_a_line_is_picked_by_number_words_or_first_letters(text: str, index: int, certain: bool) -> None:
    assert choice(text, LABELS) == Read(index, certain)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("...", "choice"),
        ("0", "choice"),
        ("7", "choice"),
        ("999", "choice"),
        ("1 2", "choice"),
        ("x", "choice"),
        ("kumi", "choice"),
        ("weather", "choice"),
        ("s", "ambiguous"),
        ("se", "ambiguous"),
        ("my", "ambiguous"),
    ],
)
def test_other_texts_pick_no_line(text: str, reason: str) -> None:
    assert reason_of(lambda: choice(text, LABELS)) == reason


def test_accents_do_not_matter_in_lines() -> None:
    assert choice("francais", ["English", "Français", "አማርኛ"]) == Read(1)
    assert choice("አማ", ["English", "Français", "አማርኛ"]) == Read(2)


def test_a_word_equally_like_two_lines_picks_neither() -> None:
    assert reason_of(lambda: choice("kitul", ["Kitui", "Kitue"])) == "choice"


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=6, unique=True), st.data())
def test_every_line_is_picked_by_its_number_and_by_its_words(lines: list[str], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(lines) - 1))
    assert choice(str(index + 1), lines) == choice(lines[index].upper(), lines) == Read(index)
