"""What a hop by call and a hop by text share: a turn in the book, and commands performed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from bot.conversation import deferred
from bot.conversation.pin_reset import Desk
from bot.conversation.session import hop_key
from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace.port import CallerProfile, Marketplace, MarketplaceSession, Unreachable
from bot.messaging import queue, rendering
from bot.messaging.queue import REPLY, NewMessage
from bot.photos import links
from flows.commands import (
    ChangePayout,
    CheckPin,
    ChooseLanguage,
    Command,
    FindCash,
    OfferPinReset,
    Outcome,
    RegisterArtisan,
    ResetPin,
    SendPhotoLink,
    SendStatement,
    ShopCommand,
)
from flows.kit import SMS, Channel, Conversation, DialogueEngine, Person, Place, Turn
from marketplace_api.shop import Ids
from state import people, pins, processed

VEIL = "\0"
"""Stands where a sign of a secret was typed."""


class Checkpoint(msgspec.Struct, array_like=True):
    """Where a call stood when a command was done: what was heard of its cumulative text, secrets veiled, and the
    conversation."""

    heard: str
    conversation: Conversation


_outcome = msgspec.json.Decoder(Outcome)
_checkpoint = msgspec.json.Decoder(Checkpoint)

OURS = (CheckPin, OfferPinReset, ResetPin)
"""Commands that no shop hears of: done and written down in one transaction, wherever the shop is."""
NOW_OR_NEVER = (FindCash,)
"""Commands whose outcome somebody waits for, so that later is no use."""


@dataclass(frozen=True, slots=True)
class HopContext:
    """One person for one hop: who serves her, and what is written down."""

    marketplace: Marketplace
    market: MarketplaceSession
    work: UnitOfWork
    msisdn: str
    now: datetime
    ids: Ids

    def together(self) -> AbstractContextManager[object]:
        """All or nothing, if the shop shares our transactions; else none is held while the shop is asked."""
        return self.work.writing() if self.marketplace.is_local else nullcontext()

    def perform(self, command: Command, key: str) -> Outcome:
        """Has the shop do it. Raises Unreachable, also while something she asked for before has to wait."""
        if not self.marketplace.is_local:
            with self.work.looking() as conn:
                if deferred.is_waiting(conn, self.msisdn):
                    raise Unreachable("others come first")
        return self.market.perform(command, key)


@contextmanager
def hop_context(
    marketplace: Marketplace, database: Database, ids: Ids, msisdn: str, now: datetime
) -> Iterator[HopContext]:
    work = UnitOfWork(database)
    try:
        yield HopContext(marketplace, marketplace.session(work, msisdn, now), work, msisdn, now, ids)
    finally:
        work.close()


@dataclass(frozen=True, slots=True)
class DialogueRunner:
    """The book, and the place it is played in."""

    engine: DialogueEngine
    place: Place
    secret: bytes
    """Peppers PINs and names hops; of at most 64 bytes."""

    @property
    def default_language(self) -> str:
        return self.place.languages[0][0]

    def turn(self, conversation: Conversation, person: Person, market: MarketplaceSession, channel: Channel) -> Turn:
        words = rendering.words(person.language or self.default_language)
        return Turn(conversation, person, self.place, market, words, channel)

    def perform(self, turn: Turn, context: HopContext, gateway: str | None = None, heard: str = "") -> None:
        """Does what the conversation has come to; nothing when it waits for the person."""
        while (command := self.engine.pending_command(turn)) is not None:
            self._ask_ahead(command, context)
            with context.work.writing() if isinstance(command, OURS) else context.together():
                self._perform(command, turn, context, gateway, heard)

    def _ask_ahead(self, command: Command, context: HopContext) -> None:
        """Of a shop elsewhere, what a command of ours needs to know, before a lock is taken; a stall remembers it."""
        if isinstance(command, OfferPinReset | ResetPin) and not context.marketplace.is_local:
            context.market.artisan_of_kiosk(command.msisdn)

    def _perform(self, command: Command, turn: Turn, context: HopContext, gateway: str | None, heard: str) -> None:
        """One command, and what the conversation makes of it. What was performed before is answered again.

        Where the shop is elsewhere, a hop that dies here has begun and not finished: the next one asks the shop
        again under the same key.
        """
        key, asked = turn.conversation.command_key, msgspec.json.encode(turn.conversation)
        with context.work.writing() as conn:
            recorded = processed.begin(conn, key, context.msisdn, context.now, gateway)
        outcome = _outcome.decode(recorded) if recorded else self._outcome(command, turn, context)
        shop_has_heard = outcome.kind != "queued" and not isinstance(command, OURS)
        turn.person = meet(context, turn.person) if shop_has_heard else again(context, turn.person)
        turn.words = rendering.words(turn.person.language or self.default_language)
        self.engine.apply_outcome(turn, outcome)
        if recorded:
            return
        with context.work.writing() as conn:
            if outcome.kind == "queued":
                deferred.add(conn, deferred.note(context.msisdn, key, command, asked), context.now)
            processed.finish(
                conn, key, msgspec.json.encode(outcome), msgspec.json.encode(Checkpoint(heard, turn.conversation))
            )

    def _outcome(self, command: Command, turn: Turn, context: HopContext) -> Outcome:
        try:
            return self._do(command, turn, context)
        except Unreachable:
            if isinstance(command, NOW_OR_NEVER) or not isinstance(command, ShopCommand):
                raise
            return Outcome("queued")

    def _do(self, command: Command, turn: Turn, context: HopContext) -> Outcome:
        """Performs a command: what concerns the person with us, what concerns the shop there."""
        msisdn, now, key = context.msisdn, context.now, turn.conversation.command_key
        match command:
            case CheckPin(pin):
                with context.work.writing() as conn:
                    verdict = pins.check(conn, msisdn, pin, self.secret, now)
                return Outcome("done") if verdict == "right" else Outcome("rejected", verdict)
            case ChangePayout():
                with context.work.looking() as conn:
                    if not pins.is_proven(conn, msisdn, now):
                        return Outcome("rejected", "pin")
            case SendPhotoLink():
                return self._send_photo_link(command, context, key)
            case OfferPinReset(whose):
                with context.work.writing() as conn:
                    return Desk(context.market, conn, context.ids, self.secret, now, key).offer(whose)
            case ResetPin(whose, digits):
                with context.work.writing() as conn:
                    return Desk(context.market, conn, context.ids, self.secret, now, key).redeem(whose, digits)
            case SendStatement():
                text = self._statement(turn, context)
                with context.work.writing() as conn:
                    queue.add(conn, text, context.ids.new_id("msg"), now)
                return Outcome("done")
            case RegisterArtisan() if self._is_guarded(context):
                return Outcome("rejected", "pin")
            case ChooseLanguage(language) | RegisterArtisan(language=language):
                with context.work.writing() as conn:
                    people.set_language(conn, msisdn, language, now)
            case FindCash():  # she may have guessed otherwise where the answer to her first guess was lost
                key = f"{key}:{hop_key(self.secret, repr(command))}"
        return context.perform(command, key)

    def _send_photo_link(self, command: SendPhotoLink, context: HopContext, key: str) -> Outcome:
        """The shop's link for a product of hers, by text too if she is on a call."""
        link = context.market.photo_link(command.code)
        if link is None:
            return Outcome("rejected", "unknown_code")
        if command.texted:
            product = next(product for product in context.market.products() if product.code == command.code)
            with context.work.writing() as conn:
                known = people.find(conn, context.msisdn)
                language = (known and known.language) or self.default_language
                text = links.text(product, link, context.msisdn, language, f"photo:{key}")
                queue.add(conn, text, context.ids.new_id("msg"), context.now)
        return Outcome("done", values={"link": link})

    def _is_guarded(self, context: HopContext) -> bool:
        with context.work.looking() as conn:
            return pins.is_guarded(conn, context.msisdn, context.now)

    def _statement(self, turn: Turn, context: HopContext) -> NewMessage:
        """What she would be answered had she texted STATEMENT."""
        by_text = self.turn(Conversation(turn.conversation.id), turn.person, context.market, SMS)
        self.engine.open(by_text, "statement")
        body = self.engine.screen(by_text).render(self.engine.state(by_text.conversation).channel(SMS))
        key, language = f"statement:{turn.conversation.command_key}", turn.words.language
        return NewMessage(key, turn.person.msisdn, body, language, topic="reply", priority=REPLY)

    def veiled(self, turn: Turn, said: str) -> str:
        """What may be written down of something about to be heard: of an answer to a secret question, its length."""
        return veil(said) if self.engine.state(turn.conversation).secret else said


def meet(context: HopContext, last: Person | None) -> Person:
    """What dialogues need to know of somebody, from where it is true.

    What only the shop knows is as it was `last`, while that cannot be reached; Unreachable if she was never met.
    """
    try:
        caller = context.market.caller()
    except Unreachable:
        if last is None:
            raise
        return again(context, last)
    return _person(context, caller)


def again(context: HopContext, last: Person) -> Person:
    """Somebody of whom the shop knows nothing new."""
    return _person(context, CallerProfile(last.name, last.artisan, last.agent, last.kiosk))


def _person(context: HopContext, caller: CallerProfile) -> Person:
    with context.work.looking() as conn:
        known = people.find(conn, context.msisdn)
    return Person(
        context.msisdn,
        language=known.language if known else None,
        name=caller.name,
        artisan=caller.artisan,
        agent=caller.agent,
        kiosk=caller.kiosk,
        pin=known.has_pin if known else False,
    )


def checkpoint(conn: Connection, gateway: str) -> Checkpoint | None:
    """Where a call stood after its last command, for when the session store has lost it."""
    saved = processed.last_checkpoint(conn, gateway)
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
