"""The texts that the simulated carriers delivered to each phone, for the page and for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.simulator.carriers import CarriedMessage
from bot.simulator.tables import simulated_text

LONGEST_LIST = 200


def put(conn: Connection, message: CarriedMessage, now: datetime) -> None:
    """Add a text to the inbox of its phone."""
    conn.execute(
        simulated_text.insert().values(
            id=message.id, msisdn=message.msisdn, sender=message.sender, text=message.text, at=now
        )
    )


def read(conn: Connection, msisdn: str) -> list[dict[str, Any]]:
    """The newest `LONGEST_LIST` texts of a phone, newest first, as `GET /simulator/messages` returns them."""
    newest = simulated_text.select().where(simulated_text.c.msisdn == msisdn).order_by(simulated_text.c.seq.desc())
    return [
        {"id": row.id, "from": row.sender, "text": row.text, "at": row.at.isoformat().replace("+00:00", "Z")}
        for row in conn.execute(newest.limit(LONGEST_LIST))
    ]
