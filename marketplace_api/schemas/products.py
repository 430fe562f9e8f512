"""Products and their photos, as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from marketplace_api import models
from marketplace_api.schemas.artisans import ArtisanSummary
from marketplace_api.schemas.money import Money
from marketplace_api.shares import split
from marketplace_api.statuses import ProductStatus


class Photo(BaseModel):
    """A photo of a product in two sizes; `width` and `height` are those of the large one, in pixels."""

    url: str
    thumbnail_url: str
    width: int
    height: int

    @classmethod
    def of(cls, row: models.Photo, photos_url: str) -> Self:
        """The photo, with its two URLs under `photos_url`."""
        return cls.at(photos_url, row.id, row.width, row.height)

    @classmethod
    def at(cls, photos_url: str, id: str, width: int, height: int) -> Self:
        """The photo with this id."""
        return cls(
            url=f"{photos_url}/{id}.jpg", thumbnail_url=f"{photos_url}/{id}-small.jpg", width=width, height=height
        )


def artisan_earns(price: int, currency: str, commission_percent: int) -> Money:
    """What the artisan gets of the price of one piece."""
    return Money(amount=split(price, 1, commission_percent).earns, currency=currency)


class Product(BaseModel):
    """A product in the catalogue; `quantity` is the number of pieces that can still be ordered.

    `artisan_earns` is what the artisan gets of the price of one piece, at today's commission.
    The artisan has `on_hand` pieces, of which `reserved` are ordered. Both are known only at the time of the answer.
    """

    id: str
    code: str
    title: str
    category: str
    description: str
    price: Money
    artisan_earns: Money
    quantity: int
    on_hand: int
    reserved: int
    status: ProductStatus
    artisan: ArtisanSummary
    photos: list[Photo]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: models.Product, photos_url: str, commission_percent: int) -> Self:
        return cls.model_validate(
            {
                "id": row.id,
                "code": row.code,
                "title": row.title,
                "category": row.category,
                "description": row.description,
                "price": Money(amount=row.price, currency=row.currency),
                "artisan_earns": artisan_earns(row.price, row.currency, commission_percent),
                "quantity": row.quantity,
                "on_hand": row.on_hand,
                "reserved": row.reserved,
                "status": row.status,
                "artisan": ArtisanSummary.of(row.artisan),
                "photos": [Photo.of(photo, photos_url) for photo in row.photos],
                "created_at": row.created_at,
                "updated_at": row.updated_at,
            }
        )
