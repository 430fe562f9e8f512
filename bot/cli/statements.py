"""Commands that compare a collector's statement with our books, and enter what moved without a buyer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import get_args

import click
from babel.numbers import is_currency
from flask.cli import with_appcontext
from sqlalchemy import select

from bot.cli import amounts
from bot.cli.context import services_with_database, shop_transaction
from bot.cli.money import statement_text
from bot.messaging import rendering
from bot.payments import collector_statements
from bot.payments.collector_statements import CollectorLine, OurEntry, StatementComparison
from bot.payments.reconciliation import UnreadableStatementError
from bot.providers import registry
from locales import SOURCE
from marketplace_api.models import BuyerPayment, DirectPayment, Refund
from marketplace_api.payments import booking, ledger
from marketplace_api.payments.booking import BookingKind
from marketplace_api.shop import Shop

KINDS = [kind.replace("_", "-") for kind in get_args(BookingKind)]
NAMES = sorted({"simulator", *(provider.name for provider in registry.PROVIDERS if provider.collector)})
ACCOUNTS = [
    *(ledger.collector_account(name) for name in NAMES),
    *(ledger.provider_account(provider.name) for provider in registry.PROVIDERS if provider.payer),
    ledger.provider_account("simulator"),
]


@click.command("book")
@with_appcontext
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("account", type=click.Choice(ACCOUNTS))
@click.argument("amount")
@click.argument("reference")
@click.option("--currency", help="Of the amount; else the shop's.")
def book(kind: str, account: str, amount: str, reference: str, currency: str | None) -> None:
    """Enter what moved at a provider by the REFERENCE in its statement: a fee, or money from or to our bank."""
    if currency is not None and not is_currency(currency):
        raise click.BadParameter(f"{currency!r} is no currency of ISO 4217", param_hint="--currency")
    with shop_transaction() as shop:
        chosen = currency or shop.terms.currency
        units = amounts.amount(amount, chosen)
        new = booking.book(shop, _booked_as(kind), account, units, reference, chosen)
    click.echo("it is entered" if new else "it was entered before")


@click.command("reconcile")
@with_appcontext
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--collector", type=click.Choice(NAMES), required=True, help="Whose statement it is.")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only this day; else all days in the file.")
@click.option("--book", "books", is_flag=True, help="Enter the fees, top-ups and withdrawals that are not entered yet.")
def reconcile(file: Path, collector: str, day: datetime | None, books: bool) -> None:
    """Compare a collector's statement, a CSV file, with our books; exits with 1 if they differ."""
    terms = services_with_database().terms
    try:
        lines = collector_statements.read(statement_text(file), terms.zone, terms.currency)
    except UnreadableStatementError as error:
        raise click.ClickException(f"{file.name}: {error}") from None
    days = (day.date(), day.date()) if day else collector_statements.days(lines)
    if days is None:
        raise click.UsageError("The file has no lines; give its day, such as --day 2026-11-23")
    with shop_transaction() as shop:
        found = collector_statements.compare(_ours(shop, collector, *days), lines, *days)
        account = ledger.collector_account(collector)
        if books:
            for kind, line in _bookable(found):
                booking.book(shop, kind, account, line.amount, line.reference, line.currency)
        differences = list(_differences(shop, found, account))
    paid = [line for _, line in found.matched if line.kind == "paid_in"]
    click.echo(f"matched: {len(paid)} paid in, {len(found.matched) - len(paid)} given back")
    for words in differences:
        click.echo(words)
    for line in found.other:
        click.echo(f"aside: {_words(line)}")
    raise SystemExit(1 if differences else 0)


def _booked_as(kind: str) -> BookingKind:
    return next(known for known in get_args(BookingKind) if known == kind.replace("-", "_"))


def _bookable(found: StatementComparison) -> Iterator[tuple[BookingKind, CollectorLine]]:
    for line in found.moved:
        if line.kind in get_args(BookingKind) and line.amount > 0:
            yield _booked_as(line.kind), line


def _differences(shop: Shop, found: StatementComparison, account: str) -> Iterator[str]:
    """A sentence for each difference between a statement and our books."""
    for entry in found.missing:
        amount = _money(entry.amount, entry.currency)
        yield f"missing: {entry.id}, {_WORDS[entry.kind]} {amount} by our books, {entry.at:%Y-%m-%d %H:%M}"
    for line in found.extra:
        yield f"extra: {_words(line)}, and not by our books"
    for entry, line in found.different:
        yield f"different: {_words(line)}, and {_money(entry.amount, entry.currency)} by our books, {entry.id}"
    for entry, line in found.fees:
        ours, theirs = (_money(fee, line.currency) for fee in (entry.fee or 0, line.fee))
        yield f"fee: line {line.line}: {line.reference} cost {theirs}, and {ours} by our books, {entry.id}"
    for line in found.moved:
        if line.kind not in get_args(BookingKind):
            continue
        booked = booking.booked_amount(shop, _booked_as(line.kind), account, line.reference)
        if booked is None:
            yield f"not entered: {_words(line)}"
        elif booked != line.amount:
            yield f"different: {_words(line)}, and {_money(booked, line.currency)} by our books"


_WORDS = {
    "paid_in": "paid in",
    "given_back": "given back",
    "fee": "kept as a fee",
    "top_up": "topped up",
    "withdrawal": "paid to our bank",
    "other": "moved",
}


def _words(line: CollectorLine) -> str:
    amount = _money(line.amount, line.currency)
    return f"line {line.line}: {line.reference}, {amount} {_WORDS[line.kind]}, {line.details}"


def _money(amount: int, currency: str) -> str:
    return rendering.words(SOURCE).money(amount, currency)


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
