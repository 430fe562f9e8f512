"""A simulated phone in a terminal. In development only."""

from __future__ import annotations

from contextlib import suppress

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from bot.cli.context import current_services
from bot.cli.terminal_phone import TerminalPhone
from bot.simulator.operators import OPERATORS


@click.command("phone")
@click.option("--msisdn", default="+254711000111", show_default=True, help="Whose phone it is.")
@click.option("--operator", type=click.Choice(list(OPERATORS)), help="The network that the phone is in from now on.")
@with_appcontext
def phone(msisdn: str, operator: str | None) -> None:
    """A phone in the terminal: dial a code, answer, hang up with an empty line, `sms WORDS` texts, `help` lists all."""
    services = current_services()
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with suppress(ImportError):  # where Python has it, the arrow keys find earlier lines
        import readline  # noqa: F401
    terminal_phone = TerminalPhone(app, services, msisdn)
    if operator:
        terminal_phone.choose(operator)
    code = services.settings.ussd_code
    click.echo(
        f"This is {msisdn}. {f'Dial {code}, or text' if code else 'Text'}: sms HELP. help lists all, Ctrl-D ends."
    )
    while (line := _read_line(terminal_phone.prompt)) is not None:
        terminal_phone.act(line)


def _read_line(prompt: str) -> str | None:
    try:
        return str(click.prompt(prompt, default="", show_default=False, prompt_suffix="> "))
    except click.Abort:
        return None
