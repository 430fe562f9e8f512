"""Payouts leave: asked for under one id for ever, and never in the dark."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.clock import Clock
from bot.payouts import PayError, SimulatedPayouts
from bot.work import Database
from marketplace_api import payouts
from marketplace_api.models import Payout
from marketplace_api.refused import Refused
from marketplace_api.shop import Ids, Shop, Terms
from state import outbox
from state.outbox import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Till:
    """Where payouts are made."""

    database: Database
    clock: Clock
    ids: Ids
    terms: Terms
    payer: SimulatedPayouts

    def pay(self, job: Job) -> None:
        payout = self._being_paid(job)
        if payout is None:
            return
        try:
            reference = self.payer.pay(payout.id, payout.msisdn or "", payout.amount, payout.currency)
        except PayError as error:
            self._not_paid(job, payout, error)
            return
        with self.database.writing.begin() as db:
            shop = Shop(db, self.clock(), self.ids, self.terms)
            payouts.settle_paid(shop, payout.id, reference)
            outbox.done(db.connection(), job, now=shop.now)

    def _being_paid(self, job: Job) -> Payout | None:
        """The payout, committed as being sent before anybody is asked to pay it; None when it must not be paid."""
        with self.database.writing.begin() as db:
            shop = Shop(db, self.clock(), self.ids, self.terms)
            payout = payouts.by_id(shop, job.payload["payout"])
            # still being sent: a worker died while it asked. The provider knows the payout by its id and answers alike
            if payout.status != "sending":
                try:
                    payouts.begin_sending(shop, payout.id)
                except Refused as refused:
                    log.warning("a payout is not sent again", extra={"payout": payout.id, "reason": refused.reason})
                    outbox.done(db.connection(), job, now=shop.now)
                    return None
            db.expunge(payout)
            return payout

    def _not_paid(self, job: Job, payout: Payout, error: PayError) -> None:
        with self.database.writing.begin() as db:
            shop = Shop(db, self.clock(), self.ids, self.terms)
            if error.unknown:
                payouts.settle_unknown(shop, payout.id)
            else:
                payouts.settle_failed(shop, payout.id, error.reason)
            outbox.done(db.connection(), job, now=shop.now)
