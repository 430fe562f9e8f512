"""Reversals of ledger entries, together with what the entries were about.

| entry | what its reversal does |
|---|---|
| `paid:<payout>`, `collected:<payout>` | the payout is `returned`, and another one takes its place |
| `sent:<payout>:<n>` | the payout on its way is `failed` |
| `earned:<part>` | the goods are expected at the kiosk again, and the part's payouts are `cancelled` |
| `float:<change>` | the kiosk's float is as it was |
| `back:…`, `opening:…` of goods, `reversal:…` | refused: the entry that it answers can be reversed, or nothing |
| `vouched:…`, `captured:…`, `refund…:…` and others of a purse | refused: they change with the order and its payments |
| any other | only the entry is reversed |

After a reversal the audit finds no inconsistency that it had not found before.
"""

from __future__ import annotations

from sqlalchemy import select

from marketplace_api import locks
from marketplace_api.catalogue import products
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.lifecycles import ASSIGNMENT, ORDER, PAYOUT
from marketplace_api.models import Artisan, Assignment, Payout
from marketplace_api.orders import orders, pieces
from marketplace_api.payments import balances, ledger, payouts, returns
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def reverse(shop: Shop, key: str, why: str) -> bool:
    """Reverse the entry with this key because of `why`; False if that was done before.

    `Refused` with `unknown_entry`, with `entry_final` if it cannot be reversed, with `receipt_final` for goods that
    were shipped, or with `payout_on_its_way` if goods of the entry were paid: then reverse the payment first.
    """
    entry = ledger.entry_of(shop, key)
    kind, _, rest = key.partition(":")
    subject, _, detail = rest.partition(":")
    if kind in ("paid", "collected") or (kind == "opening" and detail in ("paid", "collected")):
        return _reverse_payment(shop, key, subject, why)
    if kind == "sent":
        return _reverse_sending(shop, key, subject, why)
    if kind == "earned":
        return _reverse_receipt(shop, key, int(subject), why)
    if kind == "float":
        account = next(line.account for line in entry.postings if line.account != ledger.ADJUSTMENTS)
        return cash_float.reverse(shop, kiosks.by_id(shop, account.partition(":")[2]), key, why)
    if kind in ("back", "opening", ledger.REVERSAL):
        raise Refused("entry_final", key=key, because="it is not the entry of one act")
    if kind in _OF_PURSES:
        raise Refused("entry_final", key=key, because="the money of an order changes with the order and its payments")
    return ledger.reverse(shop, key, why)


_BEFORE_PURSES = "buyers"
"""The account that paid for received goods before orders had purses; its balance is zero for ever."""
_OF_PURSES = (
    *("vouched", "filled", "credit", "captured", "exchanged", "shipped"),
    *("refund", "refunding", "refund_back", "refunded", "refund_exchanged"),
)
"""The first words of the keys of entries of a purse."""


def _reverse_payment(shop: Shop, key: str, payout_id: str, why: str) -> bool:
    payouts.lock(shop, payout_id)
    if ledger.is_reversed(shop, key):
        return False
    returns.give_back(shop, payout_id, why)
    return True


def _reverse_sending(shop: Shop, key: str, payout_id: str, why: str) -> bool:
    payout = payouts.lock(shop, payout_id)
    if ledger.is_reversed(shop, key):
        return False
    returns.stop(shop, payout, key, why)
    return True


def _reverse_receipt(shop: Shop, key: str, part_id: int, why: str) -> bool:
    """Undo the receipt of a part: it is `reversed`, and a new part of as many pieces is expected in its place."""
    part = shop.session.get_one(Assignment, part_id)
    locks.take_one(shop, Artisan, Artisan.id == part.artisan_id)
    order = orders.lock(shop, part.order)
    if ledger.is_reversed(shop, key):
        return False
    ASSIGNMENT.check(part, "reverse")
    if order.status != "accepted":
        ORDER.check(order, "expect")
    to_cancel = _payouts_of(shop, part)
    for payout in to_cancel:
        PAYOUT.check(payout, "cancel")
    owed = -ledger.balance(shop, ledger.artisan_account(part.artisan_id)) - part.earns
    if owed < balances.amount_waiting(shop, part.artisan) - sum(payout.amount for payout in to_cancel):
        raise Refused("entry_final", key=key, because="a part of it is paid with another payout")
    ASSIGNMENT.move(part, "reverse")
    # the time tells the notifier which part the event is about, as it does for a reminder
    part.received_at, part.received_by, part.reminded_at, part.reason = None, None, shop.now, why
    ended = [returns.cancel(shop, payout.id, why) for payout in to_cancel]
    ledger.reverse(shop, key, why)
    _move_into_purse(shop, key, part)
    _expect_again(shop, part)
    for payout in ended:
        payouts.record_event(shop, payout, "payout.cancelled")
    return True


def _move_into_purse(shop: Shop, key: str, part: Assignment) -> None:
    """Put the money of a reversed receipt into the purse, if it was received before orders had purses."""
    for line in ledger.entry_of(shop, key).postings:
        if line.account == _BEFORE_PURSES:
            postings = {_BEFORE_PURSES: line.amount, ledger.purse(part.order_id): -line.amount}
            ledger.post(shop, f"purse:{key}", f"order {part.order.code}", postings, part.order.currency)


def _expect_again(shop: Shop, part: Assignment) -> None:
    """Expect as many pieces again as the part had, as a new part of the order; records the event."""
    order = part.order
    if order.product_id:
        products.put_back(shop, order.product_id, part.quantity)
    if order.status != "accepted":
        ORDER.move(order, "expect")
    again = Assignment(artisan=part.artisan, status="accepted", promised_on=part.promised_on)
    order.assignments.append(again)
    pieces.resize(again, part.quantity)
    if all(other.status != "received" for other in order.assignments):
        order.kiosk_id = None
    orders.update_money(shop, order)
    orders.record_status(shop, order, "order.receipt_reversed")


def _payouts_of(shop: Shop, part: Assignment) -> list[Payout]:
    """The part's payouts as they are in the database now, except those that have ended unpaid."""
    of_part = select(Payout).where(Payout.assignment_id == part.id, Payout.status.not_in(payouts.ENDED_UNPAID))
    return list(shop.session.scalars(of_part.order_by(Payout.id).execution_options(populate_existing=True)))
