"""A phone in the model village: what is said on it goes through a book, a hop at a time, as the hall does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from bot.messaging import rendering
from flows.commands import Command, Outcome, RequestCall
from flows.kit import (
    USSD,
    Act,
    Channel,
    Conversation,
    DialogueEngine,
    Enter,
    Flow,
    Menu,
    Notice,
    Option,
    Person,
    Place,
    Screen,
    Turn,
)
from flows.kit.state_kinds.base import StateKind

from .market import Village

PLACE = Place("KE", "KES", (("en", "English"), ("sw", "Kiswahili")), "*384*22#", "22384")
AMINA = Person("+254711000111", language="en", name="Amina", artisan=True)

HOME = Flow(
    "home",
    Menu("menu", "At home.", Option("A tale", Enter("tale")), Option("Another", "inner")),
    Menu("inner", "Inside."),
)
CALL = Flow(
    "call",
    Act("asking", command=lambda turn: RequestCall(), done="asked", rejected="asked"),
    Notice("asked", "We call you."),
)


@dataclass(slots=True)
class Phone:
    """Its verbs are a person's. Every conversation is written down and read back after every hop."""

    engine: DialogueEngine
    village: Village
    channel: Channel = USSD
    place: Place = PLACE
    kept: bytes = msgspec.json.encode(Conversation("call-1"))
    performs: Callable[[Village, Command], Outcome] = Village.perform
    screen: Screen = field(default_factory=lambda: Screen([""]))

    @property
    def conversation(self) -> Conversation:
        """As it was written down after the last hop."""
        return msgspec.json.decode(self.kept, type=Conversation)

    @property
    def shown(self) -> str:
        return self.screen.render(self.budget)

    @property
    def lines(self) -> list[str]:
        """What is shown, without its prefix."""
        return self.shown.removeprefix(self.channel.continue_prefix).removeprefix(self.channel.end_prefix).split("\n")

    @property
    def stands(self) -> str:
        return f"{self.conversation.flow}.{self.conversation.state}"

    @property
    def budget(self) -> Channel:
        return self.engine.state(self.conversation).channel(self.channel)

    def twin(self) -> Phone:
        """The same phone in the same village, to go another way from here."""
        return replace(self, village=self.village.twin())

    def opens(self, flow: str, **given: str) -> str:
        return self._hop(lambda turn: self.engine.open(turn, flow, given))

    def dials(self) -> str:
        return self.opens(self.engine.home)

    def says(self, *parts: str) -> str:
        """One part a hop; what is shown after the last."""
        for part in parts:
            self._hop(partial(self.engine.handle_input, text=part))
        return self.shown

    def texts(self, text: str) -> str:
        """A text while nothing waits for an answer: a keyword's sense, or something to wonder at."""
        asked = self.engine.match_keyword(text, self.place)
        if asked is None:
            return self._hop(lambda turn: self.engine.on_unmatched(turn, text))
        flow, given = asked
        return self.opens(flow, **given)

    def drops_and_dials(self) -> str:
        return self._hop(lambda turn: self.engine.ask_to_resume(turn.conversation))

    def goes_on_by_text(self) -> str:
        return self._hop(self.engine.resume)

    def turn(self) -> Turn:
        person = self.village.person
        words = rendering.words(person.language or self.place.languages[0][0])
        return Turn(self.conversation, person, self.place, self.village, words, self.channel)

    def _hop(self, step: Callable[[Turn], None]) -> str:
        turn = self.turn()
        step(turn)
        while (command := self.engine.pending_command(turn)) is not None:
            outcome = self.performs(self.village, command)
            turn.person = self.village.person
            turn.words = rendering.words(turn.person.language or self.place.languages[0][0])
            self.engine.apply_outcome(turn, outcome)
        self.screen = self.engine.screen(turn)
        self._keep(turn.conversation)
        return self.shown

    def _keep(self, conversation: Conversation) -> None:
        self.kept = msgspec.json.encode(conversation)
        assert self.conversation == conversation


def tale(*states: StateKind, channel: Channel = USSD, flows: tuple[Flow, ...] = (), **more: object) -> Phone:
    """A phone that stands at the beginning of a flow of these states, in a book with a home and a helper."""
    engine = DialogueEngine(HOME, CALL, Flow("tale", *states, **more), *flows)  # type: ignore[arg-type]
    phone = Phone(engine, Village(AMINA), channel)
    phone.opens("tale")
    return phone
