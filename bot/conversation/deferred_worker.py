"""What had to wait for a shop elsewhere is done once it is back, and told in the words of its own dialogue.

The conversation that asked for it was kept where it stood; the outcome takes it to the very notice that would have
been shown at once, be it done or refused.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bot.conversation import commands
from bot.conversation.commands import DialogueRunner, HopContext
from bot.conversation.deferred import FIRST, Note
from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace.port import Unreachable
from bot.marketplace.remote import RemoteMarketplace, RemoteSession
from bot.messaging import queue
from bot.messaging.queue import REPLY, NewMessage
from bot.runtime.clock import Clock
from flows.commands import Outcome
from flows.kit import N_, SMS, Act, Turn
from marketplace_api.shop import Ids
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(seconds=30)
DONE = N_("Soko: what you asked for while the shop could not be reached is done now.")
REFUSED = N_("Soko: sorry, what you asked for while the shop could not be reached could not be done. Text MENU.")


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """A worker's hand for such commands. One person's leave the outbox in the order in which she gave them."""

    runner: DialogueRunner
    marketplace: RemoteMarketplace
    database: Database
    clock: Clock
    ids: Ids

    def do(self, job: Job) -> None:
        """Asks the shop under the command's own key, however often: it is done once."""
        note, now = msgspec.convert(job.payload, Note), self.clock()
        market = self.marketplace.worker_session(note.msisdn, now)
        try:
            outcome = market.perform(note.command, note.key)
            text = self._text(note, outcome, market, now)
        except Unreachable as error:
            self._again(job, str(error))
            return
        with self.database.writing.begin() as db:
            conn, now = db.connection(), self.clock()
            # should another worker have taken the job over meanwhile, then the key of the text is known
            if text:
                queue.add(conn, text, self.ids.new_id("msg"), now)
            outbox.finish(conn, job, now=now)

    def _again(self, job: Job, error: str) -> None:
        log.warning("a command waits for the shop", extra={"attempts": job.attempts, "reason": error})
        wait = min(FIRST * 2 ** min(job.attempts - 1, 8), LONGEST_WAIT)
        with self.database.writing.begin() as db:
            outbox.retry(db.connection(), job, due_at=self.clock() + wait, error=error)

    def _text(self, note: Note, outcome: Outcome, market: RemoteSession, now: datetime) -> NewMessage | None:
        """What she is told; nothing where she was promised nothing."""
        with closing(UnitOfWork(self.database)) as work:
            context = HopContext(self.marketplace, market, work, note.msisdn, now, self.ids)
            turn = self.runner.turn(note.conversation, commands.meet(context, None), market, SMS)
        body = self._told(turn, outcome)
        if not body:
            return None
        return NewMessage(
            key=f"outcome:{note.key}",
            msisdn=note.msisdn,
            body=body,
            language=turn.words.language,
            topic="reply",
            priority=REPLY,
        )

    def _told(self, turn: Turn, outcome: Outcome) -> str | None:
        engine = self.runner.engine
        if engine.is_current(turn.conversation):
            act = engine.state(turn.conversation)
            if isinstance(act, Act) and not act.promises_text:
                return None
            engine.apply_outcome(turn, outcome)
            if turn.conversation.over:
                return engine.screen(turn).render(engine.state(turn.conversation).channel(SMS))
        # where the dialogue would go on asking, it is too late to
        return turn.words.text(DONE if outcome.kind == "done" else REFUSED)
