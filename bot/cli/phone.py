"""A simulated phone in a terminal. In development only."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from bot.cli.context import current_services
from bot.services import Services
from bot.simulator import inbox
from bot.simulator.gateway import CallDroppedError
from bot.simulator.instruments import network
from bot.simulator.operators import OPERATORS


@click.command("phone")
@click.option("--msisdn", default="+254711000111", show_default=True, help="Whose phone it is.")
@click.option("--operator", type=click.Choice(list(OPERATORS)), help="The network that the phone is in from now on.")
@with_appcontext
def phone(msisdn: str, operator: str | None) -> None:
    """A phone in the terminal: dial a code, answer, hang up with an empty line, `sms WORDS` texts, `inbox` reads."""
    services = current_services()
    gateway = network(current_app, services)
    if operator:
        gateway.choose(msisdn, operator)
    code = services.settings.ussd_code
    click.echo(f"This is {msisdn}. {f'Dial {code}, or text' if code else 'Text'}: sms HELP. Ctrl-D ends.")
    in_call = False
    while (line := _read_line(in_call)) is not None:
        if line.startswith("sms "):
            gateway.text(msisdn, line.removeprefix("sms "))
        elif line == "inbox":
            _send_due(services)
            _print_inbox(services, msisdn)
        elif line.startswith("*"):
            in_call = _show(partial(gateway.dial, msisdn, line))
        elif in_call and line:
            in_call = _show(partial(gateway.answer, msisdn, line))
        elif in_call:
            gateway.hang_up(msisdn)
            in_call = False


def _read_line(in_call: bool) -> str | None:
    try:
        return str(click.prompt("answer" if in_call else "phone", default="", show_default=False, prompt_suffix="> "))
    except click.Abort:
        return None


def _show(hop: Callable[[], str]) -> bool:
    """Print the screen of a hop; True if the call is still open."""
    try:
        reply = hop()
    except CallDroppedError:
        click.echo("Connection problem.")
        return False
    click.echo(reply[4:])
    return reply.startswith("CON ")


def _send_due(services: Services) -> None:
    """Perform the jobs that are due, in case no worker is running."""
    from bot.worker import message_step  # imported here, because no web process needs it

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(max_workers=1) as workers:
        step = message_step(app, services, workers)
        while step():
            pass


def _print_inbox(services: Services, msisdn: str) -> None:
    with services.database.reading() as session:
        for text in reversed(inbox.read(session.connection(), msisdn)):
            click.echo(f"[{text['at'][11:16]}] {text['from']}: {text['text']}")
