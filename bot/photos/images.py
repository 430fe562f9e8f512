"""Prepares pictures from phones for pages: decodes, shrinks, rotates and encodes them again.

This is the only place that decodes what somebody sent. It decodes one picture at a time, and none with more pixels than
its budget.

The new file has no metadata: neither the place where the picture was taken nor the model of the phone.
"""

from __future__ import annotations

import ctypes
import hashlib
import sys
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
"""In the file. The best phones take pictures of 50 megapixels."""
MOST_DECODED = 12_500_000
"""In memory, with at most 4 bytes each. A JPEG is decoded at a fraction of its size, every other picture whole, and a
file of a few bytes can become gigabytes."""
SMALLEST_SIDE = 160
"""In pixels."""
LARGE, SMALL = 1200, 320
"""The longer side of the two sizes that pages show, in pixels."""
QUALITY = 80

_decoding = Lock()
"""Held while a picture is decoded."""
if sys.platform == "linux":
    _libc = ctypes.CDLL(None)
    if hasattr(_libc, "mallopt"):  # glibc
        _M_MMAP_THRESHOLD = -3  # malloc.h
        # Blocks of this size or more go back to the system when they are freed. By default glibc raises the limit up to
        # 32 MB, and then keeps the memory of the largest picture for each thread (mallopt(3)).
        _libc.mallopt(_M_MMAP_THRESHOLD, 256 * 1024)


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


class TooManyImagesError(UnusableImageError):
    """Others are being processed, and enough of them wait."""

    words, status = N_("Many photos are arriving at this moment. Please send yours again in a minute."), 503


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
        try:
            return _processed(sent)
        except UnusableImageError as error:
            failure = type(error)  # the error itself holds the pixels, through its traceback
    raise failure


def _processed(sent: bytes) -> ProcessedImage:
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
            pixels = image.width * image.height
            image.draft("RGB", (LARGE, LARGE))  # a JPEG can be decoded at a fraction of its size
            # the decoder of a progressive JPEG holds the whole picture nevertheless
            if image.width * image.height > MOST_DECODED or (image.info.get("progressive") and pixels > MOST_DECODED):
                raise ImageTooLargeError
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

    image.thumbnail((LARGE, LARGE))
    upright = ImageOps.exif_transpose(image)
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
