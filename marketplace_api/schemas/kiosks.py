"""Kiosks, as the API shows them."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel

from marketplace_api import models


class Agent(BaseModel):
    """The agent of a kiosk; this phone gets the agent's menu."""

    name: str
    phone: str


class Kiosk(BaseModel):
    """A kiosk, where goods are left and cash is paid."""

    id: str
    code: str
    name: str
    town: str
    agent: Agent

    @classmethod
    def of(cls, row: models.Kiosk) -> Self:
        return cls(
            id=row.id,
            code=row.code,
            name=row.name,
            town=row.town,
            agent=Agent(name=row.agent_name, phone=row.agent_msisdn),
        )
