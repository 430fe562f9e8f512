"""The handling of what collectors post to us. No order is paid through us yet, so it is logged and dropped."""

from __future__ import annotations

import logging

from bot.providers.collector_contracts import Captured, PaybillNotice, RefundStatus

log = logging.getLogger(__name__)


class CollectorCallbacks:
    """Logs that something was posted, without its token."""

    def on_hint(self, collector: str, provider_id: str, event_id: str | None = None) -> None:
        log.warning("%s posts about an unknown payment: %s", collector, provider_id)

    def on_charge(self, token: str, captured: Captured | None, provider_id: str | None = None) -> None:
        log.warning("a callback about an unknown payment of a buyer; it says %s", "paid" if captured else "not paid")

    def on_answer(self, token: str, answer: Captured | RefundStatus | None) -> None:
        log.warning("an answer to no request of ours about a buyer's payment: %s", type(answer).__name__)

    def on_paybill(self, collector: str, notice: PaybillNotice) -> None:
        log.warning("%s has got %s for an unknown payment: %s", collector, notice.amount, notice.receipt)
