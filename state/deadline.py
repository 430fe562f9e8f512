"""The time that a request may still spend on waiting for stores: one budget, which all of its waits share.

    with deadline.within(3.0):
        deadline.remaining(0.5)         0.5; less towards the end; then TimeIsUpError

Connections ask before each wait, so a frozen store costs a request its budget once, however many steps are left.
Without a budget, as in the worker, each wait has only its own limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from time import monotonic

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


class TimeIsUpError(RuntimeError):
    """The request has used its budget; a store is not asked any more."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All waits of the block together take at most `seconds`; inside another block, at most what is left of that."""
    before = begin(seconds)
    try:
        yield
    finally:
        end(before)


def begin(seconds: float) -> Token[float | None]:
    """As `within`, until `end`; for each hop, which a context manager would cost a microsecond."""
    ends_at, outer = monotonic() + seconds, _ends_at.get()
    return _ends_at.set(ends_at if outer is None else min(ends_at, outer))


end = _ends_at.reset


def remaining(longest: float) -> float:
    """How many seconds the next wait may take, at most `longest`. Raises TimeIsUpError if there are none left."""
    ends_at = _ends_at.get()
    if ends_at is None:
        return longest
    left = ends_at - monotonic()
    if left <= 0:
        raise TimeIsUpError
    return min(left, longest)
