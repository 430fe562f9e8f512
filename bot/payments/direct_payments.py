"""Jobs that query the receipts of money that came without a prompt, one per receipt until the collector answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta

from bot.payments import queueing
from bot.payments.collections import Collectors
from bot.payments.queueing import OwnShop
from bot.providers.collector_contracts import ReceiptQuery
from bot.providers.errors import PaymentError
from marketplace_api.backoff import Backoff
from marketplace_api.models import BuyerPayment, DirectPayment
from marketplace_api.orders import direct_payments
from marketplace_api.shop import Shop
from state.outbox import Job

log = logging.getLogger(__name__)

KIND = "direct_payment"
POLLS = Backoff.doubling(timedelta(minutes=1), timedelta(hours=1))
QUERIED_FOR = timedelta(days=3)
"""How long after a notice its receipt is queried; after that an operator looks for it in the collector's statement."""


def notice(
    shop: Shop,
    collector: str,
    receipt: str,
    account: str,
    asked: BuyerPayment | None = None,
    *,
    later: timedelta = timedelta(0),
) -> None:
    """Store a receipt that we were told of, and queue its query, once for each receipt; it is made after `later`.

    `asked` is the payment at whose own address we were told.
    """
    if direct := direct_payments.notice(shop, collector, receipt, account, asked):
        queueing.queue(shop.session.connection(), KIND, direct.id, direct.id, shop.now + later)


@dataclass(frozen=True, slots=True)
class DirectPaymentJob:
    """Handles the jobs of kind `direct_payment`. The answer comes as a callback."""

    own_shop: OwnShop
    collectors: Collectors

    def run(self, job: Job) -> None:
        """Query the receipt once, unless its money is settled."""
        direct = self._prepare(job)
        if direct is None:
            return
        collector, detail = self.collectors.get((direct.collector, "mpesa")), "queried"
        if not isinstance(collector, ReceiptQuery):
            log.error("%s cannot tell what receipt %s is about", direct.collector, direct.receipt)
            return
        try:
            collector.query_receipt(direct.receipt, direct.token)
        except PaymentError as error:
            log.warning("a query of a receipt failed", extra={"direct_payment": direct.id, "reason": error.detail})
            detail = error.detail
        with self.own_shop.writing() as shop:
            queueing.poll_again(shop, job, shop.now + POLLS.gap(job.polls + 1), detail)

    def _prepare(self, job: Job) -> DirectPayment | None:
        with self.own_shop.writing() as shop:
            direct = direct_payments.by_id(shop, job.payload["id"])
            if direct.status == "noticed" and shop.now < direct.created_at + QUERIED_FOR:
                shop.session.expunge(direct)
                return direct
            queueing.finish(shop, job)
            return None
