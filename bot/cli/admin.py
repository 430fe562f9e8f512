"""Commands for the database, API keys and demo data: `flask --app wsgi …`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import get_args

import click
from flask.cli import AppGroup, with_appcontext

from bot.cli import amounts
from bot.cli.context import services_with_database, shop_transaction, user
from bot.demo import bulk, seed
from bot.demo.bulk import BulkCounts
from bot.migrations import upgrade as migrations
from bot.services import peppers
from marketplace_api.accounts import api_keys
from marketplace_api.models import ApiKey
from marketplace_api.payments import storefronts
from marketplace_api.statuses import Scope
from state import pins

db = AppGroup("db", help="The database.")
apikey = AppGroup("apikey", help="Keys to the marketplace API.")
secrets = AppGroup("secrets", help="Secrets of ours, while one is replaced.")


class ScopesParameter(click.ParamType[tuple[Scope, ...]]):
    """Scopes of an API key, separated by commas."""

    name = "SCOPE[,SCOPE…]"

    def convert(
        self, value: str | tuple[Scope, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Scope, ...]:
        """The scopes, in their usual order, each once."""
        if isinstance(value, tuple):
            return value
        known: tuple[Scope, ...] = get_args(Scope)
        asked = {scope.strip() for scope in value.split(",")}
        if unknown := asked - set(known):
            self.fail(f"{', '.join(sorted(unknown))!r} is none of {', '.join(known)}", param, ctx)
        return tuple(scope for scope in known if scope in asked)


@db.command("upgrade")
def upgrade() -> None:
    """Upgrade the database to the schema of this version."""
    migrations.upgrade(services_with_database().settings)


@apikey.command("create")
@click.argument("name")
@click.option("--scope", "scopes", type=ScopesParameter(), required=True, help="One scope, or more with commas.")
@click.option("--credit", help="What it may owe us, in whole money; none: it may not vouch. Else without a limit.")
@click.option("--expires", "days", type=click.IntRange(1, 3650), help="After how many days it opens nothing.")
def create(name: str, scopes: tuple[Scope, ...], credit: str | None, days: int | None) -> None:
    """Create a key and print it. It cannot be printed again, because only its hash is stored.

    A key that can order may vouch for its orders: it then owes us their price. `--credit` limits how much.
    """
    limit = _credit(credit, scopes) if credit is not None else None
    with shop_transaction() as shop:
        expires_at = shop.now + timedelta(days=days) if days else None
        key = api_keys.create(shop, name, *scopes, expires_at=expires_at)
        if limit:
            caller = api_keys.find(shop.session, key, shop.now)
            assert caller, "the key was just created"
            storefronts.set_terms(
                shop, caller.id, may_vouch=limit.may_vouch, credit=limit.amount, settle_days=storefronts.SETTLE_DAYS
            )
        click.echo(key)


@dataclass(frozen=True, slots=True)
class Credit:
    """Whether a key may vouch for its orders, and how many minor units it may owe us; None for no limit."""

    may_vouch: bool
    amount: int | None


def _credit(typed: str, scopes: tuple[Scope, ...]) -> Credit:
    if not api_keys.MAY_ORDER.intersection(scopes):
        raise click.BadParameter(
            f"only a key with {', '.join(sorted(api_keys.MAY_ORDER))} can order", param_hint="--credit"
        )
    match typed:
        case "none":
            return Credit(may_vouch=False, amount=0)
        case "unlimited":
            return Credit(may_vouch=True, amount=None)
        case _:
            return Credit(
                may_vouch=True, amount=amounts.amount(typed, services_with_database().terms.currency, "--credit")
            )


@apikey.command("list")
def list_keys() -> None:
    """List all keys, also revoked ones, oldest first; of each key only the prefix is shown."""
    services = services_with_database()
    with services.database.reading() as session:
        for key in api_keys.list_all(services.shop(session, user())):
            click.echo(_line(key))


def _line(key: ApiKey) -> str:
    usage = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    revocation = f", revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
    expiry = f", expires {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
    made = f"made {key.created_at:%Y-%m-%d}, {usage}{expiry}{revocation}"
    return f"{key.id}  {key.scopes:<10}  {key.prefix}…  {key.name}: {made}"


@apikey.command("revoke")
@click.argument("name_or_id", metavar="NAME|ID")
def revoke(name_or_id: str) -> None:
    """Revoke a key: its next request is refused."""
    with shop_transaction() as shop:
        click.echo(_line(api_keys.revoke(shop, name_or_id)))


@secrets.command("check")
def check_secrets() -> None:
    """Count what still needs an older SECRET_KEY."""
    services = services_with_database()
    with services.database.reading() as session:
        pins_left = pins.count_with_older_peppers(session.connection(), peppers(services.settings.keys))
    click.echo(f"PINs that are not stored with the first value of SECRET_KEY: {pins_left}")


@click.command("demo")
@click.option("--artisans", type=click.IntRange(min=0), default=0, help="How many more artisans.")
@click.option("--products", type=click.IntRange(min=0), default=0, help="How many more products, of all artisans.")
@click.option("--orders", type=click.IntRange(min=0), default=0, help="How many more orders, in every status.")
@with_appcontext
def demo(artisans: int, products: int, orders: int) -> None:
    """Fill an empty shop with kiosks, artisans and products; or any shop with many more, for benchmarks."""
    services = services_with_database()
    if not services.settings.development:
        raise click.ClickException("demo data cannot be added when ENVIRONMENT is production")
    migrations.upgrade(services.settings)
    seed.seed(services.settings)
    try:
        with shop_transaction() as shop:
            bulk.fill(shop, BulkCounts(artisans, products, orders))
    except bulk.PrerequisiteError as missing:
        raise click.ClickException(str(missing)) from None
