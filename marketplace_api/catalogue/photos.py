"""Photos of products; the newest one is shown first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketplace_api.catalogue import products
from marketplace_api.models import Photo, Product
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

MAX_PHOTOS = 5
"""The largest number of photos of one product. A further photo replaces the oldest, since none can be removed."""


@dataclass(frozen=True, slots=True)
class AttachedPhoto:
    """A product with a new photo, and the ids of the photos that are no longer shown."""

    product: Product
    photo: Photo
    replaced_ids: Sequence[str] = ()


def attach(shop: Shop, code: str, *, id: str, digest: str, width: int, height: int) -> AttachedPhoto:
    """Add the photo `id` to the product with this code, as its first.

    `digest` is the hash of the file that was sent. If the product has a photo with this digest, nothing changes and
    `id` is among the replaced ids. `width` and `height` are in pixels. `Refused` with `unknown_code` or
    `product_withdrawn`.
    """
    product = products.lock(shop, code)
    if product.status == "withdrawn":
        raise Refused("product_withdrawn", code=product.code)
    existing = next((photo for photo in product.photos if photo.digest == digest), None)
    if existing:
        return AttachedPhoto(product, existing, [id])
    number = product.photos[0].number + 1 if product.photos else 1
    photo = Photo(id=id, number=number, digest=digest, width=width, height=height, created_at=shop.now)
    product.photos.insert(0, photo)
    oldest = [old.id for old in product.photos[MAX_PHOTOS:]]
    del product.photos[MAX_PHOTOS:]
    return AttachedPhoto(products.record_change(shop, product), photo, oldest)
