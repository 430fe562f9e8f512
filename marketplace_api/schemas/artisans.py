"""Artisans, as the API shows them: the public fields, and the fields for operators."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.statuses import ArtisanStatus, PayoutMethod


class ArtisanSummary(BaseModel):
    """The artisan of a product or an order."""

    id: str
    name: str
    town: str

    @classmethod
    def of(cls, row: models.Artisan) -> Self:
        return cls(id=row.id, name=row.name, town=row.kiosk.town)


class PublicArtisan(BaseModel):
    """The public fields of an artisan."""

    id: str
    name: str
    town: str
    craft: str
    status: ArtisanStatus
    kiosk_id: str
    created_at: datetime

    @classmethod
    def of(cls, row: models.Artisan) -> Self:
        return cls.model_validate(cls._fields(row))

    @classmethod
    def _fields(cls, row: models.Artisan) -> dict[str, object]:
        return {
            "id": row.id,
            "name": row.name,
            "town": row.kiosk.town,
            "craft": row.craft,
            "status": row.status,
            "kiosk_id": row.kiosk_id,
            "created_at": row.created_at,
        }


class PayoutMethodDetails(BaseModel):
    """How an artisan is paid; `phone` is null for cash."""

    method: PayoutMethod
    phone: str | None


class Artisan(PublicArtisan):
    """All fields of an artisan, for operators."""

    phone: str
    language: str
    payout: PayoutMethodDetails

    @classmethod
    def _fields(cls, row: models.Artisan) -> dict[str, object]:
        return super()._fields(row) | {
            "phone": row.msisdn,
            "language": row.language,
            "payout": {"method": row.payout_method, "phone": row.payout_msisdn},
        }


class PaidOtherwise(Artisan):
    """An artisan whose payout method has just changed; only the event of the change shows it in this way.

    `payout_held_until` is the day from which a changed phone is paid; null if it is paid at once.
    """

    previous_payout: PayoutMethodDetails
    payout_held_until: date | None

    @classmethod
    def after(cls, row: models.Artisan, previous: PayoutMethodDetails, held_until: date | None) -> Self:
        change = {"previous_payout": previous, "payout_held_until": held_until}
        return cls.model_validate(cls._fields(row) | change)
