"""Runs dialogues for a hop: prepares a turn, and performs the commands of the dialogue, each once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache

import msgspec
from msgspec import structs
from sqlalchemy import Connection

import locales
from bot.conversation import deferred, failed_credentials, heard, ussd_text
from bot.conversation.checkpoints import Checkpoint
from bot.conversation.hop import HopContext, load_profile, refresh_profile
from bot.conversation.hop_counts import AnsweredState, HopCounts, StateName
from bot.conversation.pin_reset import PinReset
from bot.conversation.session import Session, UssdCall, find_on_pages, hop_key
from bot.marketplace.port import MarketplaceSession, Unreachable
from bot.messaging import queue, rendering
from bot.messaging.queue import NewMessage, Priority
from bot.messaging.sealing import Seal
from bot.photos import links
from bot.providers.contracts import Inbound
from flows import gsm7
from flows.commands import (
    ChangePayout,
    CheckPin,
    ChooseLanguage,
    Command,
    FindCash,
    Leave,
    OfferPinReset,
    Outcome,
    RegisterArtisan,
    RenameArtisan,
    RenewCashCode,
    ResetPin,
    SendPhotoLink,
    SendStatement,
)
from flows.kit import SMS, Channel, Conversation, DialogueEngine, Person, Place, Turn, Words
from flows.kit.state_kinds.lists import ListQuestion
from state import budgets, people, pins, processed, sending
from state.budgets import Use
from state.pins import HashNeeded, Peppers

PinCommand = CheckPin | OfferPinReset | ResetPin
PIN_COMMANDS = (CheckPin, OfferPinReset, ResetPin)
"""Commands about PINs: performed by the bot in one transaction, wherever the shop is."""
PROFILE_COMMANDS = (RegisterArtisan, RenameArtisan, Leave)
"""Commands that change the person's profile in the shop."""
NEVER_DEFERRED = (FindCash, RenewCashCode)
"""Shop commands that are of no use later: an agent and an artisan are waiting for the outcome."""
CODES_A_DAY = 5
"""How many new codes for her cash an artisan can get in a day; after that the last one is repeated."""


SEALED = "\0"
"""Between a stored reply and its sealed codes."""

_outcome = msgspec.json.Decoder(Outcome)


def photo_link_outcome(market: MarketplaceSession, command: SendPhotoLink) -> Outcome:
    """Done with the shop's upload link; rejected if the product is not one of the artisan's. May raise Unreachable."""
    link = market.photo_link(command.code)
    return Outcome("rejected", "unknown_code") if link is None else Outcome("done", values={"link": link})


def _may_change_profile(command: Command, outcome: Outcome) -> bool:
    """True if the shop may know the person otherwise now, also because a rejection may follow from an old profile."""
    if outcome.kind == "queued" or isinstance(command, PIN_COMMANDS):
        return False
    return outcome.kind == "rejected" or isinstance(command, PROFILE_COMMANDS)


@lru_cache(maxsize=1024)
def _best_match(tag: str | None, offered: tuple[tuple[str, str], ...]) -> str:
    return locales.best_match(tag, [code for code, _ in offered])


def _goes_on(previous: Session, inbound: Inbound) -> bool:
    """True if a request adds an answer to all that was consumed of the open call.

    It has not come before, or it was not consumed because the shop was out of reach. Then its reply ended the call, and
    the last reply is on no page.
    """
    call = previous.call
    return call is not None and call.id == inbound.id and bool(ussd_text.added(call.consumed, inbound.text))


def _parts(inbound: Inbound, text: Sequence[str]) -> tuple[str, ...]:
    return (inbound.provider, inbound.id, inbound.msisdn, *text)


@dataclass(frozen=True, slots=True)
class DialogueRunner:
    """The dialogue engine, with the settings and the secrets of this service."""

    engine: DialogueEngine
    place: Place
    peppers: Peppers
    hop_secrets: Sequence[bytes] = field(repr=False)
    """The keys of hop keys, at most 64 bytes each. The first makes new ones; by the others, repeated hops are known."""
    seal: Seal
    counts: HopCounts

    @property
    def default_language(self) -> str:
        return self.place.languages[0][0]

    def words(self, person: Person) -> Words:
        """The words of the language in which the person is answered."""
        return rendering.words(self.language(person))

    def language(self, person: Person) -> str:
        """The code of the offered language in which the person is answered."""
        return _best_match(person.language or person.locale, self.place.languages)

    def turn(self, conversation: Conversation, person: Person, market: MarketplaceSession, channel: Channel) -> Turn:
        return Turn(conversation, person, self.place, market, self.words(person), channel)

    def key(self, inbound: Inbound, *text: str) -> str:
        """The key of an inbound message, equal for each copy of it; with `text`, the key of one hop of a USSD session.

        A provider's id names a message only together with its sender: two phones may use one id.

        It becomes the id of a new conversation, so the keys of the commands are equal for each copy too.
        """
        return hop_key(self.hop_secrets[0], *_parts(inbound, text))

    def former_keys(self, inbound: Inbound, *text: str) -> list[str]:
        """The keys that an earlier copy may have, because the secret was another one then."""
        return [hop_key(secret, *_parts(inbound, text)) for secret in self.hop_secrets[1:]]

    def reply_before(
        self, previous: Session | None, key: str, inbound: Inbound, pages: Callable[[], Iterable[bytes]]
    ) -> str | None:
        """The reply that an earlier copy of a hop with this key got; None if there was none.

        `pages` reads the pages of the session, which only a request that may be a copy of an older one needs.
        """
        if previous is None:
            return None
        keys, stored = [key, *self.former_keys(inbound, inbound.text)], None
        for known in keys:
            if known in previous.replies:
                stored = previous.replies[known]
                break
        if stored is None and not _goes_on(previous, inbound) and previous.may_have_page(inbound.id):
            stored = find_on_pages(pages(), previous.first_page, keys)
        return None if stored is None else self._opened(stored)

    def hash(self, *parts: str) -> str:
        """A short hash that does not tell its parts, such as a PIN, to anybody without the key."""
        return hop_key(self.hop_secrets[0], *parts)

    def handle(self, turn: Turn, answer: str, context: HopContext) -> None:
        """Take what the person has typed or texted."""
        state = StateName(turn.conversation.flow, turn.conversation.state)
        self.engine.handle_input(turn, answer)
        context.answered = AnsweredState(state, bool(turn.conversation.problem))

    def count(self, turn: Turn, context: HopContext, *, ends: bool = False) -> None:
        """Count the hop that shows what the conversation waits for."""
        conversation = turn.conversation
        shown = StateName(conversation.flow, conversation.state)
        self.counts.note(
            turn.channel.name, turn.words.language, shown, context.answered, ends=ends or conversation.over
        )

    def perform(self, turn: Turn, context: HopContext, gateway_session: str | None = None, consumed: str = "") -> None:
        """Perform the commands that the conversation waits for, until it waits for the person.

        `gateway_session` and `consumed` are stored in the checkpoint of a call.
        """
        while (command := self.engine.pending_command(turn)) is not None:
            if isinstance(command, PIN_COMMANDS):
                self._prepare(command, context)
            context.begin_effects()
            with context.work.writing() if isinstance(command, PIN_COMMANDS) else context.transaction():
                self._perform_once(command, turn, context, gateway_session, consumed)

    def _prepare(self, command: PinCommand, context: HopContext) -> None:
        """Compute the hashes that a PIN command needs, and read what it needs from a remote shop, without a lock.

        Raises HashNeeded if the hop's transaction is open already; the hop then starts again.
        """
        if not isinstance(command, CheckPin) and not context.marketplace.is_local:
            context.market.artisan_of_kiosk(command.msisdn)  # the market session caches it
        try:
            with context.work.reading() as conn:
                self._find_hashes(command, context, conn)
        except HashNeeded as needed:
            if context.work.is_writing:
                raise
            context.work.close()
            context.secrets.hashes.compute(needed)

    def _find_hashes(self, command: PinCommand, context: HopContext, conn: Connection) -> None:
        hashes = context.secrets.hashes
        match command:
            case CheckPin(pin):
                pins.prepare_check(conn, context.msisdn, pin, hashes, context.now)
            case OfferPinReset():
                context.secrets.reset_code = context.secrets.reset_code or context.ids.one_time_code()
                hashes.new(context.secrets.reset_code)
            case ResetPin(msisdn, digits):
                pins.prepare_redeem(conn, msisdn, digits, hashes, context.now)

    def _perform_once(
        self, command: Command, turn: Turn, context: HopContext, gateway_session: str | None, consumed: str
    ) -> None:
        """Perform a command and apply its outcome; if it was performed before, apply the stored outcome.

        With a remote shop, a hop may crash after the command is begun and before it is finished. Then the next hop
        sends the command to the shop again, under the same key.
        """
        place = gateway_session or turn.conversation.id
        key, before = self._key(command, turn, place), msgspec.json.encode(turn.conversation)
        with context.work.writing() as conn:
            recorded = processed.begin(conn, key, context.msisdn, context.now, gateway_session)
        outcome = _outcome.decode(recorded) if recorded else self._outcome(command, turn, context, place)
        if _may_change_profile(command, outcome):
            turn.person = load_profile(context, turn.person)
        elif isinstance(command, (ChooseLanguage, *PIN_COMMANDS)):
            turn.person = refresh_profile(context, turn.person)
        turn.words = self.words(turn.person)
        if isinstance(command, CheckPin):
            turn.conversation.pin_proof = self._pin_proof(context, place) if outcome.kind == "done" else ""
        self.engine.apply_outcome(turn, outcome)
        if recorded:
            return
        checkpoint = msgspec.json.encode(Checkpoint(consumed, turn.conversation))
        with context.work.writing() as conn:
            if outcome.kind == "queued":
                deferred.add(conn, context.msisdn, key, command, before, context.now)
            processed.finish(conn, key, msgspec.json.encode(outcome), checkpoint)

    def _key(self, command: Command, turn: Turn, place: str) -> str:
        """The key under which a command is performed once. Other digits for a PIN are another command."""
        key = turn.conversation.command_key
        return f"{key}:{self.hash(place, command.pin)}" if isinstance(command, CheckPin) else key

    def _outcome(self, command: Command, turn: Turn, context: HopContext, place: str) -> Outcome:
        """Perform a command; `queued` if it concerns a shop that is unreachable and may wait."""
        try:
            outcome = self._perform(command, turn, context, place)
        except Unreachable:
            if isinstance(command, NEVER_DEFERRED) or not isinstance(command, deferred.Deferrable):
                raise
            return Outcome("queued")
        failed_credentials.note(command, outcome, context)
        return outcome

    def _perform(self, command: Command, turn: Turn, context: HopContext, place: str) -> Outcome:
        """Perform a command: PINs and messages here, all others in the shop. A language is stored here too.

        `place` is the call or the conversation by text.
        """
        msisdn, now, key = context.msisdn, context.now, turn.conversation.command_key
        match command:
            case CheckPin() | OfferPinReset() | ResetPin():
                return self._perform_pin(command, context, key)
            case ChangePayout() if not self._is_pin_proven(turn, context, place):
                return Outcome("rejected", "pin")
            case RegisterArtisan() if self._is_pin_asked(turn, context, place):
                return Outcome("rejected", "pin")
            case SendPhotoLink():
                return self._send_photo_link(command, turn, context, key)
            case SendStatement():
                return self._send_statement(turn, context)
            case ChooseLanguage(language) | RegisterArtisan(language=language):
                with context.work.writing() as conn:
                    people.set_language(conn, msisdn, language, now)
            case RenewCashCode():
                return self._renew_cash_code(command, context, key)
            case FindCash():  # the agent may type other digits if the answer to the first ones was lost
                key = f"{key}:{self.hash(repr(command))}"
        return context.perform(command, key)

    def _perform_pin(self, command: PinCommand, context: HopContext, key: str) -> Outcome:
        hashes = context.secrets.hashes
        with context.work.writing() as conn:
            reset = PinReset(context.market, conn, context.ids, hashes, context.now, key, self.seal)
            match command:
                case OfferPinReset(msisdn):
                    return reset.offer(msisdn, context.secrets.reset_code)
                case ResetPin(msisdn, digits):
                    return reset.redeem(msisdn, digits)
                case CheckPin(pin):
                    verdict = pins.check(conn, context.msisdn, pin, hashes, context.now)
                    if verdict == "right":
                        return Outcome("done")
                    return Outcome("rejected", verdict, {"left": pins.tries_left(conn, context.msisdn)})

    def _is_pin_proven(self, turn: Turn, context: HopContext, place: str) -> bool:
        """True if the right PIN was given in this call, or in this conversation by text."""
        proof = turn.conversation.pin_proof
        return bool(proof) and proof == self._pin_proof(context, place)

    def _is_pin_asked(self, turn: Turn, context: HopContext, place: str) -> bool:
        with context.work.reading() as conn:
            is_chosen = pins.is_chosen(conn, context.msisdn)
        return is_chosen and not self._is_pin_proven(turn, context, place)

    def _pin_proof(self, context: HopContext, place: str) -> str:
        """What a conversation keeps after a right PIN; empty if there is no PIN, or while it is locked."""
        with context.work.reading() as conn:
            seal = pins.seal(conn, context.msisdn, context.now)
        return f"{place} {seal}" if seal else ""

    def _send_photo_link(self, command: SendPhotoLink, turn: Turn, context: HopContext, key: str) -> Outcome:
        """The shop's upload link for a product, also as a message if the person is on a call."""
        outcome = photo_link_outcome(context.market, command)
        if outcome.kind == "done" and command.texted:
            product = next(product for product in context.market.products() if product.code == command.code)
            with context.work.writing() as conn:
                link = str(outcome.values["link"])
                message = links.link_message(product, link, context.msisdn, turn.words.language, f"photo:{key}")
                queue.add(conn, message, context.ids.new_id("msg"), context.now)
        return outcome

    def _renew_cash_code(self, command: RenewCashCode, context: HopContext, key: str) -> Outcome:
        """Let the shop make another code, unless too many were asked for. A text that waits has the old one."""
        with context.work.writing() as conn:
            asked = Use(f"cash codes:{self.hash(context.msisdn)}", 1, timedelta(days=1).total_seconds())
            if budgets.spend(conn, asked, context.now.timestamp()).total > CODES_A_DAY:
                return Outcome("rejected", "asked_often")
        outcome = context.perform(command, key)
        if outcome.kind == "done":
            with context.work.writing() as conn:
                for topic in ("payout.created", "payout.rerouted"):
                    about = str(outcome.values["payout"])
                    sending.suppress_waiting(conn, context.msisdn, topic, about, error="stale")
        return outcome

    def _send_statement(self, turn: Turn, context: HopContext) -> Outcome:
        message = self._statement(turn, context)
        with context.work.writing() as conn:
            queue.add(conn, message, context.ids.new_id("msg"), context.now)
        return Outcome("done")

    def _statement(self, turn: Turn, context: HopContext) -> NewMessage:
        """The message that the keyword STATEMENT would be answered with."""
        by_text = self.turn(Conversation(turn.conversation.id), turn.person, context.market, SMS)
        self.engine.open(by_text, "statement")
        key, language = f"statement:{turn.conversation.command_key}", turn.words.language
        return NewMessage(key, turn.person.msisdn, self.sms(by_text), language, topic="reply", priority=Priority.REPLY)

    def remember_reply(self, session: Session, hop: str, reply: str, context: HopContext) -> None:
        """Store the reply to a hop of a call, with one-time codes sealed."""
        if codes := context.market.secrets:
            sealed = self.seal.close(reply, codes, hop)
            reply = f"{sealed.text}{SEALED}{sealed.codes}" if sealed.codes else reply
        session.replies[hop] = reply

    def _opened(self, stored: str) -> str:
        """A stored reply as it was given."""
        text, _, codes = stored.partition(SEALED)
        return self.seal.open(text, codes)

    def add_checkpoint(self, turn: Turn, context: HopContext, call: UssdCall) -> None:
        """Store the state of a call after an answer; `perform` does so after a command."""
        key = f"answer:{self.hash(context.msisdn, call.id, call.consumed)}"
        checkpoint = msgspec.json.encode(Checkpoint(call.consumed, turn.conversation, call.is_rebuilt))
        with context.work.writing() as conn:
            if processed.begin(conn, key, context.msisdn, context.now, call.id) is None:
                processed.finish(conn, key, b"", checkpoint)

    def sms(self, turn: Turn) -> str:
        """The screen of a turn as the text of a message."""
        return self.engine.screen(turn).render(self.engine.state(turn.conversation).channel(SMS))

    def sms_with_line(self, turn: Turn, line: str) -> str:
        """The same with a line at the end: a shorter version if that makes room for it, or else two segments.

        A page of a list keeps its lines, because their number says where the next page begins.
        """
        channel, added = self.engine.state(turn.conversation).channel(SMS), f"\n{line}"
        screen, text = self.engine.screen(turn), self.sms(turn)
        shorter = structs.replace(
            channel, septets=channel.septets - len(added), ucs2_units=channel.ucs2_units - gsm7.units(added)
        )
        if channel.room(text + added) < 0 and not screen.options and screen.fits(shorter):
            text = screen.render(shorter)
        return text + added

    def is_secret(self, conversation: Conversation) -> bool:
        """True if the answer that the conversation waits for is a secret, such as a PIN."""
        return self.engine.state(conversation).secret

    def logged(self, conversation: Conversation) -> heard.Kept:
        """What may be logged of the answer that the conversation waits for."""
        if self.is_secret(conversation):
            return "nothing"
        return "words" if isinstance(self.engine.state(conversation), ListQuestion) else "numbers"
