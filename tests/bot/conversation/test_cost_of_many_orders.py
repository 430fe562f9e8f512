"""Menus and texts at a kiosk take as many steps of SQLite after thousands of orders as after a few.

`script/bench` measures the same with 1,000 and 100,000 orders, in CPU time. Here the steps are counted, so that a
statement that reads more with each order is found with few orders, on any machine.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bot.demo.bulk import BulkCounts
from tests.bench import orders
from tests.recorded_sql import counted_steps
from tests.service import serving


def steps_by_subject(folder: Path, delivered: int) -> dict[str, Counter[str]]:
    """The steps of each statement of each call and text that `script/bench` measures, when everybody has called."""
    found: dict[str, Counter[str]] = {}
    folder.mkdir()
    with serving(folder) as service:
        shop = orders.fill(service, BulkCounts(artisans=2, products=6, orders=40, delivered=delivered))
        for _ in range(2):
            for what, make in orders.SUBJECTS.items():
                with counted_steps(service.services.engine) as found[what]:
                    make(shop)()
    return found


def test_no_statement_of_menus_and_texts_takes_longer_with_more_orders(tmp_path: Path) -> None:
    few, many = (steps_by_subject(tmp_path / str(delivered), delivered) for delivered in (20, 420))

    grown = {
        (what, statement): (few[what][statement], steps)
        for what, statements in many.items()
        for statement, steps in statements.items()
        if steps > 1.1 * few[what][statement]
    }
    assert grown == {}
    # the statement of a dial does not pass through the engine: test_callers looks at its plan
    assert [what for what, statements in many.items() if sum(statements.values()) <= 100] == ["agent: dial"]
