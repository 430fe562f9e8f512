"""Commands about the data of people: export, erasure, and who was concerned in a breach."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, time, timedelta
from pathlib import Path

import click
from flask.cli import with_appcontext

from bot.cli.context import services_with_all_stores, services_with_database, user
from bot.persons import breach, export
from bot.persons.compaction import NotCompactedError
from bot.persons.erasing import CannotEraseError, Eraser
from bot.runtime.keys import Purpose
from bot.services import Services
from flows import msisdn as numbers
from state import lookups


@click.command("export-person")
@click.argument("phone", metavar="MSISDN")
@with_appcontext
def export_person(phone: str) -> None:
    """Print everything that is stored of a person, as JSON. That somebody did so is stored too."""
    services = services_with_database()
    msisdn = _msisdn(phone, services)
    with services.database.writing.begin() as session:
        lookups.record(session.connection(), msisdn, "export", str(user()), services.clock())
    with services.database.reading() as session:
        found = export.export(session, msisdn, services.clock())
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))


@click.command("erase-person")
@click.argument("phone", metavar="MSISDN")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def erase_person(phone: str, yes: bool) -> None:
    """Erase a person. Amounts stay in the books; number, name, address, texts and photos are gone for good.

    A person who is owed money, or has an open order, is not erased. Backups are not changed: docs/data.md says what to
    do with them.
    """
    services = services_with_all_stores()
    eraser, msisdn = _eraser(services), _msisdn(phone, services)
    try:
        eraser.check(msisdn)
        if not yes:
            click.confirm(f"Erase {msisdn}? This cannot be undone.", abort=True)
        eraser.erase(msisdn)
    except (CannotEraseError, NotCompactedError) as refused:
        raise click.ClickException(str(refused)) from None
    click.echo("Erased. Backups made before still have the data: see docs/data.md.")


def _msisdn(typed: str, services: Services) -> str:
    """The number in E.164; one that is typed in E.164 may be of any kind, because texts come from any."""
    if numbers.is_e164(typed):
        return typed
    try:
        return numbers.parse(typed, services.settings.country)
    except ValueError:
        raise click.BadParameter(f"{typed!r} is not a phone number; write it like +254712345678") from None


@click.command("breach-list")
@click.option("--since", type=click.DateTime(), required=True, help="When the breach began, in TIMEZONE.")
@click.option("--until", type=click.DateTime(), required=True, help="When it ended; a day without a time is included.")
@click.option("--stored", is_flag=True, help="Everybody who was stored at the end, not only who did something.")
@with_appcontext
def breach_list(since: datetime, until: datetime, stored: bool) -> None:
    """List the people who were concerned in a breach, as JSON, one line for each."""
    services = services_with_database()
    zone = services.terms.zone
    ends_at = until + timedelta(days=1) if until.time() == time() else until
    with services.database.reading() as session:
        begins_at = None if stored else since.replace(tzinfo=zone)
        people = breach.concerned(session, begins_at, ends_at.replace(tzinfo=zone))
    for person in people:
        click.echo(json.dumps(asdict(person), ensure_ascii=False))


def _eraser(services: Services) -> Eraser:
    return Eraser(
        services.engine,
        services.database,
        services.sessions,
        services.opener(user()),
        Path(services.settings.photos_dir),
        services.settings.keys.current(Purpose.PSEUDONYMS),
    )
