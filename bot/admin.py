"""Administration from the command line: `flask --app wsgi …`."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from bot import demo as shop_demo
from bot import migrate
from bot.house import House
from marketplace_api import apikeys

db = AppGroup("db", help="The database.")
apikey = AppGroup("apikey", help="Keys to the marketplace API.")


def _house() -> House:
    house: House = current_app.extensions["house"]
    return house


@db.command("upgrade")
def upgrade() -> None:
    """Bring the database to this edition's schema."""
    migrate.upgrade(_house().settings)


@apikey.command("create")
@click.argument("name")
@click.option("--scope", type=click.Choice(["storefront", "operator"]), required=True)
def create(name: str, scope: apikeys.Scope) -> None:
    """Make a key and print it; it cannot be read again."""
    house = _house()
    with house.database.writing.begin() as session:
        click.echo(apikeys.create(house.shop(session), name, scope))


@click.command("demo")
@with_appcontext
def demo() -> None:
    """Fill an empty shop with kiosks, artisans and wares."""
    house = _house()
    if not house.settings.development:
        raise click.ClickException("ENVIRONMENT=production takes no demo data")
    migrate.upgrade(house.settings)
    shop_demo.seed(house.settings)
