"""What a buyer sees of an order and does with it on its secret page. Each call is one transaction."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import OperationalError

from bot.db.unit_of_work import Database
from bot.payments import collections, queueing
from bot.web.door import Door, Stranger
from bot.web.preferences import translated
from flows.kit import N_
from marketplace_api import models, problems
from marketplace_api.accounts import help_requests
from marketplace_api.fields import terms_apply
from marketplace_api.orders import orders, pieces, placing, quotes
from marketplace_api.orders.quotes import WaysToPay
from marketplace_api.payments import buyer_payments
from marketplace_api.problems import Problem
from marketplace_api.refused import Refused
from marketplace_api.rest.errors import STATUS_DETAILS
from marketplace_api.schemas.buyer_payments import BuyerPayment, Refund
from marketplace_api.schemas.help_requests import HelpRequest
from marketplace_api.schemas.orders import Order
from marketplace_api.shop import OpenShop, Shop, Terms
from marketplace_api.statuses import OrderProblem

log = logging.getLogger(__name__)

DONE_ALREADY = frozenset({"payment_open", "order_not_unpaid"})
"""Reasons with which a payment is refused whose button was pressed twice, or too late: the page shows what holds."""
# Translators: these stand on a page, not in a text; they may be a little longer.
NOT_SENT = N_("It has not been sent to you, so nothing was changed.")
NOT_PAID = N_("This order is not paid, so nothing was reported.")
TOO_LATE = "This order cannot be cancelled any more. Nothing was changed."


class PaymentOf(BaseModel):
    """A body with a payment, so that errors point to the same places as those of an order."""

    payment: placing.PaymentIn


@dataclass(frozen=True, slots=True)
class BuyersView:
    """An order as its buyer sees it. `payments` and `refunds` are oldest first."""

    order: Order
    payments: Sequence[BuyerPayment]
    refunds: Sequence[Refund]
    ways: WaysToPay
    waiting: HelpRequest | None
    """The buyer's request for help that is open, about this order, another one or neither."""

    @property
    def newest(self) -> BuyerPayment | None:
        """The newest payment."""
        return self.payments[-1] if self.payments else None

    @property
    def asked(self) -> BuyerPayment | None:
        """The payment that the buyer is asked for now, while nothing is paid."""
        is_open = self.newest and self.newest.status in buyer_payments.OPEN
        return self.newest if is_open and self.order.status == "unpaid" else None

    @property
    def captured(self) -> Sequence[BuyerPayment]:
        """The payments whose money came."""
        return [payment for payment in self.payments if payment.captured_at]

    @property
    def can_be_cancelled(self) -> bool:
        """True until an artisan has accepted a part."""
        is_taken = any(part.status in pieces.TAKEN for part in self.order.assignments)
        return self.order.status in ("unpaid", "placed") and not is_taken

    @property
    def can_be_reported(self) -> bool:
        """True once money came for it. Anybody can place an unpaid order in the name of another phone."""
        return self.order.payment_status != "unpaid" or bool(self.captured)


@dataclass(frozen=True, slots=True)
class BuyerOrders:
    """The orders of one shop. `open_shop` makes the shop of a database session."""

    database: Database
    open_shop: OpenShop
    door: Door
    terms: Terms

    def find(self, order_id: str) -> BuyersView | None:
        """The order, or None if there is none."""
        with self.database.reading() as session:
            shop = self.open_shop(session)
            row = session.get(models.Order, order_id)
            return _view(shop, row) if row else None

    def pay(self, order_id: str, body: Mapping[str, str], address: str) -> Problem | None:
        """Ask the buyer to pay as `body` says, the `payment` of `POST /orders`; None unless it is refused."""
        if seconds := self.door.count("payment", Stranger(address, charged=self._phone(body))):
            return Problem.of(429, f"There were too many tries. Please try again in {-(-seconds // 60)} minutes.")
        try:
            with self.database.writing.begin() as session:
                shop = self.open_shop(session)
                with terms_apply(shop.terms):
                    payment = PaymentOf.model_validate({"payment": body}).payment
                placing.try_again(shop, orders.by_id(shop, order_id), payment)
        except ValidationError as error:
            return problems.not_valid(error.errors())
        except Refused as refused:
            return None if refused.reason in DONE_ALREADY else problems.refusal(refused)
        except OperationalError:
            return _busy()
        return None

    def choose_again(self, order_id: str) -> Problem | None:
        """End the open payment by card, so that the buyer can pay in another way; None unless it is refused.

        Its job closes the page of the collector.
        """
        try:
            with self.database.writing.begin() as session:
                shop = self.open_shop(session)
                order = orders.lock(shop, orders.by_id(shop, order_id))
                for payment in buyer_payments.of_order(shop, order):
                    if payment.method == "card" and payment.status in buyer_payments.OPEN:
                        payment.expires_at = min(payment.expires_at, shop.now)
                        queueing.run_now(session.connection(), collections.KIND, payment.id, shop.now)
        except OperationalError:
            return _busy()
        return None

    def cancel(self, order_id: str) -> Problem | None:
        """Cancel the order; None unless it is refused. What was paid goes back."""
        try:
            with self.database.writing.begin() as session:
                shop = self.open_shop(session)
                order = orders.lock(shop, orders.by_id(shop, order_id))
                if order.status != "cancelled":
                    orders.cancel(shop, order)
        except Refused as refused:
            return Problem.of(refused.status, TOO_LATE, refused.reason)
        except OperationalError:
            return _busy()
        return None

    def receive(self, order_id: str) -> Problem | None:
        """Record that the order has come; None unless it is refused."""
        try:
            with self.database.writing.begin() as session:
                shop = self.open_shop(session)
                order = orders.lock(shop, orders.by_id(shop, order_id))
                if order.status != "delivered":
                    orders.deliver(shop, order)
        except Refused as refused:
            return Problem.of(refused.status, translated(NOT_SENT), refused.reason)
        except OperationalError:
            return _busy()
        return None

    def report(self, order_id: str, problem: OrderProblem, words: str) -> Problem | None:
        """Ask for help with a problem of the order; None unless it is refused."""
        try:
            with self.database.writing.begin() as session:
                shop = self.open_shop(session)
                order = orders.by_id(shop, order_id)
                if not _view(shop, order).can_be_reported:
                    return Problem.of(409, translated(NOT_PAID))
                help_requests.report(shop, order, problem, words)
        except Refused as refused:
            # the page says what is known already
            return None if refused.reason == "problem_known" else problems.refusal(refused)
        except OperationalError:
            return _busy()
        return None

    def _phone(self, body: Mapping[str, str]) -> str | None:
        """The MSISDN that is charged; None for a card, and for a phone that the marketplace will refuse."""
        try:
            return self.terms.parse_msisdn(body["phone"]) if body.get("phone") else None
        except ValueError:
            return None


def _view(shop: Shop, row: models.Order) -> BuyersView:
    payments = buyer_payments.of_order(shop, row)
    refunds = [refund for payment in payments for refund in payment.refunds]
    return BuyersView(
        Order.of(row),
        [BuyerPayment.of(payment) for payment in payments],
        [Refund.of(refund) for refund in sorted(refunds, key=lambda refund: refund.created_at)],
        quotes.ways_to_pay(shop, row.total),
        HelpRequest.of(waiting) if (waiting := help_requests.waiting(shop, row.buyer_msisdn)) else None,
    )


def _busy() -> Problem:
    log.exception("the database does not answer")
    return Problem.of(503, STATUS_DETAILS[503])
