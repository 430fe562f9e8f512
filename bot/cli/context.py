"""Gives commands the services of the application, and a shop in a transaction."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app

from bot.db import start_checks
from bot.services import Services
from marketplace_api import problems
from marketplace_api.actors import Actor
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop


def current_services() -> Services:
    """The services of the application that the command runs in."""
    services: Services = current_app.extensions["services"]
    return services


def services_with_database() -> Services:
    """The same, of a command that needs the database: it ends with one line if that cannot be used."""
    services = current_services()
    start_checks.check_database(services.settings.database_url)
    return services


def services_with_all_stores() -> Services:
    """The same, of a command that needs Redis and the photos too."""
    services = current_services()
    settings = services.settings
    start_checks.check(settings.database_url, settings.redis_url, settings.photos_dir)
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
    services = services_with_database()
    try:
        with services.database.writing.begin() as session:
            yield services.shop(session, user())
    except Refused as refused:
        raise click.ClickException(problems.explain(refused)) from None
