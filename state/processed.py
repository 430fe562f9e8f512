"""What hops did, so that a repeated, raced or crashed hop does it once.

    outcome = processed.begin(conn, key, msisdn, now, gateway_session)
    if outcome is None:
        outcome = perform(...)
        processed.finish(conn, key, outcome, checkpoint)

`begin`, the deed and `finish` belong in one transaction: all of them are kept, or none.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from state.tables import insert_new, performed


def begin(conn: Connection, key: str, msisdn: str, now: datetime, gateway_session: str | None) -> bytes | None:
    """None: this is the first time, do it. Otherwise what came of it the first time.

    Of two at once the second waits here until the first has committed or failed.
    """
    first = insert_new(
        conn,
        performed,
        key=key,
        msisdn=msisdn,
        gateway_session=gateway_session,
        outcome=b"",
        checkpoint=b"",
        at=now,
    )
    if first:
        return None
    outcome: bytes = conn.execute(select(performed.c.outcome).where(performed.c.key == key)).scalar_one()
    return outcome


def finish(conn: Connection, key: str, outcome: bytes, checkpoint: bytes) -> None:
    """What came of it, and the conversation as it stands after it."""
    conn.execute(performed.update().where(performed.c.key == key).values(outcome=outcome, checkpoint=checkpoint))


def last_checkpoint(conn: Connection, gateway_session: str) -> bytes | None:
    """The checkpoint of the last thing done in a gateway's session."""
    newest_first = (
        select(performed.c.checkpoint)
        .where(performed.c.gateway_session == gateway_session)
        .order_by(performed.c.seq.desc())
    )
    return conn.execute(newest_first.limit(1)).scalar_one_or_none()
