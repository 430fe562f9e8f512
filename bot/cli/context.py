"""What a command stands on: the house it is run in, and the house's shop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app

from bot.services import Services
from marketplace_api.refused import Refused
from marketplace_api.rest import problems
from marketplace_api.shop import Shop


def current_services() -> Services:
    services: Services = current_app.extensions["services"]
    return services


@contextmanager
def changing() -> Iterator[Shop]:
    """The shop for one transaction; what it refuses is told in words."""
    services = current_services()
    try:
        with services.database.writing.begin() as session:
            yield services.shop(session)
    except Refused as refused:
        raise click.ClickException(problems.explain(refused)) from None
