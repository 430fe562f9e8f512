"""The one error the shop raises for people."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it is what happened, not a fault
    """The shop will not do it. Nothing has been changed.

    `reason` is a stable slug such as `order_not_open`, `values` the data for whoever words it,
    `status` what the API answers.
    """

    def __init__(self, reason: str, status: int = 409, **values: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.values = values
