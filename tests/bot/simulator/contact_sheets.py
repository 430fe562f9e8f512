"""Draws the screens of a dialogue as they are on three handsets, for images that are the same on every machine.

No browser and no font of the machine is used: Latin letters are Pillow's own bitmap, and Ethiopic ones are drawn from
the font of our pages, without smoothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.simulator.shots import Shot

ETHIOPIC_FONT = Path(__file__).parents[3] / "bot/web/static/fonts/noto-sans-ethiopic.woff2"
ETHIOPIC_PT, LETTER_PX = 10, 6
BLACK, WHITE = 0, 1
GAP, ABOVE = 8, 14
COLUMNS = 2


@dataclass(frozen=True, slots=True)
class Model:
    """A handset: the pixels of its screen, how large letters are, and how many lines are seen without scrolling."""

    name: str
    width: int
    height: int
    lines: int
    scale: int = 1

    @property
    def line_px(self) -> int:
        return self.height // self.lines


MODELS = (Model("96 x 65", 96, 65, 5), Model("128 x 160", 128, 160, 11), Model("KaiOS", 240, 320, 14, scale=2))


def digest(shots: Sequence[Shot]) -> str:
    """A digest of all words on these screens."""
    words = "\0".join(f"{shot.name}\0{shot.is_text}\0{shot.text}" for shot in shots)
    return hashlib.blake2b(words.encode(), digest_size=16).hexdigest()


def kept_digest(path: Path) -> str:
    """The digest that a stored sheet was drawn from; empty if there is none."""
    if not path.exists():
        return ""
    with Image.open(path) as image:
        return bytes(image.info.get("xmp", b"")).decode()


def draw(shots: Sequence[Shot]) -> Image.Image:
    """Each screen with its name, on each handset. What is below the dots is seen by scrolling."""
    strips = [_strip(shot) for shot in shots]
    rows = [strips[first : first + COLUMNS] for first in range(0, len(strips), COLUMNS)]
    heights = [max(strip.height for strip in row) for row in rows]
    sheet = Image.new("1", (COLUMNS * strips[0].width, sum(heights)), WHITE)
    for number, row in enumerate(rows):
        for column, strip in enumerate(row):
            sheet.paste(strip, (column * strip.width, sum(heights[:number])))
    return sheet


def save(shots: Sequence[Shot], path: Path) -> None:
    """Store the sheet, with the digest of its screens, as WebP without loss: half of what a PNG takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draw(shots).convert("L").save(path, "WEBP", lossless=True, quality=80, method=4, xmp=digest(shots).encode())


def kept(path: Path) -> Image.Image:
    """A stored sheet as it was drawn."""
    with Image.open(path) as image:
        return image.convert("L").point(lambda grey: grey >= 128 and 255).convert("1")


def _strip(shot: Shot) -> Image.Image:
    screens = [_screen(shot.text, model) for model in MODELS]
    height = max(screen.height for screen in screens)
    row = Image.new("1", (sum(screen.width + GAP for screen in screens) + GAP, ABOVE + height + GAP), WHITE)
    _write(row, GAP, 1, shot.name + (" (by text)" if shot.is_text else ""))
    left = GAP
    for screen in screens:
        row.paste(screen, (left, ABOVE))
        left += screen.width + GAP
    return row


def _screen(text: str, model: Model) -> Image.Image:
    lines = list(wrapped(text, model.width - 4, model.scale))
    height = max(model.height, len(lines) * model.line_px + 2)
    screen = Image.new("1", (model.width, height), WHITE)
    pen = ImageDraw.Draw(screen)
    pen.rectangle((0, 0, model.width - 1, height - 1), outline=BLACK)
    for number, line in enumerate(lines):
        _write(screen, 2, 2 + number * model.line_px, line, model.scale)
    if height > model.height:
        pen.point([(x, model.lines * model.line_px) for x in range(0, model.width, 3)], BLACK)
    return screen


def wrapped(text: str, width: int, scale: int = 1) -> Iterator[str]:
    """The lines of a text on a screen of so many pixels, broken at spaces, or within a word that is longer."""
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if _width(longer, scale) <= width:
                line = longer
                continue
            if line:
                yield line
            while _width(word, scale) > width:
                kept = next(n for n in range(len(word), 0, -1) if _width(word[:n], scale) <= width)
                yield word[:kept]
                word = word[kept:]
            line = word
        yield line


def _width(text: str, scale: int) -> int:
    return sum(_advance(char, scale) for char in text)


def _write(image: Image.Image, left: int, top: int, text: str, scale: int = 1) -> None:
    for char in text:
        glyph = _glyph(char, scale)
        image.paste(BLACK, (left, top), glyph)
        left += _advance(char, scale)


@cache
def _advance(char: str, scale: int) -> int:
    return LETTER_PX * scale if is_latin(char) else round(_ethiopic(scale).getlength(char, mode="1"))


def is_latin(char: str) -> bool:
    return ord(char) < 256


@cache
def _ethiopic(scale: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(ETHIOPIC_FONT, ETHIOPIC_PT * scale, layout_engine=ImageFont.Layout.BASIC)


@cache
def _glyph(char: str, scale: int) -> Image.Image:
    """The letter as a mask."""
    font = ImageFont.load_default_imagefont() if is_latin(char) else _ethiopic(scale)
    size = (LETTER_PX + 1, 11) if is_latin(char) else (14 * scale, 12 * scale)
    glyph = Image.new("1", size, 0)
    ImageDraw.Draw(glyph).text((0, 0), char, 1, font=font)
    return glyph.resize((size[0] * scale, size[1] * scale)) if is_latin(char) and scale > 1 else glyph
