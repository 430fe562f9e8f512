"""Carved wood and pottery."""

from __future__ import annotations

from math import sin

from bot.demo.art.palette import BLUE, CHESTNUT, CLAY, CORAL, CREAM, DARK_CLAY, EBONY, GREEN, OCHRE, OLIVE, TAN, TEAL
from bot.demo.art.sheet import CENTRE, FLOOR, INK, Colour, Pattern, Profile, Sheet, diamonds, plain, zigzag

# Wood


def bowl(sheet: Sheet) -> None:
    wood = sheet.random.choice((OLIVE, TAN))
    body: Profile = ((0, 92), (18, 96), (70, 190), (170, 235))
    sheet.turned(body, 30, 60, lambda row, column: wood.lit(1 + 0.13 * sin(column * 0.5 + 3 * sin(row * 0.4))))
    sheet.mouth(body, wood.lit(1.15))


def giraffe(sheet: Sheet) -> None:
    sheet.shadow(CENTRE, FLOOR, 150, 24)
    coat, spot = OLIVE.lit(1.15), CHESTNUT
    for x, light in ((348, 0.75), (458, 0.75), (328, 1), (440, 1)):
        sheet.line(((x, 370), (x - 4, FLOOR)), coat.lit(light), 19)
    sheet.line(((306, 350), (284, 430)), coat.lit(0.8), 7)
    sheet.oval(388, 345, 98, 54, coat)
    sheet.polygon(((412, 318), (478, 350), (520, 120), (494, 112)), coat)
    sheet.oval(526, 112, 44, 20, coat)
    sheet.oval(560, 120, 18, 13, coat.lit(0.85))
    for x in (504, 518):
        sheet.line(((x, 100), (x - 4, 74)), coat.lit(0.8), 6)
    sheet.polygon(((496, 106), (470, 92), (488, 116)), coat.lit(0.85))
    sheet.oval(528, 108, 4, 4, INK)
    for _ in range(22):
        along, across = sheet.random.random(), sheet.random.uniform(-0.7, 0.7)
        sheet.oval(312 + along * 150, 345 + across * (50 - 60 * abs(along - 0.5)), 12, 9, spot)
    for step in range(8):
        sheet.oval(458 + step * 7 + step % 2 * 7, 318 - step * 26, 8, 8, spot)


def mask(sheet: Sheet) -> None:
    wood = sheet.random.choice((EBONY, CHESTNUT, DARK_CLAY))
    sheet.shadow(CENTRE + 14, 330, 140, 226)
    sheet.oval(CENTRE, 310, 142, 232, wood.lit(0.75))
    sheet.oval(CENTRE - 5, 305, 134, 224, wood)
    for line in range(5):
        sheet.arc(CENTRE, 210 - line * 6, 104 - line * 16, 90 - line * 10, (0.55, 0.95), OCHRE.lit(1 - line * 0.08), 5)
    for side in (-1, 1):
        sheet.oval(CENTRE + side * 58, 278, 36, 15, wood.lit(0.35))
        sheet.arc(CENTRE + side * 58, 268, 44, 24, (0.5, 1), wood.lit(1.5), 7)
        for dot in range(4):
            sheet.oval(CENTRE + side * (92 - dot * 10), 330 + dot * 24, 6, 6, CREAM)
    sheet.polygon(((CENTRE - 12, 250), (CENTRE + 12, 250), (CENTRE + 30, 372), (CENTRE - 30, 372)), wood.lit(1.3))
    sheet.oval(CENTRE, 432, 46, 24, wood.lit(1.4))
    sheet.oval(CENTRE, 432, 34, 11, wood.lit(0.35))


def spoons(sheet: Sheet) -> None:
    for x, lean, wood in ((330, 26, OLIVE), (470, -26, TAN)):
        sheet.shadow(x + 8, 170, 66, 90)
        sheet.line(((x, 190), (x + lean, 520)), wood.lit(0.8), 26)
        sheet.line(((x - 3, 190), (x + lean - 3, 518)), wood, 19)
        sheet.oval(x, 150, 68, 92, wood.lit(0.85))
        sheet.oval(x - 3, 146, 63, 87, wood.lit(1.05))
        sheet.oval(x + 2, 152, 48, 68, wood.lit(0.82))
        for ring in range(5):
            sheet.line(((x - 10 + lean, 420 + ring * 16), (x + 10 + lean, 420 + ring * 16)), EBONY, 5)


# Clay


def _glaze(sheet: Sheet, ground: Colour) -> Pattern:
    """A glaze of one colour with a painted band around the middle."""
    paint = sheet.random.choice((CREAM, DARK_CLAY, EBONY))
    belt = sheet.random.choice((zigzag(ground, paint, period=6, height=2), diamonds(ground, paint, ground, paint)))
    return lambda row, column: belt(row, column) if 18 <= row < 30 else ground.lit(1 + 0.02 * (row % 3))


def pot(sheet: Sheet) -> None:
    body: Profile = ((0, 70), (150, 178), (270, 70), (310, 66), (345, 88))
    sheet.turned(body, 48, 48, _glaze(sheet, CLAY))
    sheet.mouth(body, CLAY)


def cooking(sheet: Sheet) -> None:
    body: Profile = ((0, 110), (90, 205), (170, 186), (190, 196))
    sheet.turned(body, 40, 48, _glaze(sheet, DARK_CLAY))
    lid: Profile = ((182, 202), (200, 196), (256, 60), (264, 20), (284, 34), (302, 4))
    sheet.turned(lid, 30, 40, plain(DARK_CLAY.lit(1.1)))


def mug(sheet: Sheet) -> None:
    glaze, lip = sheet.random.sample((TEAL, BLUE, GREEN, CREAM, CORAL), 2)
    body: Profile = ((0, 110), (30, 126), (240, 122), (270, 128))
    for width, light in ((40, 0.6), (30, 0.85)):
        sheet.arc(CENTRE + 120, FLOOR - 140, 84, 82, (-0.25, 0.25), glaze.lit(light), width)
    sheet.turned(body, 40, 48, lambda row, column: lip if row > 28 + 2 * sin(column * 0.6) else glaze)
    sheet.mouth(body, lip)


def planter(sheet: Sheet) -> None:
    for stalk in range(9):
        lean = (stalk - 4) * 34
        for width, green in ((20, GREEN.lit(0.8)), (10, GREEN.lit(1.2))):
            sheet.line(
                ((CENTRE + lean * 0.3, 330), (CENTRE + lean * 0.8, 220), (CENTRE + lean * 1.4, 110 + abs(lean))),
                green,
                width,
            )
    body: Profile = ((0, 104), (170, 150), (176, 166), (220, 170))
    sheet.turned(body, 36, 48, lambda row, _column: CREAM if row in (12, 13, 18, 19) else CLAY)
    sheet.mouth(body, CLAY)
