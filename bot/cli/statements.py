"""Commands that compare a collector's statement with our books, and enter what moved without a buyer."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import get_args

import click
from babel.numbers import is_currency
from flask.cli import with_appcontext

from bot.cli import amounts
from bot.cli.context import services_with_database, shop_transaction
from bot.payments import collector_books, collector_statements, reconciliation
from bot.payments.reconciliation import UnreadableStatementError
from bot.providers import registry
from marketplace_api.payments import booking, ledger
from marketplace_api.payments.booking import BookingKind

KINDS = [kind.replace("_", "-") for kind in get_args(BookingKind)]
ACCOUNTS = [
    *(ledger.collector_account(name) for name in collector_books.COLLECTORS),
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
@click.option(
    "--collector", type=click.Choice(collector_books.COLLECTORS), required=True, help="Whose statement it is."
)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only this day; else all days in the file.")
@click.option("--book", "books", is_flag=True, help="Enter the fees, top-ups and withdrawals that are not entered yet.")
def reconcile(file: Path, collector: str, day: datetime | None, books: bool) -> None:
    """Compare a collector's statement, a CSV file, with our books; exits with 1 if they differ."""
    terms = services_with_database().terms
    try:
        lines = collector_statements.read(reconciliation.text_of(file.read_bytes()), terms.zone, terms.currency)
    except UnreadableStatementError as error:
        raise click.ClickException(f"{file.name}: {error}") from None
    days = (day.date(), day.date()) if day else collector_statements.days(lines)
    if days is None:
        raise click.UsageError("The file has no lines; give its day, such as --day 2026-11-23")
    with shop_transaction() as shop:
        found = collector_books.compare(shop, collector, lines, *days)
        account = ledger.collector_account(collector)
        if books:
            for kind, line in collector_books.bookable(found):
                booking.book(shop, kind, account, line.amount, line.reference, line.currency)
        differences = list(collector_books.differences(shop, found, account))
    paid = [line for _, line in found.matched if line.kind == "paid_in"]
    click.echo(f"matched: {len(paid)} paid in, {len(found.matched) - len(paid)} given back")
    for difference in differences:
        click.echo(f"{difference.kind}: {difference.words}")
    for line in found.other:
        click.echo(f"aside: {collector_books.words_of(line)}")
    raise SystemExit(1 if differences else 0)


def _booked_as(kind: str) -> BookingKind:
    return next(known for known in get_args(BookingKind) if known == kind.replace("-", "_"))
