"""What is remembered between two hops: one compact document per conversation."""

from __future__ import annotations

from typing import Literal

import msgspec

Answer = str | int | bool | None


class Choice(msgspec.Struct, frozen=True, array_like=True):
    """A line of a list as it was offered, so that its number keeps its meaning."""

    value: str
    label: str


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Where a flow was left for another, so that *back* returns there."""

    flow: str
    state: str
    answers: dict[str, Answer]
    labels: dict[str, str]
    trail: list[str]


class Guess(msgspec.Struct, frozen=True, array_like=True):
    """What we believe she meant; it is asked back and never acted on by itself."""

    value: Answer
    label: str


class Conversation(msgspec.Struct, omit_defaults=True):
    """Where one person stands in the book.

    `id` is stable over resends, replays and resumption; with `visits`, the number of commands it has
    come to, it makes the key under which a command is performed once. `state` is the attribute that
    the flow's machine moves. PINs and other secrets never enter.
    """

    id: str
    flow: str = ""
    state: str = ""
    version: int = 1
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    trail: list[str] = msgspec.field(default_factory=list)
    return_stack: list[Frame] = msgspec.field(default_factory=list, name="callers")  # the stored name
    prefill: dict[str, str] = msgspec.field(default_factory=dict)
    choices: list[Choice] = msgspec.field(default_factory=list)
    pages: list[int] = msgspec.field(default_factory=list)
    commands_done: int = msgspec.field(default=0, name="visits")  # the stored name
    misses: int = 0
    problem: list[str] = msgspec.field(default_factory=list)
    """What was wrong with the last answer, in versions like every text."""
    guess: Guess | None = None
    side_prompt: Literal["", "person", "resume"] = msgspec.field(default="", name="detour")  # the stored name
    over: bool = False

    @property
    def key(self) -> str:
        """The name of the command this conversation stands before; the same however often it is reached."""
        return f"{self.id}:{self.commands_done}"

    @property
    def page(self) -> int:
        """Where in a list the present page begins."""
        return self.pages[-1] if self.pages else 0

    def clear_screen_state(self) -> None:
        """Forgets what belongs to the screen just left."""
        self.choices, self.pages = [], []
        self.misses, self.problem, self.guess, self.side_prompt = 0, [], None, ""
