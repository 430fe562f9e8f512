"""A sheet to draw a product on: patterns, and the surfaces that show them.

A pattern gives the colour of each field of a grid. One pattern can be put around a basket, into rings of beads or on a
cloth. Positions and lengths are in pixels of the finished picture; y grows downwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from itertools import pairwise
from math import cos, pi, sin
from random import Random
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 800, 600
CENTRE, FLOOR = WIDTH / 2, 520.0
SCALE = 2
"""The factor by which the picture is drawn larger and then reduced, which smooths the edges."""


class Colour(NamedTuple):
    """Red, green and blue, each 0 to 255."""

    red: int
    green: int
    blue: int

    def lit(self, light: float) -> Colour:
        """The colour made lighter (`light` above 1) or darker (below 1)."""
        return Colour(*(min(255, round(part * light)) for part in self))


Point = tuple[float, float]
Pattern = Callable[[int, int], Colour]
"""The colour of the field in a row and a column."""
Profile = Sequence[tuple[float, float]]
"""The outline of a round body from the foot upwards: pairs of a height above the floor and half the width there."""

INK = Colour(58, 44, 36)
WALLS = (Colour(246, 236, 219), Colour(238, 229, 222), Colour(229, 234, 226), Colour(247, 230, 214))


# Patterns


def plain(colour: Colour) -> Pattern:
    """One colour everywhere."""
    return lambda _row, _column: colour


def bands(*colours: Colour, height: int = 2) -> Pattern:
    """Horizontal bands of `height` rows each."""
    return lambda row, _column: colours[row // height % len(colours)]


def zigzag(*colours: Colour, period: int = 8, height: int = 3) -> Pattern:
    """Bands that rise and fall once in `period` columns."""
    return lambda row, column: bands(*colours, height=height)(row + abs(column % period - period // 2), column)


def diamonds(ground: Colour, *colours: Colour, period: int = 8) -> Pattern:
    """Nested rhombi on a ground, repeated every `period` rows and columns."""
    layers = (*colours, ground)

    def field(row: int, column: int) -> Colour:
        distance = abs(column % period - period // 2) + abs(row % period - period // 2)
        return layers[min(distance * len(layers) // period, len(layers) - 1)]

    return field


def checks(one: Colour, other: Colour, size: int = 2) -> Pattern:
    """Squares of two colours in turn, `size` fields wide."""
    return lambda row, column: (one, other)[(row // size + column // size) % 2]


def edged(inner: Pattern, edge: Sequence[Colour], columns: int) -> Pattern:
    """`inner` with a border on the left and on the right, given from the outside inwards."""

    def field(row: int, column: int) -> Colour:
        distance = min(column, columns - 1 - column)
        return edge[distance] if distance < len(edge) else inner(row, column)

    return field


# The sheet


class Sheet:
    """A wall, and the product that is drawn in front of it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        wall = random.choice(WALLS)
        self._image = _shaded((WIDTH * SCALE, HEIGHT * SCALE), wall, wall.lit(0.86))
        self._draw = ImageDraw.Draw(self._image)

    def jpeg(self) -> bytes:
        """The finished picture as a JPEG."""
        file = BytesIO()
        self._image.reduce(SCALE).save(file, "JPEG", quality=90)
        return file.getvalue()

    # Strokes

    def polygon(self, points: Iterable[Point], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=colour)

    def line(self, points: Iterable[Point], colour: Colour, width: float) -> None:
        """A line with round corners and ends."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")
        for x, y in (scaled[0], scaled[-1]):
            self._draw.circle((x, y), width * SCALE / 2, fill=colour)

    def oval(self, x: float, y: float, wide: float, high: float, colour: Colour) -> None:
        """A filled oval around (x, y); `wide` and `high` are half its width and height."""
        self._draw.ellipse([n * SCALE for n in (x - wide, y - high, x + wide, y + high)], fill=colour)

    def arc(
        self, x: float, y: float, wide: float, high: float, turn: tuple[float, float], ink: Colour, width: float
    ) -> None:
        """A part of the edge of an oval, between two angles in full turns, clockwise from the right."""
        self.line(_along_oval(x, y, wide, high, *turn), ink, width)

    def bead(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A small ball with a highlight."""
        self.oval(x, y, radius, radius, colour.lit(0.72))
        self.oval(x - radius * 0.1, y - radius * 0.1, radius * 0.82, radius * 0.82, colour)
        self.oval(x - radius * 0.35, y - radius * 0.35, radius * 0.25, radius * 0.25, colour.lit(1.7))

    def shadow(self, x: float, y: float, wide: float, high: float, hole: float = 0) -> None:
        """A soft shadow of something at (x, y); `hole` is the part of its radius inside which there is no shadow."""
        coarse = Image.new("L", (WIDTH // 4, HEIGHT // 4))
        for part, dark in ((1.0, 120), (hole, 0)):
            box = (x - wide * part, y - high * part, x + wide * part, y + high * part)
            ImageDraw.Draw(coarse).ellipse([n / 4 for n in box], fill=dark)
        soft = coarse.filter(ImageFilter.GaussianBlur(5))
        if dark_part := soft.getbbox():  # the rest of the sheet, which is most of it, stays as it is
            left, top, right, bottom = (4 * SCALE * edge for edge in dark_part)
            mask = soft.resize((right - left, bottom - top), box=dark_part)
            self._image.paste(INK, (left, top), mask)

    # Surfaces

    def turned(self, profile: Profile, rows: int, columns: int, pattern: Pattern) -> None:
        """A round body, on the floor or on another body; its visible side shows `rows` times `columns` fields."""
        foot, tall = profile[0][0], profile[-1][0] - profile[0][0]
        if foot == 0:
            self.shadow(CENTRE, FLOOR, profile[0][1] * 1.25 + 20, 26)
        for row in range(rows):
            low, high = (foot + tall * edge / rows for edge in (row, row + 1))
            for column in range(columns):
                left, right = (pi * (edge / columns - 0.5) for edge in (column, column + 1))
                corners = ((low, left), (low, right), (high, right), (high, left))
                points = [_on_body(profile, height, angle) for height, angle in corners]
                self.polygon(points, pattern(row, column).lit(0.55 + 0.5 * cos((left + right) / 2 + 0.45)))

    def mouth(self, profile: Profile, rim: Colour) -> None:
        """The opening of a round body, with its rim."""
        top, half = profile[-1]
        self.oval(CENTRE, FLOOR - top, half, half * 0.16, rim)
        self.oval(CENTRE, FLOOR - top + 1, half * 0.92, half * 0.12, rim.lit(0.4))

    def disc(self, rings: int, fields: int, pattern: Pattern, outer: float) -> None:
        """Rings seen from above; row 0 of the pattern is the innermost."""
        y = HEIGHT / 2
        self.shadow(CENTRE + 8, y + 14, outer + 6, outer + 6)
        for ring in reversed(range(rings)):
            radius = outer * (ring + 1) / rings
            for field in range(fields):
                wedge = _along_oval(CENTRE, y, radius, radius, field / fields, (field + 1) / fields, steps=4)
                light = 0.98 + 0.12 * cos(2 * pi * field / fields - 4)
                self.polygon([(CENTRE, y), *wedge], pattern(ring, field).lit(light))
            self.arc(CENTRE, y, radius, radius, (0, 1), pattern(ring, 0).lit(0.75), 0.8)

    def beaded(self, rings: int, pattern: Pattern, outer: float, inner: float, y: float = HEIGHT / 2) -> None:
        """Rings of beads; each ring has as many beads as fit, rounded to a multiple of 16."""
        self.shadow(CENTRE + 8, y + 14, outer + 4, outer + 4, hole=inner / outer)
        size = (outer - inner) / rings / 2
        for ring in range(rings):
            radius = inner + size * (2 * ring + 1)
            beads = round(pi * radius / size / 16) * 16
            for bead in range(beads):
                self.bead(
                    *on_oval(CENTRE, y, radius, radius, bead / beads), size * 1.02, pattern(ring, bead * 64 // beads)
                )

    def cloth(
        self, box: tuple[float, float, float, float], rows: int, columns: int, pattern: Pattern, folds: float
    ) -> None:
        """A cloth that fills the box (left, top, right, bottom); `folds` says how deep its folds are, 0 for none."""
        left, top, right, bottom = box
        self.shadow((left + right) / 2 + 8, bottom - 4, (right - left) / 2, 24)
        wide, high = (right - left) / columns, (bottom - top) / rows
        for column in range(columns):
            light = 1 + folds * sin(column * 0.55) * 0.16
            for row in range(rows):
                x, y = left + column * wide, top + row * high
                field = ((x, y), (x + wide, y), (x + wide, y + high), (x, y + high))
                self.polygon(field, pattern(row, column).lit(light))


def _shaded(size: tuple[int, int], above: Colour, below: Colour) -> Image.Image:
    wide, high = size
    column = Image.new("RGB", (1, high), above)
    column.paste(below, mask=Image.linear_gradient("L").resize(column.size))
    return column.resize((wide, high), Image.Resampling.NEAREST)


def _on_body(profile: Profile, height: float, angle: float) -> Point:
    """The position of a point of a round body, seen slightly from above."""
    half = _half_width(profile, height)
    return CENTRE + half * sin(angle), FLOOR - height + half * 0.16 * cos(angle)


def _half_width(profile: Profile, height: float) -> float:
    """Half the width at a height; between two points of the profile it changes along a cosine."""
    for (low, narrow), (high, wide) in pairwise(profile):
        if height <= high:
            fraction = (1 - cos(pi * (height - low) / (high - low))) / 2
            return narrow + (wide - narrow) * fraction
    return profile[-1][1]


def _along_oval(x: float, y: float, wide: float, high: float, start: float, end: float, steps: int = 48) -> list[Point]:
    return [on_oval(x, y, wide, high, start + (end - start) * step / steps) for step in range(steps + 1)]


def on_oval(x: float, y: float, wide: float, high: float, turn: float) -> Point:
    """The point on the edge of an oval after `turn` full turns, clockwise from the right."""
    return x + wide * cos(2 * pi * turn), y + high * sin(2 * pi * turn)
