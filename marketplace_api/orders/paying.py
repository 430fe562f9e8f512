"""What payments of buyers mean for their orders.

    start            a buyer will pay for an unpaid order
    vouch            the storefront that placed an unpaid order vouches for it after all
    settle_captured  the money came: the order is offered to its artisans, or the money goes back
    announce         an operator saw the money arrive

At most one captured payment of an order is kept. Any other one, and one that comes after its time, goes back whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from marketplace_api import locks
from marketplace_api.lifecycles import BUYER_PAYMENT, ORDER, BuyerPaymentTrigger
from marketplace_api.models import Artisan, BuyerPayment, CollectingPause, Order, Payout, Product, Refund
from marketplace_api.orders import briefs, orders
from marketplace_api.payments import buyer_payments, exchange, holds, ledger, purse, refunds, storefronts
from marketplace_api.payments.buyer_payments import AskedPrice
from marketplace_api.payments.money import BY_PHONE
from marketplace_api.refused import Refused
from marketplace_api.shares import split
from marketplace_api.shop import Shop, insert_new
from marketplace_api.statuses import CollectorMethod, OrderPaymentStatus, RefundReason

UNPAID_HOLDS_FOR_CARDS = timedelta(minutes=35)
"""How long pieces are held once a card payment has begun: as long as the provider's page is open."""
OPERATOR = "operator"
_PAUSED = select(CollectingPause.collector)  # made once, because each page of a shop executes it
_IS_PAUSED = _PAUSED.where(CollectingPause.collector == bindparam("collector"))


def start_by_phone(shop: Shop, order: Order, msisdn: str) -> BuyerPayment:
    """The buyer will be asked on a phone to pay; the caller has locked the order.

    `Refused` with `order_not_unpaid`, `payment_open`, `no_collector`, `phone_not_charged` or `absurd_amount`; and with
    `too_late_to_pay` if the order may end before the prompt does, because what is paid after that goes back.
    """
    _check_unpaid(order)
    if order.expires_at < shop.now + buyer_payments.TIME_TO_PAY["mpesa"]:
        raise Refused("too_late_to_pay")
    collector = _collector(shop, "mpesa")
    if not shop.terms.can_be_paid(msisdn):
        raise Refused("phone_not_charged", 422, network=shop.terms.payout_network)
    if order.product and order.product.artisan.has_phone(msisdn):
        raise Refused("own_product", 403)
    amount = price_by_phone(order)
    if amount > BY_PHONE.most:
        raise Refused("absurd_amount", amount=order.total)
    price = AskedPrice(amount, order.currency)
    return buyer_payments.create(shop, order, "mpesa", collector, price, msisdn=msisdn)


def start_by_card(shop: Shop, order: Order, currency: str, return_url: str) -> BuyerPayment:
    """The buyer will be led to a page of the collector to pay in `currency`, and back to `return_url`.

    The caller has locked the order. The page is closed when the order ends. `Refused` with `order_not_unpaid`,
    `payment_open`, `no_collector` or `no_exchange_rate`.
    """
    _check_unpaid(order)
    collector = _collector(shop, "card")
    price = exchange.price_in(shop, order.total, currency)
    order.expires_at = max(order.expires_at, order.created_at + UNPAID_HOLDS_FOR_CARDS)
    return buyer_payments.create(shop, order, "card", collector, price, return_url=return_url)


def vouch(shop: Shop, order: Order) -> BuyerPayment:
    """Fund an unpaid order on credit: the storefront that placed it owes us its price, whoever asks for it.

    The total stays what the buyer was told. The payment is captured at once, and `storefront` by its method.
    `Refused` with `order_not_unpaid`, `payment_needed` if the key that placed the order may not vouch, `payment_open`,
    or `credit_exhausted`.
    """
    order = lock_with_artisans(shop, order)
    _check_unpaid(order)
    terms = storefronts.terms_for_vouching(shop, order.placed_by)
    price = AskedPrice(order.total, order.currency)
    payment = buyer_payments.create_vouched(shop, order, price)
    purse.vouch(shop, order)
    _offer_to_all(shop, order, "vouched")
    storefronts.check_credit(shop, terms)
    return payment


def announce(shop: Shop, order: Order, amount: int, reference: str, *, means: str = "bank") -> BuyerPayment:
    """Record that an operator saw `amount` minor units arrive in our account by these `means`, as `reference`.

    It has to be the order's total. `Refused` with `order_not_unpaid`, `wrong_total` or `reference_known`.
    """
    order = lock_with_artisans(shop, order)
    _check_unpaid(order)
    if amount != order.total:
        raise Refused("wrong_total", 422, total=order.total, currency=order.currency)
    buyer_payments.drop_unasked(shop, order)
    price = AskedPrice(amount, order.currency)
    payment = buyer_payments.create(shop, order, "operator", OPERATOR, price)
    payment.means = means
    buyer_payments.set_reference(shop, payment, reference)
    capture(shop, order, payment, keep=True)
    return payment


def settle_captured(
    shop: Shop,
    payment_id: str,
    reference: str | None,
    *,
    fee: int | None = None,
    name: str | None = None,
) -> BuyerPayment:
    """Record that the buyer paid; `fee` is what the collector keeps of it, in minor units of the payment's currency.

    If the order waits for it, the order is offered to its artisans. Otherwise the money goes back whole. A payment that
    is captured already only learns its `reference`. `Refused` with `reference_known`.
    """
    payment = lock(shop, payment_id)
    settle_locked(shop, payment, reference, fee=fee, name=name)
    return payment


def settle_locked(
    shop: Shop,
    payment: BuyerPayment,
    reference: str | None,
    *,
    fee: int | None = None,
    name: str | None = None,
) -> None:
    """Settle a payment as `settle_captured` does; the caller has locked it by `lock`. Nothing changes if `Refused`."""
    late = payment.status in ("failed", "lapsed")
    trigger: BuyerPaymentTrigger = "late" if late else "settle"
    if payment.captured_at is None:
        BUYER_PAYMENT.check(payment, trigger)
    if reference and payment.reference is None:
        buyer_payments.set_reference(shop, payment, reference)
    if payment.captured_at is not None:
        return
    BUYER_PAYMENT.move(payment, trigger)
    payment.name, payment.fee, payment.failure = name, fee, None
    capture(shop, payment.order, payment, keep=payment.order.status == "unpaid" and not late)


def capture_direct(
    shop: Shop, order: Order, collector: str, amount: int, reference: str, *, msisdn: str | None, name: str | None
) -> BuyerPayment:
    """Record money that came without a prompt, as `reference`, in the shop's currency.

    If the order waits for exactly this amount, rounded up to what a phone pays, it is offered to its artisans.
    Otherwise the money goes back whole. `Refused` with `reference_known`.
    """
    order = lock_with_artisans(shop, order)
    is_price = amount == price_by_phone(order)
    payment = buyer_payments.create_captured(
        shop, order, collector, amount, order.total if is_price else amount, msisdn=msisdn, name=name
    )
    buyer_payments.set_reference(shop, payment, reference)
    keep = order.status == "unpaid" and is_price
    if keep:
        buyer_payments.drop_unasked(shop, order)
    capture(shop, order, payment, keep=keep)
    return payment


def price_by_phone(order: Order) -> int:
    """What the order costs by mobile money, in minor units: its total, rounded up to what a phone pays."""
    return -(-order.total // BY_PHONE.unit) * BY_PHONE.unit


def give_back(shop: Shop, payment_id: str, amount: int, note: str | None = None) -> Refund:
    """Give back `amount` minor units of the shop's currency, because an operator decides so; `note` says why.

    It is our loss: the order's purse keeps what its artisans will earn. `Refused` with `payment_not_captured` or
    `refund_too_large`.
    """
    payment = buyer_payments.lock(shop, payment_id)
    if payment.status != "captured" or payment.method == "storefront":
        is_vouched = payment.method == "storefront"
        raise Refused("payment_not_captured", current="vouched" if is_vouched else payment.status)
    if not 0 < amount <= ledger.MAX_AMOUNT:
        raise Refused("absurd_amount", 422, amount=amount)
    return refunds.create(shop, payment, amount, "operator", source=ledger.LOSSES, note=note)


def dispute(shop: Shop, payment_id: str) -> BuyerPayment:
    """Record that the buyer disputes the payment at the collector; payouts of the order that wait are held."""
    payment = _move_dispute(shop, payment_id, "dispute")
    buyer_payments.record_event(shop, payment, "payment.disputed")
    holds.hold_disputed(shop, payment.order_id)
    return payment


def end_dispute(shop: Shop, payment_id: str, *, won: bool) -> BuyerPayment:
    """Record the end of a dispute. A lost one is our loss, and an operator decides on payouts that are still held."""
    payment = _move_dispute(shop, payment_id, "win" if won else "lose")
    if won:
        buyer_payments.record_event(shop, payment, "payment.captured")
        holds.release_disputed(shop, payment.order_id)
        return payment
    currency = payment.order.currency
    account = ledger.collector_account(payment.collector)
    note, lost = f"dispute of {payment.order.code}", payment.shop_amount - refunds.given_back(payment)
    amount = payment.amount - sum(refund.amount for refund in payment.refunds)
    if not (amount or lost):
        pass  # all of it was given back before
    elif payment.currency == currency:
        rounding = amount - lost
        postings = {ledger.LOSSES: lost, account: -amount, ledger.ROUNDING: rounding}
        ledger.post(shop, f"charged_back:{payment.id}", note, postings, currency)
    else:
        ledger.post(shop, f"charged_back:{payment.id}", note, {ledger.LOSSES: lost, ledger.FX: -lost}, currency)
        held, fx = (ledger.in_currency(name, payment.currency) for name in (account, ledger.FX))
        key = f"charge_back_exchanged:{payment.id}"
        ledger.post(shop, key, note, {held: -amount, fx: amount}, payment.currency)
    return buyer_payments.record_event(shop, payment, "payment.charged_back")


def _move_dispute(shop: Shop, payment_id: str, trigger: BuyerPaymentTrigger) -> BuyerPayment:
    """Move the payment, after the locks of the artisans with payouts of its order."""
    order_id = buyer_payments.by_id(shop, payment_id).order_id
    of_order = select(Payout.artisan_id).where(Payout.order_id == order_id)
    locks.take_all(shop, Artisan, Artisan.id.in_(of_order))
    return buyer_payments.move(shop, payment_id, trigger)


def open_collectors(shop: Shop) -> Sequence[CollectorMethod]:
    """The methods by which a buyer can pay at the moment."""
    paused = set(shop.session.connection().scalars(_PAUSED))
    return [method for method, collector in shop.terms.collectors.items() if collector not in paused]


def pause_collecting(shop: Shop, collector: str, reason: str) -> None:
    """Ask nobody to pay by this collector until an operator resumes it; the reason of an earlier pause is kept."""
    new = insert_new(shop.session, CollectingPause).values(collector=collector, reason=reason, since=shop.now)
    shop.session.execute(new)


def is_paused(shop: Shop, collector: str) -> bool:
    """True while nobody is asked to pay by this collector."""
    return shop.session.connection().scalar(_IS_PAUSED, {"collector": collector}) is not None


def resume_collecting(shop: Shop, collector: str) -> bool:
    """Ask buyers to pay by this collector again; False if it was not paused."""
    pause = shop.session.get(CollectingPause, collector)
    if pause is None:
        return False
    shop.session.delete(pause)
    shop.session.flush()
    return True


def _check_unpaid(order: Order) -> None:
    if order.status != "unpaid":
        raise Refused("order_not_unpaid", current=order.status)


def _collector(shop: Shop, method: CollectorMethod) -> str:
    """The collector of a method; `Refused` with `no_collector` if there is none, or it is paused."""
    if method not in open_collectors(shop):
        raise Refused("no_collector", method=method)
    return shop.terms.collectors[method]


def lock(shop: Shop, payment_id: str) -> BuyerPayment:
    """The payment and its order under the locks that settling takes; `Refused` with `unknown_payment`."""
    order_id = select(BuyerPayment.order_id).where(BuyerPayment.id == payment_id).scalar_subquery()
    product_of_order = Order.product_id == Product.id
    artisan_id = select(Product.artisan_id).join(Order, product_of_order).where(Order.id == order_id)
    order = orders.lock_after_artisan(shop, artisan_id.scalar_subquery(), order_id)
    if order is None:  # it is of a brief
        order = lock_with_artisans(shop, buyer_payments.by_id(shop, payment_id).order)
    return buyer_payments.read_locked(shop, payment_id, order)


def lock_with_artisans(shop: Shop, order: Order) -> Order:
    """The order under its lock, and before it the locks of the artisans to whom it would be offered."""
    if order.product:
        locks.take_one(shop, Artisan, Artisan.id == order.product.artisan_id)
    elif order.brief and order.status == "unpaid":
        briefs.least_busy(shop, order.brief.category, order.brief.kiosk)
    return orders.lock(shop, order)


def capture(shop: Shop, order: Order, payment: BuyerPayment, *, keep: bool) -> None:
    """Enter the money of a payment; offer the order if it is kept, give the money back if not.

    The caller has locked the order as `lock_with_artisans` does.
    """
    payment.status, payment.captured_at, payment.is_kept = "captured", shop.now, keep
    shop.session.flush()
    purse.capture(shop, order, payment)
    _enter_fee(shop, payment)
    buyer_payments.record_event(shop, payment, "payment.captured")
    if not keep:
        refunds.create(shop, payment, payment.shop_amount, _why_not_kept(order))
        return
    _offer_to_all(shop, order, "paid")


def _offer_to_all(shop: Shop, order: Order, status: OrderPaymentStatus) -> None:
    """Offer an order whose price is in its purse to the artisans who can make it; they and the order are locked."""
    order.payment_status = status
    if order.product:
        artisan = order.product.artisan
        asked = [artisan] if artisan.status == "active" else []
        _offer(shop, order, asked, shop.now + orders.OFFER_STANDS)
    elif order.brief:
        until = min(shop.now + briefs.OFFER_STANDS, shop.midnight(order.brief.due_on))
        asked = list(briefs.least_busy(shop, order.brief.category, order.brief.kiosk)) if until > shop.now else []
        _offer(shop, order, asked, until)


def _offer(shop: Shop, order: Order, artisans: Sequence[Artisan], until: datetime) -> None:
    """Offer an order to `artisans` until `until`; declined if there is nobody."""
    ORDER.move(order, "fund")
    order.expires_at = until
    earns = split(order.unit_price, order.quantity, order.commission_percent).earns
    order.assignments.extend(orders.offers(artisans, order.quantity, earns))
    orders.record_status(shop, order, "order.placed", "order.funded")
    orders.update_status(shop, order)


def _why_not_kept(order: Order) -> RefundReason:
    return "second" if order.payment_status not in ("unpaid", "vouched") else "late"


def _enter_fee(shop: Shop, payment: BuyerPayment) -> None:
    if payment.fee:
        account, fees = ledger.collector_account(payment.collector), ledger.FEES
        if payment.currency != payment.order.currency:
            account, fees = (ledger.in_currency(name, payment.currency) for name in (account, fees))
        postings = {fees: payment.fee, account: -payment.fee}
        ledger.post(shop, f"fee:{payment.id}", f"fee of {payment.order.code}", postings, payment.currency)
