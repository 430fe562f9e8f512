"""`flask --app wsgi broadcast TEXT`: the same text to many artisans, after it was said how many and what it costs."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from bot.cli.context import shop_transaction
from bot.messaging import broadcasts
from bot.messaging.broadcasts import Audience
from bot.web.operator import text_size
from bot.web.operator.text_size import LONGEST
from marketplace_api.shop import Shop


@click.command("broadcast")
@click.argument("text")
@click.option("--craft", help="Only artisans of this craft.")
@click.option("--town", help="Only artisans whose kiosk is in this town.")
@click.option("--kiosk", "kiosk_id", help="Only artisans of the kiosk with this id.")
@click.option("--language", help="Only artisans who read this language.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def send_broadcast(text: str, yes: bool, **chosen: str | None) -> None:
    """Send a text to all artisans, or to some of them. It is not sent before quiet hours end."""
    if not 0 < len(text.strip()) <= LONGEST:
        raise click.BadParameter(f"a text has 1 to {LONGEST} characters", param_hint="TEXT")
    audience = Audience(**chosen)
    with shop_transaction() as shop:
        _check(shop, chosen)
        click.echo(_size(shop, text, audience))
    if not yes:
        click.confirm("Send it?", abort=True)
    with shop_transaction() as shop:
        id, recipients = broadcasts.start(shop, text.strip(), audience)
    click.echo(f"{id}: {recipients} artisans")


def _check(shop: Shop, chosen: dict[str, str | None]) -> None:
    """Raises click.BadParameter for a craft, town, kiosk or language that the shop does not have."""
    for name, known in broadcasts.choices(shop).items():
        value = chosen[name]
        if value is not None and value not in known:
            option = f"--{name.removesuffix('_id')}"
            raise click.BadParameter(f"{value!r} is none of {', '.join(known)}", param_hint=option)


def _size(shop: Shop, text: str, audience: Audience) -> str:
    people, price = broadcasts.reach(shop, audience).people, text_size.last_price(shop.session.connection())
    segments = people * text_size.of_text(text, price).segments
    cost = text_size.cost_of(segments, price)
    return f"{people} artisans, {segments} segments, {f'about {cost}' if cost else 'at a price that is not known'}"
