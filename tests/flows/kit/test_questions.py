"""Questions: what each kind accepts and rejects, and what follows a guess or two wrong answers."""

from __future__ import annotations

import pytest

from flows.kit import (
    Ask,
    AskCode,
    AskDigits,
    AskMoney,
    AskPhone,
    AskPin,
    AskQuantity,
    Check,
    Confirm,
    Menu,
    Notice,
    Option,
    amount,
    between,
    length,
)
from flows.kit.conversation import Answer
from flows.kit.state_kinds.base import StateKind
from tests.flows.phone import start

END = Notice("end", "The end.")

KINDS: dict[str, StateKind] = {
    "ask": Ask("q", "Say it.", then="end"),
    "short": Ask("q", "Say it.", check=length(3, 5), then="end"),
    "money": AskMoney("q", "How much?", check=amount(10_00, 500_00), then="end"),
    "quantity": AskQuantity("q", "How many?", check=between(1, 9), then="end"),
    "phone": AskPhone("q", "Which phone?", then="end"),
    "code": AskCode("q", "Which code?", then="end"),
    "digits": AskDigits("q", "Which digits?", digits=6, then="end"),
    "pin": AskPin("q", "Which PIN?", then="end"),
    "menu": Menu("q", "Which?", Option("Red", "end"), Option("Blue", "end", value="b")),
    "confirm": Confirm("q", "Is it so?", yes="end", no="end"),
}


@pytest.mark.parametrize(
    ("kind", "said", "kept"),
    [
        ("ask", "  kiondo  basket ", "kiondo basket"),
        ("ask", "a*b", "a*b"),
        ("ask", "98", "98"),
        ("short", "abc", "abc"),
        ("short", "abcde", "abcde"),
        ("money", "10", 10_00),
        ("money", "Ksh 499.50", 499_50),
        ("money", "500/=", 500_00),
        ("quantity", "9", 9),
        ("quantity", "tatu", 3),
        ("phone", "0711 000 111", "+254711000111"),
        ("phone", "+255621234567", "+255621234567"),
        ("code", "k7 p4", "K7P4"),
        ("code", "#K7P4M2", "K7P4M2"),
        ("digits", "123 456", "123456"),
        ("digits", "000000", "000000"),
        ("pin", "0000", "0000"),
        ("pin", "24 68", "2468"),
        ("menu", "1", "Red"),
        ("menu", "2.", "b"),
        ("menu", "blue", "b"),
        ("menu", "r", "Red"),
        ("confirm", "1", True),
        ("confirm", "ndiyo", True),
        ("confirm", "Non merci", False),
    ],
)
def test_an_answer_that_can_be_read_is_stored_and_leads_on(kind: str, said: str, kept: Answer) -> None:
    phone = start(KINDS[kind], END)
    assert phone.says(said) == "END The end."
    assert phone.conversation.answers == {"q": kept}


@pytest.mark.parametrize(
    ("kind", "said", "problem"),
    [
        ("ask", "", "Please write it in words."),
        ("short", "ab", "Please use 3 to 5 letters."),
        ("short", "abcdef", "Please use 3 to 5 letters."),
        ("short", "1234", "Please use 3 to 5 letters."),
        ("money", "a lot", "Please write the amount in numbers, like 1500."),
        ("money", "9.99", "That must be KSh 10 to KSh 500."),
        ("money", "500.01", "That must be KSh 10 to KSh 500."),
        ("quantity", "some", "Please write how many in numbers, like 3."),
        ("quantity", "10", "That must be 1 to 9."),
        ("quantity", "1.5", "Please write how many in numbers, like 3."),
        ("phone", "020 2222222", "That is not a mobile number. Write it like 0712345678."),
        ("phone", "my sister's", "That is not a mobile number. Write it like 0712345678."),
        ("code", "what?", "That is not a code. It looks like K7P4."),
        ("digits", "12345", "That is not a code of 6 digits."),
        ("digits", "12345a", "That is not a code of 6 digits."),
        ("pin", "246", "A PIN has 4 digits."),
        ("pin", "24680", "A PIN has 4 digits."),
        ("menu", "3", "Please answer with a number from the list."),
        ("menu", "green", "Please answer with a number from the list."),
        ("confirm", "perhaps", "Please answer with a number from the list."),
    ],
)
def test_a_rejected_answer_says_why_and_asks_the_same_again(kind: str, said: str, problem: str) -> None:
    phone = start(KINDS[kind], END)
    asked = phone.lines
    phone.says(said)
    assert phone.lines == [problem, *asked]
    assert phone.conversation.answers == {}


def test_the_problem_is_gone_with_the_next_screen() -> None:
    phone = start(AskQuantity("one", "How many?", then="two"), AskQuantity("two", "And now?", then="end"), END)
    assert "numbers" in phone.says("some")
    assert phone.says("3") == "CON And now?\n0. Back\n00. Home"


def test_a_rejection_loses_no_earlier_answer() -> None:
    phone = start(
        Ask("name", "Who?", then="count"),
        AskQuantity("count", "How many?", then="end"),
        Notice("end", "{count} for {name}."),
    )
    assert phone.says("Amina", "some", "3") == "END 3 for Amina."


@pytest.mark.parametrize(
    ("kind", "said", "asked"),
    [
        ("money", "2OO", "Did you mean KSh 200?"),
        ("quantity", "O3", "Did you mean 3?"),
        ("menu", "bleu", "Did you mean Blue?"),
    ],
)
class TestAGuess:
    def test_is_asked_back_and_not_stored(self, kind: str, said: str, asked: str) -> None:
        phone = start(KINDS[kind], END)
        assert phone.says(said).startswith(f"CON {asked}\n1. Yes\n2. No\n")
        assert phone.conversation.answers == {}

    @pytest.mark.parametrize("yes", ["1", "yes", "Y", "ndiyo"])
    def test_is_taken_after_yes_in_any_language(self, kind: str, said: str, asked: str, yes: str) -> None:
        assert start(KINDS[kind], END).says(said, yes) == "END The end."

    @pytest.mark.parametrize("no", ["2", "no", "hapana", "0"])
    def test_is_dropped_after_no_or_back(self, kind: str, said: str, asked: str, no: str) -> None:
        phone = start(KINDS[kind], END)
        question = phone.shown
        assert phone.says(said, no) == question
        assert phone.conversation.answers == {}


def test_another_answer_in_place_of_yes_or_no_counts_as_the_answer() -> None:
    phone = start(KINDS["money"], END)
    assert phone.says("2OO", "250") == "END The end."
    assert phone.conversation.answers == {"q": 250_00}


def test_a_guess_that_the_check_rejects_is_not_asked_back() -> None:
    assert "That must be KSh 10 to KSh 500." in start(KINDS["money"], END).says("9OO")


class TestTwoWrongAnswersInARow:
    OFFER = "Shall somebody call you to help?\n1. Call me\n2. Try again"

    def test_lead_to_the_offer_of_a_call(self) -> None:
        phone = start(KINDS["quantity"], END)
        assert self.OFFER not in phone.says("some")
        assert self.OFFER in phone.says("many")

    def test_lead_to_a_call_if_it_is_accepted(self) -> None:
        phone = start(KINDS["quantity"], END)
        assert phone.says("some", "many", "1") == "END We call you."
        assert phone.marketplace.callbacks == ["+254711000111"]

    @pytest.mark.parametrize("again", ["2", "try again", "0"])
    def test_may_be_followed_by_another_try_with_the_count_at_zero(self, again: str) -> None:
        phone = start(KINDS["quantity"], END)
        assert "How many?" in phone.says("some", "many", again)
        assert self.OFFER not in phone.says("lots")
        assert phone.says("3") == "END The end."

    def test_may_be_followed_by_a_right_answer(self) -> None:
        phone = start(KINDS["quantity"], END)
        assert phone.says("some", "many", "7") == "END The end."
        assert phone.marketplace.callbacks == []

    def test_are_counted_from_zero_after_a_right_answer(self) -> None:
        phone = start(AskQuantity("one", "How many?", then="two"), AskQuantity("two", "And now?", then="end"), END)
        assert self.OFFER not in phone.says("some", "3", "some")


def test_a_check_sees_the_turn() -> None:
    own_name = Check(lambda turn, name: name == turn.person.name, "Only {who}.", "Amina", {"who": "Amina"})
    phone = start(Ask("name", "Who?", check=own_name, then="end"), END)
    assert "Only Amina." in phone.says("Otieno")
    assert phone.says("Amina") == "END The end."


def test_a_question_may_have_an_example_of_its_own() -> None:
    phone = start(AskQuantity("eggs", "How many?", then="end"), END)
    own = start(Menu("q", "Which?", Option("Red", "end"), example="Just 1."), END)
    assert "like 3" in phone.says("some")
    assert "Just 1." in own.says("green")


def test_answers_are_shown_as_the_person_reads_them() -> None:
    phone = start(
        AskMoney("price", "How much?", then="colour"),
        Menu("colour", "Which?", Option("Dark blue", "end", value="b")),
        Notice("end", "{colour} for {price} at {ussd_code}, {name}."),
    )
    assert phone.says("1.5k", "1") == "END Dark blue for KSh 1,500 at *384*22#, Amina."
