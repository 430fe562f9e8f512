"""How people write, and what it is read as."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import reading
from flows.reading import Listing, Read, Unreadable

SURE, GUESS = True, False
HOME = ["Sell something", "My products", "Orders", "My money", "Settings", "Help"]
KEYWORDS = {
    "sell": "SELL",
    "uza": "SELL",
    "stop": "STOP",
    "Arrêt": "STOP",
    "my products": "PRODUCTS",
    "products": "PRODUCTS",
    "ሽጥ": "SELL",
}

anything = st.text(max_size=200) | st.text(st.sampled_from("0123456789lOoIkx×.,/=-@' ksh*;\u00a0፩٣"), max_size=60)


def reason_of(read: Callable[[], object]) -> str:
    with pytest.raises(Unreadable) as refusal:
        read()
    return refusal.value.reason


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  kiondo \n basket\t", "kiondo basket"),
        ("kio\u200bndo\u202e", "kiondo"),
        ("cafe\u0301", "café"),
        ("١٥٠٠", "1500"),
        ("۱۵۰۰", "1500"),
        ("１５００", "1500"),
        ("፩፭", "15"),
        ("١٬٥٠٠٫٥٠", "1,500.50"),
        ("1️⃣", "1"),
        ("a\x00b\x1bc", "abc"),
        ("half a \ud83d picture", "half a picture"),
        ("ወንጀላ።", "ወንጀላ።"),
    ],
)
def test_texts_are_cleaned_of_what_nobody_meant(text: str, cleaned: str) -> None:
    assert reading.clean(text) == cleaned


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
def test_amounts(text: str, amount: int, certain: bool) -> None:
    assert reading.money(text) == Read(amount, certain)


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
        ("fifteen", "number"),
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
def test_what_is_no_amount(text: str, reason: str) -> None:
    assert reason_of(lambda: reading.money(text)) == reason


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
def test_amounts_in_other_currencies(text: str, currency: str, amount: int) -> None:
    assert reading.money(text, currency) == Read(amount)


def test_a_currency_without_cents_has_none() -> None:
    assert reason_of(lambda: reading.money("1500.50", "UGX")) == "too_fine"


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
def test_counts(text: str, count: int, certain: bool) -> None:
    assert reading.quantity(text) == Read(count, certain)


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
        ("kumi na mbili", "number"),
        ("my no is 0712345678", "number"),
        ("3.5", "whole"),
        ("3,5", "ambiguous"),
        ("3 4", "ambiguous"),
        ("10000000", "too_big"),
    ],
)
def test_what_is_no_count(text: str, reason: str) -> None:
    assert reason_of(lambda: reading.quantity(text)) == reason


@pytest.mark.parametrize(
    ("text", "msisdn"),
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
def test_mobile_numbers(text: str, msisdn: str) -> None:
    assert reading.msisdn(text, "KE") == Read(msisdn)


@pytest.mark.parametrize("text", ["O712345678", "o712 345 678", "07l2345678", "O7I2345678", "+254 7l2 345678"])
def test_letters_for_digits_make_a_mobile_number_a_guess(text: str) -> None:
    assert reading.msisdn(text, "KE") == Read("+254712345678", certain=False)


def test_a_local_number_belongs_to_the_country_it_is_dialled_in() -> None:
    assert reading.msisdn("0772123456", "KE") == Read("+254772123456")
    assert reading.msisdn("0772123456", "UG") == Read("+256772123456")


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
def test_what_is_no_mobile_number(text: str, reason: str) -> None:
    assert reason_of(lambda: reading.msisdn(text, "KE")) == reason


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
def test_yes_and_no_in_every_language(answer: bool, texts: str) -> None:
    for text in texts.split("|"):
        assert reading.yes_no(text) == Read(answer), text


@pytest.mark.parametrize("text", ["", "3", "0", "yes no", "yes but 2", "maybe", "thank you", "yes K7P4M", "noted"])
def test_what_is_neither_yes_nor_no(text: str) -> None:
    assert reason_of(lambda: reading.yes_no(text)) == "yes_no"


@pytest.mark.parametrize(
    ("text", "place", "certain"),
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
def test_a_line_of_a_menu(text: str, place: int, certain: bool) -> None:
    assert reading.choice(text, HOME) == Read(place, certain)


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
def test_what_picks_no_line(text: str, reason: str) -> None:
    assert reason_of(lambda: reading.choice(text, HOME)) == reason


def test_lines_are_met_without_their_accents() -> None:
    assert reading.choice("francais", ["English", "Français", "አማርኛ"]) == Read(1)
    assert reading.choice("አማ", ["English", "Français", "አማርኛ"]) == Read(2)


def test_a_word_as_near_to_two_lines_picks_neither() -> None:
    assert reason_of(lambda: reading.choice("kitul", ["Kitui", "Kitue"])) == "choice"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("K7P4M", "K7P4M"),
        ("k7p4m", "K7P4M"),
        ("K7P-4M", "K7P4M"),
        (" k7 p4 m ", "K7P4M"),
        ("#K7P4", "K7P4"),
        ("KSP4", "K5P4"),
        ("KZPG", "K2P6"),
        ("57P4", "S7P4"),
        ("88GG", "B8G6"),
        ("A2B3C4D5E6", "A2B3C4D5E6"),
        ("K7P4!", "K7P4"),
        ("(K7P4)", "K7P4"),
        ("'k7p4'", "K7P4"),
        ("K7P4,", "K7P4"),
        ("K7-P4", "K7P4"),
        ("K7.P4", "K7P4"),
        ("K 7 P 4", "K7P4"),
        ("K7P", None),
        ("A2B3C4D5E6F", None),
        ("K7PM", None),
        ("7K4P", None),
        ("I7P4", None),
        ("K1P4", None),
        ("K7O4", None),
        ("K0P4", None),
        ("BASKET", None),
        ("ßßß", None),
        ("1500", None),
        ("", None),
    ],
)
def test_codes_and_their_repair(text: str, code: str | None) -> None:
    assert reading.code(text) == code


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
def test_a_text_is_parted_but_a_price_stays_whole(text: str, parts: list[str]) -> None:
    assert reading.tokens(text) == parts


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
def test_keywords(text: str, name: str, rest: str, certain: bool) -> None:
    assert reading.keyword(text, KEYWORDS) == Read((name, rest), certain)


@pytest.mark.parametrize("text", ["", "  ", "!!!", "hello there", "uz", "my", "1500", "* *"])
def test_what_begins_with_no_keyword(text: str) -> None:
    assert reading.keyword(text, KEYWORDS) is None


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
        # What is missing or not clear is left to be asked.
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
def test_offers_in_any_order(text: str, title: str, price: int | None, quantity: int | None) -> None:
    assert reading.listing(text) == Listing(title, price, quantity)


def test_an_offer_is_priced_in_the_currency_of_the_place() -> None:
    assert reading.listing("kiondo USh 50,000 x3", "UGX") == Listing("kiondo", 50_000, 3)


@given(anything)
def test_whatever_is_written_is_read_or_unreadable(text: str) -> None:
    readers: list[Callable[[], object]] = [
        lambda: reading.money(text),
        lambda: reading.money(text, "RWF"),
        lambda: reading.quantity(text),
        lambda: reading.msisdn(text, "KE"),
        lambda: reading.yes_no(text),
        lambda: reading.choice(text, HOME),
        lambda: reading.choice(text, []),
        lambda: reading.code(text),
        lambda: reading.tokens(text),
        lambda: reading.keyword(text, KEYWORDS),
        lambda: reading.listing(text),
    ]
    for read in readers:
        with suppress(Unreadable):
            read()


@given(anything)
def test_a_clean_text_is_as_clean_as_it_gets(text: str) -> None:
    assert reading.clean(reading.clean(text)) == reading.clean(text)


@given(
    st.integers(0, 9_999_999),
    st.sampled_from(["{}", "{:,}", "Ksh {:,}/=", "KES {:,}.00", "{} bob", "@{:,} each"]),
)
def test_an_amount_is_read_back_however_it_is_dressed(amount: int, dress: str) -> None:
    assert reading.money(dress.format(amount)) == Read(amount * 100)


@given(st.lists(st.sampled_from(HOME), min_size=1, max_size=6, unique=True), st.data())
def test_every_line_is_picked_by_its_number_and_by_its_words(lines: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines) - 1))
    assert reading.choice(str(place + 1), lines) == reading.choice(lines[place].upper(), lines) == Read(place)


CODES = st.integers(4, 10).flatmap(
    lambda length: st.tuples(
        *(st.sampled_from("23456789" if place % 2 else "ABCDEFGHJKMNPQRSTUVWXYZ") for place in range(length))
    )
)


@given(CODES.map("".join), st.sampled_from(["{}", " {} ", "#{}", "{}."]))
def test_a_code_is_read_in_any_case_and_through_confused_signs(code: str, dress: str) -> None:
    confused = code.translate(str.maketrans("S5Z2B8G6", "5S2Z8B6G"))
    assert reading.code(dress.format(code.lower())) == reading.code(confused) == code


@given(st.integers(50, 500_000), st.integers(1, 49), st.permutations(["kiondo basket", "{price}", "{count}"]))
def test_an_offer_reads_alike_in_any_order(price: int, count: int, order: list[str]) -> None:
    said = " ".join(order).format(price=f"{price}/=", count=f"x{count}")
    assert reading.listing(said) == Listing("kiondo basket", price * 100, count)
