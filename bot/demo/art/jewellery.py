"""Beadwork and jewellery."""

from __future__ import annotations

from bot.demo.art.palette import BRASS, CHESTNUT, COPPER, CREAM, DYES, EBONY, TAN, TIN, WHITE
from bot.demo.art.sheet import CENTRE, INK, Pattern, Sheet, bands, diamonds, on_oval, plain, zigzag


def _beads(sheet: Sheet) -> Pattern:
    first, second, third = sheet.random.sample(DYES, 3)
    return sheet.random.choice(
        (
            bands(first, WHITE, second, WHITE, third, height=1),
            zigzag(first, WHITE, second, third, period=8, height=2),
            diamonds(first, WHITE, second, third, period=8),
        )
    )


def collar(sheet: Sheet) -> None:
    sheet.beaded(11, _beads(sheet), outer=225, inner=105)


def necklace(sheet: Sheet) -> None:
    sheet.beaded(5, _beads(sheet), outer=200, inner=140, y=270)
    for place, colour in enumerate(sheet.random.sample(DYES, 5)):
        x = CENTRE + (place - 2) * 44
        drop = 470 - abs(place - 2) * 14
        sheet.line(((x, drop - 60), (x, drop + 20)), BRASS, 3)
        sheet.bead(x, drop + 24, 17, colour)


def bracelet(sheet: Sheet) -> None:
    pattern = _beads(sheet)
    sheet.shadow(CENTRE, 390, 225, 46)
    inside, outside = range(36, 72), range(36)
    for side, light in ((inside, 0.7), (outside, 1.0)):
        for row in range(9):
            for bead in side:
                x, y = on_oval(CENTRE, 240 + row * 13, 190, 62, bead / 72)
                sheet.bead(x, y, 9, pattern(row, bead).lit(light))


def belt(sheet: Sheet) -> None:
    leather = sheet.random.choice((TAN, CHESTNUT))
    pattern = _beads(sheet)
    for y in (200, 330):
        sheet.cloth((110, y, 690, y + 76), 1, 1, plain(leather), folds=0)
        for row in range(4):
            for column in range(38):
                sheet.bead(136 + column * 14, y + 17 + row * 14, 7, pattern(row, column))
    sheet.cloth((636, 192, 716, 284), 1, 1, plain(BRASS), folds=0)
    sheet.cloth((652, 208, 700, 268), 1, 1, plain(leather.lit(0.8)), folds=0)


def earrings(sheet: Sheet) -> None:
    metal, stone = sheet.random.choice((BRASS, COPPER)), sheet.random.choice(DYES)
    for x in (280, 520):
        sheet.shadow(x + 14, 360, 84, 130)
        sheet.arc(x + 12, 128, 14, 34, (0.4, 1), metal.lit(0.8), 5)
        sheet.line(((x, 120), (x, 190)), metal.lit(0.8), 4)
        sheet.bead(x, 196, 15, stone)
        sheet.oval(x, 330, 84, 120, metal.lit(0.7))
        sheet.oval(x - 3, 327, 80, 116, metal)
        for ring, colour in enumerate((metal.lit(0.7), metal.lit(1.15), stone, metal.lit(1.2))):
            sheet.oval(x, 345 + ring * 6, 58 - ring * 14, 82 - ring * 18, colour)
        for place in range(5):
            sheet.bead(x + (place - 2) * 28, 470 - abs(place - 2) * 14, 10, stone)


def bangles(sheet: Sheet) -> None:
    for place, metal in enumerate((COPPER, BRASS, TIN)):
        y = 400 - place * 76
        sheet.shadow(CENTRE, y + 26, 215, 64)
        for width, light in ((34, 0.62), (28, 1.0), (8, 1.25)):
            sheet.arc(CENTRE + place * 14 - 14, y, 196, 78, (0, 1), metal.lit(light), width)
        for mark in range(9):
            turn = 0.08 + mark * 0.042
            sheet.arc(CENTRE + place * 14 - 14, y, 196, 78, (turn, turn + 0.004), metal.lit(0.5), 12)


def pendant(sheet: Sheet) -> None:
    horn, bead = sheet.random.choice((EBONY, CHESTNUT, CREAM)), sheet.random.choice(DYES)
    sheet.arc(CENTRE, 60, 190, 220, (0.02, 0.48), INK, 6)
    sheet.shadow(CENTRE + 12, 390, 92, 130)
    sheet.bead(CENTRE, 282, 20, bead)
    sheet.oval(CENTRE, 405, 96, 124, horn.lit(0.75))
    sheet.oval(CENTRE - 4, 401, 90, 117, horn)
    for ring, colour in enumerate((BRASS, bead, CREAM, horn)):
        sheet.oval(CENTRE, 420, 54 - ring * 12, 70 - ring * 16, colour)
