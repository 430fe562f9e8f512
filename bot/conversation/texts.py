"""Inbound texts: each is stored, handled once and answered; the answer is sent from the outbox.

A text is a STOP or START, an answer to the waiting conversation, MORE, a keyword, a picture, or none of these.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal

from msgspec import structs
from sqlalchemy import Connection

from bot.conversation import duplicates, heard, more
from bot.conversation.claims import TEXT_WAIT_S, Claim, LostClaimError
from bot.conversation.commands import DialogueRunner
from bot.conversation.hop import (
    MAX_ATTEMPTS,
    OUT_OF_REACH,
    HopContext,
    HopResources,
    HopSecrets,
    LostRaceError,
    attempt,
    load_profile,
    postponed,
    refresh_profile,
)
from bot.conversation.session import MARK_LENGTH, Session, new_session
from bot.marketplace.port import Unreachable
from bot.messaging import consent, queue
from bot.messaging.queue import NewMessage, Priority
from bot.messaging.send_policy import LOOP_LIMIT, LOOP_WINDOW
from bot.photos import mms
from bot.providers.contracts import Inbound
from flows import gsm7
from flows.kit import N_, SMS, Conversation, Turn
from flows.msisdn import is_e164
from flows.msisdn import parse as parse_msisdn
from state import messages, people

log = logging.getLogger(__name__)

STOPPED = N_(
    "Soko: you will get no more texts, not even about orders or money, except security codes. "
    "To get them again, text START."
)
STARTED = N_("Soko: you will get texts again. To end them, text STOP.")
GO_BACK = N_("To go on where you were, text MORE.")
ASKED_OFTEN = N_("You asked {count} times. To talk to us, text CALL.")
NOTHING_OPEN = N_("There is nothing to continue. Text MENU to see what you can do.")

JOIN = "join"
"""The flow that also a person whom the shop has not identified may go through."""
LONGEST_SENDER = 40
MOST_ASKED = 20
"""How often the same may be asked within `LOOP_WINDOW` and be answered."""

KeywordMatch = tuple[str, Mapping[str, str]]
"""The flow that a keyword opens, and the answers given with it."""


@dataclass(frozen=True, slots=True)
class TextHandler:
    """Handles inbound texts, SMS and WhatsApp."""

    runner: DialogueRunner
    resources: HopResources
    own_numbers: frozenset[str] = frozenset()
    """Our own sender numbers; an answer to one of them would start a loop."""

    def receive(self, inbound: Inbound) -> None:
        """Store a text and its effects and queue the answer, before this returns. Does not wait for a provider.

        Raises ClaimedTooLongError, and LostRaceError when the claim was lost in every attempt.
        """
        inbound = structs.replace(inbound, msisdn=self._sender(inbound.msisdn))
        if not is_e164(inbound.msisdn):
            self._keep(inbound)
            return
        if inbound.msisdn in (*self.own_numbers, inbound.service):
            log.warning("a text from a number of our own", extra={"provider_id": inbound.id})
            return
        for _ in range(MAX_ATTEMPTS):
            try:
                with self.resources.claims.open(inbound.msisdn, TEXT_WAIT_S) as claim:
                    handle = partial(self._receive, inbound, self.runner.key(inbound), claim)
                    attempt(claim, self.runner.peppers, handle)
                return
            except LostClaimError:
                log.warning("a text has lost its claim", extra={"provider_id": inbound.id})
        raise LostRaceError(inbound.id)

    def _receive(self, inbound: Inbound, key: str, claim: Claim, secrets: HopSecrets) -> None:
        """Handle a text under a claim. Raises LostClaimError or HashNeeded; then nothing has been done."""
        inbound = _sent_before(inbound, claim.now)
        previous = claim.previous
        after = self._process(inbound, key, previous or new_session(inbound.msisdn), claim, secrets)
        if after and not claim.save(after):
            # the effects are committed; the hop that has taken the claim over continues from the session kept with them
            log.warning("a text has lost its claim after it was handled", extra={"provider_id": inbound.id})

    def _sender(self, written: str) -> str:
        """The MSISDN of a sender, also of one that is written as people dial it here; else the sender as written."""
        try:
            return written if is_e164(written) else parse_msisdn(written, self.runner.place.country)
        except ValueError:
            return written[:LONGEST_SENDER]

    def _keep(self, inbound: Inbound) -> None:
        """Store a text from a sender that is not a phone, for operators; it cannot be answered."""
        size, now = gsm7.segments(inbound.text), self.resources.clock()
        with self.resources.database.writing.begin() as db:
            messages.add_inbound(
                db.connection(),
                id=self.resources.ids.new_id("msg"),
                msisdn=inbound.msisdn,
                channel=inbound.channel,
                text=inbound.text,
                encoding=size.encoding,
                segments=size.count,
                provider=inbound.provider,
                provider_id=inbound.id,
                now=now,
                sent_at=_sent_before(inbound, now).sent_at,
            )

    def _process(
        self, inbound: Inbound, key: str, session: Session, claim: Claim, secrets: HopSecrets
    ) -> Session | None:
        """The session after the text, kept in the transaction of its effects; None if the text was handled before."""
        with self.resources.context(claim, secrets) as context, context.transaction():
            with context.work.writing() as conn:
                is_whole = context.marketplace.is_local
                former = self.runner.former_keys(inbound)
                if not duplicates.is_new(conn, inbound, key, former, claim.now, is_whole=is_whole):
                    duplicates.count(conn, "id")
                    return None
                is_duplicate = self._store(conn, inbound, key, session, claim.now)
            after = session if is_duplicate else self._handle(inbound, key, session, claim, context)
            with context.work.writing() as conn:
                if not is_whole:
                    duplicates.finish(conn, key)
                claim.keep(conn, after)
            return after

    def _store(self, conn: Connection, inbound: Inbound, key: str, session: Session, now: datetime) -> bool:
        """Store the text; True if it is a duplicate, which is also counted."""
        evidence = duplicates.find(conn, inbound, key, now)
        size = gsm7.segments(inbound.text)
        messages.add_inbound(
            conn,
            id=self.resources.ids.new_id("msg"),
            msisdn=inbound.msisdn,
            channel=inbound.channel,
            text=self._without_secret(inbound.text, session),
            encoding=size.encoding,
            segments=size.count,
            provider=inbound.provider,
            provider_id=inbound.id,
            now=now,
            sent_at=inbound.sent_at,
        )
        if evidence:
            duplicates.count(conn, evidence)
        return evidence is not None

    def _without_secret(self, text: str, session: Session) -> str:
        """The text for the database: its digits are masked if it answers a question for a secret."""
        waiting = self._waiting(session)
        if waiting is None or not self.runner.is_secret(waiting):
            return text
        return "".join("*" if character.isnumeric() else character for character in text)

    def _handle(self, inbound: Inbound, key: str, session: Session, claim: Claim, context: HopContext) -> Session:
        """Handle a new text and queue the answer, if there is one; returns the session after it."""
        try:
            body = self._answer(inbound, key, session, context)
        except Unreachable:
            session = postponed(claim, context)
            body = self.runner.words(session.person).text(OUT_OF_REACH)
        if body:
            with context.work.writing() as conn:
                reply = self._reply(inbound, key, body, session)
                reply = queue.without_codes(reply, context.market.secrets, self.runner.seal)
                mark = self.runner.hash(reply.text)[:MARK_LENGTH]
                if session.count_mark(mark) >= LOOP_LIMIT:
                    reply = replace(reply, text=self._varied(conn, reply.text, session, context.now))
                session.add_mark(mark)
                queue.add(conn, reply, context.ids.new_id("msg"), context.now)
        return session

    def _answer(self, inbound: Inbound, key: str, session: Session, context: HopContext) -> str:
        """The answer to a text; empty if there is none, or if a job sends it later."""
        if asked := _consent_asked(inbound):
            self._note(inbound, session)
            return self._change_consent(asked, inbound, session, context)
        try:
            session.identify(load_profile(context, session.last_profile))
        except Unreachable:
            if not self._is_joining(session, inbound.text):
                raise
            session.person = refresh_profile(context, session.person)
        self._note(inbound, session)
        self._learn_language(inbound.text, session, context)
        return self._converse(inbound, key, session, context)

    def _note(self, inbound: Inbound, session: Session) -> None:
        """Log the text, if that is wanted."""
        if not heard.is_on():
            return
        waiting = self._waiting(session)
        first = inbound.text.partition(" ")[0]
        is_keyword = self.runner.engine.match_keyword(first, self.runner.place) is not None
        kept = self.runner.logged(waiting) if waiting else "numbers"
        heard.note_text(inbound, session.person, waiting, kept, is_keyword=is_keyword)

    def _is_joining(self, session: Session, text: str) -> bool:
        """True if the person registers; whether they are registered already, the shop says when it is back."""
        waiting, match = self._waiting(session), self.runner.engine.match_keyword(text, self.runner.place)
        return (match[0] if match else waiting and waiting.flow) == JOIN

    def _learn_language(self, text: str, session: Session, context: HopContext) -> None:
        """Take the language of the keyword in a text as the person's language, if the person has none yet."""
        person = session.person
        language = self._language_of(text) if person.language is None else None
        if language not in dict(self.runner.place.languages):
            return
        with context.work.writing() as conn:
            people.set_keyword_language(conn, person.msisdn, language, context.now)
        session.person = structs.replace(person, language=person.locale or language)

    def _language_of(self, text: str) -> str | None:
        """The language of the keyword that a text uses; None if there is none, or if several languages have it."""
        if consent.requested(text):
            return consent.language(text)
        if said := more.language(text):
            return said
        engine = self.runner.engine
        return engine.keyword_language(text) if engine.match_keyword(text, self.runner.place) else None

    def _reply(self, inbound: Inbound, key: str, body: str, session: Session) -> NewMessage:
        conversation = None if _consent_asked(inbound) else session.by_text
        person = session.person
        is_stranger = not (person.artisan or person.agent or person.locale)
        return NewMessage(
            key=f"reply:{key}",
            msisdn=inbound.msisdn,
            text=body,
            language=self.runner.language(session.person),
            topic="reply",
            about=inbound.id,
            dialogue=conversation.flow if conversation else None,
            channel=inbound.channel,
            priority=Priority.STRANGER if is_stranger else Priority.REPLY,
            to_stranger=is_stranger,
        )

    def _varied(self, conn: Connection, body: str, session: Session, now: datetime) -> str:
        """The answer with another last line each time that its words would be suppressed as a loop.

        This lets a person ask the same for a sixth time. An answer to a text that was not understood stays as it is,
        because two machines may be talking; so does one that was given very often.
        """
        conversation = session.by_text
        understood = (
            conversation and conversation.flow != self.runner.engine.unknown_keyword and not conversation.misses
        )
        if not understood or session.person.language is None:
            return body
        replies = messages.replies_since(conn, session.person.msisdn, now - LOOP_WINDOW)
        same = sum(reply == body or reply.startswith(f"{body}\n") for reply in replies)
        if not LOOP_LIMIT <= same < MOST_ASKED:
            return body
        asked = self.runner.words(session.person).text(ASKED_OFTEN).format(count=same + 1)
        return f"{body}\n{asked}"

    # -- consent

    def _change_consent(
        self, asked: Literal["STOP", "START"], inbound: Inbound, session: Session, context: HopContext
    ) -> str:
        """Store a STOP or START; returns the confirmation, empty if nothing changed or the provider confirmed it."""
        session.person = load_profile(context, session.person)  # this works while a remote shop is unreachable too
        self._learn_language(inbound.text, session, context)
        change, confirmation = (people.opt_out, STOPPED) if asked == "STOP" else (people.opt_in, STARTED)
        with context.work.writing() as conn:
            if self._is_outdated(conn, inbound):
                return ""
            changed = change(conn, inbound.msisdn, f"{inbound.provider} {inbound.id}", context.now)
        if not changed or inbound.consent:
            return ""
        return self.runner.words(session.person).text(confirmation)

    def _is_outdated(self, conn: Connection, inbound: Inbound) -> bool:
        """True if a newer STOP or START of this phone was already processed; networks deliver out of order."""
        if inbound.sent_at is None:
            return False
        newer = messages.inbound_texts_after(conn, inbound.msisdn, inbound.provider, inbound.sent_at)
        return any(consent.requested(text) for text in newer)

    # -- dialogues

    def _converse(self, inbound: Inbound, key: str, session: Session, context: HopContext) -> str:
        """Take one step in a dialogue; returns the answer, empty for pictures, which are answered later."""
        engine, waiting = self.runner.engine, self._waiting(session)
        fresh = Conversation(key)
        turn = self.runner.turn(waiting or fresh, session.person, context.market, SMS)
        match = engine.match_keyword(inbound.text, self.runner.place)
        # a remote shop takes pictures through its upload links only
        if inbound.media and context.marketplace.is_local:
            answer = self._take_pictures(inbound, key, turn, match, waiting, context)
            if answer is not None:
                return answer
        if more.language(inbound.text):
            return self._resume(session, turn, context.now)
        interrupts = False
        if waiting and engine.is_answer(turn, inbound.text):
            self.runner.handle(turn, inbound.text, context)
        else:
            if interrupts := waiting is not None and engine.worth_resuming(waiting):
                session.suspended = waiting
            turn.conversation = fresh
            self._begin(turn, match, inbound.text)
        self.runner.perform(turn, context)
        self.runner.count(turn, context)
        session.person = turn.person
        session.by_text = turn.conversation
        return self.runner.sms_with_line(turn, turn.say(GO_BACK)) if interrupts else self.runner.sms(turn)

    def _begin(self, turn: Turn, match: KeywordMatch | None, text: str) -> None:
        """Open a flow for a text that is not an answer: its keyword's flow, the choice of language, or help."""
        engine = self.runner.engine
        if match:
            engine.open(turn, *match)
        elif turn.person.language is None and not engine.code_of_own_order(turn, text):
            engine.open(turn, engine.home)  # asks the language first
        else:
            engine.on_unmatched(turn, text)

    def _take_pictures(
        self,
        inbound: Inbound,
        key: str,
        turn: Turn,
        match: KeywordMatch | None,
        waiting: Conversation | None,
        context: HopContext,
    ) -> str | None:
        """Queue an artisan's pictures of the product that the text names. None if the text is to be handled instead."""
        flow, given = match or ("", {})
        if not turn.person.artisan or flow not in ("", mms.FLOW):
            return None
        if code := mms.named_product(turn, inbound.text, given):
            with context.work.writing() as conn:
                mms.queue(conn, inbound, code, turn.words.language, key, context.now)
            return ""  # answered once the pictures are stored
        return None if flow or (waiting and inbound.text.strip()) else mms.ask_which_product(turn)

    def _resume(self, session: Session, turn: Turn, now: datetime) -> str:
        """Continue the dropped call, else the conversation that a keyword interrupted, else the one that waits."""
        engine = self.runner.engine
        dropped = session.by_call if session.is_resumable(now) else None
        if dropped and not engine.is_cut_off(dropped):
            dropped = None
        for interrupted in (dropped, session.suspended, session.by_text):
            if interrupted and engine.worth_resuming(interrupted):
                break
        else:
            return turn.words.text(NOTHING_OPEN)
        if interrupted is session.by_call:
            session.by_call = None
        elif interrupted is session.suspended:
            session.suspended = None
        turn.conversation = session.by_text = interrupted
        engine.resume(turn)
        return self.runner.sms(turn)

    def _waiting(self, session: Session) -> Conversation | None:
        """The conversation by text that waits for an answer."""
        conversation = session.by_text
        if conversation is None or conversation.over or not self.runner.engine.is_current(conversation):
            return None
        return conversation


def _sent_before(inbound: Inbound, now: datetime) -> Inbound:
    """The text, sent by `now` at the latest: a wrong clock or time zone may date it later."""
    return structs.replace(inbound, sent_at=now) if inbound.sent_at and inbound.sent_at > now else inbound


def _consent_asked(inbound: Inbound) -> Literal["STOP", "START"] | None:
    """The STOP or START that the provider, or else we, read in a text; None if there is none."""
    asked = inbound.consent or consent.requested(inbound.text)
    return None if asked == "HELP" else asked
