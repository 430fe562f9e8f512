"""USSD calls: one hop claims the caller, takes one step in the dialogue, saves the session and returns a screen.

    claim and load -> repeated hop? same reply -> one step -> perform commands -> save and release -> screen

The session is saved last. A hop that has lost its claim by then starts again. It does not perform a command twice,
because the outcome of each command is stored under its key.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from msgspec import structs

from bot.conversation import heard, ussd_text
from bot.conversation import session as sessions
from bot.conversation.call_progress import CallProgress
from bot.conversation.checkpoints import last_checkpoint
from bot.conversation.claims import CALL_WAIT_S, Claim, ClaimedTooLongError, LostClaimError, StaleCopyError
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
    person_of,
    postponed,
)
from bot.conversation.session import Session, UssdCall, new_session
from bot.marketplace.port import Unreachable
from bot.messaging import rendering
from bot.providers.contracts import Inbound, SessionEnd
from flows.kit import N_, USSD, Conversation, Person, Turn
from state import processed

log = logging.getLogger(__name__)

REPEATED_WITHIN_S = 600.0
"""For how long a gateway may repeat the first request of a call."""
LONGEST_CALL = timedelta(hours=1)
"""What a call with the same id did earlier than this was another call. Networks end a call after minutes."""
NO_CALLS = N_("Soko works by text only. Text MENU to {short_code}.")
SORRY = N_("Sorry, something went wrong on our side. Please dial again.")
TAKEN_OVER = N_("You have begun another call, so this one ends. Please go on in the other one.")


@dataclass(frozen=True, slots=True)
class CallHandler:
    """Answers the hops of USSD calls."""

    runner: DialogueRunner
    resources: HopResources
    progress: CallProgress = field(default_factory=CallProgress)

    def answer(self, inbound: Inbound) -> str:
        """The screen for one hop, `CON …` or `END …`; a repeated request gets the same one.

        A hop that fails ends the call, in the caller's language if the session was read: no store is asked again.
        """
        begun = self.runner.counts.monotonic()
        try:
            return self._answer_in_time(inbound)
        finally:
            self.runner.counts.note_time(begun)

    def _answer_in_time(self, inbound: Inbound) -> str:
        if not self.runner.place.ussd_code:
            return self.error_screen(inbound.msisdn)
        key, language, is_late = self.runner.key(inbound, inbound.text), None, True
        try:
            for _ in range(MAX_ATTEMPTS):
                try:
                    with self.resources.claims.open(inbound.msisdn, CALL_WAIT_S, is_late=is_late) as claim:
                        language = claim.previous.person.language if claim.previous else None
                        return attempt(claim, self.runner.peppers, partial(self._answer, inbound, key, claim))
                except StaleCopyError:
                    continue
                except LostClaimError:
                    log.warning("a hop has lost its claim", extra={"session_id": inbound.id})
                    is_late = False
            raise LostRaceError(inbound.id)
        except ClaimedTooLongError:
            log.exception("the hop waited too long in USSD session %s", inbound.id)
            return self.error_screen(inbound.msisdn)
        except Exception:
            log.exception("the hop failed in USSD session %s", inbound.id)
            return self._sorry(language)

    def error_screen(self, msisdn: str | None) -> str:
        """The screen that ends a call after an error, or where USSD is off, in the caller's language if it is known."""
        language = None
        try:
            language = self._language(msisdn) if msisdn else None
        except Exception:
            log.exception("the caller's language could not be read")
        return self._sorry(language)

    def _sorry(self, language: str | None) -> str:
        """The same in this language, without asking a store."""
        place, text = self.runner.place, rendering.words(language or self.runner.default_language).text
        return USSD.end_prefix + (
            text(SORRY) if place.ussd_code else text(NO_CALLS).format(short_code=place.short_code)
        )

    def session_ended(self, end: SessionEnd) -> None:
        """Log the end of a call. The session keeps the conversation, so that the next dial or MORE can resume it."""
        heard.note_end(end)
        log.info("a call ended", extra={"incomplete": end.incomplete, "facts": dict(end.facts)})

    def _language(self, msisdn: str) -> str | None:
        document = self.resources.sessions.load(msisdn, self.resources.clock().timestamp())
        previous = sessions.read(document)
        return previous.person.language if previous else None

    def _answer(self, inbound: Inbound, key: str, claim: Claim, secrets: HopSecrets) -> str:
        """The screen for one hop under a claim. Raises LostClaimError, and HashNeeded when nothing has been done."""
        previous = claim.previous
        if inbound.is_last_answer and inbound.answered_before:
            inbound = with_all_answers(inbound, previous)
            key = self.runner.key(inbound, inbound.text)
        before = self.runner.reply_before(previous, key, inbound, claim.pages)
        if previous and _is_new_call(inbound, before, previous, claim.now):
            previous.forget_call()
        elif before is not None:
            claim.confirm()
            return before
        with self.resources.context(claim, secrets) as context:
            try:
                session, reply = self._hop(inbound, previous, claim, context)
            except Unreachable:
                session = postponed(claim, context)
                reply = USSD.end_prefix + self.runner.words(session.person).text(OUT_OF_REACH)
            self.runner.remember_reply(session, key, reply, context)
            if context.work.is_writing:  # a command was performed, and its transaction is still open
                with context.work.writing() as conn:
                    claim.keep(conn, session)
        if not self._save(session, claim, reply):
            raise LostClaimError(inbound.id)
        if session.call:
            self.progress.note(inbound.msisdn, session.call.id, len(session.call.consumed))
        return reply

    def _save(self, session: Session, claim: Claim, reply: str) -> bool:
        """Like `claim.save`, but also True if the store fails at the end of a call: its commands are performed."""
        try:
            return claim.save(session)
        except Exception:
            if claim.is_copy or not reply.startswith(USSD.end_prefix):
                raise
            log.exception("the end of a call could not be saved")
            claim.leave()
            return True

    def _hop(
        self, inbound: Inbound, previous: Session | None, claim: Claim, context: HopContext
    ) -> tuple[Session, str]:
        if previous and previous.call and previous.call.id == inbound.id:
            go_on = self._continue
            if self._is_behind(inbound, previous.call):
                claim.confirm()
                go_on = self._catch_up
            session, turn = previous, go_on(inbound, previous, previous.call, context)
        elif previous and inbound.text and previous.is_earlier_call(inbound.id):
            return previous, USSD.end_prefix + self.runner.words(previous.person).text(TAKEN_OVER)
        else:
            if inbound.text:
                claim.confirm()
            session, turn = self._dial(inbound, previous, context)
            if heard.is_on():
                heard.note_dial(inbound, turn.person)
        screen = self.runner.engine.screen(turn).render(USSD)
        self.runner.count(turn, context, ends=screen.startswith(USSD.end_prefix))
        session.identify(turn.person)
        session.by_call, session.left_at = turn.conversation, context.now.timestamp()
        if self.runner.engine.state(turn.conversation).has_fixed_lines:
            turn.conversation.choices = []
        return session, screen

    def _answered_before(self, inbound: Inbound) -> int | None:
        """How long the text was at the last hop that was answered, if that is known."""
        known = inbound.answered_before
        return self.progress.length(inbound.msisdn, inbound.id) if known is None else known

    def _is_behind(self, inbound: Inbound, call: UssdCall) -> bool:
        """True if the store has lost the last hops of the call, as it may when a Redis replica becomes the master."""
        known, text = self._answered_before(inbound), inbound.text
        if known is None or not len(call.consumed) < known < len(text) or text[known] != "*":
            return False
        return not call.consumed or ussd_text.starts_with(text, call.consumed + "*")

    def _catch_up(self, inbound: Inbound, session: Session, call: UssdCall, context: HopContext) -> Turn:
        """Handle the answers that the store has lost again, and the new one."""
        person, has_older = self._caller(inbound, session, context)
        begun = session.by_call
        if begun and (begun.over or not self.runner.engine.is_current(begun)):
            begun, call.consumed = None, ""
        return self._replay(inbound, call, person, has_older, context, begun)

    def _continue(self, inbound: Inbound, session: Session, call: UssdCall, context: HopContext) -> Turn:
        """Handle the next answer of an open call.

        Opens the home menu if the conversation is over, was continued by text, or belongs to an older version of its
        flow.
        """
        engine, conversation = self.runner.engine, session.by_call
        if conversation is None or not engine.is_current(conversation):
            conversation = Conversation(self.runner.key(inbound, inbound.text), over=True)
        turn = self.runner.turn(conversation, session.person, context.market, USSD)
        answer = ussd_text.added(call.consumed, inbound.text)
        if answer is None and conversation.flow:
            # a request that is out of order; its text is not consumed, because later requests do not contain it
            return turn
        if answer is None or conversation.over:
            call.consumed = ussd_text.mask(inbound.text)
            engine.open(turn, engine.home)
        else:
            if heard.is_on():
                heard.note_answer(inbound, turn.person, conversation, answer, self.runner.logged(conversation))
            self._handle(turn, answer, context, call)
        return turn

    def _dial(self, inbound: Inbound, previous: Session | None, context: HopContext) -> tuple[Session, Turn]:
        """The first hop of a call, or of a call that the session store has lost."""
        session = previous or new_session(inbound.msisdn)
        call = session.begin_call(inbound.id)
        person, has_older = self._caller(inbound, session, context)
        if inbound.text:
            return session, self._replay(inbound, call, person, has_older, context)
        engine, dropped = self.runner.engine, session.by_call
        # a person without a language could not read the question, and has not begun anything
        if dropped and person.language and session.is_resumable(context.now) and engine.is_cut_off(dropped):
            dropped.pin_proof = ""  # the gateway may give this call the id of the one in which the PIN was given
            engine.ask_to_resume(dropped)
            return session, self.runner.turn(dropped, person, context.market, USSD)
        again, session.has_forgotten_call = session.has_forgotten_call, False
        return session, self._open_home(inbound, person, context, again=again or has_older)

    def _caller(self, inbound: Inbound, session: Session, context: HopContext) -> tuple[Person, bool]:
        """The caller, and whether an older call had the id of this one: one statement if the shop is local."""
        longest_ago = context.now - LONGEST_CALL
        if self.resources.callers:
            caller = self.resources.callers.read(inbound.msisdn, inbound.id, longest_ago)
            return person_of(inbound.msisdn, caller.profile, caller.known), caller.has_older
        person = load_profile(context, session.last_profile)
        with context.work.reading() as conn:
            return person, processed.has_older(conn, inbound.id, inbound.msisdn, longest_ago)

    def _open_home(self, inbound: Inbound, person: Person, context: HopContext, *, again: bool) -> Turn:
        """A conversation at home; under an id of its own if the gateway has used the id of this call before.

        Otherwise the commands of this call would have the keys of that one, and would not be performed.
        """
        begun = [context.now.isoformat()] if again else []
        turn = self.runner.turn(Conversation(self.runner.key(inbound, *begun)), person, context.market, USSD)
        self.runner.engine.open(turn, self.runner.engine.home)
        return turn

    def _replay(
        self,
        inbound: Inbound,
        call: UssdCall,
        person: Person,
        has_older: bool,
        context: HopContext,
        begun: Conversation | None = None,
    ) -> Turn:
        """Handle the answers of a cumulative text: those after the last checkpoint of this call, or all from home.

        `begun` is the conversation after what was consumed of the call, if the store has not lost all of it.
        """
        with context.work.reading() as conn:
            checkpoint = last_checkpoint(conn, inbound.id, inbound.msisdn, context.now - LONGEST_CALL)
        if checkpoint and len(checkpoint.consumed) < len(call.consumed):
            checkpoint = None
        begins_after = self._answered_before(inbound)
        if checkpoint and ussd_text.starts_with(inbound.text + "*", checkpoint.consumed + "*"):
            turn = self.runner.turn(checkpoint.conversation, person, context.market, USSD)
            call.consumed = checkpoint.consumed
            if checkpoint.is_each_stored:
                begins_after = len(checkpoint.consumed)
        elif begun:
            turn = self.runner.turn(begun, person, context.market, USSD)
        else:
            turn = self._open_home(inbound, person, context, again=has_older)
        for answer in ussd_text.answers_after(call.consumed, inbound.text, begins_after):
            if turn.conversation.over:
                call.consumed = ussd_text.mask(inbound.text)
                break
            self._handle(turn, answer, context, call)
        call.consumed = call.consumed.rjust(len(inbound.text), ussd_text.MASK)  # an empty first answer adds nothing
        call.is_rebuilt = True
        self.runner.add_checkpoint(turn, context, call)
        return turn

    def _handle(self, turn: Turn, answer: str, context: HopContext, call: UssdCall) -> None:
        stored = ussd_text.mask(answer) if self.runner.is_secret(turn.conversation) else answer
        call.consumed = ussd_text.append(call.consumed, stored)
        self.runner.handle(turn, answer, context)
        self.runner.perform(turn, context, call.id, call.consumed)
        if call.is_rebuilt or "*" in answer:
            self.runner.add_checkpoint(turn, context, call)


def with_all_answers(hop: Inbound, previous: Session | None) -> Inbound:
    """The hop of a network that sends the last answer only, with the answers before it; its secrets stay masked.

    If the call is lost, nobody knows what was answered before, so the hop becomes a new dial.
    """
    if previous and previous.call and previous.call.id == hop.id:
        return structs.replace(hop, text=f"{previous.call.consumed[: hop.answered_before]}*{hop.text}")
    return hop if previous and previous.is_earlier_call(hop.id) else structs.replace(hop, text="")


def _is_new_call(inbound: Inbound, before: str | None, previous: Session, now: datetime) -> bool:
    """True if the gateway uses the id of an older call again; a request that is repeated comes sooner.

    `before` is the reply that is stored for the same request.
    """
    is_open = previous.call is not None and previous.call.id == inbound.id
    if inbound.text or previous.seconds_since_call(now) < REPEATED_WITHIN_S:
        return False
    return is_open or before is not None or previous.is_earlier_call(inbound.id)
