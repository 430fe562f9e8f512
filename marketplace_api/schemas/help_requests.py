"""Requests for a call back, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models


class HelpRequest(BaseModel):
    """A person's request for a call back; `closed_at` is when the person was called."""

    id: str
    phone: str
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, row: models.HelpRequest) -> Self:
        return cls(id=row.id, phone=row.msisdn, created_at=row.created_at, closed_at=row.closed_at)
