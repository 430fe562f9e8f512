"""Pictures of products: which there are, and which one shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from marketplace_api.catalogue import products
from marketplace_api.models import Photo, Product
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

MAX_PHOTOS = 5
"""Of one product. She has no way to take one away, so the next one takes the place of the oldest."""


@dataclass(frozen=True, slots=True)
class AttachedPhoto:
    """A product after a picture came for it, and the ids of the pictures that nobody shows any more."""

    product: Product
    photo: Photo
    replaced_ids: Sequence[str] = ()


def attach(shop: Shop, code: str, *, id: str, digest: str, width: int, height: int) -> AttachedPhoto:
    """Add the picture `id` to the product with this code, where it shows first.

    `digest` is that of what she sent: the same picture again changes nothing, and `id` is not needed.
    `width` and `height` are in pixels. Raises `Refused` for an unknown code or a product that was withdrawn.
    """
    product = products.lock(shop, code)
    if product.status == "withdrawn":
        raise Refused("product_withdrawn", code=product.code)
    known = next((photo for photo in product.photos if photo.digest == digest), None)
    if known:
        return AttachedPhoto(product, known, [id])
    number = product.photos[0].number + 1 if product.photos else 1
    photo = Photo(id=id, number=number, digest=digest, width=width, height=height, created_at=shop.now)
    product.photos.insert(0, photo)
    oldest = [old.id for old in product.photos[MAX_PHOTOS:]]
    del product.photos[MAX_PHOTOS:]
    return AttachedPhoto(products.record_change(shop, product), photo, oldest)
