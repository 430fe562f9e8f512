"""Budgets, in Redis, in the database and in the memory of a process."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine

from state import budgets
from state.budgets import Budgets, SqlBudgets, Use
from state.memory_budgets import MOST, MemoryBudgets
from state.redis_budgets import RedisBudgets
from tests.threads import together

pytestmark = pytest.mark.every_store

NOW = 1_790_000_000.5


@pytest.fixture(params=["sql", "redis", "memory"])
def store(request: pytest.FixtureRequest, engine: Engine) -> Budgets:
    if request.param == "sql":
        return SqlBudgets(engine.begin)
    if request.param == "memory":
        return MemoryBudgets()
    return RedisBudgets(request.getfixturevalue("redis_url"), timeout=5)


def spend(store: Budgets, amount: int, seconds: float = 0, name: str = "orders") -> tuple[int, float]:
    (spent,) = store.spend([Use(name, amount, 60)], NOW + seconds)
    return spent.total, round(spent.ends_at - NOW, 3)


def test_a_window_begins_with_the_first_use_and_then_counts_anew(store: Budgets) -> None:
    assert [spend(store, 1), spend(store, 5, 59), spend(store, 2, 60), spend(store, 1, 61)] == [
        (1, 60),
        (6, 60),
        (2, 120),
        (3, 120),
    ]


def test_each_name_is_counted_alone_and_many_at_once(store: Budgets) -> None:
    uses = [Use("b", 2, 60), Use("a", 1, 10), Use("c", 0, 60)]
    store.spend(uses, NOW)

    assert [spent.total for spent in store.spend(uses, NOW + 10)] == [4, 1, 0]


def test_concurrent_uses_are_all_counted(store: Budgets) -> None:
    assert sorted(total for total, _ in together(8, lambda _: spend(store, 1))) == [*range(1, 9)]


def test_a_sweep_keeps_what_still_counts(conn: Connection) -> None:
    budgets.spend(conn, Use("old", 3, 10), NOW)
    budgets.spend(conn, Use("new", 4, 60), NOW)
    assert [budgets.read(conn, name, NOW + 10) for name in ("old", "new", "none")] == [0, 4, 0]
    budgets.sweep(conn, NOW + 10)

    assert budgets.spend(conn, Use("old", 1, 10), NOW).total == 1
    assert budgets.spend(conn, Use("new", 1, 10), NOW).total == 5


def test_a_process_forgets_windows_that_are_over() -> None:
    store = MemoryBudgets()
    for number in range(MOST):
        spend(store, 1, 0, f"address {number}")
    spend(store, 1, 60, "later")

    assert len(store) == 1
