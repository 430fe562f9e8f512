"""`flask --app wsgi dashboards FOLDER`: writes the dashboards of Grafana."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from bot.cli.context import services_with_database
from bot.installation import dashboards
from bot.services import Services
from bot.web.metrics import DatabaseCollector
from marketplace_api.actors import Actor


@click.command("dashboards")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@with_appcontext
def dashboards_command(folder: Path) -> None:
    """Write the dashboards of Grafana into FOLDER, from the metrics of this version."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, board in boards_of(services_with_database()).items():
        (folder / name).write_text(board)


def boards_of(services: Services) -> dict[str, str]:
    """The JSON of each dashboard, by the name of its file."""
    opener, consumer = services.opener(Actor("job", "metrics")), services.notification_consumer.name
    collector = DatabaseCollector(services.database, opener, consumer, services.settings.strangers_cap)
    return dashboards.boards(collector.collect())
