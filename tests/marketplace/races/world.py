"""The shop in which commands are raced: orders and payouts in every status, most of them of one artisan.

`Snapshot.of(shop)` is what two runs of the same commands must agree on. Ids and codes are not in it, because they are
drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import func, select

from marketplace_api.accounts import api_keys, artisans
from marketplace_api.catalogue import products
from marketplace_api.events import webhooks
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.models import (
    Artisan,
    Assignment,
    BuyerPayment,
    Event,
    HelpRequest,
    Kiosk,
    LedgerPosting,
    Order,
    Payout,
    Product,
    Refund,
    WebhookEndpoint,
)
from marketplace_api.orders import briefs, orders, paying, pieces, receiving
from marketplace_api.orders.briefs import NewBrief
from marketplace_api.payments import buyer_payments, ledger, pausing, refunds, settlement
from marketplace_api.shop import Shop
from tests.marketplace.conftest import register, request

PHONE, SECOND, THIRD, NEWCOMER = "+254712345678", "+254712345670", "+254712345671", "+254712345672"
BUYER = "+254722000111"
SETTINGS_KEY = "bootstrap"
"""The owner of endpoints whose key is in the settings and has no row."""
BASKETS = NewBrief("Gift basket", "baskets", 1_000_00, 100, date(2026, 12, 20))


@dataclass(frozen=True, slots=True)
class World:
    """The ids of what commands are raced on; an order, part or payout is named by its status."""

    artisan: str
    second: str
    third: str
    kiosk: str
    other_kiosk: str
    product: str
    second_product: str
    placed: str
    accepted: str
    accepted_part: int
    at_kiosk: str
    shipped: str
    brief: str
    begun: str
    passed_over: str
    """A brief of which the artisan has accepted all pieces, so that the offer of the third was closed."""
    pending: str
    received_part: int
    """The part of the pending payout."""
    paid: str
    sending: str
    failed: str
    unknown: str
    """Of a payment that has failed, after which the artisan chose cash."""
    awaiting: str
    unpaid: str
    asked: str
    """The payment of the unpaid order."""
    started: str
    """A payment of another unpaid order, of which nobody was asked yet."""
    bought: str
    """An order that its buyer has paid."""
    kept: str
    failed_payment: str
    """A payment of the same order that had failed before."""
    refund_due: str
    refund_sending: str
    key: str
    """An API key that may create one more webhook endpoint."""


def build(shop: Shop) -> World:
    """Fill an empty shop."""
    kiosk = kiosks.create(shop, name="Kisumu", town="Kisumu", agent_name="Juma", agent_msisdn="+254711000001")
    other = kiosks.create(shop, name="Voi", town="Voi", agent_name="Ali", agent_msisdn="+254711000002")
    artisan = register(shop, kiosk, PHONE)
    product = products.list_product(shop, artisan, title="Kiondo", category="baskets", price=1_500_00, quantity=30)
    cash_float.record_cash(shop, kiosk, 5_000_00, "change")

    rerouted, _ = _received(shop, kiosk, artisan, product)
    settlement.begin_sending(shop, rerouted.id)
    settlement.settle_failed(shop, rerouted.id, "no such phone", "recipient")
    artisans.set_payout_method(shop, artisan, "kiosk_cash")
    awaiting, _ = _received(shop, kiosk, artisan, product)
    artisans.set_payout_method(shop, artisan, "mobile_money")
    failed, _ = _received(shop, kiosk, artisan, product)
    settlement.begin_sending(shop, failed.id)
    settlement.settle_failed(shop, failed.id, "no such phone", "recipient")
    paid, _ = _received(shop, kiosk, artisan, product)
    settlement.begin_sending(shop, paid.id)
    settlement.settle_paid(shop, paid.id, "SFE1")
    sending, shipped = _received(shop, kiosk, artisan, product)
    settlement.begin_sending(shop, sending.id)
    orders.ship(shop, shipped, "DHL", "1")
    pending, at_kiosk = _received(shop, kiosk, artisan, product)
    accepted = _accepted(shop, artisan, product, 3)

    second = register(shop, kiosk, SECOND, name="Wanjiku")
    third = register(shop, kiosk, THIRD, name="Zawadi")
    second_product = products.list_product(
        shop, second, title="Sisal mat", category="baskets", price=500_00, quantity=2
    )
    brief, begun, passed_over = (briefs.place(shop, request(), BASKETS) for _ in range(3))
    orders.accept(shop, artisan, begun.code, 40)
    orders.decline(shop, second, passed_over.code)
    orders.accept(shop, artisan, passed_over.code)
    unpaid, asked = _asked(shop, product)
    _, started = _unpaid(shop, product)
    bought, failed_payment = _asked(shop, product)
    buyer_payments.fail(shop, failed_payment.id, "unreachable", "1037")
    kept = _pay(shop, bought, "SGB1")
    due, sending_refund = _refund(shop, product, "SGB2"), _refund(shop, product, "SGB3")
    refunds.begin_sending(shop, sending_refund.id, "simulator")
    return World(
        artisan=artisan.id,
        second=second.id,
        third=third.id,
        kiosk=kiosk.id,
        other_kiosk=other.id,
        product=product.id,
        second_product=second_product.id,
        placed=orders.place(shop, request(), product.id, 2).id,
        accepted=accepted.id,
        accepted_part=accepted.assignments[0].id,
        at_kiosk=at_kiosk.id,
        shipped=shipped.id,
        brief=brief.id,
        begun=begun.id,
        passed_over=passed_over.id,
        pending=pending.id,
        received_part=at_kiosk.assignments[0].id,
        paid=paid.id,
        sending=sending.id,
        failed=failed.id,
        unknown=rerouted.id,
        awaiting=awaiting.id,
        unpaid=unpaid.id,
        asked=asked.id,
        started=started.id,
        bought=bought.id,
        kept=kept.id,
        failed_payment=failed_payment.id,
        refund_due=due.id,
        refund_sending=sending_refund.id,
        key=_key(shop),
    )


def _unpaid(shop: Shop, product: Product) -> tuple[Order, BuyerPayment]:
    """An order of one piece that its buyer is about to be asked to pay."""
    order = orders.place(shop, replace(request(), vouched=False), product.id, 1)
    return order, paying.start_by_phone(shop, order, BUYER)


def _asked(shop: Shop, product: Product) -> tuple[Order, BuyerPayment]:
    order, payment = _unpaid(shop, product)
    return order, buyer_payments.begin_asking(shop, payment.id)


def _pay(shop: Shop, order: Order, receipt: str) -> BuyerPayment:
    """A captured payment of the unpaid order."""
    payment = paying.start_by_phone(shop, order, BUYER)
    buyer_payments.begin_asking(shop, payment.id)
    return paying.settle_captured(shop, payment.id, receipt)


def _refund(shop: Shop, product: Product, receipt: str) -> Refund:
    """The refund of an order that was paid and cancelled."""
    order = orders.place(shop, replace(request(), vouched=False), product.id, 1)
    payment = _pay(shop, order, receipt)
    orders.cancel(shop, order)
    return payment.refunds[0]


def _key(shop: Shop) -> str:
    api_keys.create(shop, "bead shop", "storefront")
    (key,) = api_keys.list_all(shop)
    for owner in (key.id, SETTINGS_KEY):
        for number in range(webhooks.MAX_ENDPOINTS - 1):
            webhooks.create(shop, owner, "storefront", f"https://shop.example/{number}")
    return key.id


def _accepted(shop: Shop, artisan: Artisan, product: Product, quantity: int) -> Order:
    order = orders.place(shop, request(), product.id, quantity)
    orders.accept(shop, artisan, order.code)
    return order


def _received(shop: Shop, kiosk: Kiosk, artisan: Artisan, product: Product) -> tuple[Payout, Order]:
    """An order of two pieces that is at its kiosk, and its payout."""
    order = _accepted(shop, artisan, product, 2)
    part = receiving.receive(shop, kiosk, order.assignments[0].id, 2)
    return shop.session.scalars(select(Payout).where(Payout.assignment_id == part.id)).one(), order


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that commands change, without ids and codes."""

    orders: Sequence[object]
    products: Sequence[object]
    payouts: Sequence[object]
    artisans: Sequence[object]
    kiosks: Sequence[object]
    balances: Sequence[object]
    events: Sequence[Sequence[str]]
    open_requests: int
    endpoints: Sequence[object]
    keys_in_use: int
    paused: bool
    payments: Sequence[object]
    refunds: Sequence[object]

    @classmethod
    def of(cls, shop: Shop) -> Snapshot:
        """The shop as it is in the database now."""
        shop.session.flush()
        shop.session.expunge_all()
        session = shop.session
        balances = select(LedgerPosting.account, func.sum(LedgerPosting.amount)).group_by(LedgerPosting.account)
        is_open = HelpRequest.closed_at.is_(None)
        return cls(
            orders=sorted(map(_order, session.scalars(select(Order))), key=repr),
            products=sorted(map(_product, session.scalars(select(Product)))),
            payouts=sorted(map(_payout, session.scalars(select(Payout))), key=repr),
            artisans=sorted(map(_artisan, session.scalars(select(Artisan))), key=repr),
            kiosks=sorted((row.name, row.wrong_cash_codes, row.agent_msisdn) for row in session.scalars(select(Kiosk))),
            # the name of a purse has an id; what it holds follows from its order, as the audit finds
            balances=sorted((name, int(amount)) for name, amount in session.execute(balances) if not _is_purse(name)),
            events=_by_subject(session.scalars(select(Event).order_by(Event.xid, Event.seq))),
            open_requests=session.scalar(select(func.count()).select_from(HelpRequest).where(is_open)) or 0,
            endpoints=sorted(session.scalars(select(WebhookEndpoint.owner))),
            keys_in_use=sum(key.revoked_at is None for key in api_keys.list_all(shop)),
            paused=pausing.current_pause(shop) is not None,
            payments=sorted(map(_payment, session.scalars(select(BuyerPayment))), key=repr),
            refunds=sorted(map(_refunded, session.scalars(select(Refund))), key=repr),
        )

    def differences(self, other: Snapshot) -> str:
        """What this one has and the other one has not, for the message of a failure."""
        return "; ".join(
            f"{name}: {_only_in(getattr(self, name), getattr(other, name))}"
            for name in self.__slots__
            if getattr(self, name) != getattr(other, name)
        )


def _is_purse(account: str) -> bool:
    return account.startswith(ledger.PURSE)


def _only_in(one: object, other: object) -> object:
    if isinstance(one, list) and isinstance(other, list):
        return [item for item in one if one.count(item) > other.count(item)] or f"{len(one)}, not {len(other)}"
    return one


def _order(row: Order) -> object:
    parts = sorted(map(_part, row.assignments), key=repr)
    money = row.payment_status, row.total, row.artisan_earns
    return row.title, row.quantity, row.status, money, row.kiosk_id, row.tracking, parts


def _part(row: Assignment) -> object:
    # not the artisan's id: an artisan who registers in a race has another one each time
    return row.artisan.msisdn, row.quantity, row.earns, row.status, row.refused, row.ready_at is not None


def _product(row: Product) -> tuple[str, int, int, str]:
    return row.title, row.price, row.quantity, row.status


def _payout(row: Payout) -> object:
    paid = row.provider, row.provider_reference, row.sends, row.retried, row.failure, row.fault_party, row.kiosk_id
    has_code = row.cash_code_hash is not None
    return row.assignment_id is None, row.amount, row.method, row.msisdn, row.status, has_code, paid


def _payment(row: BuyerPayment) -> object:
    return row.amount, row.status, row.reference, row.is_kept, row.asks, row.failure


def _refunded(row: Refund) -> object:
    return row.amount, row.reason, row.status, row.provider, row.reference, row.sends, row.failure


def _artisan(row: Artisan) -> object:
    return row.msisdn, row.name, row.status, row.kiosk_id, row.payout_method, row.payout_msisdn


def broken_rules(shop: Shop) -> list[str]:
    """A sentence for each order whose status, parts and payouts do not fit together."""
    found = []
    for order in shop.session.scalars(select(Order)):
        statuses = {part.status for part in order.assignments}
        taken = sum(part.quantity for part in order.assignments if part.status in pieces.TAKEN)
        if taken > order.quantity:
            found.append(f"{taken} of {order.quantity} pieces of {order.code} are accepted")
        if order.status == "placed" and "offered" not in statuses:
            found.append(f"{order.code} is placed, and nobody is asked: {statuses}")
        if order.status != "placed" and "offered" in statuses:
            found.append(f"{order.code} is {order.status}, and is still offered")
        closed = {"accepted"} if order.status == "cancelled" else set(pieces.TAKEN)  # a voided one may be received
        if order.status in ("declined", "expired", "cancelled") and statuses & closed:
            found.append(f"{order.code} is {order.status}, and has parts that are {statuses}")
        if order.status in ("at_kiosk", "shipped", "delivered") and "received" not in statuses:
            found.append(f"{order.code} is {order.status}, and nothing was received: {statuses}")
        if any(part.status == "offered" and part.artisan.status == "left" for part in order.assignments):
            found.append(f"{order.code} is offered to an artisan who has left")
    paid = select(Payout).join(Payout.assignment).where(Assignment.status != "received", Payout.status != "cancelled")
    found += [f"payout {row.code} is for a part that was not received" for row in shop.session.scalars(paid)]
    on_sale = select(Product).join(Product.artisan).where(Product.status == "listed", Artisan.status == "left")
    return found + [f"{row.code} is sold by an artisan who has left" for row in shop.session.scalars(on_sale)]


def _by_subject(events: Iterable[Event]) -> Sequence[Sequence[str]]:
    """The types of the events about each thing, in their order. Events about two things have no order of their own."""
    types: dict[str, list[str]] = {}
    for event in events:
        types.setdefault(event.data["id"], []).append(event.type)
    return sorted(types.values())
