"""The simulator in a terminal: a phone, and transcripts played by hand."""

from __future__ import annotations

import secrets
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from bot.cli.context import current_services
from bot.services import Services
from bot.simulator import inbox
from bot.simulator.gateway import Gateway

transcript = AppGroup("transcript", help="Conversations written down.")


@click.command("phone")
@click.option("--msisdn", default="+254711000111", show_default=True, help="Whose phone it is.")
@with_appcontext
def phone(msisdn: str) -> None:
    """A phone in the terminal: dial a code, answer, hang up with an empty line, `sms WORDS` texts, `inbox` reads."""
    services = current_services()
    gateway = Gateway(current_app, services.settings, services.clock, lambda: secrets.token_hex(16))
    click.echo(f"This is {msisdn}. Dial {services.settings.ussd_code}, or text: sms HELP. Ctrl-D puts the phone away.")
    in_call = False
    while (said := _said(in_call)) is not None:
        if said.startswith("sms "):
            gateway.text(msisdn, said.removeprefix("sms "))
        elif said == "inbox":
            _deliver(services)
            _read(services, msisdn)
        elif said.startswith("*"):
            in_call = _show(gateway.dial(msisdn, said))
        elif in_call and said:
            in_call = _show(gateway.answer(msisdn, said))
        elif in_call:
            gateway.hang_up(msisdn)
            in_call = False


def _said(in_call: bool) -> str | None:
    try:
        return str(click.prompt("answer" if in_call else "phone", default="", show_default=False, prompt_suffix="> "))
    except click.Abort:
        return None


def _show(reply: str) -> bool:
    """Shows a screen; whether the call goes on."""
    click.echo(reply[4:])
    return reply.startswith("CON ")


def _deliver(services: Services) -> None:
    """What is due, in case no worker runs."""
    from bot.worker import stepping  # it knows the application, which knows this command

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with ThreadPoolExecutor(max_workers=1) as hands:
        step = stepping(app, services, hands)
        while step():
            pass


def _read(services: Services, msisdn: str) -> None:
    with services.database.reading() as session:
        for text in reversed(inbox.read(session.connection(), msisdn)):
            click.echo(f"[{text['at'][11:16]}] {text['from']}: {text['text']}")


@transcript.command("play")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def play(files: tuple[Path, ...]) -> None:
    """Play transcripts, each in a shop of its own, and print them as they read now."""
    from bot.playground import transcript as script  # brings a whole world along
    from bot.playground.harness import opened

    for file in files:
        with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
            try:
                click.echo(script.Player(world).play(file.read_text()), nl=False)
            except script.Unplayable as error:
                raise click.ClickException(f"{file}: {error}") from error
