"""API keys, as events show them."""

from __future__ import annotations

from datetime import datetime
from typing import Self, cast

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.statuses import Scope


class ApiKey(BaseModel):
    """A key to the API, without the key itself."""

    id: str
    name: str
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: models.ApiKey) -> Self:
        return cls(
            id=row.id,
            name=row.name,
            scopes=cast("list[Scope]", row.scopes.split(",")),
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
