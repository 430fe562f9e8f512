"""Commands for money: `flask --app wsgi ledger …`, `payouts …` and `payments …`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import click
from babel.numbers import get_currency_precision
from flask.cli import AppGroup

from bot.cli.context import services_with_database, shop_transaction, user
from bot.payments import payout_books, reconciliation
from bot.payments.reconciliation import Comparison, ProviderStatement, UnreadableStatementError
from bot.runtime.settings import NO_PAYER
from bot.services import Services
from marketplace_api.orders import corrections
from marketplace_api.payments import audit, ledger, pausing, returns
from marketplace_api.shop import Shop

ledger_commands = AppGroup("ledger", help="The ledger.")
payout_commands = AppGroup("payouts", help="What artisans are paid.")


@contextmanager
def consistent_shop(services: Services) -> Iterator[Shop]:
    """A shop whose reads all see the same snapshot of the database."""
    with services.database.snapshot() as session:
        yield services.shop(session, user())


@ledger_commands.command("check")
def check() -> None:
    """Add up all entries again and print every inconsistency; exits with 1 if there is one."""
    with consistent_shop(services_with_database()) as shop:
        found, size = list(audit.inconsistencies(shop)), ledger.size(shop)
    for inconsistency in found:
        click.echo(inconsistency)
    if found:
        raise SystemExit(1)
    click.echo(f"the books balance: {size.entries} entries, {size.accounts} accounts")


@ledger_commands.command("reverse")
@click.argument("key")
@click.argument("why")
def reverse(key: str, why: str) -> None:
    """Reverse the entry with this key, and what it was about; the entry itself stays."""
    with shop_transaction() as shop:
        new = corrections.reverse(shop, key, why)
    click.echo(f"reversal:{key} is entered" if new else f"{key} was reversed before")


@payout_commands.command("pause")
@click.argument("reason")
def pause(reason: str) -> None:
    """Send no mobile money payouts until `payouts resume`."""
    with shop_transaction() as shop:
        earlier = pausing.current_pause(shop)
        pausing.pause(shop, reason)
    click.echo(f"paused already: {earlier.reason}" if earlier else "payouts are paused")


@payout_commands.command("return")
@click.argument("payout_id", metavar="ID")
@click.argument("why")
def give_back(payout_id: str, why: str) -> None:
    """Record that a payment came back, or was recorded by mistake; what it was for is owed again."""
    with shop_transaction() as shop:
        payout = returns.give_back(shop, payout_id, why)
    click.echo(f"payout {payout.code} is returned")


@payout_commands.command("resume")
def resume() -> None:
    """Send payouts again."""
    with shop_transaction() as shop:
        resumed = pausing.resume(shop)
    click.echo("payouts are sent again" if resumed else "payouts were not paused")


@payout_commands.command("reconcile")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Only this day; else all days in the file.")
@click.option("--provider", help="Whose statement it is; else PAYOUT_PROVIDER's.")
def reconcile(file: Path, day: datetime | None, provider: str | None) -> None:
    """Compare a provider's statement of its payments, a CSV file, with our payouts; exits with 1 if they differ."""
    services = services_with_database()
    provider = provider or services.settings.payout_provider
    if provider == NO_PAYER:
        raise click.UsageError("PAYOUT_PROVIDER is none: say with --provider whose statement it is")
    try:
        digits = get_currency_precision(services.terms.currency)
        statement = reconciliation.read(reconciliation.text_of(file.read_bytes()), digits, services.terms.zone)
    except UnreadableStatementError as error:
        raise click.ClickException(f"{file.name}: {error}") from None
    first, last = _days(statement, day)
    with services.database.reading() as session:
        ours = payout_books.ours(services.shop(session, user()), provider, first, last)
    comparison = reconciliation.compare(ours, statement, first, last)
    for line in _report(comparison, statement.skipped, services.terms.currency):
        click.echo(line)
    raise SystemExit(0 if comparison.agrees else 1)


def _days(statement: ProviderStatement, day: datetime | None) -> tuple[date, date]:
    days = (day.date(), day.date()) if day else statement.days()
    if days is None:
        raise click.UsageError("The file has no dates; give its day, such as --day 2026-11-23")
    return days


def _report(comparison: Comparison, skipped: int, currency: str) -> Iterator[str]:
    """The lines to print; `skipped` counts the lines of the statement that are not payments by us."""
    total = payout_books.money(sum(payout.amount for payout, _ in comparison.matched), currency)
    yield f"matched: {len(comparison.matched)}, {total}"
    yield f"missing: {len(comparison.missing)}, paid by our account and not by theirs"
    for payout in comparison.missing:
        yield f"  {payout_books.missing_words(payout, currency)}"
    yield f"extra: {len(comparison.extra)}, paid by their account and not by ours"
    for payment in comparison.extra:
        yield f"  {payout_books.extra_words(payment, currency)}"
    yield f"different: {len(comparison.different)}, paid by both, but not with the same amount"
    for payout, payment in comparison.different:
        yield f"  {payout_books.different_words(payout, payment, currency)}"
    if skipped:
        yield f"aside: {skipped}, charges, money received, or payments that were not completed"
