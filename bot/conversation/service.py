"""The hall: what providers call when somebody dials, texts, hangs up or is delivered to.

    load the session · known hop? the same reply · one pure step · perform, in one transaction · save · reply

The session is saved last, and only over the version that was loaded: whoever loses that race starts again and
finds its commands done under their keys.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from sqlalchemy import Connection

from bot.conversation import commands
from bot.conversation.commands import DialogueRunner, HopContext
from bot.conversation.session import KEPT_FOR, Session, UssdCall, decode, encode, hop_key, stranger
from bot.db.unit_of_work import Database
from bot.marketplace.port import Marketplace, Unreachable
from bot.messaging import consent, queue, rendering
from bot.messaging.queue import REPLY, NewMessage
from bot.photos import mms
from bot.providers.contracts import DeliveryReport, Inbound, SessionEnd
from bot.runtime.clock import Clock
from flows import gsm7
from flows.kit import N_, SMS, USSD, Conversation, Person, Turn
from flows.reading.folding import clean, fold
from marketplace_api.shop import Ids
from state import counters, delivery_reports, messages, people, processed
from state.sessions import Sessions, Stored

log = logging.getLogger(__name__)

RACES = 8
"""How often a hop that lost the race for the session starts again: a phone seldom says two things at once."""

SORRY = N_("Sorry, something went wrong on our side. Please dial again.")
STOPPED = N_("You will get no more texts from Soko. To get them again, text START.")
STARTED = N_("You will get texts from Soko again. To end them, text STOP.")
OUT_OF_REACH = N_("The shop cannot be reached just now. Please try again in a few minutes.")
NOTHING_OPEN = N_("There is nothing to continue. Text MENU to see what you can do.")

SAME_WITHIN = timedelta(seconds=10)
"""A network may bring a text twice within that time, under two ids."""

MORE = frozenset(["more", "continue", "zaidi", "endelea", "suite", "continuer", "ቀጥል", "መቀጠል", "ketil"])


class LostRaceError(RuntimeError):
    """Others kept saving the session before us."""


@dataclass(frozen=True, slots=True)
class ConversationService:
    """The service itself. Its collaborators come in from `create_app`."""

    runner: DialogueRunner
    sessions: Sessions
    database: Database
    clock: Clock
    ids: Ids
    marketplace: Marketplace
    own_numbers: frozenset[str] = frozenset()

    # -- calls

    def ussd(self, inbound: Inbound) -> str:
        """One USSD hop; the same request is answered word for word alike."""
        name = self._name(inbound, inbound.text)
        for _ in range(RACES):
            now = self.clock()
            stored, known = self._load(inbound.msisdn, now)
            if known and name in known.replies:
                return known.replies[name]
            with self._visit(inbound.msisdn, now) as context:
                try:
                    session, reply = self._call(inbound, known, context)
                except Unreachable:
                    session, words = self._put_off(stored, context)
                    reply = USSD.end_prefix + words
            session.answered(name, reply)
            if self._is_kept(session, stored, now, reply):
                return reply
        raise LostRaceError(inbound.id)

    def _call(self, inbound: Inbound, known: Session | None, context: HopContext) -> tuple[Session, str]:
        if known and known.call and known.call.id == inbound.id:
            session, turn = known, self._go_on(inbound, known, known.call, context)
        else:
            session, turn = self._dial(inbound, known, context)
        screen = self.runner.engine.screen(turn).render(USSD)
        session.met(turn.person)
        session.by_call, session.left_at = turn.conversation, context.now.timestamp()
        return session, screen

    def _go_on(self, inbound: Inbound, session: Session, call: UssdCall, context: HopContext) -> Turn:
        """The next answer of an open call; home if its conversation is over, went on by text or is of an old book."""
        conversation = session.by_call
        if conversation is None or not self.runner.engine.is_current(conversation):
            conversation = Conversation(self._name(inbound, inbound.text), over=True)
        turn = self.runner.turn(conversation, session.person, context.market, USSD)
        said = commands.added(call.heard, inbound.text)
        if said is None and conversation.flow:  # a stray: what goes on from it would be misread, so it was not heard
            return turn
        if said is None or conversation.over:
            call.heard = commands.veil(inbound.text)
            self.runner.engine.open(turn, self.runner.engine.home)
        else:
            self._hear(turn, said, context, call)
        return turn

    def _dial(self, inbound: Inbound, known: Session | None, context: HopContext) -> tuple[Session, Turn]:
        """A call we have not heard of: new, or one that the session store has lost."""
        session = known or stranger(inbound.msisdn)
        session.call = UssdCall(inbound.id)
        person = commands.meet(context, session.last)
        if inbound.text:
            return session, self._walk(inbound, session.call, person, context)
        engine, dropped = self.runner.engine, session.by_call
        # who has not chosen a language yet could not read the question, and has begun nothing
        if dropped and person.language and session.is_fresh(context.now) and engine.worth_resuming(dropped):
            engine.ask_to_resume(dropped)
            return session, self.runner.turn(dropped, person, context.market, USSD)
        turn = self.runner.turn(Conversation(self._name(inbound)), person, context.market, USSD)
        engine.open(turn, engine.home)
        return session, turn

    def _walk(self, inbound: Inbound, call: UssdCall, person: Person, context: HopContext) -> Turn:
        """Stands where the cumulative text leads: from the last command done in this call, else from home."""
        with context.work.looking() as conn:
            point = commands.checkpoint(conn, inbound.id)
        if point and commands.begins(inbound.text + "*", point.heard + "*"):
            turn = self.runner.turn(point.conversation, person, context.market, USSD)
            call.heard = point.heard
        else:
            turn = self.runner.turn(Conversation(self._name(inbound)), person, context.market, USSD)
            self.runner.engine.open(turn, self.runner.engine.home)
        said = inbound.text[len(call.heard) :]
        for part in commands.parts(said.removeprefix("*") if call.heard else said):
            if turn.conversation.over:
                call.heard = commands.veil(inbound.text)
                break
            self._hear(turn, part, context, call)
        call.heard = call.heard.rjust(len(inbound.text), commands.VEIL)  # an empty first answer leaves no trace
        return turn

    def _hear(self, turn: Turn, said: str, context: HopContext, call: UssdCall) -> None:
        call.heard = commands.and_then(call.heard, self.runner.veiled(turn, said))
        self.runner.engine.handle_input(turn, said)
        self.runner.perform(turn, context, call.id, call.heard)

    def error_screen(self, msisdn: str | None) -> str:
        """A calm sentence that ends the call, in her language if that can still be found out."""
        language = self.runner.default_language
        try:
            _, known = self._load(msisdn, self.clock()) if msisdn else (None, None)
            language = (known and known.person.language) or language
        except Exception:
            log.exception("not even her language could be found out")
        return USSD.end_prefix + rendering.words(language).text(SORRY)

    def session_ended(self, end: SessionEnd) -> None:
        """Nothing is lost by a call that dropped: its conversation waits for the next dial, or for MORE."""
        log.info("a call ended", extra={"incomplete": end.incomplete, "facts": dict(end.facts)})

    # -- texts

    def sms(self, inbound: Inbound) -> None:
        """One text that came in; what it causes and its answer are kept before this returns.

        Waits for no provider: the answer leaves from the outbox. What comes from a number of our own is not heard,
        since we would answer ourselves.
        """
        if inbound.msisdn in (*self.own_numbers, inbound.service):
            log.warning("a text from a number of our own", extra={"provider_id": inbound.id})
            return
        name = self._name(inbound)
        for attempt in range(RACES):
            now = self.clock()
            stored, known = self._load(inbound.msisdn, now)
            if known and name in known.replies:
                self._count_duplicate()
                return
            session = known or stranger(inbound.msisdn)
            with self._visit(inbound.msisdn, now) as context, context.together():
                with context.work.writing() as conn:
                    if not self._is_first(conn, inbound, name, stored, now) and not attempt:
                        counters.add(conn, {("duplicate", "id"): 1})
                        return
                    again = self._repeats(conn, inbound, name, now)
                    self._keep(conn, inbound, self._presentable(inbound, session), now)
                    if again:
                        counters.add(conn, {("duplicate", again): 1})
                try:
                    body = "" if again else self._answer(inbound, session, context)
                except Unreachable:
                    session, body = self._put_off(stored, context)
                if body:
                    with context.work.writing() as conn:
                        queue.add(conn, self._reply(inbound, body, session), self.ids.new_id("msg"), now)
            session.answered(name, "")
            if self._save(session, stored, now):
                return
        raise LostRaceError(inbound.id)

    def _is_first(self, conn: Connection, inbound: Inbound, name: str, stored: Stored | None, now: datetime) -> bool:
        """Whether this text still has to be heard: never met, or met by a hop that died before it saved."""
        # by its content: when the store has forgotten her, versions count from one again
        met = hashlib.blake2b(stored.data if stored else b"", digest_size=9).digest()
        recorded = processed.begin(conn, f"text:{name}", inbound.msisdn, now, None)
        if recorded is None:
            processed.finish(conn, f"text:{name}", met, b"")
        return recorded in (None, met)

    def _count_duplicate(self) -> None:
        with self.database.writing.begin() as db:
            counters.add(db.connection(), {("duplicate", "id"): 1})

    def _repeats(self, conn: Connection, inbound: Inbound, name: str, now: datetime) -> Literal["token", "text"] | None:
        """What tells that this is a text we were brought before under another id; None when nothing does."""
        if self._has_another_name(conn, inbound, name, now):
            return "token"
        return "text" if self._is_repeated(conn, inbound, now) else None

    def _has_another_name(self, conn: Connection, inbound: Inbound, name: str, now: datetime) -> bool:
        """Whether the provider has brought a text of another name under this token."""
        if inbound.token is None:
            return False
        key = f"token:{inbound.provider}:{inbound.token}"
        first = processed.begin(conn, key, inbound.msisdn, now, None)
        if first is None:
            processed.finish(conn, key, name.encode(), b"")
        return first not in (None, name.encode())

    def _is_repeated(self, conn: Connection, inbound: Inbound, now: datetime) -> bool:
        """Whether a phone's last text came again under another id, before she can have read our answer to it.

        One word alone is heard each time: with 1 and 1 again one answers two questions.
        """
        if len(inbound.text.split()) < 2:
            return False
        return (
            messages.last_unanswered_text(conn, inbound.msisdn, now - SAME_WITHIN, ignoring=inbound.id) == inbound.text
        )

    def _presentable(self, inbound: Inbound, session: Session) -> str:
        """What may be shown of a text: no digit of it when a secret was asked."""
        waiting = self._waiting(session)
        secret = waiting is not None and self.runner.engine.state(waiting).secret
        return "".join("*" if sign.isnumeric() else sign for sign in inbound.text) if secret else inbound.text

    def _keep(self, conn: Connection, inbound: Inbound, text: str, now: datetime) -> None:
        size = gsm7.segments(inbound.text)
        messages.add_inbound(
            conn,
            id=self.ids.new_id("msg"),
            msisdn=inbound.msisdn,
            channel=inbound.channel,
            text=text,
            encoding=size.encoding,
            segments=size.count,
            provider=inbound.provider,
            provider_id=inbound.id,
            now=now,
            sent_at=inbound.sent_at,
        )

    def _answer(self, inbound: Inbound, session: Session, context: HopContext) -> str:
        """What is said to a text; nothing when it wants no answer."""
        asked = inbound.consent or consent.requested(inbound.text)
        if asked not in ("STOP", "START"):
            session.met(commands.meet(context, session.last))
            return self._converse(inbound, session, context)
        session.person = commands.meet(context, session.person)  # the shop need not know who wants no more texts
        with context.work.writing() as conn:
            if self._has_spoken_since(conn, inbound):
                return ""
            return self._consent(asked, inbound, session, conn, context.now)

    def _has_spoken_since(self, conn: Connection, inbound: Inbound) -> bool:
        """Whether a later word of hers on the same came before this one: a network may bring a text hours late."""
        if inbound.sent_at is None:
            return False
        later = messages.inbound_texts_after(conn, inbound.msisdn, inbound.provider, inbound.sent_at)
        return any(consent.requested(text) for text in later)

    def _reply(self, inbound: Inbound, body: str, session: Session) -> NewMessage:
        asked = inbound.consent or consent.requested(inbound.text)
        return NewMessage(
            key=f"reply:{self._name(inbound)}",
            msisdn=inbound.msisdn,
            body=body,
            language=session.person.language or self.runner.default_language,
            topic="reply",
            about=inbound.id,
            dialogue=session.by_text.flow if session.by_text and asked not in ("STOP", "START") else None,
            channel=inbound.channel,
            priority=REPLY,
        )

    def _consent(self, asked: str, inbound: Inbound, session: Session, conn: Connection, now: datetime) -> str:
        """One confirmation when something changed, then silence; none when the provider has given it."""
        change, words = (people.opt_out, STOPPED) if asked == "STOP" else (people.opt_in, STARTED)
        changed = change(conn, inbound.msisdn, f"{inbound.provider} {inbound.id}", now)
        if not changed or inbound.consent:
            return ""
        return rendering.words(session.person.language or self.runner.default_language).text(words)

    def _converse(self, inbound: Inbound, session: Session, context: HopContext) -> str:
        engine, waiting = self.runner.engine, self._waiting(session)
        fresh = Conversation(self._name(inbound))
        turn = self.runner.turn(waiting or fresh, session.person, context.market, SMS)
        keyword = engine.match_keyword(inbound.text, self.runner.place)
        # a shop elsewhere takes pictures by its link alone
        showing = inbound.media and self.marketplace.is_local
        if showing and (answer := self._pictures(inbound, turn, keyword, waiting, context)) is not None:
            return answer
        if fold(clean(inbound.text)) in MORE:
            return self._more(session, turn, context.now)
        if waiting and engine.is_answer(turn, inbound.text):
            engine.handle_input(turn, inbound.text)
        else:
            if waiting and engine.worth_resuming(waiting):
                session.aside = waiting
            turn.conversation = fresh
            self._begin(turn, keyword, inbound.text)
        self.runner.perform(turn, context)
        session.met(turn.person)
        session.by_text = turn.conversation
        return engine.screen(turn).render(engine.state(turn.conversation).channel(SMS))

    def _begin(self, turn: Turn, keyword: tuple[str, Mapping[str, str]] | None, text: str) -> None:
        """What a text begins that answers nothing."""
        if keyword:
            self.runner.engine.open(turn, *keyword)
        elif turn.person.language is None:  # she is asked her language, as on her first call
            self.runner.engine.open(turn, self.runner.engine.home)
        else:
            self.runner.engine.on_unmatched(turn, text)

    def _pictures(
        self,
        inbound: Inbound,
        turn: Turn,
        keyword: tuple[str, Mapping[str, str]] | None,
        waiting: Conversation | None,
        context: HopContext,
    ) -> str | None:
        """Takes an artisan's pictures of a product she names. None when it is the words beside them that count."""
        flow, given = keyword or ("", {})
        if not turn.person.artisan or flow not in ("", mms.FLOW):
            return None
        if code := mms.shown(turn, inbound.text, given):
            with context.work.writing() as conn:
                mms.queue(conn, inbound, code, turn.words.language, self._name(inbound), context.now)
            return ""  # she hears of them once they are in
        return None if flow or (waiting and inbound.text.strip()) else mms.which(turn)

    def _more(self, session: Session, turn: Turn, now: datetime) -> str:
        """Goes on by text with the call that dropped, else with what a keyword pushed aside, else with what waits."""
        engine = self.runner.engine
        dropped = session.by_call if session.is_fresh(now) else None
        for interrupted in (dropped, session.aside, session.by_text):
            if interrupted and engine.worth_resuming(interrupted):
                break
        else:
            return turn.words.text(NOTHING_OPEN)
        if interrupted is session.by_call:
            session.by_call = None
        elif interrupted is session.aside:
            session.aside = None
        turn.conversation = session.by_text = interrupted
        engine.resume(turn)
        return engine.screen(turn).render(engine.state(turn.conversation).channel(SMS))

    def _waiting(self, session: Session) -> Conversation | None:
        """The conversation by text that waits for an answer."""
        conversation = session.by_text
        if conversation is None or conversation.over or not self.runner.engine.is_current(conversation):
            return None
        return conversation

    def report(self, report: DeliveryReport) -> None:
        """Where a text we sent now stands; a word that is new to us is kept and moves nothing."""
        with self.database.writing.begin() as db:
            conn, now, named = db.connection(), self.clock(), (report.provider, report.provider_id)
            if report.status:
                delivery_reports.apply(conn, *named, report.status, now, report.detail, report.msisdn)
            delivery_reports.record_raw_status(conn, *named, report.raw_status)
            if report.reason and (msisdn := delivery_reports.recipient(conn, *named)):
                consent.apply_refusal(conn, msisdn, report.provider, report.reason, report.detail or "", now)

    def opted_out(self, msisdn: str, how: str) -> None:
        """The provider says that this person wants no more texts."""
        with self.database.writing.begin() as db:
            people.opt_out(db.connection(), msisdn, how, self.clock())

    # -- the session

    def _load(self, msisdn: str, now: datetime) -> tuple[Stored | None, Session | None]:
        stored = self.sessions.load(msisdn, now.timestamp())
        return stored, self._read(stored) if stored else None

    def _read(self, stored: Stored) -> Session | None:
        try:
            return decode(stored.data)
        except msgspec.DecodeError:
            log.exception("a session cannot be read by this edition; it starts anew")
            return None

    def _is_kept(self, session: Session, stored: Stored | None, now: datetime, reply: str) -> bool:
        """As `_save`; but a call's last words are said although the store is away, since what they tell of is done."""
        try:
            return self._save(session, stored, now)
        except Exception:
            if not reply.startswith(USSD.end_prefix):
                raise
            log.exception("the end of a call could not be saved")
            return True

    def _save(self, session: Session, stored: Stored | None, now: datetime) -> bool:
        return self.sessions.save(
            session.person.msisdn,
            encode(session),
            expected=stored.version if stored else 0,
            now=now.timestamp(),
            ttl=KEPT_FOR,
        )

    def _put_off(self, stored: Stored | None, context: HopContext) -> tuple[Session, str]:
        """The session as it was before this hop, and words for why: what she was asked is asked again later."""
        session = (self._read(stored) if stored else None) or stranger(context.msisdn)
        session.person, session.left_at = commands.again(context, session.person), context.now.timestamp()
        return session, rendering.words(session.person.language or self.runner.default_language).text(OUT_OF_REACH)

    def _visit(self, msisdn: str, now: datetime) -> AbstractContextManager[HopContext]:
        return commands.hop_context(self.marketplace, self.database, self.ids, msisdn, now)

    def _name(self, inbound: Inbound, *text: str) -> str:
        """The same for every copy of a text, and of a hop by its text; without a text, for every hop of a call.

        So a conversation is named, and commands keep their keys.
        """
        return hop_key(self.runner.secret, inbound.provider, inbound.id, *text)
