"""The positions of the readers of a numbered stream, each under a name."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from state.tables import cursor, insert_new

# made once, because each worker executes it all the time
_FIND = select(cursor.c.position).where(cursor.c.name == bindparam("name"))


def find(conn: Connection, name: str) -> int | None:
    """The stored position, or None if nothing has been read yet."""
    position: int | None = conn.execute(_FIND, {"name": name}).scalar()
    return position


def read_for_update(conn: Connection, name: str) -> int:
    """The position, 0 at first. On PostgreSQL its row is locked until the transaction ends."""
    insert_new(conn, cursor, name=name, position=0)
    locked = select(cursor.c.position).where(cursor.c.name == name).with_for_update()
    position: int = conn.execute(locked).scalar_one()
    return position


def move(conn: Connection, name: str, position: int) -> None:
    """Store that everything up to and including `position` has been read."""
    conn.execute(cursor.update().where(cursor.c.name == name).values(position=position))
