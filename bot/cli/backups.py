"""Commands that make a backup of the database and the photos, and restore one: `flask --app wsgi …`."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import with_appcontext

from bot.cli.context import current_services, services_with_database
from bot.installation import backup, restore
from bot.installation.backup import BackupError
from bot.migrations import upgrade as migrations


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def backup_command(file: Path) -> None:
    """Write the database and the photos to FILE, while the service runs."""
    services = services_with_database()
    settings = services.settings
    try:
        made = backup.make(
            services.engine, Path(settings.photos_dir), file, currency=settings.currency, now=services.clock()
        )
    except BackupError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{file}: {file.stat().st_size / 1000:,.0f} kB, {len(made.manifest.photos)} files of photos.")
    if made.lost:
        click.echo(f"{len(made.lost)} files of photos are missing in {settings.photos_dir}.", err=True)


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path))
@with_appcontext
def restore_command(file: Path) -> None:
    """Restore FILE into the empty database of DATABASE_URL and into PHOTOS_DIR."""
    settings = current_services().settings
    try:
        manifest = restore.restore(file, settings, migrations.upgrade)
    except BackupError as error:
        raise click.ClickException(f"{error}. Nothing was restored.") from None
    click.echo(f"Restored the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC. Run `script/soko ledger check`.")
