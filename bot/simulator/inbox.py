"""The texts that the simulated carriers delivered to each phone, for the page and for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from bot.simulator.carriers import CarriedMessage
from bot.simulator.gateway import WHATSAPP
from bot.simulator.tables import simulated_text

LONGEST_LIST = 200


def put(conn: Connection, message: CarriedMessage, now: datetime) -> None:
    """Add a text to the inbox of its phone, by SMS or WhatsApp: the sender says which."""
    conn.execute(
        simulated_text.insert().values(
            id=message.id,
            msisdn=message.msisdn.removeprefix(WHATSAPP),
            sender=message.sender,
            text=message.text,
            at=now,
        )
    )


def read(conn: Connection, msisdn: str) -> list[dict[str, Any]]:
    """The newest `LONGEST_LIST` texts of a phone, newest first, as `GET /simulator/messages` returns them."""
    of_phone = simulated_text.select().where(simulated_text.c.msisdn == msisdn).order_by(simulated_text.c.seq.desc())
    return [_shown(row) for row in conn.execute(of_phone.limit(LONGEST_LIST))]


def newest(conn: Connection, msisdn: str) -> int:
    """The number of the newest text of a phone; 0 if it has none."""
    found = select(func.max(simulated_text.c.seq)).where(simulated_text.c.msisdn == msisdn)
    return conn.execute(found).scalar_one() or 0


def since(conn: Connection, msisdn: str, number: int) -> list[dict[str, Any]]:
    """The newest `LONGEST_LIST` texts of a phone with a higher number, oldest first: as `read`, with `number`."""
    c = simulated_text.c
    later = simulated_text.select().where(c.msisdn == msisdn, c.seq > number).order_by(c.seq.desc())
    rows = conn.execute(later.limit(LONGEST_LIST)).all()
    return [{"number": row.seq, **_shown(row)} for row in reversed(rows)]


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {"id": row.id, "from": row.sender, "text": row.text, "at": row.at.isoformat().replace("+00:00", "Z")}
