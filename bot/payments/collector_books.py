"""A collector's statement against our books: what we have entered, differences in words, what can be entered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from sqlalchemy import select

import locales
from bot.payments import collector_statements
from bot.payments.collector_statements import CollectorLine, OurEntry, StatementComparison
from bot.providers import registry
from marketplace_api.models import BuyerPayment, DirectPayment, Refund
from marketplace_api.payments import booking, ledger
from marketplace_api.payments.booking import BookingKind
from marketplace_api.shop import Shop

COLLECTORS = sorted({"simulator", *(provider.name for provider in registry.PROVIDERS if provider.collector)})
"""The names of all collectors whose statements can be compared."""
DifferenceKind = Literal["missing", "extra", "different", "fee", "not entered"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between a statement and our books, in words."""

    kind: DifferenceKind
    words: str


def compare(shop: Shop, collector: str, lines: Sequence[CollectorLine], first: date, last: date) -> StatementComparison:
    """Compare a statement with our books for the days from `first` to `last`."""
    return collector_statements.compare(_ours(shop, collector, first, last), lines, first, last)


def bookable(found: StatementComparison) -> Iterator[tuple[BookingKind, CollectorLine]]:
    """The fees, top-ups and withdrawals of a statement, entered or not."""
    for line in found.moved:
        if line.kind in get_args(BookingKind) and line.amount > 0:
            yield _booked_as(line), line


def not_entered(shop: Shop, found: StatementComparison, account: str) -> Iterator[tuple[BookingKind, CollectorLine]]:
    """Those of them that are not in our books yet."""
    for kind, line in bookable(found):
        if booking.booked_amount(shop, kind, account, line.reference) is None:
            yield kind, line


def differences(shop: Shop, found: StatementComparison, account: str) -> Iterator[Difference]:
    """A sentence for each difference between a statement and our books."""
    for entry in found.missing:
        amount = _money(entry.amount, entry.currency)
        yield Difference(
            "missing", f"{entry.id}, {_WORDS[entry.kind]} {amount} by our books, {entry.at:%Y-%m-%d %H:%M}"
        )
    for line in found.extra:
        yield Difference("extra", f"{words_of(line)}, and not by our books")
    for entry, line in found.different:
        yield Difference(
            "different", f"{words_of(line)}, and {_money(entry.amount, entry.currency)} by our books, {entry.id}"
        )
    for entry, line in found.fees:
        ours, theirs = (_money(fee, line.currency) for fee in (entry.fee or 0, line.fee))
        yield Difference(
            "fee", f"line {line.line}: {line.reference} cost {theirs}, and {ours} by our books, {entry.id}"
        )
    for line in found.moved:
        if line.kind not in get_args(BookingKind):
            continue
        booked = booking.booked_amount(shop, _booked_as(line), account, line.reference)
        if booked is None:
            yield Difference("not entered", words_of(line))
        elif booked != line.amount:
            yield Difference("different", f"{words_of(line)}, and {_money(booked, line.currency)} by our books")


_WORDS = {
    "paid_in": "paid in",
    "given_back": "given back",
    "fee": "kept as a fee",
    "top_up": "topped up",
    "withdrawal": "paid to our bank",
    "other": "moved",
}


def words_of(line: CollectorLine) -> str:
    """A line of a statement in words."""
    amount = _money(line.amount, line.currency)
    return f"line {line.line}: {line.reference}, {amount} {_WORDS[line.kind]}, {line.details}"


def _money(amount: int, currency: str) -> str:
    return locales.catalogue(locales.SOURCE).money(amount, currency)


def _booked_as(line: CollectorLine) -> BookingKind:
    return next(known for known in get_args(BookingKind) if known == line.kind)


def _ours(shop: Shop, collector: str, first: date, last: date) -> Sequence[OurEntry]:
    """What came in and went back by a collector, from a day before `first` to a day after `last`."""
    since, until = shop.midnight(first - timedelta(days=1)), shop.midnight(last + timedelta(days=2))
    zone, account = shop.terms.zone, ledger.collector_account(collector)
    in_time = BuyerPayment.captured_at.between(since, until)
    captured = select(BuyerPayment).where(BuyerPayment.collector == collector, in_time)
    entries = [_payment(shop, payment, account) for payment in shop.session.scalars(captured)]
    unmatched = select(DirectPayment).where(
        DirectPayment.collector == collector,
        DirectPayment.status.in_(("unmatched", "returned")),
        DirectPayment.answered_at.between(since, until),
    )
    for money in shop.session.scalars(unmatched):
        at, amount = money.answered_at or money.created_at, money.amount or 0
        entries.append(OurEntry(money.id, "paid_in", frozenset({money.receipt}), amount, shop.terms.currency, at))
        if money.reference:
            names = frozenset({money.reference})
            entries.append(OurEntry(money.id, "given_back", names, amount, shop.terms.currency, at))
    done = select(Refund).where(Refund.provider == collector, Refund.status == "done", Refund.payer_ids == 0)
    for refund in shop.session.scalars(done.where(Refund.amount > 0, Refund.done_at.between(since, until))):
        names = frozenset({refund.reference or refund.id})
        at = refund.done_at or refund.created_at
        entries.append(OurEntry(refund.id, "given_back", names, refund.amount, refund.currency, at))
    return [entry.on(zone) for entry in entries]


def _payment(shop: Shop, payment: BuyerPayment, account: str) -> OurEntry:
    names = frozenset(name for name in (payment.reference, payment.provider_id) if name) or frozenset({payment.id})
    fee = payment.fee
    if fee is None and payment.reference and payment.method == "card":
        fee = booking.booked_amount(shop, "fee", account, payment.reference)
    at = payment.captured_at or payment.created_at
    return OurEntry(payment.id, "paid_in", names, payment.amount, payment.currency, at, fee)
