"""The handling of what collectors, and payers of refunds, post to us.

What is posted to an address that others may know is a hint: it makes us query sooner. What is posted to an address with
the token of a request of ours answers that request.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.payments import collections, direct_payments, queueing, refunding
from bot.payments.queueing import OwnShop
from bot.providers.collector_contracts import Captured, NotRefunded, PaybillNotice, Refunded, RefundStatus
from bot.providers.payment_contracts import PaymentCallback, PaymentCallbackHandler
from marketplace_api.models import BuyerPayment, Refund
from marketplace_api.orders import direct_payments as direct_money
from marketplace_api.payments import buyer_payments, refunds
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from state import budgets
from state.budgets import Use

log = logging.getLogger(__name__)

NOTICES_AN_HOUR = 2_000
"""How many unknown receipts of one hour are queried at once. As many more are queried after each hour that follows."""
LATEST_HOURS = 3
"""After so many hours none of that hour is queried: then somebody forges notices, who knows the address."""
LONGEST_ACCOUNT = 40
"""How much is stored of what a payer typed; a code is shorter."""


@dataclass(frozen=True, slots=True)
class CollectorCallbacks:
    """Applies what collectors post to payments, refunds and receipts. A `CollectorCallbackHandler`."""

    own_shop: OwnShop

    def on_hint(self, collector: str, provider_id: str, event_id: str | None = None) -> None:
        """Query what the provider knows as `provider_id` soon: once for each `event_id`, or once in a while without."""
        with self.own_shop.writing() as shop:
            if event_id and not buyer_payments.is_new_event(shop, collector, event_id):
                return
            payment = buyer_payments.by_provider_id(shop, collector, provider_id)
            if payment is not None:
                payment = buyer_payments.lock(shop, payment.id)
                if event_id or _may_follow(shop, payment):
                    collections.query_soon(shop, payment, event_id or f"hint:{shop.now.isoformat()}")
            of_payment = [] if payment is None else payment.refunds
            done = refunds.done_as(shop, collector, provider_id)
            for refund in {*of_payment, *refunds.in_flight(shop, collector, [provider_id]), *([done] if done else [])}:
                _query_refund_soon(shop, refund, event_id)

    def on_charge(self, token: str, captured: Captured | None, provider_id: str | None = None) -> None:
        """Handle a callback at the address of a charge: query it now, and keep the proven receipt."""
        with self.own_shop.writing() as shop:
            found = buyer_payments.by_token(shop, token)
            if found is None:
                log.warning("a callback about a charge that is not ours")
                return
            payment = buyer_payments.lock(shop, found.id)
            if provider_id and payment.provider_id is None:
                _set_provider_id(shop, payment, provider_id)
            if captured is not None:
                _keep_receipt(shop, payment, captured)
            if captured is not None or _may_follow(shop, payment):
                collections.query_soon(shop, payment, f"charge:{shop.now.isoformat()}")

    def on_answer(self, token: str, answer: Captured | RefundStatus | None) -> None:
        """Handle the answer to a request of ours that named an address with this token."""
        with self.own_shop.writing() as shop:
            if refund := refunds.by_token(shop, token):
                refund = refunds.lock(shop, refund.id)
                if isinstance(answer, Refunded | NotRefunded):
                    refunding.apply(shop, refund, answer, queried=token == refund.query_token)
                _query_refund_soon(shop, refund)
            elif (direct := direct_money.by_token(shop, token)) is None:
                log.warning("an answer to a request that is not ours")
            elif not isinstance(answer, Captured):
                log.warning("the receipt %s is not answered yet", direct.receipt)
            elif answer.amount is None or answer.currency not in (None, shop.terms.currency):
                log.error("the receipt %s has no amount in %s", direct.receipt, shop.terms.currency)
            else:
                settled = direct_money.settle(shop, direct.id, answer.amount, msisdn=answer.msisdn, name=answer.name)
                if settled.status == "unmatched":
                    log.error("the money of receipt %s belongs to no order", direct.receipt)

    def on_paybill(self, collector: str, notice: PaybillNotice) -> None:
        """Handle a notice of money that came without a prompt: its receipt is queried, and only the answer counts."""
        with self.own_shop.writing() as shop:
            if direct_money.is_known(shop, collector, notice.receipt):
                return
            use = Use(f"paybill:{collector}", 1, 3600.0)
            spent = budgets.spend(shop.session.connection(), use, shop.now.timestamp()).total
            hours = (spent - 1) // NOTICES_AN_HOUR
            if hours > LATEST_HOURS:
                log.error("%s tells of too many receipts in an hour; %s is left out", collector, notice.receipt)
                return
            account, later = notice.account[:LONGEST_ACCOUNT], timedelta(hours=hours)
            direct_payments.notice(shop, collector, notice.receipt, account, later=later)


@dataclass(frozen=True, slots=True)
class PayerCallbacks:
    """Applies what payers post to the refunds that they pay out; everything else goes to `payouts`."""

    own_shop: OwnShop
    payouts: PaymentCallbackHandler

    def on_result(self, provider: str, token: str, callback: PaymentCallback) -> None:
        """Handle what was posted to an address with a token: if a request of ours named it, the answer to it."""
        with self.own_shop.writing() as shop:
            refund = refunds.by_token(shop, token)
            if refund is not None:
                _apply_callback(shop, refunds.lock(shop, refund.id), token, callback)
                return
        self.payouts.on_result(provider, token, callback)

    def on_hint(self, provider: str, names: Sequence[str]) -> None:
        """Query the payment with one of these names soon."""
        with self.own_shop.writing() as shop:
            found = refunds.in_flight(shop, provider, names)
            for refund in found:
                _query_refund_soon(shop, refund)
        if not found:
            self.payouts.on_hint(provider, names)


def _apply_callback(shop: Shop, refund: Refund, token: str, callback: PaymentCallback) -> None:
    queried = token == refund.query_token
    status = callback.if_query if queried else callback.if_payment
    answer = refunding.of_payment(refund, status) if status else None
    if answer is not None:
        refunding.apply(shop, refund, answer, queried=queried)
    elif refund.status == "sending":
        refunds.mark_unknown(shop, refund.id)
    queueing.run_now(shop.session.connection(), collections.REFUND, refund.id, shop.now)


def _may_follow(shop: Shop, payment: BuyerPayment) -> bool:
    return queueing.may_follow_hint(shop.session.connection(), payment.id, payment.created_at, shop.now)


def _query_refund_soon(shop: Shop, refund: Refund, event_id: str | None = None) -> None:
    """Query a refund soon that its provider may be giving back, or, after an event, that may have come back."""
    conn = shop.session.connection()
    if refund.status in refunds.IN_FLIGHT and queueing.may_follow_hint(conn, refund.id, refund.created_at, shop.now):
        queueing.run_now(conn, collections.REFUND, refund.id, shop.now)
    elif event_id and refunding.may_come_back(refund):
        key = f"{refund.id}:{event_id}"
        queueing.queue(conn, collections.REFUND, refund.id, key, shop.now, hinted=True)


def _set_provider_id(shop: Shop, payment: BuyerPayment, provider_id: str) -> None:
    """Store by which id the collector knows the payment, unless it is another payment's."""
    if buyer_payments.by_provider_id(shop, payment.collector, provider_id) is None:
        payment.provider_id = provider_id
    else:
        log.error("the callback of payment %s names the request of another one", payment.id)


def _keep_receipt(shop: Shop, payment: BuyerPayment, captured: Captured) -> None:
    """Keep the proven receipt, for when the query settles the payment. Money of another receipt is taken apart."""
    if difference := collections.difference_of(payment, captured):
        collections.note_difference(shop, payment, difference)
        return
    receipt = captured.reference
    if receipt is None or receipt == payment.reference:
        return
    # what nobody can query by the request can be queried by the receipt
    if payment.reference is None and payment.provider_id and payment.status != "created":
        try:
            buyer_payments.set_reference(shop, payment, receipt)
        except Refused:
            collections.note_difference(shop, payment, f"the receipt {receipt} of another payment")
    else:
        direct_payments.notice(shop, payment.collector, receipt, payment.order.code, payment)
