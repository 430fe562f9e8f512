"""Requests to be called back, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models


class HelpRequest(BaseModel):
    """Somebody who asked to be called back, and was called at `closed_at`."""

    id: str
    phone: str
    created_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, row: models.HelpRequest) -> Self:
        return cls(id=row.id, phone=row.msisdn, created_at=row.created_at, closed_at=row.closed_at)
