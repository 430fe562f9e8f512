"""Commands for what buyers pay beside the goods: `flask --app wsgi fx …`, `shipping …` and `tax …`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import click
from babel.numbers import is_currency
from flask.cli import AppGroup

from bot.cli import amounts
from bot.cli.context import services_with_database, shop_transaction, user
from bot.messaging import rendering
from locales import SOURCE
from marketplace_api.payments import charges, exchange
from marketplace_api.shop import Shop

fx = AppGroup("fx", help="Exchange rates for cards in other currencies.")
shipping = AppGroup("shipping", help="What buyers pay for shipping.")
tax = AppGroup("tax", help="The tax that buyers pay.")

RATE_DECIMALS, MARGIN_DECIMALS, PERCENT_DECIMALS = 8, 2, 2
WHOLE_PERCENT = 100


@fx.command("set")
@click.argument("currency")
@click.argument("rate")
@click.option("--margin", default="0", help="Percent that buyers pay on top.")
def set_rate(currency: str, rate: str, margin: str) -> None:
    """Set the price of one unit of CURRENCY in the shop's currency. Cards can be charged in it for 24 hours."""
    own = services_with_database().terms.currency
    if not is_currency(currency) or currency == own:
        raise click.BadParameter(f"{currency!r} is no currency of ISO 4217 other than {own}", param_hint="CURRENCY")
    price = amounts.number(rate, RATE_DECIMALS, "RATE")
    percent = amounts.number(margin, MARGIN_DECIMALS, "--margin")
    if not price:
        raise click.BadParameter("a rate is more than 0", param_hint="RATE")
    if percent >= WHOLE_PERCENT:
        raise click.BadParameter("a margin is less than 100 percent", param_hint="--margin")
    with shop_transaction() as shop:
        exchange.set_rate(shop, currency, price, percent)
    click.echo(f"1 {currency} is {price} {own}, and buyers pay {percent} % more")


@fx.command("show")
def show_rates() -> None:
    """Show the newest rate of each currency, and whether it is too old."""
    _print(_rates, "no rate is set: cards can only be charged in the shop's currency")


@shipping.command("set")
@click.argument("country")
@click.argument("amount")
@click.option("--pieces", type=click.IntRange(1, 1000), default=1000, help="Up to how many pieces; else for any order.")
def set_shipping(country: str, amount: str, pieces: int) -> None:
    """Set what shipping to COUNTRY (ISO 3166, or * for all others) costs, in whole money of the shop's currency.

    Once a charge is set for one country, orders that buyers pay can only go to countries with a charge.
    """
    currency = services_with_database().terms.currency
    country, cost = amounts.country(country), amounts.amount(amount, currency)
    with shop_transaction() as shop:
        charges.set_shipping(shop, country, pieces, cost)
    click.echo(f"shipping to {country} costs {_money(cost, currency)} for up to {pieces} pieces")


@shipping.command("show")
def show_shipping() -> None:
    """Show what shipping costs."""
    _print(_shipping, "shipping is free everywhere")


@tax.command("set")
@click.argument("country")
@click.argument("percent")
def set_tax(country: str, percent: str) -> None:
    """Set the tax on goods and shipping to COUNTRY (ISO 3166, or * for all others), in PERCENT."""
    country, rate = amounts.country(country), amounts.number(percent, PERCENT_DECIMALS, "PERCENT")
    if rate > WHOLE_PERCENT:
        raise click.BadParameter("a tax is at most 100 percent", param_hint="PERCENT")
    with shop_transaction() as shop:
        charges.set_tax(shop, country, int(rate.scaleb(PERCENT_DECIMALS)))
    click.echo(f"the tax of {country} is {rate} %")


@tax.command("show")
def show_tax() -> None:
    """Show the taxes."""
    _print(_taxes, "no tax is set")


def _print(lines: Callable[[Shop], Iterator[str]], otherwise: str) -> None:
    services = services_with_database()
    with services.database.reading() as session:
        found = list(lines(services.shop(session, user())))
    for line in found or [otherwise]:
        click.echo(line)


def _rates(shop: Shop) -> Iterator[str]:
    for row in exchange.newest(shop):
        is_old = "" if exchange.is_valid(shop, row) else "; too old, so no card is charged in it"
        price = f"1 {row.currency} is {row.rate} {shop.terms.currency}, margin {row.margin} %"
        yield f"{price}, set {row.at:%Y-%m-%d %H:%M} UTC by {row.by}{is_old}"


def _shipping(shop: Shop) -> Iterator[str]:
    for row in charges.all_shipping(shop):
        yield f"{row.country}: {_money(row.amount, shop.terms.currency)} for up to {row.pieces} pieces"


def _taxes(shop: Shop) -> Iterator[str]:
    for row in charges.all_taxes(shop):
        yield f"{row.country}: {Decimal(row.points).scaleb(-PERCENT_DECIMALS)} %"


def _money(amount: int, currency: str) -> str:
    return rendering.words(SOURCE).money(amount, currency)
