"""The photos of products: each is a row in the marketplace and two files in a folder.

Files are written before their row and deleted after it, so a page never refers to a missing file. A process that is
killed in between leaves files without a row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.db.unit_of_work import Database
from bot.photos import images
from bot.photos.images import ProcessedImage
from bot.runtime.clock import Clock
from marketplace_api.actors import Actor
from marketplace_api.catalogue import photos, products
from marketplace_api.catalogue.photos import AttachedPhoto
from marketplace_api.models import Product
from marketplace_api.refused import Refused
from marketplace_api.shop import Ids, Shop, Terms

_UPLOAD = Actor("job", "photos")


@dataclass(frozen=True, slots=True)
class PhotoStore:
    """Stores the pictures of all products. Every process that stores or serves pictures must share the folder."""

    folder: Path
    database: Database
    clock: Clock
    ids: Ids
    terms: Terms

    def product(self, code: str) -> Product | None:
        """The product with this code, or None."""
        with self.database.reading() as session:
            return products.by_code(Shop(session, self.clock(), self.ids, self.terms, _UPLOAD), code)

    def add(self, code: str, sent: bytes) -> AttachedPhoto:
        """Add the picture in the file `sent` to a product; a file that was added before changes nothing.

        Raises UnusableImageError if the file cannot be shown, and Refused if the marketplace refuses it.
        """
        image = images.process(sent)
        id = self.ids.new_id("pht")
        self._write(id, image)
        try:
            attached = self._attach(code, id, image)
        except Refused:
            self._remove(id)
            raise
        for replaced_id in attached.replaced_ids:
            self._remove(replaced_id)
        return attached

    def _attach(self, code: str, id: str, image: ProcessedImage) -> AttachedPhoto:
        with self.database.writing.begin() as session:
            shop = Shop(session, self.clock(), self.ids, self.terms, _UPLOAD)
            if product := products.by_code(shop, code):  # only the artisan has the link, and only her phone is heard
                shop = shop.acting(Actor.with_phone("phone", product.artisan.msisdn))
            return photos.attach(shop, code, id=id, digest=image.digest, width=image.width, height=image.height)

    def _write(self, id: str, image: ProcessedImage) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, content in zip(self._files(id), (image.large, image.small), strict=True):
            file.write_bytes(content)

    def _remove(self, id: str) -> None:
        for file in self._files(id):
            file.unlink(missing_ok=True)

    def _files(self, id: str) -> Iterator[Path]:
        """The paths of the large and the small file, named as in their URLs."""
        yield self.folder / f"{id}.jpg"
        yield self.folder / f"{id}-small.jpg"
