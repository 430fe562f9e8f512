"""Questions with a typed answer: text, money, a count, a phone number, a code, a secret."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows import msisdn
from flows.kit.checks import Check, RejectedAnswer
from flows.kit.conversation import Answer, Guess
from flows.kit.edges import Edge, Then, targets
from flows.kit.turn import Turn
from flows.kit.words import N_, Wording
from flows.reading import answers, codes, numbers
from flows.reading.result import Read, Unreadable

from .base import StateKind


class Question(StateKind):
    """A state that waits for an answer and keeps it under its own name."""

    is_question = True
    example: Wording = ""
    """What is said when the answer cannot be read."""

    def __init__(
        self,
        name: str,
        text: Wording,
        *,
        then: Then = (),
        check: Check | None = None,
        example: Wording = "",
        optional: bool = False,
    ) -> None:
        super().__init__(name, text)
        self.then, self.check, self.optional = then, check, optional
        self.example = example or self.example

    def edges(self) -> Iterator[Edge]:
        return (Edge("answer", go) for go in targets(self.then))

    def read(self, turn: Turn, typed: str) -> Read[Any]:
        """The value that was typed. Raises Unreadable, or RejectedAnswer with words of its own."""
        raise NotImplementedError

    def can_read(self, turn: Turn, typed: str) -> bool:
        try:
            self.read(turn, typed)
        except (Unreadable, RejectedAnswer):
            return False
        return True

    def interpret(self, turn: Turn, typed: str) -> Answer:
        try:
            read = self.read(turn, typed)
        except Unreadable:
            raise RejectedAnswer(self.example) from None
        if self.check:
            self.check(turn, read.value)
        if not read.certain:
            turn.conversation.guess = Guess(read.value, self.display(turn, read.value))
        return read.value  # type: ignore[no-any-return]

    def messages(self) -> Iterator[Wording]:
        yield from super().messages()
        if self.example:
            yield self.example
        if self.check:
            yield self.check.problem

    def bodies(self, turn: Turn) -> tuple[str, ...]:
        """The question; after a rejected answer with the problem before it, or the problem alone if both do not fit."""
        question = super().bodies(turn)
        problems = turn.conversation.problem
        if not problems:
            return question
        return (*(f"{problem}\n{body}" for problem in problems for body in question), *problems)


class Ask(Question):
    """A question whose answer is any text."""

    example = N_("Please write it in words.")

    def read(self, turn: Turn, typed: str) -> Read[str]:
        if not typed:
            raise Unreadable("empty")
        return Read(typed)


class AskMoney(Question):
    """An amount, kept in minor units: `1,500`, `Ksh1.5k` and `1500/=` are the same."""

    example = N_("Please write the amount in numbers, like 1500.", "Write numbers, like 1500.")

    def read(self, turn: Turn, typed: str) -> Read[int]:
        return numbers.money(typed, turn.place.currency)

    def display(self, turn: Turn, value: Answer) -> str:
        return turn.money(int(value or 0))


class AskQuantity(Question):
    """A count of pieces or days."""

    example = N_("Please write how many in numbers, like 3.", "Write numbers, like 3.")

    def read(self, turn: Turn, typed: str) -> Read[Any]:
        return numbers.quantity(typed)


EVERYTHING = "all"
"""The answer to `AskHowMany` that means all pieces."""


class AskHowMany(AskQuantity):
    """A count of pieces, or all of them: `20`, `ALL`, `zote`."""

    example = N_("Please write how many in numbers, like 3, or ALL.", "Write a number, or ALL.")

    def read(self, turn: Turn, typed: str) -> Read[Any]:
        return Read(EVERYTHING) if answers.is_all(typed) else super().read(turn, typed)

    def display(self, turn: Turn, value: Answer) -> str:
        return turn.words.text(N_("all")) if value == EVERYTHING else str(value)


class AskPhone(Question):
    """A mobile number, kept as an MSISDN."""

    example = N_("That is not a mobile number. Write it like 0712345678.", "Write it like 0712345678.")

    def read(self, turn: Turn, typed: str) -> Read[str]:
        return msisdn.read(typed, turn.place.country)

    def display(self, turn: Turn, value: Answer) -> str:
        return msisdn.grouped(str(value), turn.place.country)


class AskCode(Question):
    """The code of an order, product or payout."""

    example = N_("That is not a code. It looks like K7P4.", "A code looks like K7P4.")

    def read(self, turn: Turn, typed: str) -> Read[str]:
        code = codes.read(typed)
        if code is None:
            raise Unreadable("code")
        return Read(code)


class AskDigits(Question):
    """A one-time code of digits; secret, so it is deleted once a command has used it."""

    secret = True
    example = N_("That is not a code of {digits} digits.")

    def __init__(self, name: str, text: Wording, *, digits: int, then: Then) -> None:
        super().__init__(name, text, then=then)
        self.digits = digits

    def read(self, turn: Turn, typed: str) -> Read[str]:
        digits = typed.replace(" ", "")
        if len(digits) != self.digits or not digits.isdecimal():
            raise RejectedAnswer(self.example, digits=self.digits)
        return Read(digits)


class AskPin(AskDigits):
    """The person's PIN, which a command checks. It is asked again after a dropped call."""

    resume_before = True
    example = N_("A PIN has {digits} digits.")

    def __init__(self, name: str, text: Wording, *, then: Then) -> None:
        super().__init__(name, text, digits=4, then=then)
