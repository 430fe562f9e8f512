"""The state in which a command is performed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from flows.commands import Command, OutcomeKind
from flows.kit.edges import NOTED, Edge, Enter, Then, targets
from flows.kit.turn import Turn

from .base import StateKind


class Act(StateKind):
    """A command to be performed; its outcome is the next trigger. It has no screen.

    If `queued` is left out, the person is told that the command waits, and gets its outcome as a text later.
    """

    has_screen = False

    def __init__(
        self,
        name: str,
        *,
        command: Callable[[Turn], Command],
        done: Then,
        rejected: Then,
        queued: Then | None = None,
    ) -> None:
        super().__init__(name)
        self.command = command
        self.promises_text = queued is None
        """True if a text with the outcome is promised when the command is queued."""
        self.outcomes: Mapping[OutcomeKind, Then] = {
            "done": done,
            "rejected": rejected,
            "queued": Enter(NOTED) if queued is None else queued,
        }

    def edges(self) -> Iterator[Edge]:
        return (Edge(trigger, go) for trigger, then in self.outcomes.items() for go in targets(then))
