"""Leather goods and metalwork."""

from __future__ import annotations

from bot.demo.art.palette import BRASS, CHESTNUT, COPPER, CREAM, DYES, IRON, NIGHT, OCHRE, RED, TAN, TEAL, TIN, WHITE
from bot.demo.art.sheet import CENTRE, FLOOR, Colour, Profile, Sheet, diamonds, plain

# Leather


def satchel(sheet: Sheet) -> None:
    hide = sheet.random.choice((TAN, CHESTNUT))
    _bag(sheet, hide, (200, 220, 600, 500))
    sheet.cloth((270, 300, 300, 440), 1, 1, plain(hide.lit(0.75)), folds=0)
    sheet.cloth((500, 300, 530, 440), 1, 1, plain(hide.lit(0.75)), folds=0)
    for x in (285, 515):
        sheet.cloth((x - 24, 404, x + 24, 432), 1, 1, plain(BRASS), folds=0)


def purse(sheet: Sheet) -> None:
    _bag(sheet, sheet.random.choice((RED, TAN, CHESTNUT)), (240, 250, 560, 490))
    sheet.bead(CENTRE, 404, 20, BRASS)


def _bag(sheet: Sheet, hide: Colour, box: tuple[float, float, float, float]) -> None:
    left, top, right, _ = box
    sheet.arc(CENTRE, top + 20, (right - left) * 0.42, 170, (0.5, 1), hide.lit(0.65), 16)
    sheet.cloth(box, 1, 40, plain(hide), folds=0.25)
    flap = (
        (left - 8, top - 6),
        (right + 8, top - 6),
        (right - 6, top + 120),
        (CENTRE, top + 170),
        (left + 6, top + 120),
    )
    sheet.polygon([(x, y + 7) for x, y in flap], hide.lit(0.6))
    sheet.polygon(flap, hide.lit(1.12))
    for stitch in range(26):
        x = left + 14 + stitch * (right - left - 34) / 25
        y = top + 106 + 48 * (1 - abs(x - CENTRE) / (CENTRE - left))
        sheet.line(((x, y), (x + 6, y)), CREAM, 2.5)


def sandals(sheet: Sheet) -> None:
    hide, thongs = CHESTNUT, sheet.random.sample(DYES, 3)
    for side in (-1, 1):
        x = CENTRE + side * 105
        sheet.shadow(x + 10, 320, 92, 222)
        for shift, light in ((8, 0.6), (0, 1.15)):
            sheet.oval(x, 210 + shift, 84, 130, hide.lit(light))
            sheet.oval(x, 420 + shift, 66, 104, hide.lit(light))
            sheet.polygon(((x - 74, 250 + shift), (x + 74, 250 + shift), (x + 64, 430), (x - 64, 430)), hide.lit(light))
        for strap, y in enumerate((205, 250)):
            sheet.arc(x, y + 40, 86, 46, (0.5, 1), hide.lit(0.55), 30)
            for bead in range(13):
                turn = 0.52 + bead * 0.04
                sheet.arc(x, y + 40, 86, 46, (turn, turn + 0.002), thongs[(bead + strap) % 3], 13)
        sheet.arc(x, 420, 70, 60, (0.5, 1), hide.lit(0.55), 18)


# Metal


def lantern(sheet: Sheet) -> None:
    metal, glow = sheet.random.choice((TIN, COPPER, BRASS)), Colour(255, 214, 120)
    sheet.arc(CENTRE, 150, 64, 70, (0.5, 1), metal.lit(0.6), 9)
    body: Profile = ((0, 116), (16, 120), (20, 104), (250, 104), (254, 122), (270, 118), (350, 30), (366, 24))
    holes = diamonds(metal, glow, metal, glow, period=6)
    sheet.turned(body, 56, 44, lambda row, column: holes(row, column) if 5 < row < 36 else metal)


def candle(sheet: Sheet) -> None:
    sheet.shadow(CENTRE, FLOOR, 150, 24)
    sheet.polygon(((CENTRE - 130, FLOOR), (CENTRE + 130, FLOOR), (CENTRE + 20, 480), (CENTRE - 20, 480)), IRON.lit(0.8))
    sheet.line(((CENTRE, 500), (CENTRE, 240)), IRON, 16)
    for side in (-1, 1):
        sheet.arc(CENTRE + side * 80, 300, 80, 100, (0, 0.5), IRON, 13)
        sheet.arc(CENTRE + side * 56, 420, 44, 34, (-0.2, 0.6), IRON.lit(1.2), 9)
    for x, y in ((CENTRE - 160, 290), (CENTRE, 230), (CENTRE + 160, 290)):
        sheet.line(((x, y - 10), (x, y - 92)), CREAM, 30)
        sheet.line(((x - 5, y - 10), (x - 5, y - 92)), WHITE, 10)
        sheet.oval(x, y, 40, 11, IRON.lit(1.25))
        sheet.oval(x, y - 132, 9, 22, OCHRE.lit(1.1))
        sheet.oval(x, y - 126, 5, 12, Colour(255, 240, 190))


def fowl(sheet: Sheet) -> None:
    metal = sheet.random.choice((IRON, NIGHT))
    sheet.shadow(CENTRE - 10, FLOOR, 130, 22)
    for x in (370, 420):
        sheet.line(((x, 400), (x + 6, FLOOR - 4), (x + 30, FLOOR)), COPPER, 9)
    sheet.polygon(((300, 330), (190, 400), (220, 300), (320, 260)), metal.lit(0.8))
    sheet.oval(385, 330, 128, 98, metal)
    sheet.polygon(((440, 290), (500, 310), (520, 190), (486, 180)), TEAL)
    sheet.oval(510, 172, 32, 26, TEAL.lit(1.2))
    sheet.polygon(((496, 152), (516, 150), (498, 108)), COPPER)
    sheet.polygon(((536, 162), (576, 182), (534, 188)), BRASS)
    sheet.oval(524, 198, 8, 18, RED)
    sheet.oval(518, 168, 4.5, 4.5, WHITE)
    for row in range(7):
        for column in range(9):
            x, y = 290 + column * 24 + row % 2 * 12, 262 + row * 23
            if ((x - 385) / 116) ** 2 + ((y - 330) / 88) ** 2 < 1:
                sheet.oval(x, y, 5, 5, WHITE)
