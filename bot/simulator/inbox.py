"""What the simulated carriers brought to each phone, for the page and for testers to read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, String, Table, Text
from sqlalchemy_utc import UtcDateTime

from bot.simulator.carriers import Carried

metadata = MetaData()
simulated_text = Table(
    "simulated_text",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("msisdn", String, nullable=False),
    Column("sender", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_simulated_text_msisdn", "msisdn", "seq"),
)
KEPT = 200


def put(conn: Connection, text: Carried, now: datetime) -> None:
    conn.execute(
        simulated_text.insert().values(id=text.id, msisdn=text.msisdn, sender=text.sender, text=text.text, at=now)
    )


def read(conn: Connection, msisdn: str) -> list[dict[str, Any]]:
    """The newest first, as `GET /simulator/messages` shows them."""
    newest = simulated_text.select().where(simulated_text.c.msisdn == msisdn).order_by(simulated_text.c.seq.desc())
    return [
        {"id": row.id, "from": row.sender, "text": row.text, "at": row.at.isoformat().replace("+00:00", "Z")}
        for row in conn.execute(newest.limit(KEPT))
    ]
