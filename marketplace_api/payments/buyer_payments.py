"""Payments of buyers: how one is found, locked, created, moved through its life cycle and recorded.

`orders.paying` decides what a payment means for its order. All functions that move a payment lock its order first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload, lazyload
from sqlalchemy.orm.attributes import set_committed_value

from marketplace_api import locks
from marketplace_api.event_types import EventType
from marketplace_api.events import events
from marketplace_api.lifecycles import BUYER_PAYMENT, BuyerPaymentTrigger
from marketplace_api.models import BuyerPayment, CollectorEvent, Order
from marketplace_api.refused import Refused
from marketplace_api.schemas.buyer_payments import BuyerPayment as BuyerPaymentSchema
from marketplace_api.shop import Shop, insert_new
from marketplace_api.statuses import BuyerPaymentMethod, BuyerPaymentStatus

OPEN: tuple[BuyerPaymentStatus, ...] = ("created", "asked", "unknown")
"""Statuses in which the buyer may still pay in time."""
MAY_HAVE_PAID: tuple[BuyerPaymentStatus, ...] = ("asked", "unknown")
TOKEN_LENGTH = 32
WITHOUT_PARTS = joinedload(BuyerPayment.order).options(lazyload(Order.assignments), lazyload(Order.timeline))
"""Reads a payment and its order, and what else belongs to the order only when it is needed."""
EVENTS_KEPT = timedelta(days=30)
"""How long an event of a collector is remembered; Stripe repeats one for three days."""
AT_ONCE = 500
OTHER_AMOUNT = "other_amount"
"""The failure of a payment of which the collector reports another amount, currency, phone or a receipt of another
payment. An operator must decide what it is (`orders.deciding`); no job changes it any more."""
VOUCHED = "storefront"
"""The stored collector of a payment for which the storefront vouches."""
TIME_TO_PAY: dict[BuyerPaymentMethod, timedelta] = {
    "mpesa": timedelta(minutes=3),
    "card": timedelta(minutes=35),
    "storefront": timedelta(0),
    "operator": timedelta(0),
}
"""How long a buyer may pay after a payment was created, by its method. Stripe's shortest time is 30 minutes."""


@dataclass(frozen=True, slots=True)
class AskedPrice:
    """What a buyer is asked to pay: `amount` minor units of `currency`, at `rate`; None in the shop's currency."""

    amount: int
    currency: str
    rate: str | None = None


# -- finding


def by_id(shop: Shop, payment_id: str) -> BuyerPayment:
    """The payment, or `Refused` with `unknown_payment`."""
    return _known(shop.session.get(BuyerPayment, payment_id))


def without_parts(shop: Shop, payment_id: str) -> BuyerPayment:
    """The payment, with its order but not the order's parts; `Refused` with `unknown_payment`."""
    return _known(shop.session.get(BuyerPayment, payment_id, options=[WITHOUT_PARTS]))


def _known(payment: BuyerPayment | None) -> BuyerPayment:
    if payment is None:
        raise Refused("unknown_payment", 404)
    return payment


def by_token(shop: Shop, token: str) -> BuyerPayment | None:
    """The payment whose callback address carries this token."""
    return shop.session.scalars(select(BuyerPayment).where(BuyerPayment.token == token)).one_or_none()


def by_provider_id(shop: Shop, collector: str, provider_id: str) -> BuyerPayment | None:
    """The payment that a collector knows by its own id or by its receipt."""
    named = (BuyerPayment.provider_id == provider_id) | (BuyerPayment.reference == provider_id)
    found = select(BuyerPayment).where(BuyerPayment.collector == collector, named)
    return shop.session.scalars(found.order_by(BuyerPayment.created_at.desc()).limit(1)).one_or_none()


def is_disputed(shop: Shop, order_id: str) -> bool:
    """True while a buyer disputes a payment of the order, so that nothing more is paid out for it."""
    disputed = BuyerPayment.order_id == order_id, BuyerPayment.status == "disputed"
    return bool(shop.session.scalar(select(BuyerPayment.id).where(*disputed).limit(1)))


def of_order(shop: Shop, order: Order) -> Sequence[BuyerPayment]:
    """All payments of an order, oldest first."""
    found = select(BuyerPayment).where(BuyerPayment.order_id == order.id)
    return shop.session.scalars(found.order_by(BuyerPayment.created_at, BuyerPayment.id)).all()


_IDS_OF_ORDER = select(BuyerPayment.id).where(BuyerPayment.order_id == bindparam("order_id")).order_by(BuyerPayment.id)


def ids_of_order(shop: Shop, order_id: str) -> Sequence[str]:
    """The ids of all payments of an order."""
    return shop.session.connection().scalars(_IDS_OF_ORDER, {"order_id": order_id}).all()


def is_new_event(shop: Shop, collector: str, event_id: str) -> bool:
    """True if the collector's event was not heard before; it is now."""
    new = insert_new(shop.session, CollectorEvent).values(collector=collector, id=event_id, at=shop.now)
    return bool(shop.session.scalar(new.returning(CollectorEvent.id)))


def forget_events(shop: Shop) -> int:
    """Forget events that no collector repeats any more; returns how many, at most `AT_ONCE`."""
    old = select(CollectorEvent.collector, CollectorEvent.id).where(CollectorEvent.at < shop.now - EVENTS_KEPT)
    rows = shop.session.execute(old.limit(AT_ONCE)).all()
    for collector, event_id in rows:
        shop.session.execute(
            delete(CollectorEvent).where(CollectorEvent.collector == collector, CollectorEvent.id == event_id)
        )
    return len(rows)


# -- locking


def lock(shop: Shop, payment_id: str) -> BuyerPayment:
    """The payment as it is in the database now, under the lock of its order; `Refused` with `unknown_payment`."""
    return _known(locks.take_of_order(shop, BuyerPayment, payment_id))


def read_locked(shop: Shop, payment_id: str, order: Order) -> BuyerPayment:
    """As `lock`, for the caller who has locked and read the order of the payment."""
    alone = lazyload(BuyerPayment.order)
    payment = shop.session.get_one(BuyerPayment, payment_id, populate_existing=True, options=[alone])
    set_committed_value(payment, "order", order)
    locks.hold(shop, payment_id)
    return payment


# -- creating and moving


def create(
    shop: Shop,
    order: Order,
    method: BuyerPaymentMethod,
    collector: str,
    price: AskedPrice,
    *,
    msisdn: str | None = None,
    return_url: str | None = None,
) -> BuyerPayment:
    """Create a payment for the whole order, which is then asked for until the order ends at the latest.

    The caller has locked the order.
    `Refused` with `payment_open` while the buyer is being asked to pay.
    """
    _check_none_open(shop, order)
    payment = _new(shop, order, method, collector, price, order.total)
    payment.msisdn, payment.return_url = msisdn, return_url
    payment.expires_at = min(payment.expires_at, order.expires_at)
    shop.session.add(payment)
    return record_event(shop, payment, "payment.created")


def create_vouched(shop: Shop, order: Order, price: AskedPrice) -> BuyerPayment:
    """Create a payment by the storefront that vouches for the order; the caller enters what it owes.

    No event tells of it: those of the order do. `Refused` with `payment_open`.
    """
    _check_none_open(shop, order)
    payment = _new(shop, order, "storefront", VOUCHED, price, order.total)
    payment.status, payment.captured_at, payment.is_kept = "captured", shop.now, True
    shop.session.add(payment)
    shop.session.flush()
    return payment


def _check_none_open(shop: Shop, order: Order) -> None:
    if any(payment.status in OPEN for payment in of_order(shop, order)):
        raise Refused("payment_open")


def create_captured(
    shop: Shop, order: Order, collector: str, amount: int, shop_amount: int, *, msisdn: str | None, name: str | None
) -> BuyerPayment:
    """Create a payment by mobile money that has come already; the caller has locked the order, and enters the money."""
    payment = _new(shop, order, "mpesa", collector, AskedPrice(amount, order.currency), shop_amount)
    payment.status, payment.msisdn, payment.name = "captured", msisdn, name
    shop.session.add(payment)
    shop.session.flush()
    return payment


def _new(
    shop: Shop, order: Order, method: BuyerPaymentMethod, collector: str, price: AskedPrice, shop_amount: int
) -> BuyerPayment:
    return BuyerPayment(
        id=shop.ids.new_id("bpy"),
        order=order,
        method=method,
        collector=collector,
        currency=price.currency,
        amount=price.amount,
        shop_amount=shop_amount,
        rate=price.rate,
        token=shop.ids.token(TOKEN_LENGTH),
        status="created",
        created_at=shop.now,
        expires_at=shop.now + TIME_TO_PAY[method],
    )


def begin_asking(shop: Shop, payment_id: str) -> BuyerPayment:
    """Record that the buyer is asked, before the collector is; the event makes nobody ask a second time."""
    payment = move(shop, payment_id, "ask")
    payment.asks, payment.asked_at = payment.asks + 1, shop.now
    return record_event(shop, payment, "payment.asked")


def set_asked(shop: Shop, payment_id: str, provider_id: str, url: str | None) -> BuyerPayment:
    """Store what the collector answered: its own id of the request, and the page where the buyer pays."""
    payment = lock(shop, payment_id)
    payment.provider_id, payment.url = provider_id, url
    return payment


def mark_unknown(shop: Shop, payment_id: str) -> BuyerPayment:
    """Record that the buyer may have been asked. Nobody asks again by itself."""
    return move(shop, payment_id, "doubt")


def put_back(shop: Shop, payment_id: str) -> BuyerPayment:
    """Record that the collector has certainly not heard the request, so the buyer can be asked again."""
    return move(shop, payment_id, "put_back")


def fail(shop: Shop, payment_id: str, failure: str, detail: str) -> BuyerPayment:
    """Record that the buyer was not charged, because of `failure` (`NotCapturedReason`)."""
    payment = move(shop, payment_id, "fail")
    payment.failure, payment.detail = failure, detail
    return record_event(shop, payment, "payment.failed")


def lapse(shop: Shop, payment_id: str) -> BuyerPayment:
    """Record that the time to pay is over; what is paid later goes back whole."""
    payment = move(shop, payment_id, "lapse")
    return record_event(shop, payment, "payment.lapsed")


def drop_unasked(shop: Shop, order: Order) -> None:
    """End the payments of an order that ends before its buyer was asked; the caller has locked the order."""
    for payment in of_order(shop, order):
        if payment.status == "created":
            BUYER_PAYMENT.move(payment, "lapse")
            record_event(shop, payment, "payment.lapsed")


def move(shop: Shop, payment_id: str, trigger: BuyerPaymentTrigger) -> BuyerPayment:
    """Lock the payment and apply the transition `trigger` of its life cycle, or raise `Refused`."""
    payment = lock(shop, payment_id)
    BUYER_PAYMENT.move(payment, trigger)
    return payment


def set_reference(shop: Shop, payment: BuyerPayment, reference: str) -> None:
    """Store the proven receipt. `Refused` with `reference_known` if it is another payment's."""
    try:
        with shop.session.begin_nested():
            payment.reference = reference
            shop.session.flush()
    except IntegrityError:
        raise Refused("reference_known", reference=reference) from None


def record_event(shop: Shop, payment: BuyerPayment, type: EventType) -> BuyerPayment:
    """Record the event `type` with the payment as it is now."""
    shop.session.flush()
    events.record(shop, type, BuyerPaymentSchema.of(payment))
    return payment


def overdue(shop: Shop, at: datetime, limit: int) -> Sequence[str]:
    """Ids of payments whose time to pay is over and that nobody has settled, oldest first."""
    is_open = BuyerPayment.status.in_(OPEN), BuyerPayment.expires_at <= at
    return shop.session.scalars(select(BuyerPayment.id).where(*is_open).order_by(BuyerPayment.id).limit(limit)).all()
