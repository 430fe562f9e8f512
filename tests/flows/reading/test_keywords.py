"""The keyword that a text begins with, and the parts of the rest."""

from __future__ import annotations

import pytest

from flows.reading.keywords import match, tokens
from flows.reading.result import Read

from .samples import GUESS, KEYWORDS, SURE


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("SELL kiondo basket 1500 x3", ["SELL", "kiondo", "basket", "1500", "x3"]),
        ("SELL,kiondo;1,650*x3", ["SELL", "kiondo", "1,650", "x3"]),
        ("SELL/kiondo/1700/=/3", ["SELL", "kiondo", "1700/=", "3"]),
        ("1700/- 3", ["1700/-", "3"]),
        ("basket,1500,3", ["basket", "1500", "3"]),
        ("1,500,3", ["1,500", "3"]),
        ("1500,300", ["1500", "300"]),
        ("Ksh1,650,000", ["Ksh1,650,000"]),
        ("yes\nK7P4M\r\n2", ["yes", "K7P4M", "2"]),
        ("ሽጥ፣ቅርጫት", ["ሽጥ", "ቅርጫት"]),
        ("YES.K7P4.2", ["YES", "K7P4", "2"]),
        ("kiondo.1500.3", ["kiondo", "1500", "3"]),
        ("kiondo 1.5k 1500.50", ["kiondo", "1.5k", "1500.50"]),
        ("Ksh.1500", ["Ksh", "1500"]),
        (" ,;*/. ", []),
    ],
)
def test_a_text_is_divided_but_a_price_stays_whole(text: str, parts: list[str]) -> None:
    assert tokens(text) == parts


@pytest.mark.parametrize(
    ("text", "name", "rest", "certain"),
    [
        ("SELL kiondo 1500 x3", "SELL", "kiondo 1500 x3", SURE),
        ("sell", "SELL", "", SURE),
        ("sell*kiondo*1500*3", "SELL", "kiondo*1500*3", SURE),
        ("Uza, kikapu", "SELL", "kikapu", SURE),
        ("uza: kikapu", "SELL", "kikapu", SURE),
        ('"SELL" kiondo', "SELL", "kiondo", SURE),
        ("STOP!", "STOP", "", SURE),
        ("arret", "STOP", "", SURE),
        ("ARRÊT", "STOP", "", SURE),
        ("My\nProducts", "PRODUCTS", "", SURE),
        ("products now", "PRODUCTS", "now", SURE),
        ("¿PRODUCTS?", "PRODUCTS", "", SURE),
        ("PRODUCTS。", "PRODUCTS", "", SURE),
        ("「PRODUCTS」", "PRODUCTS", "", SURE),
        ("✅SELL® kiondo", "SELL", "kiondo", SURE),
        ("SELL@1500", "SELL", "1500", SURE),
        ("SELL (big) kiondo", "SELL", "(big) kiondo", SURE),
        ("ARR\ufffdT", "STOP", "", SURE),
        ("PR\ufffdDUCTS now", "PRODUCTS", "now", SURE),
        ("ሽጥ ቅርጫት", "SELL", "ቅርጫት", SURE),
        ("SELL.kiondo.1500", "SELL", "kiondo.1500", SURE),
        ("SELL-kiondo-1500", "SELL", "kiondo-1500", SURE),
        ("SELL=kiondo", "SELL", "kiondo", SURE),
        ("SELL/kiondo/1700/=", "SELL", "kiondo/1700/=", SURE),
        ("SELL\nkiondo", "SELL", "kiondo", SURE),
        ("SELL ; kiondo", "SELL", "kiondo", SURE),
        ("  sElL   kiondo", "SELL", "kiondo", SURE),
        ("SEL kiondo 1500", "SELL", "kiondo 1500", GUESS),
        ("Uzaa kikapu", "SELL", "kikapu", GUESS),
        ("ሽጠ ቅርጫት", "SELL", "ቅርጫት", GUESS),
        ("my prodcts now", "PRODUCTS", "now", GUESS),
        ("produts", "PRODUCTS", "", GUESS),
        ("sellx kiondo", "SELL", "kiondo", GUESS),
        ("shop", "STOP", "", GUESS),
    ],
)
def test_a_text_begins_with_a_keyword(text: str, name: str, rest: str, certain: bool) -> None:
    assert match(text, KEYWORDS) == Read((name, rest), certain)


@pytest.mark.parametrize(
    "text", ["", "  ", "!!!", "\ufffd\ufffd\ufffd", "u\ufffda", "hello there", "uz", "my", "1500", "* *"]
)
def test_other_texts_begin_with_no_keyword(text: str) -> None:
    assert match(text, KEYWORDS) is None
