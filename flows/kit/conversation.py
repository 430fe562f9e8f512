"""A conversation as it is stored between two hops: one compact JSON document."""

from __future__ import annotations

from typing import Literal

import msgspec

Answer = str | int | bool | None


class Choice(msgspec.Struct, frozen=True, array_like=True):
    """A line of a list as it was offered, so that its number keeps its meaning."""

    value: str
    label: str


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Where a flow was left for another flow, so that *back* returns there."""

    flow: str
    state: str
    answers: dict[str, Answer]
    labels: dict[str, str]
    trail: list[str]
    unseen: list[str] = []


class Guess(msgspec.Struct, frozen=True, array_like=True):
    """An answer that was read with doubt: it is asked back under its label, never used by itself."""

    value: Answer
    label: str


class Conversation(msgspec.Struct, omit_defaults=True):
    """Where one person is in the dialogues, and what they have answered.

    `id` stays the same over repeated hops, replays and resumption. `state` is the attribute that the flow's machine
    moves. A secret is removed in the hop in which it was typed, so it is never stored. Some fields are stored under an
    older name.
    """

    id: str
    flow: str = ""
    state: str = ""
    version: int = 1
    answers: dict[str, Answer] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """For each question answered from a list, the label of the picked line."""
    trail: list[str] = msgspec.field(default_factory=list)
    """The states that were answered, the latest last; *back* leads through all but the `unseen` ones."""
    unseen: list[str] = msgspec.field(default_factory=list)
    """The states of the trail that had one possible answer, and so were never asked."""
    return_stack: list[Frame] = msgspec.field(default_factory=list, name="callers")
    """The flows that entered this one, the latest last."""
    prefill: dict[str, str] = msgspec.field(default_factory=dict)
    """Answers given ahead, by question; each is read when its question is reached."""
    choices: list[Choice] = msgspec.field(default_factory=list)
    pages: list[int] = msgspec.field(default_factory=list)
    """For each further page of a list that was opened, the index of its first line."""
    commands_done: int = msgspec.field(default=0, name="visits")
    misses: int = 0
    """Rejected answers in a row."""
    problem: list[str] = msgspec.field(default_factory=list)
    """What was wrong with the last answer, in versions, the longest first."""
    guess: Guess | None = None
    side_prompt: Literal["", "person", "resume"] = msgspec.field(default="", name="detour")
    over: bool = False
    pin_proof: str = ""
    """Where a right PIN was given, and for which PIN; empty before that."""

    @property
    def command_key(self) -> str:
        """The key under which the next command is performed once, however often the hop is repeated."""
        return f"{self.id}:{self.commands_done}"

    @property
    def page(self) -> int:
        """The index of the first line on the current page of a list."""
        return self.pages[-1] if self.pages else 0

    def clear_screen_state(self) -> None:
        """Forgets what belongs to the screen that was left."""
        self.choices, self.pages = [], []
        self.misses, self.problem, self.guess, self.side_prompt = 0, [], None, ""
