"""A phone that talks to a dialogue engine and a fake marketplace, a hop at a time, as the conversation service does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
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

from .fake_marketplace import FakeMarketplace

PLACE = Place("KE", "KES", (("en", "English"), ("sw", "Kiswahili")), "*384*22#", "22384")
AMINA = Person("+254711000111", language="en", name="Amina", artisan=True)

HOME = Flow(
    "home",
    Menu("menu", "At home.", Option("A sample", Enter("sample")), Option("Another", "inner")),
    Menu("inner", "Inside."),
)
CALL = Flow(
    "call",
    Act("asking", command=lambda turn: RequestCall(), done="asked", rejected="asked"),
    Notice("asked", "We call you."),
)


@dataclass(slots=True)
class FakePhone:
    """One person's phone. The conversation is stored as JSON after every hop and read back before the next."""

    engine: DialogueEngine
    marketplace: FakeMarketplace
    channel: Channel = USSD
    place: Place = PLACE
    stored: bytes = msgspec.json.encode(Conversation("call-1"))
    performs: Callable[[FakeMarketplace, Command], Outcome] = FakeMarketplace.perform
    screen: Screen = field(default_factory=lambda: Screen(("",)))
    shown: str = ""
    """The screen as it was rendered, `CON `/`END ` included."""
    _read: Conversation | None = None
    """The decoded `stored`; it is never changed."""

    @property
    def conversation(self) -> Conversation:
        """The conversation as it was stored after the last hop. Read only: a hop decodes its own copy."""
        if self._read is None:
            self._read = msgspec.json.decode(self.stored, type=Conversation)
        return self._read

    @property
    def lines(self) -> list[str]:
        """What is shown, without its prefix."""
        prefixes = self.channel.continue_prefix, self.channel.end_prefix
        return self.shown.removeprefix(prefixes[0]).removeprefix(prefixes[1]).split("\n")

    @property
    def position(self) -> str:
        """The flow and the state, such as `sell.title`."""
        return f"{self.conversation.flow}.{self.conversation.state}"

    @property
    def budget(self) -> Channel:
        """What this state may hold on this channel."""
        return self.engine.state(self.conversation).channel(self.channel)

    def copy(self) -> FakePhone:
        """The same phone with a copy of the marketplace, to try another way from here."""
        return FakePhone(
            self.engine,
            self.marketplace.copy(),
            self.channel,
            self.place,
            self.stored,
            self.performs,
            self.screen,
            self.shown,
            self._read,
        )

    def opens(self, flow: str, **given: str) -> str:
        return self._hop(lambda turn: self.engine.open(turn, flow, given))

    def dials(self) -> str:
        return self.opens(self.engine.home)

    def says(self, *parts: str) -> str:
        """One hop for each part; returns what is shown after the last."""
        for part in parts:
            self._hop(partial(self.engine.handle_input, text=part))
        return self.shown

    def texts(self, text: str) -> str:
        """A text while no question waits for an answer."""
        match = self.engine.match_keyword(text, self.place)
        if match is None:
            return self._hop(lambda turn: self.engine.on_unmatched(turn, text))
        flow, given = match
        return self.opens(flow, **given)

    def drops_and_dials(self) -> str:
        return self._hop(lambda turn: self.engine.ask_to_resume(turn.conversation))

    def resumes_by_text(self) -> str:
        return self._hop(self.engine.resume)

    def turn(self) -> Turn:
        """A turn with a conversation of its own."""
        conversation = msgspec.json.decode(self.stored, type=Conversation)
        person = self.marketplace.person
        words = rendering.words(person.language or self.place.languages[0][0])
        return Turn(conversation, person, self.place, self.marketplace, words, self.channel)

    def _hop(self, step: Callable[[Turn], None]) -> str:
        turn = self.turn()
        step(turn)
        while (command := self.engine.pending_command(turn)) is not None:
            outcome = self.performs(self.marketplace, command)
            turn.person = self.marketplace.person
            turn.words = rendering.words(turn.person.language or self.place.languages[0][0])
            self.engine.apply_outcome(turn, outcome)
        self.screen = self.engine.screen(turn)
        self._store(turn.conversation)
        self.shown = self.screen.render(self.budget)
        return self.shown

    def _store(self, conversation: Conversation) -> None:
        self.stored, self._read = msgspec.json.encode(conversation), None
        assert self.conversation == conversation


def start(*states: StateKind, channel: Channel = USSD, flows: tuple[Flow, ...] = (), **options: object) -> FakePhone:
    """A phone at the beginning of a flow of these states, called `sample`, in an engine with a home and a callback."""
    engine = DialogueEngine(HOME, CALL, Flow("sample", *states, **options), *flows)  # type: ignore[arg-type]
    phone = FakePhone(engine, FakeMarketplace(AMINA), channel)
    phone.opens("sample")
    return phone
