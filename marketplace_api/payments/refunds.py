"""Refunds: money that goes back to buyers, in the manner of payouts.

An accepted request is no refund, a lost answer no failure, and a refund is asked for under one id for ever. Each step
is written to the ledger once, in the same transaction and under a key of its own. The caller of `create` has locked the
order; the other functions lock it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api import locks
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.lifecycles import REFUND, RefundTrigger
from marketplace_api.models import BuyerPayment, Refund
from marketplace_api.payments import card_units, ledger
from marketplace_api.payments.money import BY_PHONE
from marketplace_api.refused import Refused
from marketplace_api.schemas.buyer_payments import Refund as RefundSchema
from marketplace_api.shop import Shop
from marketplace_api.statuses import RefundReason, RefundStatus

OPEN: tuple[RefundStatus, ...] = ("due", "sending", "unknown", "failed")
"""Statuses in which the money has not reached the buyer yet."""
IN_FLIGHT: tuple[RefundStatus, ...] = ("sending", "unknown")
"""Statuses in which a provider may be giving it back at this moment."""
TOKEN_LENGTH = 32
ELSEWHERE = "elsewhere"
"""The stored provider of a refund that an operator made by other means."""


# -- finding


def by_id(shop: Shop, refund_id: str) -> Refund:
    """The refund, or `Refused` with `unknown_refund`."""
    refund = shop.session.get(Refund, refund_id)
    if refund is None:
        raise Refused("unknown_refund", 404)
    return refund


def by_token(shop: Shop, token: str) -> Refund | None:
    """The refund whose newest request, or newest query, carries this token."""
    named = (Refund.token == token) | (Refund.query_token == token)
    return shop.session.scalars(select(Refund).where(named)).one_or_none()


def in_flight(shop: Shop, provider: str, names: Sequence[str]) -> Sequence[Refund]:
    """The refunds that `provider` may be giving back and knows by one of these names, its own or ours."""
    ours = [name.partition("-")[0] for name in names]
    is_named = Refund.provider_id.in_(names) | Refund.id.in_(ours)
    found = select(Refund).where(Refund.provider == provider, Refund.status.in_(IN_FLIGHT), is_named)
    return shop.session.scalars(found.order_by(Refund.id)).all()


def done_as(shop: Shop, provider: str, reference: str) -> Refund | None:
    """The refund that `provider` gave back as `reference`."""
    found = select(Refund).where(Refund.provider == provider, Refund.reference == reference, Refund.status == "done")
    return shop.session.scalars(found).one_or_none()


def lock(shop: Shop, refund_id: str) -> Refund:
    """The refund as it is in the database now, under the lock of its order; `Refused` with `unknown_refund`."""
    if refund := locks.take_of_order(shop, Refund, refund_id):
        return refund
    raise Refused("unknown_refund", 404)


def given_back(payment: BuyerPayment) -> int:
    """How much of a payment is given back or to be given back, in minor units of the shop's currency."""
    return sum(refund.shop_amount for refund in payment.refunds)


# -- creating


def create(
    shop: Shop,
    payment: BuyerPayment,
    shop_amount: int,
    reason: RefundReason,
    *,
    source: str = "",
    note: str | None = None,
) -> Refund:
    """Give back `shop_amount` minor units of the shop's currency, out of the order's purse or the account `source`.

    `note` is an operator's reason in words.

    In the payment's own currency each part is rounded down and the last one gets the rest, so that the refunds of a
    payment sum up to it exactly. `Refused` with `refund_too_large`, or with `not_funded`.
    """
    left = payment.shop_amount - given_back(payment)
    if shop_amount > left:
        raise Refused("refund_too_large", most=left, currency=payment.order.currency)
    before = sum(refund.amount for refund in payment.refunds)
    is_last = shop_amount == left
    amount = payment.amount - before if is_last else _share(payment, shop_amount)
    refund = Refund(
        id=shop.ids.new_id("rfd"),
        payment=payment,
        order_id=payment.order_id,
        amount=amount,
        shop_amount=shop_amount,
        currency=payment.currency,
        reason=reason,
        note=note,
        status="due",
        created_at=shop.now,
    )
    shop.session.add(refund)
    shop.session.flush()
    account = source or ledger.purse(payment.order_id)
    postings = {account: shop_amount, ledger.REFUNDS: -shop_amount}
    currency = payment.order.currency
    ledger.post(shop, f"refund:{refund.id}", _note(refund), postings, currency, floor=None if source else account)
    if payment.is_kept:
        payment.order.payment_status = "refunded" if is_last else "part_refunded"
    return record_event(shop, refund, "refund.due")


# -- moving


def begin_sending(shop: Shop, refund_id: str, provider: str) -> Refund:
    """Record that `provider` is asked to give it back, before it is asked."""
    refund = _move(shop, refund_id, "send")
    refund.provider, refund.token = provider, shop.ids.token(TOKEN_LENGTH)
    refund.sends, refund.sent_at, refund.failure = refund.sends + 1, shop.now, None
    _enter(shop, refund, "refunding", {ledger.REFUNDS: refund.shop_amount, ledger.REFUNDING: -refund.shop_amount})
    return refund


def mark_unknown(shop: Shop, refund_id: str) -> Refund:
    """Record that the provider may have given it back; it is queried before it is asked again."""
    return _move(shop, refund_id, "doubt")


def put_back(shop: Shop, refund_id: str) -> Refund:
    """Record that the provider has certainly not heard the request."""
    refund = _move(shop, refund_id, "put_back")
    _enter_back(shop, refund)
    return refund


def give_back_by_payer(shop: Shop, refund_id: str) -> Refund:
    """Record that the provider has not given it back, and that a payout to the paying phone is to do so.

    If the provider was a payer already, the next payout has another id, because the payer has refused this one.
    """
    refund = put_back(shop, refund_id)
    refund.payer_ids += 1
    return refund


def new_query_token(shop: Shop, refund: Refund) -> str:
    """A new token for a query about the refund, whose row is locked. Commit before sending the query."""
    refund.query_token = shop.ids.token(TOKEN_LENGTH)
    shop.session.flush()
    return refund.query_token


def settle_done(shop: Shop, refund_id: str, reference: str, source: str | None = None) -> Refund:
    """Record that the money went back as `reference`, out of the account `source`, else of the payment's collector.

    `Refused` with `reference_known` if another refund has the reference.
    """
    refund = _move(shop, refund_id, "settle")
    _set_reference(shop, refund, reference)
    _enter_done(shop, refund, _name_of_done(refund), ledger.REFUNDING, source)
    return _done(shop, refund)


def settle_failed(shop: Shop, refund_id: str, failure: str) -> Refund:
    """Record that the provider has not given it back, and will not by this request."""
    refund = _move(shop, refund_id, "fail")
    _enter_back(shop, refund)
    refund.failure = failure
    return record_event(shop, refund, "refund.failed")


def come_back(shop: Shop, refund_id: str, failure: str) -> Refund:
    """Record that a refund that was done has not reached the buyer: its provider has the money again.

    It has failed, and an operator decides. `Refused` with `refund_not_done`.
    """
    refund = _move(shop, refund_id, "come_back")
    keys = (f"{step}:{_name_of_done(refund)}" for step in ("refunded", "refund_exchanged"))
    for key in keys:
        if ledger.has_entry(shop, key):
            ledger.reverse(shop, key, failure)
    _enter_back(shop, refund)
    refund.failure, refund.done_at, refund.returned_at = failure, None, shop.now
    return record_event(shop, refund, "refund.failed")


def retry(shop: Shop, refund_id: str) -> Refund:
    """Set a failed refund to due, so that it is sent again."""
    refund = _move(shop, refund_id, "retry")
    return record_event(shop, refund, "refund.due")


def settle_elsewhere(shop: Shop, refund_id: str, reference: str) -> Refund:
    """Record that an operator gave it back by other means, out of our bank account, as `reference`."""
    refund = _move(shop, refund_id, "settle_elsewhere")
    refund.provider = ELSEWHERE
    _set_reference(shop, refund, reference)
    _enter_done(shop, refund, f"{refund.id}:{ELSEWHERE}", ledger.REFUNDS, ledger.BANK)
    return _done(shop, refund)


def record_event(shop: Shop, refund: Refund, type: EventType) -> Refund:
    """Record the event `type` with the refund as it is now."""
    shop.session.flush()
    events.record(shop, type, RefundSchema.of(refund))
    return refund


def _move(shop: Shop, refund_id: str, trigger: RefundTrigger) -> Refund:
    refund = lock(shop, refund_id)
    REFUND.move(refund, trigger)
    return refund


def _done(shop: Shop, refund: Refund) -> Refund:
    refund.done_at, refund.failure = shop.now, None
    return record_event(shop, refund, "refund.done")


def _set_reference(shop: Shop, refund: Refund, reference: str) -> None:
    try:
        with shop.session.begin_nested():
            refund.reference = reference
            shop.session.flush()
    except IntegrityError:
        raise Refused("reference_known", reference=reference) from None


def _enter(shop: Shop, refund: Refund, step: str, postings: dict[str, int]) -> None:
    """Enter a step of the newest send; no step is taken twice for one send."""
    ledger.append(shop, f"{step}:{refund.id}:{refund.sends}", _note(refund), postings)


def _enter_back(shop: Shop, refund: Refund) -> None:
    postings = {ledger.REFUNDS: -refund.shop_amount, ledger.REFUNDING: refund.shop_amount}
    _enter(shop, refund, "refund_back", postings)


def _enter_done(shop: Shop, refund: Refund, name: str, owed: str, source: str | None) -> None:
    """Enter that the money left us, at the payment's own rate; `owed` is the account in which it was owed.

    The difference between what the buyer paid and what it was worth, such as the rest of a shilling, is rounding.
    """
    payment, currency = refund.payment, refund.payment.order.currency
    account = source or ledger.collector_account(payment.collector)
    key = f"refunded:{name}"
    if refund.currency == currency:
        rounding = refund.amount - refund.shop_amount
        postings = {owed: refund.shop_amount, account: -refund.amount, ledger.ROUNDING: rounding}
        ledger.post(shop, key, _note(refund), postings, currency)
        return
    if source is not None:  # paid from an account of ours in the shop's currency
        ledger.post(shop, key, _note(refund), {owed: refund.shop_amount, account: -refund.shop_amount}, currency)
        return
    ledger.post(shop, key, _note(refund), {owed: refund.shop_amount, ledger.FX: -refund.shop_amount}, currency)
    if not refund.amount:
        return  # a part smaller than the smallest coin
    foreign = ledger.in_currency(account, refund.currency), ledger.in_currency(ledger.FX, refund.currency)
    postings = {foreign[0]: -refund.amount, foreign[1]: refund.amount}
    ledger.post(shop, f"refund_exchanged:{name}", _note(refund), postings, refund.currency)


def _name_of_done(refund: Refund) -> str:
    """The end of the keys of the entries that it is done: new after each time that it came back."""
    return f"{refund.id}:{refund.sends}" if refund.returned_at else refund.id


def _share(payment: BuyerPayment, shop_amount: int) -> int:
    """What a part of a payment is in its currency, rounded down to what its method can pay."""
    steps = {"mpesa": BY_PHONE.unit, "card": card_units.step(payment.currency)}
    share = payment.amount * shop_amount // payment.shop_amount
    return share - share % steps.get(payment.method, 1)


def _note(refund: Refund) -> str:
    return f"refund of {refund.payment.order.code}"
