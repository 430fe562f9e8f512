"""The facts of a remote marketplace as it gave them last, by its address; the bytes are not interpreted."""

from __future__ import annotations

from sqlalchemy import Connection, select

from state.tables import shop_facts, upsert


def find(conn: Connection, address: str) -> bytes | None:
    """The document that was stored last, or None."""
    return conn.execute(select(shop_facts.c.document).where(shop_facts.c.address == address)).scalar_one_or_none()


def store(conn: Connection, address: str, document: bytes) -> None:
    """Store the document in place of the one before."""
    insert = upsert(conn.dialect.name, shop_facts).values(address=address, document=document)
    conn.execute(insert.on_conflict_do_update(index_elements=[shop_facts.c.address], set_={"document": document}))
