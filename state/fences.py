"""The fence of each person: a number that lets no hop commit after it has lost its claim.

A session document carries the number of the fence that it was made under; one without a number carries 0. A transaction
of a hop ends by locking the fence and comparing (`hold`). Whoever takes a claim over from a holder that may still be at
work raises the number first, which waits for a transaction that has compared. The document after a command or a text is
kept here in its transaction; if the holder dies before it saves the document, the next one finds it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, select

from state.tables import fence, upsert


def hold(conn: Connection, msisdn: str, number: int) -> bool:
    """Lock the fence until the transaction ends. False if its number is another one."""
    values = {"msisdn": msisdn, "number": number, "kept_by": "", "document": b""}
    return conn.execute(_hold(conn.dialect.name), values).first() is not None


def raise_number(conn: Connection, msisdn: str) -> int:
    """Lock the fence and raise its number by one; a transaction with an earlier number can no longer `hold` it."""
    raised = _insert(conn.dialect.name).on_conflict_do_update(
        index_elements=[fence.c.msisdn], set_={"number": fence.c.number + 1}
    )
    values = {"msisdn": msisdn, "number": 1, "kept_by": "", "document": b""}
    number: int = conn.execute(raised.returning(fence.c.number), values).scalar_one()
    return number


def keep(conn: Connection, msisdn: str, number: int, document: bytes, holder: str) -> bool:
    """As `hold`; also raises the number by one and keeps a document that carries the new number."""
    values = {"msisdn": msisdn, "number": number + 1, "document": document, "kept_by": holder, "before": number}
    return conn.execute(_keep(conn.dialect.name), values).first() is not None


def inherit(conn: Connection, msisdn: str, left_by: str, holder: str) -> bytes | None:
    """The document that `left_by` has kept, kept by `holder` from now on; None if it has kept none."""
    is_kept = (fence.c.msisdn == msisdn) & (fence.c.kept_by == left_by)
    conn.execute(fence.update().where(is_kept).values(kept_by=holder))
    return conn.execute(
        select(fence.c.document).where(fence.c.msisdn == msisdn, fence.c.kept_by == holder)
    ).scalar_one_or_none()


def kept(conn: Connection, msisdn: str) -> bytes | None:
    """The document that was kept last, by any holder; None if there is none."""
    return conn.execute(select(fence.c.document).where(fence.c.msisdn == msisdn)).scalar_one_or_none() or None


# made once, because each command and each text executes them


@cache
def _hold(dialect: str) -> Any:
    insert = _insert(dialect)
    is_same = fence.c.number == insert.excluded.number
    held = insert.on_conflict_do_update(index_elements=[fence.c.msisdn], set_={"number": fence.c.number}, where=is_same)
    return held.returning(fence.c.number)


@cache
def _keep(dialect: str) -> Any:
    insert = _insert(dialect)
    new = {name: insert.excluded[name] for name in ("number", "document", "kept_by")}
    is_same = fence.c.number == bindparam("before", type_=fence.c.number.type)
    kept = insert.on_conflict_do_update(index_elements=[fence.c.msisdn], set_=new, where=is_same)
    return kept.returning(fence.c.number)


def _insert(dialect: str) -> Any:
    return upsert(dialect, fence)
