"""How far the readers of a numbered stream have come, each under its name."""

from __future__ import annotations

from sqlalchemy import Connection, select

from state.tables import cursor, insert_new


def find(conn: Connection, name: str) -> int | None:
    """The position as it is now, for a look; None when nothing has been read yet."""
    position: int | None = conn.execute(select(cursor.c.position).where(cursor.c.name == name)).scalar()
    return position


def read_for_update(conn: Connection, name: str) -> int:
    """The position, 0 at first; on PostgreSQL nobody else gets it until the transaction ends."""
    insert_new(conn, cursor, name=name, position=0)
    held = select(cursor.c.position).where(cursor.c.name == name).with_for_update()
    position: int = conn.execute(held).scalar_one()
    return position


def move(conn: Connection, name: str, position: int) -> None:
    """All up to and including `position` has been read."""
    conn.execute(cursor.update().where(cursor.c.name == name).values(position=position))
