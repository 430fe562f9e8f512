"""A simulated phone in the terminal: what its user types, and what it shows, as the phones on the simulator's page do.

terminal_phone = TerminalPhone(app, services, "+254711000111")
terminal_phone.act("*384*22#")        dials, and prints the screen with its size
terminal_phone.act("fault drop 0.2")  from now on, every fifth hop of this phone gets no screen
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, get_args
from zoneinfo import ZoneInfo

import click
from flask import Flask
from pydantic import ValidationError

from bot.services import Services
from bot.simulator import faults, inbox, sizes
from bot.simulator.faults import PROVIDERS, Fault, FaultRequest, TooManyFaultsError
from bot.simulator.gateway import CallDroppedError
from bot.simulator.instruments import instruments, network
from bot.simulator.operators import OPERATORS
from marketplace_api import problems

HELP = """\
*384*22#                 dials; then type answers, and hang up with an empty line
sms WORDS                texts
inbox                    the texts that this phone has received
history                  all that this phone and the service said to each other
faults                   the faults that are on
fault drop 0.2 times=3   a fault of this phone: its probability, and seconds=, hops=, times=, seed=
fault twilio error 0.5   a fault of a provider
end ID                   ends a fault
network [NAME]           the networks, or puts this phone into one
"""
NUMBERS = {"probability": float, "seconds": float, "hops": int, "times": int, "seed": int}
MOST_EXCHANGES = 40
COLOURS = {"hop": "green", "end": "yellow", "text": "blue", "sms": "cyan", "report": "magenta"}
"""The colour of an exchange in the history, by its kind."""


class TerminalPhone:
    """One phone in the terminal."""

    def __init__(self, app: Flask, services: Services, msisdn: str) -> None:
        self._app, self._services, self.msisdn = app, services, msisdn
        self._network, self._shared = network(app, services), instruments(services)
        self._zone = ZoneInfo(services.settings.timezone)
        self._read = self._newest()
        self._hops = 0
        self._commands: dict[str, Callable[[str], None]] = {
            "sms": self._text,
            "inbox": lambda _: self._show_inbox(),
            "history": lambda _: self._show_history(),
            "faults": lambda _: self._show_faults(),
            "fault": self._add_fault,
            "end": self._end_fault,
            "network": self._choose_network,
            "help": lambda _: click.echo(HELP, nl=False),
        }

    @property
    def in_call(self) -> bool:
        return self._hops > 0

    @property
    def prompt(self) -> str:
        """What stands in front of the line that is typed next."""
        if self.in_call:
            return "answer"
        return "phone (new texts: inbox)" if self._newest() > self._read else "phone"

    def choose(self, operator: str) -> None:
        """Put the phone into the network of an operator."""
        self._network.choose(self.msisdn, operator)

    def act(self, line: str) -> None:
        """Do what a line says. In a call it is an answer, and an empty one hangs up."""
        verb, _, words = line.partition(" ")
        if self.in_call and line:
            self._show(partial(self._network.answer, self.msisdn, line))
        elif self.in_call:
            self._network.hang_up(self.msisdn)
            self._hops = 0
        elif line.startswith("*"):
            self._show(partial(self._network.dial, self.msisdn, line))
        elif verb in self._commands:
            self._commands[verb](words.strip())
        elif line:
            complain(f"There is no command {verb}. Type help.")

    # Calls and texts

    def _show(self, hop: Callable[[], str]) -> None:
        """Print the screen of a hop, and how full it is."""
        self._hops += 1
        try:
            reply = hop()
        except CallDroppedError:
            self._hops = 0
            complain("Connection problem.")
            return
        click.secho(reply[4:], fg="green")
        size = sizes.of_screen(reply)
        because = f" because of {size['outside']}" if size["outside"] else ""
        click.secho(f"{size['units']}/{size['most']} {size['encoding']}{because} · hop {self._hops}", dim=True)
        if not reply.startswith("CON "):
            self._hops = 0

    def _text(self, words: str) -> None:
        if not words:
            complain("Type what to text: sms HELP")
            return
        self._network.text(self.msisdn, words)
        click.secho(_counted(words), dim=True)

    def _show_inbox(self) -> None:
        send_due(self._app, self._services)
        with self._services.database.reading() as session:
            received = inbox.read(session.connection(), self.msisdn)
        for text in reversed(received):
            sender = click.style(text["from"], fg="cyan", bold=True)
            size = click.style(_counted(text["text"]), dim=True)
            click.echo(f"[{self._local(text['at'])}] {sender}: {text['text']} {size}")
        self._read = self._newest()

    def _newest(self) -> int:
        with self._services.database.reading() as session:
            return inbox.newest(session.connection(), self.msisdn)

    def _show_history(self) -> None:
        send_due(self._app, self._services)
        for exchange in self._shared.wire.read(phone=self.msisdn)[-MOST_EXCHANGES:]:
            arrow = "→" if exchange["direction"] == "in" else "←"
            about = click.style(f"{arrow} {exchange['kind']}", fg=COLOURS.get(exchange["kind"], "white"))
            status = exchange["response"]["status"]
            wrong = "" if 200 <= status < 300 else click.style(f" HTTP {status or 'no answer'}", fg="red")
            click.echo(f"[{self._local(exchange['at'])}] {about} {exchange['summary']}{wrong}")

    def _local(self, at: str) -> str:
        """A time as the page shows it: `Tue 1 Dec, 16:13` in the time zone of the shop."""
        local = datetime.fromisoformat(at).astimezone(self._zone)
        return f"{local:%a} {local.day} {local:%b, %H:%M}"

    # Faults and networks

    def _show_faults(self) -> None:
        rules = self._shared.faults.all()
        for rule in rules:
            shown = faults.shown(rule)
            facts = " ".join(f"{name}={shown[name]}" for name in (*NUMBERS, "struck") if name in shown)
            click.echo(f"{click.style(rule.id, bold=True)} {click.style(rule.fault, fg='red')} at {rule.name} {facts}")
        if not rules:
            click.echo("No fault is on.")

    def _add_fault(self, words: str) -> None:
        try:
            rule = self._shared.faults.add(asked_for(words.split(), self.msisdn))
        except ValidationError as error:
            found = problems.not_valid(error.errors(), 400)
            complain(" ".join(each.detail for each in found.errors or ()))
        except ValueError:
            complain(f"After fault comes one of {', '.join(get_args(Fault))}, then perhaps 0.2, seconds=30 or times=3.")
        except TooManyFaultsError:
            complain(f"There are {faults.MOST_RULES} faults already. End some first.")
        else:
            click.echo(f"{rule.fault} at {rule.name}, seed {rule.seed}. It ends with: end {rule.id}")

    def _end_fault(self, id: str) -> None:
        if not self._shared.faults.end(id):
            complain("There is no such fault.")

    def _choose_network(self, name: str) -> None:
        if name in OPERATORS:
            self.choose(name)
        elif name:
            complain(f"A network is one of {', '.join(OPERATORS)}.")
        own = self._network.operator(self.msisdn)
        for operator in OPERATORS.values():
            click.secho(f"{operator.name}: {operator.title}", bold=operator == own)


def asked_for(words: Iterable[str], msisdn: str) -> FaultRequest:
    """The fault that `drop 0.2 times=3`, or `twilio error`, asks for. Raises ValueError and ValidationError."""
    first, *others = words
    name = first if first in PROVIDERS else msisdn
    fault, *facts = others if first in PROVIDERS else (first, *others)
    given: dict[str, Any] = {}
    for fact in facts:
        key, _, value = fact.rpartition("=")
        key = key or "probability"
        given[key] = NUMBERS.get(key, str)(value)
    target = "provider" if first in PROVIDERS else "phone"
    return FaultRequest.model_validate({"target": target, "name": name, "fault": fault, **given})


def complain(words: str) -> None:
    """Print what is wrong, in the colour of alarm."""
    click.secho(words, fg="red")


def _counted(text: str) -> str:
    size = sizes.of_text(text)
    count, cents = size["segments"], int(size["cents"])
    return f"({count} segment{'' if count == 1 else 's'} {size['encoding']}, KES {cents / 100:.2f})"


def send_due(app: Flask, services: Services) -> None:
    """Perform the jobs that are due, in case no worker is running."""
    from bot.worker import message_step  # imported here, because no web process needs it

    with ThreadPoolExecutor(max_workers=1) as workers:
        step = message_step(app, services, workers)
        while step():
            pass
