"""Commands about buyers' payments: collectors that are paused, and money that came without a prompt."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy import select

from bot.cli import amounts
from bot.cli.context import shop_transaction
from bot.messaging import rendering
from locales import SOURCE
from marketplace_api.models import CollectingPause
from marketplace_api.orders import deciding, direct_payments, orders, paying
from marketplace_api.payments import buyer_payments, refunds

collecting_commands = AppGroup("collecting", help="What buyers pay.")


@collecting_commands.command("paused")
def paused() -> None:
    """List the collectors that are paused, and refunds by them (`refunds:NAME`)."""
    with shop_transaction() as shop:
        for pause in shop.session.scalars(select(CollectingPause).order_by(CollectingPause.since)):
            click.echo(f"{pause.collector}  since {pause.since:%Y-%m-%d %H:%M}  {pause.reason}")


@collecting_commands.command("resume")
@click.argument("name")
def resume(name: str) -> None:
    """Ask buyers by this collector again, or refund by it again (`refunds:NAME`)."""
    with shop_transaction() as shop:
        resumed = paying.resume_collecting(shop, name)
    click.echo(f"{name} is used again" if resumed else f"{name} was not paused")


@collecting_commands.command("unmatched")
def unmatched() -> None:
    """List the money that came without a prompt and that belongs to no order, or whose receipt is not answered."""
    with shop_transaction() as shop:
        for money in direct_payments.in_status(shop, "unmatched", "noticed"):
            amount = "?" if money.amount is None else f"{money.amount / 100:,.2f} {shop.terms.currency}"
            click.echo(
                f"{money.id}  {money.status}  {money.collector} {money.receipt}  {amount}  for {money.account!r}"
            )


@collecting_commands.command("assign")
@click.argument("money_id", metavar="ID")
@click.argument("code")
def assign(money_id: str, code: str) -> None:
    """Say that unmatched money is for the order CODE: it pays for it, or goes back whole."""
    with shop_transaction() as shop:
        order = orders.by_code(shop, code)
        if order is None:
            raise click.ClickException(f"there is no order {code}")
        payment = direct_payments.assign(shop, money_id, order)
    click.echo(f"it pays for order {order.code}" if payment.is_kept else "it goes back whole")


@collecting_commands.command("refunded")
@click.argument("refund_id", metavar="ID")
@click.argument("reference")
def refunded(refund_id: str, reference: str) -> None:
    """Record that a refund that is due or failed was given back out of our bank account, as REFERENCE."""
    with shop_transaction() as shop:
        refunds.settle_elsewhere(shop, refund_id, reference)
    click.echo("it is recorded as given back")


@collecting_commands.command("undecided")
def undecided() -> None:
    """List the payments of which a collector reports something else than was asked for. Nothing is booked for them."""
    with shop_transaction() as shop:
        for payment in deciding.undecided(shop):
            asked = rendering.words(SOURCE).money(payment.amount, payment.currency)
            name = payment.provider_id or "?"
            click.echo(f"{payment.id}  {payment.status}  order {payment.order.code}  {payment.collector} {name}")
            click.echo(f"  asked {asked}  reported {payment.detail}")


@collecting_commands.command("decide")
@click.argument("payment_id", metavar="ID")
@click.argument("typed", metavar="AMOUNT")
@click.argument("receipt")
@click.option("--phone", help="The phone that paid, if it is not the one that was asked.")
def decide(payment_id: str, typed: str, receipt: str, phone: str | None) -> None:
    """Say what really came for an undecided payment: AMOUNT, in whole money, as RECEIPT.

    All of the price pays for the order, if it still waits. Anything else is booked and goes back whole.
    """
    with shop_transaction() as shop:
        try:
            msisdn = shop.terms.parse_msisdn(phone) if phone else None
        except ValueError:
            raise click.BadParameter(f"{phone!r} is no phone number", param_hint="--phone") from None
        currency = buyer_payments.by_id(shop, payment_id).currency
        payment = deciding.decide(shop, payment_id, amounts.amount(typed, currency), receipt, msisdn=msisdn)
        click.echo(f"it pays for order {payment.order.code}" if payment.is_kept else "it goes back whole")


@collecting_commands.command("dismiss")
@click.argument("payment_id", metavar="ID")
@click.argument("why")
def dismiss(payment_id: str, why: str) -> None:
    """Say that for an undecided payment there is nothing to book, and WHY."""
    with shop_transaction() as shop:
        payment = deciding.dismiss(shop, payment_id, why)
        click.echo(f"the payment is {payment.status}")


@collecting_commands.command("returned")
@click.argument("money_id", metavar="ID")
@click.argument("reference")
def returned(money_id: str, reference: str) -> None:
    """Record that unmatched money was given back at the collector, as REFERENCE."""
    with shop_transaction() as shop:
        direct_payments.give_back(shop, money_id, reference)
    click.echo("it is recorded as given back")
