"""Performs deferred commands when the remote shop is reachable again, and texts each person the outcome.

The conversation was stored as it was before the command. The outcome moves it to the notice that the person would have
seen at once, and this notice is sent as a message.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

import msgspec

from bot.conversation.commands import DialogueRunner, photo_link_outcome
from bot.conversation.deferred import RETRIES, DeferredCommand
from bot.conversation.hop import HopContext, HopSecrets, load_profile
from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace.port import Unreachable
from bot.marketplace.remote import RemoteMarketplace, RemoteSession
from bot.messaging import queue
from bot.messaging.queue import NewMessage, Priority
from bot.runtime.clock import Clock
from flows.commands import Outcome, SendPhotoLink
from flows.kit import N_, SMS, Act, Turn
from marketplace_api.shop import Ids
from state import outbox
from state.outbox import Job
from state.pins import Hashes

log = logging.getLogger(__name__)

DONE = N_("Soko: the shop could not be reached when you called or wrote. What you asked for is done now.")
REFUSED = N_(
    "Soko: sorry, the shop could not be reached when you called or wrote. "
    "What you asked for could not be done. Text MENU."
)
HOW_MANY = N_("Soko: order {code}: how many of {most} can you make? Reply YES {code} and how many.")


@dataclass(frozen=True, slots=True)
class DeferredCommandWorker:
    """Handles the outbox jobs of deferred commands. The jobs of one person are performed in order."""

    runner: DialogueRunner
    marketplace: RemoteMarketplace
    database: Database
    clock: Clock
    ids: Ids

    def perform(self, job: Job) -> None:
        """Let the shop perform the command under its own key, so that it is performed once; queue the notice."""
        deferred, now = msgspec.convert(job.payload, DeferredCommand), self.clock()
        market = self.marketplace.worker_session(deferred.msisdn, now)
        try:
            outcome = self._outcome(deferred, market)
            message = self._message(deferred, outcome, market, now)
        except Unreachable as error:
            self._retry(job, error)
            return
        with self.database.writing.begin() as session:
            conn, now = session.connection(), self.clock()
            if message:  # adds nothing if another worker has performed the job meanwhile: the key exists
                queue.add(conn, message, self.ids.new_id("msg"), now)
            outbox.finish(conn, job, now=now)

    def _outcome(self, deferred: DeferredCommand, market: RemoteSession) -> Outcome:
        if isinstance(deferred.command, SendPhotoLink):
            return photo_link_outcome(market, deferred.command)
        return market.perform(deferred.command, deferred.key)

    def _retry(self, job: Job, error: Unreachable) -> None:
        log.warning("a command waits for the shop", extra={"attempts": job.attempts, "reason": str(error)})
        gap = RETRIES.gap(job.attempts, requested=error.retry_after)
        with self.database.writing.begin() as session:
            outbox.retry(session.connection(), job, due_at=self.clock() + gap, error=str(error))

    def _message(
        self, deferred: DeferredCommand, outcome: Outcome, market: RemoteSession, now: datetime
    ) -> NewMessage | None:
        """The message with the outcome; None if the dialogue did not promise a message."""
        secrets = HopSecrets(Hashes(self.runner.peppers))
        with closing(UnitOfWork(self.database)) as work:
            context = HopContext(self.marketplace, market, work, deferred.msisdn, now, self.ids, secrets)
            turn = self.runner.turn(deferred.conversation, load_profile(context, None), market, SMS)
        body = self._body(turn, outcome)
        if not body:
            return None
        message = NewMessage(
            key=f"outcome:{deferred.key}",
            msisdn=deferred.msisdn,
            text=body,
            language=turn.words.language,
            topic="reply",
            priority=Priority.REPLY,
        )
        return queue.without_codes(message, market.secrets, self.runner.seal)

    def _body(self, turn: Turn, outcome: Outcome) -> str | None:
        engine = self.runner.engine
        turn.can_ask = False
        if outcome.reason == "quantity_unsaid":
            return turn.say(HOW_MANY, **outcome.values)
        if engine.is_current(turn.conversation):
            act = engine.state(turn.conversation)
            if isinstance(act, Act) and not act.promises_text:
                return None
            engine.apply_outcome(turn, outcome)
            if turn.conversation.over:
                return self.runner.sms(turn)
        # the dialogue would ask a question here, but the person has left it
        return turn.words.text(DONE if outcome.kind == "done" else REFUSED)
