"""The script that Alembic runs; `bot.migrations.upgrade` passes the connection to it."""

from typing import Any, Literal

from alembic import context
from sqlalchemy_utc import UtcDateTime

from bot.migrations.upgrade import MIGRATED


def render(kind: str, item: Any, _autogenerate: object) -> str | Literal[False]:
    """The source text of a type in a generated revision; False leaves it to Alembic."""
    return "UtcDateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def is_migrated(name: str | None, kind: str, _parents: object) -> bool:
    """True if a generated revision may change the object with this name. The simulator's tables are not migrated."""
    from bot.simulator import tables  # only a revision that is being written asks

    return kind != "table" or name not in tables.metadata.tables


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(MIGRATED),
    render_item=render,
    include_name=is_migrated,
)
with context.begin_transaction():
    context.run_migrations()
