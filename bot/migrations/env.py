"""Alembic's entry: the connection is handed in by `bot.migrations.upgrade`."""

from typing import Any, Literal

from alembic import context
from sqlalchemy_utc import UtcDateTime

from bot.migrations.upgrade import TABLES


def render(kind: str, item: Any, _autogenerate: object) -> str | Literal[False]:
    """How a type is written in a new revision, where its own module does not say it well."""
    return "UtcDateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(TABLES),
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
