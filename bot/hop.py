"""What a hop by call and a hop by text share: a turn in the book, and commands performed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from bot import speech
from bot.market import InProcessMarket
from flows.kit import Book, Channel, Conversation, Person, Place, Turn
from flows.market import ChooseLanguage, Command, Outcome, RegisterArtisan
from state import people, performed


class Checkpoint(msgspec.Struct, array_like=True):
    """Where a call stood when a command was done: what was heard of its cumulative text, and the conversation."""

    heard: str
    conversation: Conversation


_outcome = msgspec.json.Decoder(Outcome)
_checkpoint = msgspec.json.Decoder(Checkpoint)


@dataclass(frozen=True, slots=True)
class Stage:
    """The book, and the place it is played in."""

    book: Book
    place: Place

    @property
    def default_language(self) -> str:
        return self.place.languages[0][0]

    def turn(self, conversation: Conversation, person: Person, market: InProcessMarket, channel: Channel) -> Turn:
        words = speech.words(person.language or self.default_language)
        return Turn(conversation, person, self.place, market, words, channel)

    def perform(self, turn: Turn, market: InProcessMarket, now: datetime, gateway: str | None, heard: str) -> None:
        """Does what the conversation has come to, in one transaction; nothing when it waits for the person."""
        if self.book.command(turn) is not None:
            with market.writing() as session:
                self.perform_within(turn, market, session.connection(), now, gateway, heard)

    def perform_within(
        self,
        turn: Turn,
        market: InProcessMarket,
        conn: Connection,
        now: datetime,
        gateway: str | None = None,
        heard: str = "",
    ) -> None:
        """The same inside a transaction that is open. What was performed before is answered again, not done again."""
        while (command := self.book.command(turn)) is not None:
            key = turn.conversation.key
            recorded = performed.begin(conn, key, turn.person.msisdn, now, gateway)
            outcome = _outcome.decode(recorded) if recorded is not None else do(command, market, conn, turn, now)
            turn.person = meet(conn, market, turn.person.msisdn)
            turn.words = speech.words(turn.person.language or self.default_language)
            self.book.tell(turn, outcome)
            if recorded is None:
                checkpoint = msgspec.json.encode(Checkpoint(heard, turn.conversation))
                performed.finish(conn, key, msgspec.json.encode(outcome), checkpoint)


def do(command: Command, market: InProcessMarket, conn: Connection, turn: Turn, now: datetime) -> Outcome:
    """Performs a command, and remembers of the person what outlives the shop: her language."""
    if isinstance(command, ChooseLanguage | RegisterArtisan):
        people.set_language(conn, turn.person.msisdn, command.language, now)
    return market.perform(command)


def meet(conn: Connection, market: InProcessMarket, msisdn: str) -> Person:
    """What dialogues need to know of somebody, from where it is true."""
    known, artisan, kiosk = people.find(conn, msisdn), market.artisan(), market.kiosk()
    return Person(
        msisdn,
        language=known.language if known else None,
        name=artisan.name if artisan else kiosk.agent_name if kiosk else "",
        artisan=artisan is not None,
        agent=kiosk is not None,
        kiosk=kiosk.name if kiosk else "",
    )


def checkpoint(conn: Connection, gateway: str) -> Checkpoint | None:
    """Where a call stood after its last command, for when the session store has lost it."""
    saved = performed.latest(conn, gateway)
    return _checkpoint.decode(saved) if saved else None


def parts(text: str) -> Sequence[str]:
    """Cumulative text nobody has heard yet, one answer a part; only then is splitting it right."""
    return text.split("*") if text else ()


def added(heard: str, text: str) -> str | None:
    """What was said since: ONE answer, stars and all. None when the text does not go on from what was heard."""
    if not heard:
        return text or None
    return text[len(heard) + 1 :] if text.startswith(heard + "*") else None
