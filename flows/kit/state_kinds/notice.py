"""The state that tells the person something and asks nothing."""

from __future__ import annotations

from collections.abc import Iterator

from flows.kit.conversation import Answer
from flows.kit.edges import Edge, Enter, Go
from flows.kit.screen import LONG_SMS, Channel, Screen
from flows.kit.turn import Turn
from flows.kit.words import Wording

from .base import StateKind


class Notice(StateKind):
    """A last screen, after which the conversation is over. With `stays` it waits until the person goes back or home.

    `segments` is how many segments an SMS with it may have.
    """

    def __init__(self, name: str, text: Wording, *, stays: bool = False, segments: int = 1) -> None:
        super().__init__(name, text)
        self.stays, self.segments = stays, segments

    def prepare(self, turn: Turn) -> None:
        super().prepare(turn)
        turn.conversation.over = not self.stays

    def edges(self) -> Iterator[Edge]:
        if self.stays:
            yield Edge("answer", Go(Enter("home")))

    def interpret(self, turn: Turn, typed: str) -> Answer:
        return None

    def screen(self, turn: Turn) -> Screen:
        return Screen(self.bodies(turn), ends=not self.stays)

    def channel(self, channel: Channel) -> Channel:
        return LONG_SMS if channel.name == "sms" and self.segments > 1 else channel
