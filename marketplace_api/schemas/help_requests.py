"""Requests for a call back, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.statuses import OrderProblem


class HelpRequest(BaseModel):
    """A person's request for a call back; `closed_at` is when the person was called.

    A buyer who reported a problem on the page of an order said of which order, of what kind, and more in `words`.
    """

    id: str
    phone: str
    created_at: datetime
    closed_at: datetime | None
    order_id: str | None
    problem: OrderProblem | None
    words: str | None

    @classmethod
    def of(cls, row: models.HelpRequest) -> Self:
        return cls(
            id=row.id,
            phone=row.msisdn,
            created_at=row.created_at,
            closed_at=row.closed_at,
            order_id=row.order_id,
            problem=row.problem,
            words=row.words,
        )
