"""Commands for the people who use the console: `script/soko operator …`."""

from __future__ import annotations

from typing import get_args

import click
from flask.cli import AppGroup

from bot.cli.context import services_with_database, shop_transaction, user
from marketplace_api.accounts import operators
from marketplace_api.models import ConsoleOperator
from marketplace_api.shop import Shop
from marketplace_api.statuses import OperatorRole

operator = AppGroup("operator", help="People who use the console.")


@operator.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(get_args(OperatorRole)), default="all", show_default=True)
def create(name: str, role: OperatorRole) -> None:
    """Add an operator, and print the link for the first log-in: good for a day, and once.

    The same name again gives a new link, as long as the operator has not logged in.
    """
    if not (named := name.strip()):
        raise click.BadParameter("say who it is", param_hint="NAME")
    url = services_with_database().settings.url
    with shop_transaction() as shop:
        token = operators.invite(shop, named, role)
    click.echo(f"{url}/operator/invitation/{token}")


@operator.command("list")
def list_operators() -> None:
    """List all operators, also revoked ones, oldest first, with their open sessions."""
    services = services_with_database()
    with services.database.reading() as session:
        shop = services.shop(session, user())
        for each in operators.list_all(shop):
            click.echo(_line(shop, each))


@operator.command("revoke")
@click.argument("name_or_id", metavar="NAME|ID")
def revoke(name_or_id: str) -> None:
    """End an operator's log-ins and open sessions at once."""
    with shop_transaction() as shop:
        click.echo(_line(shop, operators.revoke(shop, name_or_id)))


def _line(shop: Shop, each: ConsoleOperator) -> str:
    if each.revoked_at:
        state = f"revoked {each.revoked_at:%Y-%m-%d %H:%M}"
    elif operators.can_log_in(shop, each):
        state = f"{len(operators.open_sessions(shop, each))} open sessions"
    else:
        state = "has not logged in"
    return f"{each.id}  {each.role:<5}  {each.name}: made {each.created_at:%Y-%m-%d}, {state}"
