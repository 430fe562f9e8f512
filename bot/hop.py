"""What a hop by call and a hop by text share: a turn in the book, and commands performed once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from bot import outgoing, speech
from bot.market import InProcessMarket
from bot.outgoing import REPLY, Text
from bot.photolinks import PhotoLinks
from bot.pin_reset import Desk
from flows.kit import SMS, Book, Channel, Conversation, Person, Place, Turn
from flows.market import (
    ChangePayout,
    CheckPin,
    ChooseLanguage,
    Command,
    OfferPinReset,
    Outcome,
    RegisterArtisan,
    ResetPin,
    SendPhotoLink,
    SendStatement,
)
from state import people, performed, pins

VEIL = "\0"
"""Stands where a sign of a secret was typed."""


class Checkpoint(msgspec.Struct, array_like=True):
    """Where a call stood when a command was done: what was heard of its cumulative text, secrets veiled, and the
    conversation."""

    heard: str
    conversation: Conversation


_outcome = msgspec.json.Decoder(Outcome)
_checkpoint = msgspec.json.Decoder(Checkpoint)


@dataclass(frozen=True, slots=True)
class Stage:
    """The book, and the place it is played in."""

    book: Book
    place: Place
    secret: bytes
    """Peppers PINs and names hops; of at most 64 bytes."""
    photo_links: PhotoLinks

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
            outcome = self._do(command, turn, market, conn, now) if recorded is None else _outcome.decode(recorded)
            turn.person = meet(conn, market, turn.person.msisdn)
            turn.words = speech.words(turn.person.language or self.default_language)
            self.book.tell(turn, outcome)
            if recorded is None:
                checkpoint = msgspec.json.encode(Checkpoint(heard, turn.conversation))
                performed.finish(conn, key, msgspec.json.encode(outcome), checkpoint)

    def _do(self, command: Command, turn: Turn, market: InProcessMarket, conn: Connection, now: datetime) -> Outcome:
        """Performs a command: what concerns the person with us, what concerns the shop there."""
        msisdn, desk = turn.person.msisdn, Desk(market, conn, self.secret, now, turn.conversation.key)
        match command:
            case CheckPin(pin):
                verdict = pins.check(conn, msisdn, pin, self.secret, now)
                return Outcome("done") if verdict == "right" else Outcome("rejected", verdict)
            case ChangePayout() if not pins.is_proven(conn, msisdn, now):
                return Outcome("rejected", "pin")
            case SendPhotoLink():
                return self.photo_links.send(command, market, conn, msisdn, now)
            case RegisterArtisan() if pins.is_guarded(conn, msisdn, now):
                return Outcome("rejected", "pin")
            case OfferPinReset(whose):
                return desk.offer(whose)
            case ResetPin(whose, digits):
                return desk.redeem(whose, digits)
            case SendStatement():
                text = self._statement(turn, market)
                outgoing.queue(conn, text, market.shop.ids.new_id("msg"), now)
                return Outcome("done")
            case ChooseLanguage(language) | RegisterArtisan(language=language):
                people.set_language(conn, msisdn, language, now)
        return market.perform(command)

    def _statement(self, turn: Turn, market: InProcessMarket) -> Text:
        """What she would be answered had she texted STATEMENT."""
        by_text = self.turn(Conversation(turn.conversation.id), turn.person, market, SMS)
        self.book.open(by_text, "statement")
        body = self.book.screen(by_text).render(self.book.state(by_text.conversation).channel(SMS))
        key, language = f"statement:{turn.conversation.key}", turn.words.language
        return Text(key, turn.person.msisdn, body, language, topic="reply", priority=REPLY)

    def veiled(self, turn: Turn, said: str) -> str:
        """What may be written down of something about to be heard: of an answer to a secret question, its length."""
        return veil(said) if self.book.state(turn.conversation).secret else said


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
        pin=known.has_pin if known else False,
    )


def checkpoint(conn: Connection, gateway: str) -> Checkpoint | None:
    """Where a call stood after its last command, for when the session store has lost it."""
    saved = performed.latest(conn, gateway)
    return _checkpoint.decode(saved) if saved else None


def parts(text: str) -> Sequence[str]:
    """Cumulative text nobody has heard yet, one answer a part; only then is splitting it right."""
    return text.split("*") if text else ()


def veil(said: str) -> str:
    """Something said, of which nothing can be read but how long it is."""
    return VEIL * len(said)


def and_then(heard: str, said: str) -> str:
    """Cumulative text with one answer more."""
    return f"{heard}*{said}" if heard else said


def begins(text: str, heard: str) -> bool:
    """Whether text begins with what was heard; where that is veiled, anything is what was heard."""
    if VEIL not in heard:
        return text.startswith(heard)
    return len(text) >= len(heard) and all(kept in (sign, VEIL) for kept, sign in zip(heard, text, strict=False))


def added(heard: str, text: str) -> str | None:
    """What was said since: ONE answer, stars and all. None when the text does not go on from what was heard."""
    if not heard:
        return text or None
    return text[len(heard) + 1 :] if begins(text, heard + "*") else None
