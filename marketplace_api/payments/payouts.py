"""What artisans are paid: when it falls due, and how each payment of it ends.

Whoever pays is asked only after `begin_sending` is committed, under the payout's `payment_id`, and what it says later
is brought here. Every step is entered in the ledger in the step's own transaction, under a key that enters it once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from marketplace_api.events import events
from marketplace_api.lifecycles import PAYOUT
from marketplace_api.models import Artisan, Assignment, Kiosk, Order, PaymentName, Payout, PayoutPause
from marketplace_api.payments import cash_codes, ledger
from marketplace_api.payments.money import BY_PHONE, IN_CASH
from marketplace_api.refused import Refused
from marketplace_api.schemas.payouts import Payout as PayoutSchema
from marketplace_api.shop import Shop, add_with_code
from marketplace_api.statuses import FaultParty

_STARTS = {"mobile_money": "pending", "kiosk_cash": "awaiting_collection"}
IN_FLIGHT = ("sending", "unknown")
"""Somebody may be paying them at this moment."""
WAITING = ("pending", "failed", "awaiting_collection")
"""Nobody is paying them."""
SETTLED = ("paid", "collected")
NameMeaning = Literal["payment", "question", "outdated", "spent"]
"""What a name stands for: a payment, a question about it, one asked before it was sent again, one failed for good."""
ELSEWHERE = "elsewhere"
"""The provider of a payout that an operator made by hand."""


@dataclass(frozen=True, slots=True)
class ArtisanBalance:
    """An artisan's money in minor units, and her last payouts, newest first."""

    owed: int
    paid: int
    last: Sequence[Payout]


@dataclass(frozen=True, slots=True)
class PayoutTotal:
    """How many payouts there are of a kind, what they come to in minor units, and when the oldest fell due."""

    count: int
    sum: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True)
class NamedPayout:
    """A payout as a provider names it."""

    payout: Payout
    meaning: NameMeaning


# -- falling due


def create_due_payouts(shop: Shop, part: Assignment) -> Sequence[Payout]:
    """Owe an artisan what her part earns, to be paid the way she wants today. The caller announces them.

    It is paid in whole units: what is too little, or left over, stays on her account and comes with the next. So a
    part may have several payouts, or for once none.
    """
    artisan, order = _held_artisan(shop, part.artisan), part.order
    total = order.unit_price * part.quantity
    ledger.post(
        shop,
        f"earned:{part.id}",
        f"goods received of {order.code}",
        {
            ledger.BUYERS: total,
            ledger.artisan_account(artisan.id): -part.earns,
            ledger.COMMISSION: part.earns - total,
        },
        order.currency,
    )
    payable = BY_PHONE if artisan.payout_method == "mobile_money" else IN_CASH
    return [
        _owe(shop, part, artisan, piece, amount)
        for piece, amount in enumerate(payable.pieces(_without_payout(shop, artisan)))
    ]


def _owe(shop: Shop, part: Assignment, artisan: Artisan, piece: int, amount: int) -> Payout:
    payout = _add(
        shop,
        artisan,
        amount,
        part.order.currency,
        order=part.order,
        assignment=part,
        piece=piece,
        method=artisan.payout_method,
        msisdn=artisan.payout_msisdn,
        status=_STARTS[artisan.payout_method],
    )
    if payout.method == "kiosk_cash":
        payout.cash_code = cash_codes.new_code(shop)
    return payout


def _add(shop: Shop, artisan: Artisan, amount: int, currency: str, **what: Any) -> Payout:
    payout_id = shop.ids.new_id("pay")
    return add_with_code(
        shop,
        lambda code: Payout(
            id=payout_id,
            payment_id=payout_id,
            code=code,
            artisan=artisan,
            amount=amount,
            currency=currency,
            created_at=shop.now,
            **what,
        ),
    )


def _held_artisan(shop: Shop, artisan: Artisan) -> Artisan:
    """Nobody else makes payouts of what she is owed until we commit."""
    shop.session.refresh(artisan, with_for_update={"of": Artisan})
    return artisan


def _without_payout(shop: Shop, artisan: Artisan) -> int:
    """What she is owed that no payout is for."""
    return -ledger.balance(shop, ledger.artisan_account(artisan.id)) - amount_waiting(shop, artisan)


# -- reading


def by_id(shop: Shop, payout_id: str) -> Payout:
    """The payout, or `Refused` with `unknown_payout`."""
    payout = shop.session.get(Payout, payout_id)
    if payout is None:
        raise Refused("unknown_payout", 404)
    return payout


def by_ids(shop: Shop, payout_ids: Collection[str]) -> Sequence[Payout]:
    """Those of these payouts that there are, with whom and what they are for, in no order."""
    rows = select(Payout).where(Payout.id.in_(payout_ids))
    whole = selectinload(Payout.artisan), selectinload(Payout.order), selectinload(Payout.kiosk)
    return shop.session.scalars(rows.options(*whole)).all()


def amounts_owed(shop: Shop, artisan_ids: Collection[str]) -> Mapping[str, int]:
    """What each of these artisans is owed, in minor units, by her id: what nobody pays yet, and what is under way."""
    balances = ledger.balances(shop, [ledger.artisan_account(id) for id in artisan_ids])
    moving = select(Payout.artisan_id, func.sum(Payout.amount)).where(
        Payout.artisan_id.in_(artisan_ids), Payout.status.in_(IN_FLIGHT)
    )
    under_way = {id: int(amount) for id, amount in shop.session.execute(moving.group_by(Payout.artisan_id))}
    return {id: under_way.get(id, 0) - balances[ledger.artisan_account(id)] for id in artisan_ids}


def balance_of(shop: Shop, artisan: Artisan, last: int = 5) -> ArtisanBalance:
    """What she is owed, what she was paid, and her `last` payouts."""
    newest = (
        select(Payout)
        .options(selectinload(Payout.order))
        .where(Payout.artisan_id == artisan.id)
        .order_by(Payout.created_at.desc(), Payout.id.desc())
        .limit(last)
    )
    due = amounts_owed(shop, [artisan.id])[artisan.id]
    return ArtisanBalance(due, _sum(shop, artisan, SETTLED), shop.session.scalars(newest).all())


def totals_by_status(shop: Shop) -> Mapping[str, PayoutTotal]:
    """All payouts there ever were, by their status; one that none has is left out."""
    piles = select(Payout.status, func.count(), func.sum(Payout.amount), func.min(Payout.created_at))
    rows = shop.session.execute(piles.group_by(Payout.status))
    return {status: PayoutTotal(count, int(total), oldest_at) for status, count, total, oldest_at in rows}


def cash_paid_since(shop: Shop, kiosk_ids: Collection[str], then: datetime) -> Mapping[str, int]:
    """Minor units that these kiosks have paid in cash since then; one that has paid none is not among them."""
    paid = select(Kiosk.id, func.sum(Payout.amount)).join(Payout.kiosk).group_by(Kiosk.id)
    here = paid.where(Payout.status == "collected", Payout.paid_at >= then, Kiosk.id.in_(kiosk_ids))
    return {kiosk_id: int(amount) for kiosk_id, amount in shop.session.execute(here)}


def was_paid_by_hand(payout: Payout) -> bool:
    """Whether a person has paid it, at the kiosk or elsewhere."""
    return payout.status == "collected" or (payout.status == "paid" and payout.provider == ELSEWHERE)


def has_open_payouts(shop: Shop, artisan: Artisan) -> bool:
    """Whether any payout of hers has not ended well."""
    return bool(_sum(shop, artisan, (*WAITING, *IN_FLIGHT)))


def amount_waiting(shop: Shop, artisan: Artisan) -> int:
    """The minor units of hers that payouts wait for and nobody is paying."""
    return _sum(shop, artisan, WAITING)


def _sum(shop: Shop, artisan: Artisan, statuses: tuple[str, ...]) -> int:
    summed = select(func.coalesce(func.sum(Payout.amount), 0)).where(
        Payout.artisan_id == artisan.id, Payout.status.in_(statuses)
    )
    return int(shop.session.scalar(summed) or 0)


# -- sending


def begin_sending(shop: Shop, payout_id: str, provider: str = "simulator") -> Payout:
    """Claim the payout before its provider is asked to pay.

    Commit before asking. Whoever is refused here must not pay: somebody else is paying or has paid, or payouts are
    paused (`payouts_paused`).
    """
    if pause := current_pause(shop):
        raise Refused("payouts_paused", because=pause.reason)
    payout = _moved(shop, payout_id, "send")
    payout.provider = provider
    _leaves(shop, payout)
    return payout


def settle_paid(shop: Shop, payout_id: str, reference: str) -> Payout:
    """The provider has paid, as `reference`."""
    payout = _moved(shop, payout_id, "settle_paid")
    payout.method = "mobile_money"  # even if she had asked for cash meanwhile
    account = ledger.provider_account(payout.provider or ELSEWHERE)
    _enter(shop, payout, f"paid:{payout.id}", {ledger.PAYOUTS: payout.amount, account: -payout.amount})
    return _paid(shop, payout, reference)


def settle_failed(shop: Shop, payout_id: str, reason: str, blame: FaultParty = "nobody") -> Payout:
    """The provider has not paid and under this `payment_id` never will.

    When the failure is ours, no other payout is sent before somebody has looked at it.
    """
    payout = _moved(shop, payout_id, "settle_failed")
    _comes_back(shop, payout)
    payout.failure, payout.blame = reason, blame
    if blame == "us":
        pause(shop, reason)
    return _told(shop, payout, "payout.failed")


def mark_unknown(shop: Shop, payout_id: str) -> Payout:
    """The provider may have paid or not; nobody tries again until it says which."""
    return _moved(shop, payout_id, "mark_unknown")


def release(shop: Shop, payout_id: str) -> Payout:
    """The provider has certainly not heard of it; it can be sent again under the same `payment_id`."""
    payout = _moved(shop, payout_id, "release")
    _comes_back(shop, payout)
    return payout


def recheck(shop: Shop, payout_id: str) -> Payout:
    """The provider says that it paid what we took for unpaid: it is to be asked before anything else is done."""
    payout = _moved(shop, payout_id, "recheck")
    payout.cash_code = None
    _leaves(shop, payout)
    return payout


def retry(shop: Shop, payout_id: str) -> Payout:
    """Have a failed payout sent again. If the failure was ours, that also ends the pause."""
    payout = _moved(shop, payout_id, "retry")
    payout.retried = True
    if payout.blame == "us":
        resume(shop)
    return _told(shop, payout, "payout.retried")


def resend_under_new_id(shop: Shop, payout_id: str) -> Payout:
    """It failed for good under its `payment_id`, which the provider still holds: send it under a new one.

    Only for one that was retried and that the provider, asked, called failed again.
    """
    payout = release(shop, payout_id)
    spent, payout.payment_id, payout.retried = payout.payment_id, f"{payout.id}-{payout.sends}", False
    remember_names(shop, payout, [spent], "spent")
    return payout


def _leaves(shop: Shop, payout: Payout) -> None:
    """Money is on its way; `sends` tells this time from others."""
    payout.sends, payout.sent_at = payout.sends + 1, shop.now
    account = ledger.artisan_account(payout.artisan_id)
    amount = payout.amount
    _enter(shop, payout, f"sent:{payout.id}:{payout.sends}", {account: amount, ledger.PAYOUTS: -amount})


def _comes_back(shop: Shop, payout: Payout) -> None:
    account = ledger.artisan_account(payout.artisan_id)
    amount = payout.amount
    _enter(shop, payout, f"back:{payout.id}:{payout.sends}", {account: -amount, ledger.PAYOUTS: amount})


# -- what a provider calls it


def find_by_name(shop: Shop, names: Sequence[str]) -> NamedPayout | None:
    """What the first known of `names` stands for; its payout is held."""
    for name in names:
        payout_id = shop.session.scalar(select(Payout.id).where(Payout.payment_id == name))
        if payout_id:
            return NamedPayout(lock(shop, payout_id), "payment")
        known = shop.session.get(PaymentName, name)
        if known:
            payout = lock(shop, known.payout_id)
            outdated = known.meaning == "question" and known.sends != payout.sends
            return NamedPayout(payout, "outdated" if outdated else cast(NameMeaning, known.meaning))
    return None


def remember_names(shop: Shop, payout: Payout, names: Sequence[str], meaning: NameMeaning) -> None:
    """Remember what a provider calls it."""
    for name in names:
        if name != payout.payment_id and shop.session.get(PaymentName, name) is None:
            shop.session.add(PaymentName(name=name, payout_id=payout.id, meaning=meaning, sends=payout.sends))
    shop.session.flush()


# -- pausing


def current_pause(shop: Shop) -> PayoutPause | None:
    """Why nothing is sent, and since when."""
    return shop.session.get(PayoutPause, 1)


def pause(shop: Shop, reason: str) -> None:
    """Send nothing until `resume`; said once."""
    if current_pause(shop) is None:
        shop.session.add(PayoutPause(id=1, reason=reason, since=shop.now))
        shop.session.flush()
        events.record(shop, "payouts.paused", {"id": "payouts", "reason": reason})


def resume(shop: Shop) -> bool:
    """Send again; False when nothing was paused."""
    known = current_pause(shop)
    if known is None:
        return False
    shop.session.delete(known)
    shop.session.flush()
    events.record(shop, "payouts.resumed", {"id": "payouts", "reason": known.reason})
    return True


# -- other ways


def collect(shop: Shop, kiosk: Kiosk, payout_id: str) -> Payout:
    """The kiosk has paid it in cash, out of its drawer."""
    payout = _moved(shop, payout_id, "collect")
    account = ledger.artisan_account(payout.artisan_id)
    amount = payout.amount
    _enter(shop, payout, f"collected:{payout.id}", {account: amount, ledger.kiosk_account(kiosk.id): -amount})
    payout.paid_at, payout.cash_code, payout.kiosk_id = shop.now, None, kiosk.id
    return _told(shop, payout, "payout.collected")


def apply_new_payout_method(shop: Shop, artisan: Artisan) -> None:
    """She has said how she wants to be paid now: what her old phone could not receive goes that way.

    Before cash is handed out for a payment that failed, its provider is asked once more whether it did.
    """
    failed = select(Payout).where(
        Payout.artisan_id == artisan.id, Payout.status == "failed", Payout.blame == "recipient"
    )
    for payout in shop.session.scalars(failed.order_by(Payout.id)).all():
        payout.method, payout.msisdn = artisan.payout_method, artisan.payout_msisdn
        if payout.method == "mobile_money":
            retry(shop, payout.id)
        else:
            _told(shop, recheck(shop, payout.id), "payout.retried")


def offer_cash(shop: Shop, payout_id: str) -> Payout:
    """It was not paid by phone, and she wants it in cash."""
    payout = _moved(shop, payout_id, "offer_cash")
    _comes_back(shop, payout)
    payout.cash_code = cash_codes.new_code(shop)
    return _told(shop, payout, "payout.rerouted")


def record_paid_elsewhere(
    shop: Shop, artisan: Artisan, amount: int, currency: str, reference: str, order: Order | None
) -> Payout:
    """An operator has paid her by another way, as `reference`.

    With an order it is the payment of what waits to be paid for that order, to the cent; `Refused` with `not_due` when
    nothing like it does. Without one it is for something else, and leaves what she is owed alone.
    """
    if currency != shop.terms.currency:
        raise Refused("wrong_currency", 422, currency=currency, kept=shop.terms.currency)
    if not 0 < amount <= ledger.MAX_AMOUNT:
        raise Refused("absurd_amount", 422, amount=amount)
    _held_artisan(shop, artisan)
    if shop.session.scalar(select(Payout.id).where(Payout.provider_reference == reference).limit(1)):
        raise Refused("reference_known", reference=reference)
    if order:
        payout = _settled_elsewhere(shop, artisan, amount, order)
    else:
        payout = _add(shop, artisan, amount, currency, piece=0, method="mobile_money", status="paid")
    account = ledger.artisan_account(artisan.id) if order else ledger.ADJUSTMENTS
    _enter(shop, payout, f"paid:{payout.id}", {account: amount, ledger.provider_account(ELSEWHERE): -amount})
    payout.provider, payout.cash_code = ELSEWHERE, None
    return _paid(shop, payout, reference)


def _settled_elsewhere(shop: Shop, artisan: Artisan, amount: int, order: Order) -> Payout:
    candidates = select(Payout.id).where(
        Payout.order_id == order.id,
        Payout.artisan_id == artisan.id,
        Payout.amount == amount,
        Payout.status.in_(WAITING),
    )
    payout_id = shop.session.scalars(candidates.order_by(Payout.piece, Payout.id).limit(1)).one_or_none()
    if payout_id is None:
        raise Refused("not_due", code=order.code)
    return _moved(shop, payout_id, "settle_elsewhere")


# -- all of them


def lock(shop: Shop, payout_id: str) -> Payout:
    """The payout as it is now, nobody else changing it until we commit."""
    payout = by_id(shop, payout_id)
    shop.session.flush()  # what was changed of it here is not to be forgotten
    shop.session.refresh(payout, with_for_update={"of": Payout})
    return payout


def _moved(shop: Shop, payout_id: str, trigger: str) -> Payout:
    payout = lock(shop, payout_id)
    PAYOUT.move(payout, trigger)
    shop.session.flush()
    return payout


def _enter(shop: Shop, payout: Payout, key: str, postings: dict[str, int]) -> None:
    ledger.post(shop, key, f"payout {payout.code}", postings, payout.currency)


def _paid(shop: Shop, payout: Payout, reference: str) -> Payout:
    payout.provider_reference, payout.paid_at = reference, shop.now
    payout.failure = payout.blame = None
    return _told(shop, payout, "payout.paid")


def _told(shop: Shop, payout: Payout, type: str) -> Payout:
    shop.session.flush()
    events.announce(shop, type, PayoutSchema.of(payout))
    return payout
