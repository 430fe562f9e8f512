"""Budgets: how much of something was used within a time, counted for all processes in Redis or in SQL.

    spend(conn, "orders of 192.0.2.7", 1, per=3600, now=now)      Spent(total=11, ends_at=…)

A window begins with the first use and ends `per` seconds later; then the count begins again. The caller compares the
total with its limit. What is used beyond the limit is counted too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, case
from sqlalchemy.exc import SQLAlchemyError

from state.tables import budget, upsert


@dataclass(frozen=True, slots=True)
class Use:
    """`amount` units of the budget `name`, whose window lasts `per` seconds."""

    name: str
    amount: int
    per: float


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used of a budget in its window, and when the window ends (Unix seconds)."""

    total: int
    ends_at: float


class UnavailableError(Exception):
    """The store does not answer, for this reason."""


class Budgets(Protocol):
    """Budgets by name: `SqlBudgets`, or `RedisBudgets` for many machines."""

    def spend(self, uses: Sequence[Use], now: float) -> list[Spent]:
        """Count the uses, and return what was used of each budget, these uses included.

        Raises UnavailableError.
        """
        ...


def spend(conn: Connection, use: Use, now: float) -> Spent:
    """Count the use in the transaction of `conn`. Two transactions that use one budget run one after the other."""
    insert: Any = upsert(conn.dialect.name, budget).values(name=use.name, total=use.amount, ends_at=now + use.per)
    is_over = budget.c.ends_at <= now
    counted = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "total": case((is_over, insert.excluded.total), else_=budget.c.total + insert.excluded.total),
            "ends_at": case((is_over, insert.excluded.ends_at), else_=budget.c.ends_at),
        },
    )
    row = conn.execute(counted.returning(budget.c.total, budget.c.ends_at)).one()
    return Spent(row.total, row.ends_at)


def read(conn: Connection, name: str, now: float) -> int:
    """What was used of a budget in its present window."""
    used = budget.select().where(budget.c.name == name, budget.c.ends_at > now)
    row = conn.execute(used).first()
    return row.total if row else 0


def sweep(conn: Connection, now: float) -> None:
    """Delete the budgets whose window is over."""
    conn.execute(budget.delete().where(budget.c.ends_at <= now))


class SqlBudgets:
    """Budgets in the table `budget`; `transaction` opens a transaction for writing."""

    def __init__(self, transaction: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._transaction = transaction

    def spend(self, uses: Sequence[Use], now: float) -> list[Spent]:
        try:
            with self._transaction() as conn:
                # in the order of their names, so that no two transactions wait for each other
                found = {use.name: spend(conn, use, now) for use in sorted(uses, key=lambda use: use.name)}
        except SQLAlchemyError as error:
            raise UnavailableError(type(error).__name__) from error
        return [found[use.name] for use in uses]
