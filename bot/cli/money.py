"""Commands for money: `flask --app wsgi ledger …`, `payouts …` and `payments …`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path

import click
from babel.numbers import get_currency_precision
from flask.cli import AppGroup
from sqlalchemy import select

from bot.cli.context import services_with_database, shop_transaction, user
from bot.messaging import rendering
from bot.payments import reconciliation
from bot.payments.reconciliation import Comparison, OurPayout, ProviderStatement, UnreadableStatementError
from bot.runtime.settings import NO_PAYER
from bot.services import Services
from locales import SOURCE
from marketplace_api.models import PaymentName, Payout
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
        statement = reconciliation.read(statement_text(file), digits, services.terms.zone)
    except UnreadableStatementError as error:
        raise click.ClickException(f"{file.name}: {error}") from None
    first, last = _days(statement, day)
    with services.database.reading() as session:
        ours = _ours(services.shop(session, user()), provider, first, last)
    comparison = reconciliation.compare(ours, statement, first, last)
    for line in _report(comparison, statement.skipped, services.terms.currency):
        click.echo(line)
    raise SystemExit(0 if comparison.agrees else 1)


def statement_text(file: Path) -> str:
    """The text of a statement. Raises UnreadableStatementError."""
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableStatementError("this is not text in UTF-8; export it as CSV, not as a spreadsheet") from None


def _days(statement: ProviderStatement, day: datetime | None) -> tuple[date, date]:
    days = (day.date(), day.date()) if day else statement.days()
    if days is None:
        raise click.UsageError("The file has no dates; give its day, such as --day 2026-11-23")
    return days


def _ours(shop: Shop, provider: str, first: date, last: date) -> Sequence[OurPayout]:
    """The paid payouts that the provider was asked to pay from a day before `first` to a day after `last`."""
    paid = select(Payout).where(
        Payout.provider == provider,
        Payout.status.in_(("paid", "returned")),  # the provider's list has a payment also if it came back later
        Payout.sent_at >= shop.midnight(first - timedelta(days=1)),
        Payout.sent_at < shop.midnight(last + timedelta(days=2)),
    )
    names = select(PaymentName.name, PaymentName.payout_id).where(
        PaymentName.meaning == "payment", PaymentName.payout_id.in_(paid.with_only_columns(Payout.id))
    )
    names_by_payout: dict[str, set[str]] = {}
    for name, payout_id in shop.session.execute(names):
        names_by_payout.setdefault(payout_id, set()).add(name)
    return [
        OurPayout(
            payout.code,
            payout.provider_reference or "",
            payout.amount,
            (payout.sent_at or payout.created_at).astimezone(shop.terms.zone),
            frozenset({payout.payment_id} | names_by_payout.get(payout.id, set())),
        )
        for payout in shop.session.scalars(paid.order_by(Payout.sent_at, Payout.id))
    ]


def _report(comparison: Comparison, skipped: int, currency: str) -> Iterator[str]:
    """The lines to print; `skipped` counts the lines of the statement that are not payments by us."""

    def money(amount: int) -> str:
        return rendering.words(SOURCE).money(amount, currency)

    yield f"matched: {len(comparison.matched)}, {money(sum(payout.amount for payout, _ in comparison.matched))}"
    yield f"missing: {len(comparison.missing)}, paid by our account and not by theirs"
    for payout in comparison.missing:
        yield (
            f"  payout {payout.code}, reference {payout.reference}, "
            f"{money(payout.amount)}, {payout.sent_at:%Y-%m-%d %H:%M}"
        )
    yield f"extra: {len(comparison.extra)}, paid by their account and not by ours"
    for payment in comparison.extra:
        recipient = payment.recipient or "to nobody named"
        yield f"  line {payment.line}: {payment.receipt}, {money(payment.amount)}, {recipient}"
    yield f"different: {len(comparison.different)}, paid by both, but not with the same amount"
    for payout, payment in comparison.different:
        yield (
            f"  line {payment.line}: {payment.receipt} is {money(payment.amount)}, "
            f"and our payout {payout.code} {money(payout.amount)}"
        )
    if skipped:
        yield f"aside: {skipped}, charges, money received, or payments that were not completed"
