"""What an answer must satisfy: each check says what is wrong in words, and knows its worst case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flows import gsm7

from .words import N_, Wording

if TYPE_CHECKING:
    from .turn import Turn


class RejectedAnswer(Exception):  # noqa: N818 - it is what happened, not a fault
    """An answer that is not accepted; `problem` is said in front of the question asked again."""

    def __init__(self, problem: Wording, **values: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.values = values


class Gone(LookupError):  # noqa: N818 - it is what happened, not a fault
    """What a conversation is about is there no more; its flow begins again, with what there is now."""


@dataclass(frozen=True, slots=True)
class Check:
    """`passes(turn, value)`; `longest` is a value that passes and takes the most room on a screen."""

    passes: Callable[[Turn, Any], bool]
    problem: Wording
    longest: Any
    values: Mapping[str, object] = field(default_factory=dict)
    money: tuple[str, ...] = ()
    """Which of `values` are amounts in minor units."""

    def __call__(self, turn: Turn, value: Any) -> None:
        """Raises Refused when the value does not pass."""
        if not self.passes(turn, value):
            raise self.refusal(turn)

    def refusal(self, turn: Turn) -> RejectedAnswer:
        """What is said of a value that does not pass."""
        amounts = {name: turn.money(self.values[name]) for name in self.money}  # type: ignore[arg-type]
        return RejectedAnswer(self.problem, **{**self.values, **amounts})


def length(least: int, most: int, *, of: Callable[[str], bool] = str.isalpha) -> Check:
    """A text of `least` to `most` characters, of which at least one is a letter, or whatever `of` says.

    A picture counts as two, as it does on its way.
    """
    return Check(
        lambda _turn, text: least <= gsm7.units(text) <= most and any(map(of, text)),
        N_("Please use {least} to {most} letters.", "Use {least}-{most} letters."),
        "W" * most,
        {"least": least, "most": most},
    )


def between(least: int, most: int) -> Check:
    """A whole number within limits."""
    return Check(
        lambda _turn, number: least <= number <= most,
        N_("That must be {least} to {most}."),
        most,
        {"least": least, "most": most},
    )


def amount(least: int, most: int) -> Check:
    """An amount of money, in minor units, within limits."""
    return Check(
        lambda _turn, number: least <= number <= most,
        N_("That must be {least} to {most}."),
        most,
        {"least": least, "most": most},
        money=("least", "most"),
    )
