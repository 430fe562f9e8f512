"""Several threads doing one thing at the same instant."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def together(count: int, do: Callable[[int], T]) -> list[T]:
    """`do(0)`, `do(1)` … in threads of their own that start as one; what they returned, in that order."""
    start = Barrier(count)

    def one(number: int) -> T:
        start.wait()
        return do(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))
