"""What a reader returns or raises."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

UnreadableReason = Literal[
    "empty",
    "number",
    "negative",
    "ambiguous",
    "whole",
    "too_fine",
    "too_big",
    "phone",
    "not_mobile",
    "yes_no",
    "choice",
    "code",
]


class Read(msgspec.Struct, Generic[T], frozen=True):
    """The value that was read. If it is not certain, it is a guess: ask whether it is right before using it."""

    value: T
    certain: bool = True


class Unreadable(ValueError):  # noqa: N818 - the outcome of reading, not a fault
    """The text cannot be read as what the reader looks for; `reason` says why."""

    def __init__(self, reason: UnreadableReason) -> None:
        super().__init__(reason)
        self.reason = reason
