"""What may not stand in a name, a title or a note, and what people may go on writing."""

from __future__ import annotations

import pytest

from flows.reading.unsafe_text import OUR_NAME, is_unsafe

NAMES = (*OUR_NAME, "22384", "+15005550006")


@pytest.mark.parametrize(
    "text",
    [
        "Win at http://evil.example/x",
        "hxxps : //evil",
        "www.evil",
        "see WWW evil",
        "bit.ly/abc",
        "Basket. Pay at evil.co.ke now",
        "t.me/soko",
        "x.com",
        "evil.com.",
        "evil。com",
        "ｅｖｉｌ．ｃｏｍ",
        "ev\u200bil.com",
        "evil.\u200bcom",
        "сайт.рф",
        "evil.xn--p1ai",
        "joy@example.org",
        "10.0.0.1/pay",
        "*384*22#",
        "Dial * 384 * 22 #",
        "Call *334*1*2",
        "##002#",
        "*#06#",
        "＊384＊22＃",
        "Soko",
        "SOKO: your PIN",
        "Soko-Support",
        "S.o.k.o: you won",
        "S0K0 you won",
        "$oko alert",
        "Ѕоkо: you won",  # three Cyrillic letters
        "Dear friend, soko : you won",
        "ሶኮ: ይደውሉ",
        "Text 22384",
        "call 15005550006",
    ],
)
def test_links_codes_to_dial_and_our_name_are_found(text: str) -> None:
    assert is_unsafe(text, NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "Kiondo basket, 2.5 kg",
        "Dr.Otieno",
        "Mr.Ng",
        "A.B. Mutua",
        "J.K.Otieno",
        "Strong. Very strong",
        "Size 1.5m x 2.0m",
        "Bowl 3*2",
        "Set of 2 * 3 * 4",
        "Pots #12 and #13",
        "No. 7 (red/blue)",
        "Kikapu cha soko",
        "Sokoine",
        "Sokomoko bag",
        "O'Brien-Wanjiru",
        "ሸማ",
        "Amina",
        "Woven... by hand",
        "122384 beads",
    ],
)
def test_names_and_titles_as_people_write_them_are_safe(text: str) -> None:
    assert not is_unsafe(text, NAMES)
