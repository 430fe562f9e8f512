"""Uploads of pictures by pages: only a few at one time, because a decoded picture takes much memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import BoundedSemaphore

from bot.photos.images import TooManyImagesError
from bot.photos.store import PhotoStore
from marketplace_api.catalogue.photos import AttachedPhoto

MOST_UPLOADS = 3
"""In one process at a time: one is decoded, two wait."""


@dataclass(frozen=True, slots=True, eq=False)
class Uploads:
    """The uploads of all pages of one process."""

    store: PhotoStore
    places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(MOST_UPLOADS), repr=False)

    def add(self, code: str, sent: bytes) -> AttachedPhoto:
        """As `PhotoStore.add`; raises TooManyImagesError if no place is free."""
        if not self.places.acquire(blocking=False):
            raise TooManyImagesError
        try:
            return self.store.add(code, sent)
        finally:
            self.places.release()
