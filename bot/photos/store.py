"""The pictures of products: rows in the shop, and two files each in a folder.

Files come before their row and go after it, so a page never shows what is not there; what a process leaves
behind that died in between is a file that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.db.unit_of_work import Database
from bot.photos import images
from bot.photos.images import Picture
from bot.runtime.clock import Clock
from marketplace_api.catalogue import photos, products
from marketplace_api.catalogue.photos import AttachedPhoto
from marketplace_api.models import Product
from marketplace_api.refused import Refused
from marketplace_api.shop import Ids, Shop, Terms


@dataclass(frozen=True, slots=True)
class PhotoStore:
    """All pictures there are. Its folder is shared by every process that takes or shows them."""

    folder: Path
    database: Database
    clock: Clock
    ids: Ids
    terms: Terms

    def product(self, code: str) -> Product | None:
        """What a picture with this code would show; None when there is no such product."""
        with self.database.reading() as session:
            return products.by_code(Shop(session, self.clock(), self.ids, self.terms), code)

    def add(self, code: str, sent: bytes) -> AttachedPhoto:
        """Take the picture in a file for the product with this code; the same file again is the same picture.

        Raises Unusable for what is no picture to show, and Refused by the shop.
        """
        picture = images.read(sent)
        id = self.ids.new_id("pht")
        self._write(id, picture)
        try:
            attached = self._attach(code, id, picture)
        except Refused:
            self._remove(id)
            raise
        for replaced_ids in attached.replaced_ids:
            self._remove(replaced_ids)
        return attached

    def _attach(self, code: str, id: str, picture: Picture) -> AttachedPhoto:
        with self.database.writing.begin() as session:
            shop = Shop(session, self.clock(), self.ids, self.terms)
            return photos.attach(shop, code, id=id, digest=picture.digest, width=picture.width, height=picture.height)

    def _write(self, id: str, picture: Picture) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, content in zip(self._files(id), (picture.large, picture.small), strict=True):
            file.write_bytes(content)

    def _remove(self, id: str) -> None:
        for file in self._files(id):
            file.unlink(missing_ok=True)

    def _files(self, id: str) -> Iterator[Path]:
        """Named as they are asked for: the large one and the small one."""
        yield self.folder / f"{id}.jpg"
        yield self.folder / f"{id}-small.jpg"
