"""Pictures as phones send them, made fit for pages: decoded, turned upright, shrunk and written anew.

What is written anew holds the picture and nothing else: where it was taken, and with which phone, stays behind.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from flows.kit import N_

if TYPE_CHECKING:
    from PIL.Image import Image

LARGEST_FILE = 8 * 1024 * 1024
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""Told by what is in the file; neither its name nor what its sender calls it is asked."""
MOST_PIXELS = 50_000_000
"""A file of a few kilobytes may unfold into gigabytes. The best of phones take 50 megapixels."""
SMALLEST_SIDE = 160
LARGE, SMALL = 1200, 320
"""The longer side of what pages show, in pixels."""
QUALITY = 80

_one_at_a_time = Lock()
"""A large one takes 150 MB while it is decoded; sixteen threads doing so would take the machine."""


class Unusable(Exception):  # noqa: N818 - it is what the picture is, not a fault of ours
    """What was sent cannot be shown. `words` tell its sender, `status` her browser."""

    words: str
    status: int


class TooLarge(Unusable):
    words, status = N_("That picture is too large. Please send a smaller one."), 413


class NotAPicture(Unusable):
    words, status = N_("We cannot read that. Please send a photo (JPEG, PNG, GIF or WebP)."), 415


class TooSmall(Unusable):
    words, status = N_("That picture is too small. Please send a larger one."), 422


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture in two sizes, both JPEG; `width` and `height` are the large one's, `digest` is of what was sent."""

    large: bytes
    small: bytes
    width: int
    height: int
    digest: str


def read(sent: bytes) -> Picture:
    """The picture in a file; raises Unusable."""
    if len(sent) > LARGEST_FILE:
        raise TooLarge
    with _one_at_a_time:
        image = _decoded(sent)
    large = _jpeg(image)
    width, height = image.size
    image.thumbnail((SMALL, SMALL))
    return Picture(large, _jpeg(image), width, height, hashlib.sha256(sent).hexdigest())


def _decoded(sent: bytes) -> Image:
    """Upright, without transparency and no larger than pages need it."""
    from PIL import Image  # slow to import, and few requests bring a picture

    try:
        with Image.open(BytesIO(sent), formats=FORMATS) as image:
            _check(*image.size)
            image.draft("RGB", (LARGE, LARGE))  # a JPEG can be decoded at a fraction of its size
            return _shrunk(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooLarge from None
    except Unusable:
        raise
    except Exception as error:  # decoders trip over broken files in many ways, from OSError to struct.error
        raise NotAPicture from error


def _check(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise TooLarge
    if min(width, height) < SMALLEST_SIDE:
        raise TooSmall


def _shrunk(image: Image) -> Image:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((LARGE, LARGE))
    return _on_white(upright) if upright.has_transparency_data else upright.convert("RGB")


def _on_white(image: Image) -> Image:
    from PIL import Image as Images

    sheet = Images.new("RGBA", image.size, "white")
    sheet.alpha_composite(image.convert("RGBA"))
    return sheet.convert("RGB")


def _jpeg(image: Image) -> bytes:
    """Written from pixels alone: a copy would take along where the picture was taken."""
    from PIL import Image as Images

    bare, file = Images.new("RGB", image.size), BytesIO()
    bare.paste(image)
    bare.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return file.getvalue()
