"""Picture files as phones write them, and files that only look like pictures."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

RED, BLUE = (200, 30, 30), (30, 30, 200)
UPSIDE_DOWN, TURNED_LEFT = 3, 6
"""EXIF orientations: how the phone was held."""
NAIROBI = {1: "S", 2: (1.0, 17.0, 11.0), 3: "E", 4: (36.0, 49.0, 2.0)}
GPS, ORIENTATION, MODEL = 0x8825, 0x0112, 0x0110


def photo(width: int = 640, height: int = 480, format: str = "JPEG", mode: str = "RGB", **how: Any) -> bytes:
    """A picture whose upper half is red and whose lower half is blue."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (0, height // 2, width, height))
    file = BytesIO()
    image.convert(mode).save(file, format, **how)
    return file.getvalue()


def with_exif(orientation: int = 1) -> bytes:
    """A picture with EXIF data as a phone writes it: orientation, model and position."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MODEL] = orientation, "Soko One"
    exif.get_ifd(GPS).update(NAIROBI)
    return photo(exif=exif, comment=b"Amina's kitchen")


def opened(file: bytes) -> Image.Image:
    """The decoded picture."""
    image = Image.open(BytesIO(file))
    image.load()
    return image


def colour(image: Image.Image, x: float, y: float) -> str:
    """`red` or `blue`, at a position of which x and y go from 0 to 1."""
    pixel = image.convert("RGB").getpixel((int(x * image.width), int(y * image.height)))
    assert isinstance(pixel, tuple)
    return "red" if pixel[0] > pixel[2] else "blue"


def bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes whose header claims `side` by `side` pixels."""
    return _png(side, colours=2, content=zlib.compress(b"\0" * 1000))


def flat_png(side: int) -> bytes:
    """A transparent PNG of `side` by `side` pixels, in a thousandth of the bytes that it needs in memory."""
    packer, row = zlib.compressobj(1), b"\0" * (1 + 4 * side)
    return _png(side, colours=6, content=b"".join(packer.compress(row) for _ in range(side)) + packer.flush())


def _png(side: int, colours: int, content: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", header), (b"IDAT", content), (b"IEND", b""))
    )
