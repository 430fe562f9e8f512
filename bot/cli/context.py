"""Gives commands the services of the application, and a shop in a transaction."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app

from bot.services import Services
from marketplace_api import problems
from marketplace_api.actors import Actor
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def current_services() -> Services:
    """The services of the application that the command runs in."""
    services: Services = current_app.extensions["services"]
    return services


def user() -> Actor:
    """The person at the command line, by the name of the account; `unknown` where the machine has no name for it."""
    try:
        return Actor("cli", getpass.getuser())
    except (KeyError, OSError):
        return Actor("cli", "unknown")


@contextmanager
def shop_transaction() -> Iterator[Shop]:
    """A shop in one write transaction. If the shop refuses, the reason is printed and the command exits with 1."""
    services = current_services()
    try:
        with services.database.writing.begin() as session:
            yield services.shop(session, user())
    except Refused as refused:
        raise click.ClickException(problems.explain(refused)) from None
