"""Brings the database to this edition's schema: one history for the tables of all rooms."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, MetaData

from bot.database import create_engine
from bot.settings import Settings
from bot.simulator import inbox
from marketplace_api.models import Base
from state.tables import metadata

SCRIPTS = Path(__file__).parent / "migrations"
TABLES: tuple[MetaData, ...] = (metadata, Base.metadata, inbox.metadata)


def upgrade(settings: Settings) -> None:
    """Makes the tables, or changes them to what this edition needs; quick when there is nothing to do."""
    engine = create_engine(settings.database_url)
    try:
        move(engine, "head")
    finally:
        engine.dispose()


def move(engine: Engine, revision: str) -> None:
    """Moves the schema up or down to a revision; `base` is an empty database."""
    from alembic import command  # slow to import, and no web process needs it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        if revision == "base":
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)
