"""Checks of answers. Each has a message for an answer that fails, and its longest valid answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flows import gsm7
from flows.market import OutOfReach
from flows.reading.unsafe_text import is_unsafe

from .words import N_, Wording

if TYPE_CHECKING:
    from .turn import Turn


class RejectedAnswer(Exception):  # noqa: N818 - an event, not a fault
    """An answer that is not accepted; `problem` is shown before the question is asked again."""

    def __init__(self, problem: Wording, **values: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.values = values


class Gone(LookupError):  # noqa: N818 - an event, not a fault
    """The subject of the conversation, such as an order, no longer exists. The flow begins again."""


@dataclass(frozen=True, slots=True)
class Check:
    """`passes(turn, value)` decides; `longest` is a valid value that takes the most room on a screen."""

    passes: Callable[[Turn, Any], bool]
    problem: Wording
    longest: Any
    values: Mapping[str, object] = field(default_factory=dict)
    """Fields of `problem` beside those of the flow."""
    money: tuple[str, ...] = ()
    """Which of `values` are amounts in minor units."""
    then: Check | None = None
    """The next check, for a value that passes this one."""

    def __call__(self, turn: Turn, value: Any) -> None:
        """Raises RejectedAnswer if the value does not pass. What the shop cannot tell now is left to the command."""
        with suppress(OutOfReach):
            if not self.passes(turn, value):
                raise self.rejection(turn)
        if self.then:
            self.then(turn, value)

    def rejection(self, turn: Turn) -> RejectedAnswer:
        """The exception for a value that does not pass."""
        amounts = {name: turn.money(self.values[name]) for name in self.money}  # type: ignore[arg-type]
        return RejectedAnswer(self.problem, **{**self.values, **amounts})


# The text is shown to other people in messages from us.
SAFE = Check(
    lambda turn, text: not is_unsafe(text, turn.place.senders),
    N_(
        "Please leave out web addresses, codes to dial and the name Soko. After a dot, write a space.",
        "Leave out web addresses, codes to dial and the name Soko.",
    ),
    "W",
)


def length(least: int, most: int, *, of: Callable[[str], bool] = str.isalpha) -> Check:
    """A safe text of `least` to `most` characters, at least one of which is a letter (or satisfies `of`).

    An emoji counts as two characters, as it does in a message. Two letters are enough in a script whose letters are
    syllables, such as Amharic.
    """
    return Check(
        lambda _turn, text: _least(text, least) <= gsm7.units(text) <= most and any(map(of, text)),
        N_("Please use {least} to {most} letters.", "Use {least}-{most} letters."),
        "W" * most,
        {"least": least, "most": most},
        then=SAFE,
    )


def _least(text: str, letters: int) -> int:
    return min(letters, 2) if any("\u1200" <= char <= "\u139f" for char in text) else letters


def between(least: int, most: int) -> Check:
    """A whole number within limits."""
    return Check(
        lambda _turn, number: least <= number <= most,
        N_("That must be {least} to {most}."),
        most,
        {"least": least, "most": most},
    )


def amount(least: int, most: int) -> Check:
    """An amount of money within limits, in minor units."""
    return Check(
        lambda _turn, number: least <= number <= most,
        N_("That must be {least} to {most}."),
        most,
        {"least": least, "most": most},
        money=("least", "most"),
    )
