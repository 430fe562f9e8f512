"""Prepares pictures from phones for pages: decodes, rotates, shrinks and encodes them again.

The new file has no metadata: neither the place where the picture was taken nor the model of the phone.
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
"""In bytes."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
"""The format is read from the content; file name and content type do not matter."""
MOST_PIXELS = 50_000_000
"""A file of a few kilobytes can decompress to gigabytes. The best phones take pictures of 50 megapixels."""
SMALLEST_SIDE = 160
"""In pixels."""
LARGE, SMALL = 1200, 320
"""The longer side of the two sizes that pages show, in pixels."""
QUALITY = 80

_decoding = Lock()
"""Held while a picture is decoded: a large one takes 150 MB, and sixteen threads at once would fill the memory."""


class UnusableImageError(Exception):
    """The file cannot be shown. `words` explains it to the sender, `status` is the HTTP status for a browser."""

    words: str
    status: int


class ImageTooLargeError(UnusableImageError):
    """More bytes or pixels than are accepted."""

    words, status = N_("That picture is too large. Please send a smaller one."), 413


class UnreadableImageError(UnusableImageError):
    """Not a picture in one of `FORMATS`, or a broken one."""

    words, status = N_("We cannot read that. Please send a photo (JPEG, PNG, GIF or WebP)."), 415


class ImageTooSmallError(UnusableImageError):
    """A side is shorter than `SMALLEST_SIDE`."""

    words, status = N_("That picture is too small. Please send a larger one."), 422


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """A picture in two sizes, both JPEG; `width` and `height` are of the large one.

    `digest` is the SHA-256 of the file that was sent.
    """

    large: bytes
    small: bytes
    width: int
    height: int
    digest: str


def process(sent: bytes) -> ProcessedImage:
    """The picture in a file, in the two sizes that pages show; raises UnusableImageError."""
    if len(sent) > LARGEST_FILE:
        raise ImageTooLargeError
    with _decoding:
        image = _decoded(sent)
    large = _jpeg(image)
    width, height = image.size
    image.thumbnail((SMALL, SMALL))
    return ProcessedImage(large, _jpeg(image), width, height, hashlib.sha256(sent).hexdigest())


def _decoded(sent: bytes) -> Image:
    """The picture upright, without transparency, and not larger than pages need."""
    from PIL import Image  # imported here: it is slow to import, and few requests contain a picture

    try:
        with Image.open(BytesIO(sent), formats=FORMATS) as image:
            _check(*image.size)
            image.draft("RGB", (LARGE, LARGE))  # a JPEG can be decoded at a fraction of its size
            return _shrunk(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageTooLargeError from None
    except UnusableImageError:
        raise
    except Exception as error:  # decoders raise many types for broken files, from OSError to struct.error
        raise UnreadableImageError from error


def _check(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise ImageTooLargeError
    if min(width, height) < SMALLEST_SIDE:
        raise ImageTooSmallError


def _shrunk(image: Image) -> Image:
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((LARGE, LARGE))
    return _on_white(upright) if upright.has_transparency_data else upright.convert("RGB")


def _on_white(image: Image) -> Image:
    from PIL import Image as Images

    background = Images.new("RGBA", image.size, "white")
    background.alpha_composite(image.convert("RGBA"))
    return background.convert("RGB")


def _jpeg(image: Image) -> bytes:
    """Encode the pixels alone: a copy of the image would keep its metadata."""
    from PIL import Image as Images

    bare, file = Images.new("RGB", image.size), BytesIO()
    bare.paste(image)
    bare.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return file.getvalue()
