"""Pays orders as their buyers would, without a phone, a browser and waiting.

    POST /simulator/pay {"order": "K7P4", "fate": "paid"}
    200  {"payment": {"id": "bpy_4k2…", "status": "captured"}}

| fate | what the buyer does |
|---|---|
| paid, cancelled, unreachable, no_balance | answers the prompt, or not; on the page for cards, pays or is declined |
| late | pays after the time to pay is over; the money goes back |
| twice | pays a first time after the second one; the money of the first goes back |

An order without an open payment is paid by phone. The simulated providers are asked by the real adapters, and callbacks
are posted to our webhooks. A card that is declined can be tried again, so its payment stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import sleep
from typing import Any, Literal

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from bot.payments import collections
from bot.payments.queueing import OwnShop
from bot.providers.collector_contracts import Asked, Captured, Charge, Collector, NotCaptured
from bot.providers.errors import PaymentError
from bot.simulator import acts, buyers, express
from bot.simulator.buyers import CANCELLED, NO_BALANCE, PAID, UNREACHABLE
from marketplace_api import problems
from marketplace_api.fields import LateModel
from marketplace_api.models import BuyerPayment
from marketplace_api.orders import orders, paying
from marketplace_api.payments import buyer_payments
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

Fate = Literal["paid", "cancelled", "unreachable", "no_balance", "late", "twice"]
TRIES, GAP_S = 20, 0.25
"""How often, and after how many seconds, it is looked whether a worker has put a prompt on the phone."""
CODES: Mapping[Fate, str] = {
    "paid": PAID,
    "cancelled": CANCELLED,
    "unreachable": UNREACHABLE,
    "no_balance": NO_BALANCE,
}


class PayRequest(LateModel):
    """The order's code, and what its buyer does."""

    order: str
    fate: Fate = "paid"


@dataclass(frozen=True, slots=True)
class SimulatedPayments:
    """Lets the buyers of the shop of `own` pay. The collectors are connected to the simulated providers."""

    own: OwnShop
    collector: Callable[[str], Collector]
    """The one of a method of payment."""
    post_callback: Callable[[str, Mapping[str, Any]], None]
    press: Callable[[str, str], None]
    """Presses a button (`pay`, `decline`) on the page for cards with this URL."""

    def pay(self, code: str, fate: Fate) -> tuple[str, str]:
        """Pay an order; returns the id and status of its payment.

        `Refused` with `unknown_order`, `order_not_unpaid`, and as `paying.start_by_phone`. Raises PaymentError if the
        simulated provider does not ask the buyer.
        """
        payment_id = self._asked(code)
        self._note(code, fate)
        match fate:
            case "late":
                self._let_lapse(payment_id)
                self._answer(payment_id, PAID)
            case "twice":
                first = payment_id
                self._let_lapse(first)
                payment_id = self._asked(code)
                self._answer(payment_id, PAID)
                self._answer(first, PAID)
            case _:
                self._answer(payment_id, CODES[fate])
        with self.own.writing() as shop:
            return payment_id, buyer_payments.by_id(shop, payment_id).status

    def _note(self, code: str, fate: Fate) -> None:
        """Note what the buyer does; a transcript can play two of the fates."""
        played: Mapping[Fate, acts.Kind] = {"paid": "pay", "cancelled": "refuse"}
        with self.own.writing() as shop:
            order = orders.by_code(shop, code)
            if order:
                what = f"the payment of {code} was {fate}"
                act = played.get(fate, "other")
                acts.note(shop.session.connection(), shop.now, order.buyer_msisdn, act, what)

    def _asked(self, code: str) -> str:
        """The id of the order's payment for which a prompt is on a phone, or a page is open."""
        for _ in range(TRIES):
            with self.own.writing() as shop:
                payment = _open_payment(shop, code)
                payment_id, method, charge = payment.id, payment.method, collections.charge_of(payment)
                if payment.provider_id:
                    return payment_id
                is_ours = payment.status == "created"
                if is_ours:
                    buyer_payments.begin_asking(shop, payment_id)
            if is_ours:
                self._ask(method, charge)
                return payment_id
            sleep(GAP_S)  # a worker is asking at this moment
        raise Refused("payment_open")

    def _ask(self, method: str, charge: Charge) -> None:
        try:
            answer = self.collector(method).ask(charge)
        except PaymentError as error:
            if not error.reason.outcome_unknown:
                with self.own.writing() as shop:
                    buyer_payments.put_back(shop, charge.id)
            raise
        if isinstance(answer, Asked):
            with self.own.writing() as shop:
                buyer_payments.set_asked(shop, charge.id, answer.provider_id, answer.url)

    def _let_lapse(self, payment_id: str) -> None:
        """The buyer does not pay until the time to pay is over."""
        with self.own.writing() as shop:
            payment = buyer_payments.lock(shop, payment_id)
            if payment.method == "mpesa":
                _settle_prompt(shop, payment, UNREACHABLE)
            if payment.status in buyer_payments.OPEN:
                buyer_payments.lapse(shop, payment_id)

    def _answer(self, payment_id: str, code: str) -> None:
        """Let the buyer pay, or not, with a code of `buyers`; settle the payment as its collector then says."""
        with self.own.writing() as shop:
            payment = buyer_payments.lock(shop, payment_id)
            prompt = _settle_prompt(shop, payment, code) if payment.method == "mpesa" else None
            charge, provider_id = collections.charge_of(payment), payment.provider_id or ""
            method, page = payment.method, payment.url or ""
        if prompt:
            self.post_callback(prompt.url, express.callback(prompt))
        else:
            self.press(page, "pay" if code == PAID else "decline")
        answer = self.collector(method).query(charge, provider_id)
        with self.own.writing() as shop:
            payment = paying.lock(shop, payment_id)
            if isinstance(answer, Captured) and payment.captured_at is None:
                collections.settle(shop, payment, answer)
            elif isinstance(answer, NotCaptured) and payment.status in buyer_payments.OPEN:
                buyer_payments.fail(shop, payment_id, answer.reason.value, answer.detail)


def _settle_prompt(shop: Shop, payment: BuyerPayment, code: str) -> buyers.Collection:
    conn = shop.session.connection()
    prompt = buyers.find(conn, payment.provider_id or "", shop.now)
    if prompt is None:
        raise Refused("payment_open")
    return buyers.settle(conn, prompt, code)


def _open_payment(shop: Shop, code: str) -> BuyerPayment:
    """The open payment of an order; a new one by phone if none is open."""
    order = orders.by_code(shop, code)
    if order is None:
        raise Refused("unknown_order", 404)
    order = orders.lock(shop, order)
    if order.status != "unpaid":
        raise Refused("order_not_unpaid", current=order.status)
    is_open = (each for each in buyer_payments.of_order(shop, order) if each.status in buyer_payments.OPEN)
    return next(is_open, None) or paying.start_by_phone(shop, order, order.buyer_msisdn)


def routes(pay: Callable[[str, Fate], tuple[str, str]]) -> Blueprint:
    """`/simulator/pay`; `pay` is that of `SimulatedPayments`."""
    blueprint = Blueprint("simulated_payments", __name__, url_prefix="/simulator")

    @blueprint.post("/pay")
    def pay_order() -> Response | tuple[Response, int]:
        try:
            asked = PayRequest.model_validate_json(request.get_data())
            payment_id, status = pay(asked.order, asked.fate)
        except ValidationError as error:
            return jsonify(detail=problems.not_valid(error.errors()).detail), 400
        except Refused as refused:
            return jsonify(detail=problems.explain(refused), reason=refused.reason), refused.status
        except PaymentError as error:
            return jsonify(detail=f"The buyer was not asked: {error.detail}"), 409
        return jsonify(payment={"id": payment_id, "status": status})

    return blueprint
