"""Kiosks, as the API shows them."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.money import Money


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


class FloatChange(BaseModel):
    """Cash that was put into a kiosk's drawer or, as a negative amount, taken out; `float` is what it holds since."""

    id: str
    kiosk_id: str
    amount: Money
    note: str
    float: Money
