"""What a command stands on: the house it is run in, and the house's shop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app

from bot.services import House
from marketplace_api.refused import Refused
from marketplace_api.rest import problems
from marketplace_api.shop import Shop


def current_house() -> House:
    house: House = current_app.extensions["house"]
    return house


@contextmanager
def changing() -> Iterator[Shop]:
    """The shop for one transaction; what it refuses is told in words."""
    house = current_house()
    try:
        with house.database.writing.begin() as session:
            yield house.shop(session)
    except Refused as refused:
        raise click.ClickException(problems.words(refused)) from None
