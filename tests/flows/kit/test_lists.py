"""Lists: numbers keep their meaning, pages fit, and a list of one line or none can be skipped."""

from __future__ import annotations

import pytest

from flows import gsm7
from flows.kit import SMS, Ask, Choice, Confirm, Enter, Flow, Menu, Notice, Option, PagedList, Turn
from tests.flows.phone import FakePhone, start

NAVIGATION_LINES = ["98. More", "0. Back", "00. Home"]
TWELVE_LABELS = [f"Ware number {n} of the shelf" for n in range(1, 13)]


def shelf(*labels: str, then: str = "end", pick_single: bool = False, empty: str | None = None) -> PagedList:
    wares = [Choice(f"w{n}", label) for n, label in enumerate(labels, 1)]
    return PagedList("ware", "Which ware?", items=lambda _turn: wares, then=then, pick_single=pick_single, empty=empty)


def numbered(phone: FakePhone) -> list[str]:
    """The lines that are shown to choose from."""
    return [line for line in phone.lines if line.partition(". ")[0].isdigit() and line not in NAVIGATION_LINES]


END = Notice("end", "You chose {ware}.")
PAID = Notice("end", "Paid.")


def test_a_list_that_fits_has_no_pages() -> None:
    assert start(shelf("Pot", "Mat"), END).shown == "CON Which ware?\n1. Pot\n2. Mat\n0. Back\n00. Home"


def test_the_pages_show_every_line_once_and_all_but_the_last_offer_more() -> None:
    phone, seen = start(shelf(*TWELVE_LABELS), END), []
    while "98. More" in phone.lines:
        seen += numbered(phone)
        assert gsm7.units(phone.shown) <= 160
        phone.says("98")
    seen += numbered(phone)
    assert seen == [f"{n}. {label}" for n, label in enumerate(TWELVE_LABELS, 1)]


def test_a_page_leaves_room_for_more() -> None:
    """Three lines would fill the screen, and nothing would show that there is a fourth."""
    lines = ["a" * 43, "b" * 43, "c" * 43, "d"]
    assert "98. More" in start(shelf(*lines), END).lines


def test_a_line_too_long_for_a_page_is_cut_so_that_more_is_shown() -> None:
    phone = start(shelf("a" * 200, "b" * 200), END)
    assert phone.shown == f"CON Which ware?\n1. {'a' * 132}\n98. More"
    assert phone.says("98") == f"CON Which ware?\n2. {'b' * 141}"
    assert phone.says("1") == "END You chose " + "a" * 146


def test_a_number_means_the_same_on_every_page() -> None:
    assert start(shelf(*TWELVE_LABELS), END).says("98", "2") == f"END You chose {TWELVE_LABELS[1]}."
    assert start(shelf(*TWELVE_LABELS), END).says("12") == f"END You chose {TWELVE_LABELS[11]}."


def test_back_turns_the_pages_before_it_leaves_the_list() -> None:
    phone = start(Ask("name", "Who?", then="ware"), shelf(*TWELVE_LABELS), END)
    first = phone.says("Amina")
    second = phone.says("98")
    phone.says("98")
    assert phone.says("0") == second
    assert phone.says("0") == first
    assert phone.says("0") == "CON Who?\n0. Back\n00. Home"


def test_more_on_the_last_page_is_rejected() -> None:
    phone = start(shelf("Pot", "Mat"), END)
    assert "Please answer with a number" in phone.says("98")


def test_the_next_page_no_longer_shows_the_last_problem() -> None:
    phone = start(shelf(*TWELVE_LABELS), END)
    assert phone.lines[0] == "Which ware?"
    phone.says("none of them")
    assert phone.says("98").startswith("CON Which ware?\n")


def test_fields_are_filled_in_on_every_page() -> None:
    wares = [Choice(label, label) for label in TWELVE_LABELS]
    phone = start(PagedList("ware", "{name}, which ware?", items=lambda _turn: wares, then="end"), END)
    assert phone.says("98").startswith("CON Amina, which ware?\n")


def test_no_page_is_turned_while_a_side_prompt_is_shown() -> None:
    phone = start(shelf(*TWELVE_LABELS), END)
    phone.says("none of them", "not one")
    offered = phone.shown
    assert "1. Call me" in offered
    assert phone.says("98") == offered
    assert phone.conversation.pages == []


def test_lines_stay_as_they_were_offered_even_if_the_data_changes() -> None:
    wares = [Choice("p", "Pot"), Choice("m", "Mat")]
    phone = start(PagedList("ware", "Which?", items=lambda _turn: list(wares), then="end"), END)
    wares.insert(0, Choice("n", "New thing"))
    assert phone.says("2") == "END You chose Mat."
    assert phone.conversation.answers == {"ware": "m"}


def test_a_long_list_offers_no_line_98() -> None:
    phone = start(shelf(*(f"Ware {n}" for n in range(1, 200))), END)
    assert len(phone.conversation.choices) == 97
    while "98. More" in phone.lines:
        phone.says("98")
    assert numbered(phone)[-1] == "97. Ware 97"


def test_an_empty_list_leads_to_its_empty_state() -> None:
    assert start(shelf(empty="none"), END, Notice("none", "Nothing there.")).shown == "END Nothing there."


def test_back_skips_an_empty_list_to_the_question_before_it() -> None:
    phone = start(Ask("name", "Who?", then="ware"), shelf(empty="other"), Ask("other", "Then what?", then="end"), END)
    assert phone.says("Amina").startswith("CON Then what?")
    assert phone.says("0").startswith("CON Who?")


def test_a_single_line_is_picked_without_asking_if_the_list_says_so() -> None:
    assert start(shelf("Pot", pick_single=True), END).shown == "END You chose Pot."
    assert start(shelf("Pot"), END).shown.startswith("CON Which ware?\n1. Pot")


def test_back_does_not_lead_to_a_question_with_one_possible_answer() -> None:
    phone = start(
        Ask("name", "Who?", then="ware"),
        shelf("Pot", then="colour", pick_single=True),
        PagedList("colour", "Which colour?", items=lambda _turn: [Choice("r", "Red")], then="day", pick_single=True),
        Ask("day", "Which day?", then="hour"),
        Ask("hour", "Which hour?", then="end"),
        END,
    )
    assert phone.says("Amina").startswith("CON Which day?")
    assert phone.says("Monday").startswith("CON Which hour?")
    assert phone.says("0").startswith("CON Which day?")
    assert phone.says("0").startswith("CON Who?")
    assert phone.says("Njeri", "Friday", "9") == "END You chose Pot."


def test_back_leads_home_if_nothing_was_asked_before() -> None:
    phone = start(shelf("Pot", then="day", pick_single=True), Ask("day", "Which day?", then="end"), END)
    assert phone.says("0").startswith("CON At home.")


def test_back_leads_out_of_a_flow_over_a_question_with_one_possible_answer() -> None:
    inner = Flow("inner", Ask("day", "Which day?", then="end"), Notice("end", "End."))
    phone = start(Ask("name", "Who?", then="ware"), shelf("Pot", then=Enter("inner"), pick_single=True), flows=(inner,))
    assert phone.says("Amina").startswith("CON Which day?")
    assert phone.says("0").startswith("CON Who?")


def test_back_leads_to_a_list_that_has_more_lines_by_now_only_if_it_was_shown() -> None:
    wares = [Choice("p", "Pot")]
    ware = PagedList("ware", "Which?", items=lambda _turn: list(wares), then="day", pick_single=True)
    phone = start(Ask("name", "Who?", then="ware"), ware, Ask("day", "Which day?", then="end"), END)
    phone.says("Amina")
    wares.append(Choice("m", "Mat"))
    assert phone.says("0").startswith("CON Who?")
    assert phone.says("Njeri").startswith("CON Which?")
    phone.says("2")
    assert phone.says("0").startswith("CON Which?")


@pytest.mark.parametrize(("said", "state"), [("1", "red"), ("2", "blue"), ("Red", "red"), ("bl", "blue")])
def test_each_line_of_a_menu_has_its_own_edge(said: str, state: str) -> None:
    menu = Menu("colour", "Which?", Option("Red", "red"), Option("Blue", "blue"))
    phone = start(menu, Notice("red", "Red."), Notice("blue", "Blue."))
    phone.says(said)
    assert phone.position == f"sample.{state}"


@pytest.mark.parametrize(("said", "state"), [("1", "kept"), ("2", "dropped"), ("sawa", "kept"), ("la", "dropped")])
def test_a_confirmation_has_an_edge_for_yes_and_one_for_no(said: str, state: str) -> None:
    confirm = Confirm("sure", "Keep it?", yes="kept", no="dropped")
    phone = start(confirm, Notice("kept", "Kept."), Notice("dropped", "Dropped."))
    assert phone.lines[:3] == ["Keep it?", "1. Yes", "2. No"]
    phone.says(said)
    assert phone.position == f"sample.{state}"


def test_a_confirmation_can_be_answered_with_its_label() -> None:
    confirm = Confirm("sure", "Pay it?", yes="end", no="end", label="Confirm payment")
    phone = start(confirm, PAID)
    assert "1. Confirm payment" in phone.lines
    phone.says("confirm")
    assert phone.conversation.answers == {"sure": True}


@pytest.mark.parametrize(("said", "claimed"), [("YES", True), ("hapana", True), ("YES K7P4", False), ("MENU", False)])
def test_a_confirmation_takes_a_bare_yes_or_no_that_is_a_keyword_too(said: str, claimed: bool) -> None:
    phone = start(Confirm("sure", "Keep it?", yes="end", no="end"), PAID)
    assert phone.engine.state(phone.conversation).claims_keyword(phone.turn(), said) is claimed
    assert not Ask("name", "Who?", then="end").claims_keyword(phone.turn(), said)


@pytest.mark.parametrize(("said", "claimed"), [("YES", True), ("no", True), ("ORDERS", False), ("hapana", False)])
def test_a_menu_takes_a_yes_or_no_that_is_one_of_its_lines(said: str, claimed: bool) -> None:
    phone = start(
        Menu("order", "It?", Option("Yes, all of it", "end"), Option("Orders", "end"), Option("No", "end")), PAID
    )
    assert phone.engine.state(phone.conversation).claims_keyword(phone.turn(), said) is claimed


def test_a_text_shows_more_but_neither_back_nor_home() -> None:
    phone = start(shelf(*TWELVE_LABELS), END, channel=SMS)
    assert phone.lines[-1] == "98. More"
    assert not {"0. Back", "00. Home"} & set(phone.lines)
    assert gsm7.segments(phone.shown).count == 1


def test_lines_are_looked_up_once_each_time_the_list_is_reached() -> None:
    asked = []

    def items(turn: Turn) -> list[Choice]:
        asked.append(turn.person.name)
        return [Choice(label, label) for label in TWELVE_LABELS]

    phone = start(PagedList("ware", "Which?", items=items, then="end"), END)
    phone.says("98", "none", "0")
    assert asked == ["Amina"]
