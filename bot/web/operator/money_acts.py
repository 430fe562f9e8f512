"""What an operator can do to money: each act is one function of the marketplace, as the command line calls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.payments import typed_amounts
from bot.web.operator import effects, money_subjects, money_words, statement_rows
from bot.web.operator.effects import Effects
from bot.web.operator.money_subjects import MoneySubject
from marketplace_api.accounts import api_keys
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.lifecycles import PAYOUT, REFUND
from marketplace_api.models import BuyerPayment, Payout, Refund
from marketplace_api.orders import deciding, direct_payments, orders
from marketplace_api.payments import buyer_payments, elsewhere, holds, payouts, refunds, settlement, storefronts
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

Typed = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MoneyAct:
    """An act: its words, what it is about, what is typed, and the function that does it.

    `amount` is how much money it is about, in minor units of the shop's currency; None if it is of another one.
    `optional` fields may stay empty. If `is_filled_in`, a page fills in the fields, and nobody types them.
    """

    title: str
    about: str
    subject: Callable[[Shop, str], MoneySubject]
    perform: Callable[[Shop, str, Typed], object]
    amount: Callable[[Shop, str, Typed], int | None]
    fields: Mapping[str, str] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    is_filled_in: bool = False


def perform(shop: Shop, act: MoneyAct, about: str, typed: Typed) -> Effects:
    """Do it, and say what it has changed. Raises `Refused` or NotANumberError."""
    before, mark = act.subject(shop, about), effects.mark(shop)
    act.perform(shop, about, typed)
    written = effects.written_since(shop, mark)
    after = act.subject(shop, about)
    balance = f"It {before.balance} now, and {after.balance} then." if after.balance else ""
    return Effects(before.state, after.state, list(money_words.sentences(shop, written)), balance)


def of_payout(payout: Payout) -> Sequence[str]:
    """The names of the acts that a payout's status allows."""
    if PAYOUT.allows(payout, "end_hold"):
        return ["release-payout"]
    if PAYOUT.allows(payout, "retry"):
        return ["retry-payout", *(["payout-paid-elsewhere"] if payout.order else [])]
    return []


def of_refund(refund: Refund) -> Sequence[str]:
    """The names of the acts that a refund's status allows."""
    triggers = {"retry-refund": REFUND.allows(refund, "retry")}
    triggers["refund-paid-elsewhere"] = REFUND.allows(refund, "settle_elsewhere")
    return [name for name, is_allowed in triggers.items() if is_allowed]


def of_payment(payment: BuyerPayment) -> Sequence[str]:
    """The names of the acts on a payment on which an operator must decide."""
    if payment.failure != buyer_payments.OTHER_AMOUNT:
        return []
    return [*(["decide-payment"] if payment.captured_at is None else []), "dismiss-payment"]


# -- what they do


def _pay_elsewhere(shop: Shop, payout_id: str, typed: Typed) -> None:
    payout = payouts.by_id(shop, payout_id)
    if payout.order is None:
        raise Refused("not_due", code=payout.code)
    elsewhere.record_paid_elsewhere(
        shop, payout.artisan, payout.amount, payout.currency, typed["reference"], payout.order
    )


def _decide(shop: Shop, payment_id: str, typed: Typed) -> None:
    amount = typed_amounts.amount(typed["amount"], buyer_payments.by_id(shop, payment_id).currency)
    deciding.decide(shop, payment_id, amount, typed["receipt"], msisdn=typed.get("phone") or None)


def _worth_of_decision(shop: Shop, payment_id: str, typed: Typed) -> int:
    payment = buyer_payments.by_id(shop, payment_id)
    amount = typed_amounts.amount(typed["amount"], payment.currency)
    return max(payment.shop_amount, payment.shop_amount * amount // payment.amount)


def _assign(shop: Shop, money_id: str, typed: Typed) -> None:
    order = orders.by_code(shop, typed["code"])
    if order is None:
        raise Refused("unknown_code", 404, code=typed["code"])
    direct_payments.assign(shop, money_id, order)


def _of_unmatched(shop: Shop, money_id: str, _: Typed) -> int:
    return direct_payments.by_id(shop, money_id).amount or 0


def _settle(shop: Shop, key_id: str, typed: Typed) -> None:
    key = api_keys.by_id(shop, key_id)
    storefronts.settle(shop, key.id, _own_amount(shop, key_id, typed), typed["reference"])


def _top_up(shop: Shop, kiosk_id: str, typed: Typed) -> None:
    cash_float.record_cash(shop, kiosks.by_id(shop, kiosk_id), _cash(shop, kiosk_id, typed), typed["note"])


def _withdraw(shop: Shop, kiosk_id: str, typed: Typed) -> None:
    cash_float.record_cash(shop, kiosks.by_id(shop, kiosk_id), -_cash(shop, kiosk_id, typed), typed["note"])


def _cash(shop: Shop, kiosk_id: str, typed: Typed) -> int:
    amount = _own_amount(shop, kiosk_id, typed)
    if not amount:
        raise Refused("absurd_amount", 422, amount=amount)
    return amount


def _own_amount(shop: Shop, _about: str, typed: Typed) -> int:
    return typed_amounts.amount(typed["amount"], shop.terms.currency)


def _of_payout(shop: Shop, payout_id: str, _: Typed) -> int:
    return payouts.by_id(shop, payout_id).amount


def _of_refund(shop: Shop, refund_id: str, _: Typed) -> int:
    return refunds.by_id(shop, refund_id).shop_amount


_REFERENCE = {"reference": "Reference of the payment, as our bank or the receipt has it"}

ACTS: Mapping[str, MoneyAct] = {
    "release-payout": MoneyAct(
        "Release",
        "The payout does not wait any longer. It is paid in the way that the artisan has chosen.",
        money_subjects.payout,
        lambda shop, id, _: holds.release(shop, id),
        _of_payout,
    ),
    "retry-payout": MoneyAct(
        "Send again",
        "Send it again when what failed is corrected. The provider gets it under the same id, so it pays once.",
        money_subjects.payout,
        lambda shop, id, _: settlement.retry(shop, id),
        _of_payout,
    ),
    "payout-paid-elsewhere": MoneyAct(
        "Paid elsewhere",
        "You have paid the artisan by other means, such as by bank transfer. The provider is not asked any more.",
        money_subjects.payout,
        _pay_elsewhere,
        _of_payout,
        _REFERENCE,
    ),
    "retry-refund": MoneyAct(
        "Give back again",
        "Give it back again when what failed is corrected.",
        money_subjects.refund,
        lambda shop, id, _: refunds.retry(shop, id),
        _of_refund,
    ),
    "refund-paid-elsewhere": MoneyAct(
        "Given back elsewhere",
        "You have given the money back out of our bank account.",
        money_subjects.refund,
        lambda shop, id, typed: refunds.settle_elsewhere(shop, id, typed["reference"]),
        _of_refund,
        _REFERENCE,
    ),
    "decide-payment": MoneyAct(
        "Say what came",
        "Look for the money in the statement of the collector, and say what came. All of the price pays for the order, "
        "if it still waits. Anything else is booked, and goes back whole.",
        money_subjects.payment,
        _decide,
        _worth_of_decision,
        {
            "amount": "Amount that came, in whole money, such as 1500",
            "receipt": "Receipt in the statement",
            "phone": "Phone that paid, if it is not the one that was asked",
        },
        frozenset({"phone"}),
    ),
    "dismiss-payment": MoneyAct(
        "Nothing came",
        "There is nothing to book: no money came, or you gave it back at the collector by hand.",
        money_subjects.payment,
        lambda shop, id, typed: deciding.dismiss(shop, id, typed["why"]),
        lambda shop, id, _: buyer_payments.by_id(shop, id).shop_amount,
        {"why": "How you know it, such as: not in the statement"},
    ),
    "assign-money": MoneyAct(
        "For an order",
        "Say which order the money is for. It pays for the order, if that waits for this amount, or goes back whole.",
        money_subjects.unmatched,
        _assign,
        _of_unmatched,
        {"code": "Code of the order"},
    ),
    "return-money": MoneyAct(
        "Given back",
        "You have given the money back at the collector.",
        money_subjects.unmatched,
        lambda shop, id, typed: direct_payments.give_back(shop, id, typed["reference"]),
        _of_unmatched,
        _REFERENCE,
    ),
    "settle-storefront": MoneyAct(
        "Enter a settlement",
        "The storefront paid what it owes, or a part of it, to our bank account. Too much counts for later orders.",
        money_subjects.storefront,
        _settle,
        _own_amount,
        {"amount": "Amount, in whole money, such as 1500", **_REFERENCE},
    ),
    "top-up-kiosk": MoneyAct(
        "Put cash in",
        "You have handed cash of ours over to the kiosk's agent.",
        money_subjects.kiosk,
        _top_up,
        _own_amount,
        {"amount": "Amount, in whole money, such as 1500", "note": "Note, such as who handed it over"},
    ),
    "withdraw-from-kiosk": MoneyAct(
        "Take cash out",
        "You have taken cash of ours back from the kiosk's agent.",
        money_subjects.kiosk,
        _withdraw,
        _own_amount,
        {"amount": "Amount, in whole money, such as 1500", "note": "Note, such as who took it"},
    ),
    "book-statement": MoneyAct(
        "Enter them",
        "These rows of the collector's statement are not in our books yet. Each is entered once by its reference.",
        money_subjects.collector,
        statement_rows.book,
        statement_rows.amount,
        {"rows": "Rows of the statement"},
        is_filled_in=True,
    ),
}
"""By the part of their address."""
