"""What all states have in common.

A state kind is a `transitions.State`: the flow's machine moves the conversation from one state to the next. A rejected
answer is no transition; the same state shows its screen again.
"""

from __future__ import annotations

from collections.abc import Iterator

from transitions import EventData, State

from flows.kit.conversation import Answer
from flows.kit.edges import Edge
from flows.kit.screen import Channel, Screen
from flows.kit.turn import Turn
from flows.kit.words import Wording
from flows.market import OutOfReach


class StateKind(State):
    """A state with a name, words, edges and a screen."""

    name: str = ""
    """A property of the library, which takes longer than an attribute."""
    has_screen = True
    is_question = False
    resume_before = False
    """True if a dropped call resumes at the question before this one: an answer to an old screen must not count."""
    has_fixed_lines = False
    """True if the lines on offer are always the same, so that they need not be stored."""
    optional = False
    """True if nothing is left undone without an answer: a dropped call is not continued here."""
    verbatim = False
    """True if the screen keeps letters that the language in use could not send."""
    secret = False
    """True if the answer is deleted once the command that needs it was performed."""

    def __init__(self, name: str, text: Wording = "") -> None:
        super().__init__(name)
        self.name, self.text = name, text

    def enter(self, event_data: EventData) -> None:
        """Called by the machine when a conversation arrives."""
        (turn,) = event_data.args
        self.prepare(turn)

    def prepare(self, turn: Turn) -> None:
        """Resets the data of the screen before, and looks up the lines that this one offers."""
        turn.conversation.clear_screen_state()

    def edges(self) -> Iterator[Edge]:
        """The edges that leave this state, in the order they are tried."""
        yield from ()

    def interpret(self, turn: Turn, typed: str) -> Answer:
        """The answer that `typed` means.

        Raises RejectedAnswer. If it is only a guess, it is stored in the conversation, and asked back.
        """
        raise NotImplementedError

    def can_read(self, turn: Turn, typed: str) -> bool:
        """True if `typed` can be read as an answer, even if the answer is then rejected."""
        return False

    def claims_keyword(self, turn: Turn, typed: str) -> bool:
        """True if `typed` is an answer here although it is also a keyword, such as YES."""
        return False

    def display(self, turn: Turn, value: Answer) -> str:
        """An answer to this state as later screens show it."""
        return turn.conversation.labels.get(self.name) or str(value)

    def messages(self) -> Iterator[Wording]:
        """All wordings of this state, for the validation of all dialogues."""
        if self.text:
            yield self.text

    def bodies(self, turn: Turn) -> tuple[str, ...]:
        """The text of the screen in its versions, the longest first, with the fields filled in.

        While the shop cannot be read, the versions that need something from it are left out. Raises OutOfReach if all
        of them do.
        """
        filled: list[str] = []
        for version in turn.versions(self.text):
            try:
                filled.append(turn.say_with(version, turn.fields))
            except OutOfReach as error:
                needed = error
        if not filled:
            raise needed
        return tuple(filled)

    def screen(self, turn: Turn) -> Screen:
        return Screen(self.bodies(turn))

    def channel(self, channel: Channel) -> Channel:
        """The budget that this state has on a channel."""
        return channel
