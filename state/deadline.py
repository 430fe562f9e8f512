"""The time that a request may still spend on waiting for stores: one budget, which all of its waits share.

    with deadline.within(3.5):
        deadline.remaining(0.5)         0.5; less towards the end; then TimeIsUpError

Connections ask before each wait, so a frozen store costs a request its budget once, however many steps are left.
Without a budget, as in the worker, each wait has only its own limit.
"""

from __future__ import annotations

from contextvars import ContextVar, Token
from time import monotonic
from typing import Self

_ends_at: ContextVar[float | None] = ContextVar("deadline", default=None)


class TimeIsUpError(RuntimeError):
    """The request has used its budget; a store is not asked any more."""


class within:  # noqa: N801  # a context manager; contextlib's takes four times as long, and each hop enters one
    """All waits of the block together take at most `seconds`; inside another block, at most what is left of that."""

    __slots__ = ("_seconds", "_token")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> Self:
        ends_at, outer = monotonic() + self._seconds, _ends_at.get()
        self._token: Token[float | None] = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
        return self

    def __exit__(self, *_: object) -> None:
        _ends_at.reset(self._token)


def remaining(longest: float) -> float:
    """How many seconds the next wait may take, at most `longest`. Raises TimeIsUpError if there are none left."""
    ends_at = _ends_at.get()
    if ends_at is None:
        return longest
    left = ends_at - monotonic()
    if left <= 0:
        raise TimeIsUpError
    return min(left, longest)
