"""Edges: where a conversation goes from a state, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from .conversation import Answer
from .turn import Turn

Guard = Callable[[Turn], bool]
Trigger = Literal["begin", "answer", "skip", "done", "queued", "rejected"]
"""What moves a conversation forward: the start of a flow, an answer, an empty list, the outcome of a command."""

SUGGESTED = "what_was_meant"
"""In place of a flow's name in `Enter`: the flow whose keyword a text nearly matched."""
NOTED = "noted"
"""The name of the flow that says that a command is done later and its outcome comes by text."""


@dataclass(frozen=True, slots=True)
class Enter:
    """An edge's target in another flow; the answers named in `carry` are taken along."""

    flow: str
    carry: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Go:
    """A target, and the guard that must hold. Of several edges the first whose guard holds is taken."""

    to: str | Enter
    when: Guard | None = None


Then = str | Enter | Go | Sequence[Go]
"""Where a state leads, as a dialogue writes it: a state's name, another flow, or targets with guards."""


def targets(then: Then) -> Sequence[Go]:
    """The same as a sequence of `Go`."""
    if isinstance(then, Go):
        return (then,)
    return (Go(then),) if isinstance(then, str | Enter) else then


@dataclass(frozen=True, slots=True)
class Edge:
    """A row of a flow's transition table: the trigger and the target."""

    trigger: Trigger
    go: Go
    picked: Answer = None
    """In menus and confirmations: the answer that takes this edge."""

    @property
    def event(self) -> str:
        """The machine's event. Each picked answer has its own, so that it is found without trying the others."""
        return self.trigger if self.picked is None else event_name(self.trigger, self.picked)


def event_name(trigger: str, picked: Answer) -> str:
    """The machine's event for one answer of a menu or confirmation."""
    return f"{trigger} {picked}"
