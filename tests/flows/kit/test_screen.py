"""Screens: the fullest form that fits, on every channel and in both encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows import gsm7
from flows.commands import RequestCall
from flows.kit import (
    LONG_SMS,
    SMS,
    USSD,
    Act,
    Ask,
    AskCode,
    AskDigits,
    AskMoney,
    AskPhone,
    AskQuantity,
    Channel,
    Choice,
    Confirm,
    Menu,
    Notice,
    Option,
    PagedList,
    Screen,
)
from tests.flows.phone import HOME, start

NAVIGATION = (("0", "Back"), ("00", "Home"))
CHANNELS = [USSD, SMS, LONG_SMS]

words = st.text(st.sampled_from("abc de€{}\n"), max_size=200) | st.text(max_size=200)
lines = st.lists(st.tuples(st.sampled_from(["1", "12", "97"]), words), max_size=12).map(tuple)
screens = st.builds(
    Screen,
    bodies=st.lists(words, min_size=1, max_size=3).map(tuple),
    options=lines,
    more=st.none() | st.just(("98", "More")),
    navigation=st.sampled_from([(), NAVIGATION[:1], NAVIGATION]),
    ends=st.booleans(),
)
any_input = st.text(max_size=200) | st.sampled_from(["0", "00", "98", "15OO", "w" * 200])

RIGHT_ANSWERS = {"price": "1500", "count": "3", "phone": "0711000111", "code": "K7P4", "digits": "2468"}
EVERY_KIND = (
    Ask("title", "What?", then="price"),
    AskMoney("price", "How much for {title}?", then="count"),
    AskQuantity("count", "How many at {price}?", then="phone"),
    AskPhone("phone", "{count}? Whose phone?", then="code"),
    AskCode("code", "{phone}. Which code?", then="digits"),
    AskDigits("digits", "Which digits?", digits=4, then="ware"),
    PagedList(
        "ware", "Which of {title}?", items=lambda turn: [Choice(turn["title"], turn["title"])] * 9, then="colour"
    ),
    Menu("colour", "Which colour?", Option("Red", "sure"), Option("Blue", "sure")),
    Confirm("sure", "{colour} {ware}?", yes="asking", no="title"),
    Act("asking", command=lambda turn: RequestCall(), done="end", rejected="end"),
    Notice("end", "{title} {price} {count} {phone} {code} {ware} {colour}"),
)


def within(text: str, channel: Channel) -> bool:
    septets = gsm7.septets(text)
    return septets <= channel.septets if septets is not None else gsm7.units(text) <= channel.ucs2_units


@given(screens, st.sampled_from(CHANNELS))
def test_every_screen_is_within_the_budget_of_its_channel(screen: Screen, channel: Channel) -> None:
    assert within(screen.render(channel), channel)


@given(screens, st.sampled_from(CHANNELS))
def test_a_screen_that_fits_keeps_every_line_to_choose_from(screen: Screen, channel: Channel) -> None:
    text = screen.render(channel)
    if screen.fits(channel):
        chosen = [*screen.options, *([screen.more] if screen.more else [])]
        assert all(f"{number}. {label}" in text for number, label in chosen)
        assert any(body in text for body in screen.bodies)
        assert text.startswith(channel.end_prefix if screen.ends else channel.continue_prefix)


@given(screens)
def test_a_text_within_one_segment_is_charged_as_one(screen: Screen) -> None:
    assert gsm7.segments(screen.render(SMS)).count == 1
    assert gsm7.segments(screen.render(LONG_SMS)).count <= 2


@given(st.lists(st.text(max_size=60), min_size=1, max_size=60), st.text(max_size=30), st.sampled_from([USSD, SMS]))
def test_the_pages_of_a_list_offer_every_line_once(labels: list[str], text: str, channel: Channel) -> None:
    body = text.replace("{", "").replace("}", "")
    wares = [Choice(str(n), label) for n, label in enumerate(labels)]
    phone = start(
        PagedList("ware", body or "?", items=lambda _turn: wares, then="end"), Notice("end", "."), channel=channel
    )
    offered = list(phone.screen.options)
    while phone.screen.more:
        assert within(phone.shown, channel)
        phone.says("98")
        offered += phone.screen.options
    assert [number for number, _ in offered] == [str(n) for n in range(1, len(labels) + 1)]


@given(any_input, st.lists(st.none() | any_input, max_size=20), st.sampled_from([USSD, SMS]))
def test_every_kind_answers_any_input_within_its_budget(title: str, said: list[str | None], channel: Channel) -> None:
    """In `said`, None means a right answer, so that every kind is reached."""
    phone = start(*EVERY_KIND, channel=channel)
    for part in (title, *said):
        if not phone.conversation.over:
            right = RIGHT_ANSWERS.get(phone.conversation.state, "1")
            assert within(phone.says(right if part is None else part), channel)


def test_the_longest_version_that_fits_is_taken() -> None:
    versions = ("a" * 160, "b" * 157, "c" * 156, "d")
    assert Screen(versions).render(USSD) == "CON " + "c" * 156
    assert Screen(versions).render(SMS) == "a" * 160


def test_a_shorter_version_is_taken_before_navigation_is_dropped() -> None:
    assert Screen(("a" * 150, "short"), navigation=NAVIGATION).render(USSD) == "CON short\n0. Back\n00. Home"


@pytest.mark.parametrize(
    ("length", "left"), [(139, ["0. Back", "00. Home"]), (140, ["0. Back"]), (148, ["0. Back"]), (149, [])]
)
def test_home_is_dropped_before_back(length: int, left: list[str]) -> None:
    assert Screen(("a" * length,), navigation=NAVIGATION).render(USSD).split("\n")[1:] == left


@pytest.mark.parametrize("hidden", ["0", "00"])
def test_navigation_that_is_not_shown_works_all_the_same(hidden: str) -> None:
    phone = start(Ask("long", "a" * 150, then="long"))
    assert "Home" not in phone.shown
    assert phone.says(hidden).startswith("CON At home.")


def test_one_letter_outside_gsm7_halves_the_room() -> None:
    assert Screen(("x" * 120, "y" * 20)).render(USSD) == "CON " + "x" * 120
    assert Screen(("ĩ" + "x" * 76, "y" * 20)).render(USSD) == "CON " + "y" * 20
    assert Screen(("ĩ" + "x" * 75, "y" * 20)).render(USSD) == "CON ĩ" + "x" * 75


def test_a_character_of_two_septets_counts_twice() -> None:
    assert Screen(("€" * 78,)).fits(USSD)
    assert not Screen(("€" * 79,)).fits(USSD)


def test_what_fits_in_no_form_is_cut() -> None:
    assert Screen(("a" * 400, "b" * 300)).render(USSD) == "CON " + "b" * 156
    assert Screen(("😀" * 100,)).render(USSD) == "CON " + "😀" * 38


def test_in_a_latin_language_typed_text_is_shown_in_gsm7() -> None:
    title = "Kĩondo “ndogo” 😀"
    phone = start(
        Ask("title", "What?", then="ware"),
        PagedList("ware", "{title}:", items=lambda _turn: [Choice("x", title)], then="title"),
    )
    assert phone.says(title).startswith('CON Kiondo "ndogo" :\n1. Kiondo "ndogo"')
    assert phone.conversation.answers == {"title": title}


def test_a_verbatim_list_keeps_all_letters() -> None:
    names = [Choice("am", "አማርኛ"), Choice("fr", "Français")]
    phone = start(PagedList("language", "Which?", items=lambda _turn: names, then="language", verbatim=True))
    assert phone.lines[:3] == ["Which?", "1. አማርኛ", "2. Français"]


def test_a_last_screen_has_no_navigation() -> None:
    assert start(Notice("end", "Bye.")).shown == "END Bye."


def test_a_notice_of_two_segments_has_more_room_as_a_text_only() -> None:
    text = ("a" * 200, "b" * 100)
    notice = Notice("end", text, segments=2)
    assert start(notice, channel=SMS).shown == "a" * 200
    assert start(Notice("end", text), channel=SMS).shown == "b" * 100
    assert start(notice, channel=USSD).shown == "END " + "b" * 100


def test_a_problem_is_shown_before_the_question_or_alone_if_both_do_not_fit() -> None:
    phone = start(Menu("colour", "a" * 100, *HOME.states["menu"].lines[:1], example="b" * 100))  # type: ignore[attr-defined]
    assert phone.says("none").startswith("CON " + "b" * 100 + "\n1. A sample")
