"""The forms of wares, by a word of the title or by the category."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sin

from bot.demo.art.sheet import (
    CENTRE,
    FLOOR,
    INK,
    Colour,
    Pattern,
    Profile,
    Sheet,
    bands,
    checks,
    diamonds,
    edged,
    on_oval,
    plain,
    zigzag,
)

SISAL, CREAM, WHITE = Colour(222, 190, 134), Colour(247, 240, 224), Colour(250, 248, 244)
RED, OCHRE, GREEN, BLUE = Colour(190, 52, 40), Colour(226, 148, 40), Colour(62, 122, 86), Colour(38, 84, 150)
PLUM, TEAL, CORAL, NIGHT = Colour(118, 48, 92), Colour(32, 128, 132), Colour(230, 110, 84), Colour(34, 44, 84)
CLAY, DARK_CLAY, OLIVE, EBONY = Colour(196, 106, 66), Colour(134, 64, 42), Colour(186, 134, 78), Colour(72, 50, 40)
TAN, CHESTNUT, BRASS = Colour(176, 112, 62), Colour(122, 66, 38), Colour(214, 168, 74)
COPPER, IRON, TIN = Colour(198, 116, 76), Colour(84, 84, 88), Colour(176, 182, 186)
DYES = (RED, OCHRE, GREEN, BLUE, PLUM, TEAL, CORAL, NIGHT)


def _woven(sheet: Sheet) -> Pattern:
    """Sisal, with two dyes in it."""
    one, other = sheet.random.sample(DYES, 2)
    return sheet.random.choice(
        (
            zigzag(SISAL, one, SISAL, other, period=10),
            diamonds(SISAL, one, CREAM, other, period=10),
            bands(SISAL, SISAL, one, CREAM, other, height=2),
        )
    )


# -- baskets


def _basket(sheet: Sheet) -> None:
    foot, belly, top = (sheet.random.randint(*range_) for range_ in ((95, 130), (165, 190), (235, 270)))
    body: Profile = ((0, foot), (top * 0.6, belly), (top, belly * 0.94))
    handles = sheet.random.choice((TAN, CHESTNUT))
    sheet.arc(CENTRE, FLOOR - top, belly * 0.62, 150, (0.5, 1), handles.lit(0.7), 13)
    sheet.turned(body, 36, 40, _woven(sheet))
    sheet.mouth(body, SISAL)
    sheet.arc(CENTRE, FLOOR - top + 18, belly * 0.62, 140, (0.5, 1), handles, 14)


def _laundry(sheet: Sheet) -> None:
    body: Profile = ((0, 130), (200, 170), (330, 150))
    sheet.turned(body, 42, 40, _woven(sheet))
    lid: Profile = ((322, 164), (350, 160), (390, 60), (400, 16))
    sheet.turned(lid, 12, 40, lambda row, _column: SISAL.lit(0.9 + 0.1 * (row % 2)))


def _tray(sheet: Sheet) -> None:
    sheet.disc(18, 64, _woven(sheet), outer=225)


# -- beads and jewels


def _beads(sheet: Sheet) -> Pattern:
    first, second, third = sheet.random.sample(DYES, 3)
    return sheet.random.choice(
        (
            bands(first, WHITE, second, WHITE, third, height=1),
            zigzag(first, WHITE, second, third, period=8, height=2),
            diamonds(first, WHITE, second, third, period=8),
        )
    )


def _collar(sheet: Sheet) -> None:
    sheet.beaded(11, _beads(sheet), outer=225, inner=105)


def _necklace(sheet: Sheet) -> None:
    sheet.beaded(5, _beads(sheet), outer=200, inner=140, y=270)
    for place, colour in enumerate(sheet.random.sample(DYES, 5)):
        x = CENTRE + (place - 2) * 44
        drop = 470 - abs(place - 2) * 14
        sheet.line(((x, drop - 60), (x, drop + 20)), BRASS, 3)
        sheet.bead(x, drop + 24, 17, colour)


def _bracelet(sheet: Sheet) -> None:
    pattern = _beads(sheet)
    sheet.shadow(CENTRE, 390, 225, 46)
    inside, outside = range(36, 72), range(36)
    for side, light in ((inside, 0.7), (outside, 1.0)):
        for row in range(9):
            for bead in side:
                x, y = on_oval(CENTRE, 240 + row * 13, 190, 62, bead / 72)
                sheet.bead(x, y, 9, pattern(row, bead).lit(light))


def _belt(sheet: Sheet) -> None:
    leather = sheet.random.choice((TAN, CHESTNUT))
    pattern = _beads(sheet)
    for y in (200, 330):
        sheet.cloth((110, y, 690, y + 76), 1, 1, plain(leather), folds=0)
        for row in range(4):
            for column in range(38):
                sheet.bead(136 + column * 14, y + 17 + row * 14, 7, pattern(row, column))
    sheet.cloth((636, 192, 716, 284), 1, 1, plain(BRASS), folds=0)
    sheet.cloth((652, 208, 700, 268), 1, 1, plain(leather.lit(0.8)), folds=0)


def _earrings(sheet: Sheet) -> None:
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


def _bangles(sheet: Sheet) -> None:
    for place, metal in enumerate((COPPER, BRASS, TIN)):
        y = 400 - place * 76
        sheet.shadow(CENTRE, y + 26, 215, 64)
        for width, light in ((34, 0.62), (28, 1.0), (8, 1.25)):
            sheet.arc(CENTRE + place * 14 - 14, y, 196, 78, (0, 1), metal.lit(light), width)
        for mark in range(9):
            turn = 0.08 + mark * 0.042
            sheet.arc(CENTRE + place * 14 - 14, y, 196, 78, (turn, turn + 0.004), metal.lit(0.5), 12)


def _pendant(sheet: Sheet) -> None:
    horn, bead = sheet.random.choice((EBONY, CHESTNUT, CREAM)), sheet.random.choice(DYES)
    sheet.arc(CENTRE, 60, 190, 220, (0.02, 0.48), INK, 6)
    sheet.shadow(CENTRE + 12, 390, 92, 130)
    sheet.bead(CENTRE, 282, 20, bead)
    sheet.oval(CENTRE, 405, 96, 124, horn.lit(0.75))
    sheet.oval(CENTRE - 4, 401, 90, 117, horn)
    for ring, colour in enumerate((BRASS, bead, CREAM, horn)):
        sheet.oval(CENTRE, 420, 54 - ring * 12, 70 - ring * 16, colour)


# -- cloth


def _kikoi(sheet: Sheet) -> None:
    ground, first, second = sheet.random.sample(DYES, 3)
    edge = (first, WHITE, second, WHITE, first)
    _hung(sheet, edged(plain(ground), edge, columns=48))


def _kanga(sheet: Sheet) -> None:
    ground, print_, edge = sheet.random.sample(DYES, 3)
    inner = diamonds(ground, print_, WHITE, print_, period=12)

    def pattern(row: int, column: int) -> Colour:
        rim = min(row, 35 - row, column, 47 - column)
        return (edge, WHITE, edge)[rim // 2] if rim < 6 else inner(row, column)

    _hung(sheet, pattern)


def _hung(sheet: Sheet, pattern: Pattern) -> None:
    """Over a pole, with a fringe below."""
    for thread in range(60):
        sheet.line(((165 + thread * 8, 490), (163 + thread * 8, 522)), pattern(35, thread * 48 // 60), 3)
    sheet.cloth((160, 96, 640, 494), 36, 48, pattern, folds=0.8)
    sheet.line(((110, 96), (690, 96)), CHESTNUT, 16)


def _rug(sheet: Sheet) -> None:
    first, second, third = sheet.random.sample(DYES, 3)
    middle = diamonds(first, second, CREAM, third, period=12)
    for thread in range(31):
        sheet.line(((82, 132 + thread * 11), (718, 132 + thread * 11)), CREAM, 3)
    sheet.cloth((100, 124, 700, 470), 36, 60, edged(middle, (NIGHT,) * 3, columns=60), folds=0)


def _cushion(sheet: Sheet) -> None:
    sheet.shadow(CENTRE, 500, 220, 30)
    dark = sheet.random.choice((NIGHT, PLUM, TEAL))
    for swell, light in ((0, 0.8), (8, 1.0)):
        sides = [(CENTRE - 205, 110), (CENTRE, 128 - swell), (CENTRE + 205, 110), (CENTRE + 190 + swell, 305)]
        sheet.polygon(
            [*sides, (CENTRE + 205, 500), (CENTRE, 484 + swell), (CENTRE - 205, 500), (CENTRE - 190 - swell, 305)],
            dark.lit(light),
        )
    pattern = checks(WHITE, dark.lit(1.5), size=1)
    for row in range(9):
        for column in range(9):
            x, y = CENTRE + (column - 4) * 38, 306 + (row - 4) * 36
            sheet.oval(x, y, 13, 13, pattern(row, column))
            sheet.oval(x, y, 6, 6, dark)


# -- wood


def _bowl(sheet: Sheet) -> None:
    wood = sheet.random.choice((OLIVE, TAN))
    body: Profile = ((0, 92), (18, 96), (70, 190), (170, 235))
    sheet.turned(body, 30, 60, lambda row, column: wood.lit(1 + 0.13 * sin(column * 0.5 + 3 * sin(row * 0.4))))
    sheet.mouth(body, wood.lit(1.15))


def _giraffe(sheet: Sheet) -> None:
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


def _mask(sheet: Sheet) -> None:
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


def _spoons(sheet: Sheet) -> None:
    for x, lean, wood in ((330, 26, OLIVE), (470, -26, TAN)):
        sheet.shadow(x + 8, 170, 66, 90)
        sheet.line(((x, 190), (x + lean, 520)), wood.lit(0.8), 26)
        sheet.line(((x - 3, 190), (x + lean - 3, 518)), wood, 19)
        sheet.oval(x, 150, 68, 92, wood.lit(0.85))
        sheet.oval(x - 3, 146, 63, 87, wood.lit(1.05))
        sheet.oval(x + 2, 152, 48, 68, wood.lit(0.82))
        for ring in range(5):
            sheet.line(((x - 10 + lean, 420 + ring * 16), (x + 10 + lean, 420 + ring * 16)), EBONY, 5)


# -- clay


def _glaze(sheet: Sheet, ground: Colour) -> Pattern:
    """A painted belt round the belly."""
    paint = sheet.random.choice((CREAM, DARK_CLAY, EBONY))
    belt = sheet.random.choice((zigzag(ground, paint, period=6, height=2), diamonds(ground, paint, ground, paint)))
    return lambda row, column: belt(row, column) if 18 <= row < 30 else ground.lit(1 + 0.02 * (row % 3))


def _pot(sheet: Sheet) -> None:
    body: Profile = ((0, 70), (150, 178), (270, 70), (310, 66), (345, 88))
    sheet.turned(body, 48, 48, _glaze(sheet, CLAY))
    sheet.mouth(body, CLAY)


def _cooking(sheet: Sheet) -> None:
    body: Profile = ((0, 110), (90, 205), (170, 186), (190, 196))
    sheet.turned(body, 40, 48, _glaze(sheet, DARK_CLAY))
    lid: Profile = ((182, 202), (200, 196), (256, 60), (264, 20), (284, 34), (302, 4))
    sheet.turned(lid, 30, 40, plain(DARK_CLAY.lit(1.1)))


def _mug(sheet: Sheet) -> None:
    glaze, lip = sheet.random.sample((TEAL, BLUE, GREEN, CREAM, CORAL), 2)
    body: Profile = ((0, 110), (30, 126), (240, 122), (270, 128))
    for width, light in ((40, 0.6), (30, 0.85)):
        sheet.arc(CENTRE + 120, FLOOR - 140, 84, 82, (-0.25, 0.25), glaze.lit(light), width)
    sheet.turned(body, 40, 48, lambda row, column: lip if row > 28 + 2 * sin(column * 0.6) else glaze)
    sheet.mouth(body, lip)


def _planter(sheet: Sheet) -> None:
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


# -- leather


def _satchel(sheet: Sheet) -> None:
    hide = sheet.random.choice((TAN, CHESTNUT))
    _bag(sheet, hide, (200, 220, 600, 500))
    sheet.cloth((270, 300, 300, 440), 1, 1, plain(hide.lit(0.75)), folds=0)
    sheet.cloth((500, 300, 530, 440), 1, 1, plain(hide.lit(0.75)), folds=0)
    for x in (285, 515):
        sheet.cloth((x - 24, 404, x + 24, 432), 1, 1, plain(BRASS), folds=0)


def _purse(sheet: Sheet) -> None:
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


def _sandals(sheet: Sheet) -> None:
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


# -- metal


def _lantern(sheet: Sheet) -> None:
    metal, glow = sheet.random.choice((TIN, COPPER, BRASS)), Colour(255, 214, 120)
    sheet.arc(CENTRE, 150, 64, 70, (0.5, 1), metal.lit(0.6), 9)
    body: Profile = ((0, 116), (16, 120), (20, 104), (250, 104), (254, 122), (270, 118), (350, 30), (366, 24))
    holes = diamonds(metal, glow, metal, glow, period=6)
    sheet.turned(body, 56, 44, lambda row, column: holes(row, column) if 5 < row < 36 else metal)


def _candle(sheet: Sheet) -> None:
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


def _fowl(sheet: Sheet) -> None:
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


FORMS: Mapping[str, Callable[[Sheet], None]] = {
    "baskets": _basket,
    "laundry": _laundry,
    "tray": _tray,
    "beadwork": _collar,
    "necklace": _necklace,
    "bracelet": _bracelet,
    "belt": _belt,
    "jewellery": _pendant,
    "earrings": _earrings,
    "bangles": _bangles,
    "textiles": _kikoi,
    "kanga": _kanga,
    "rug": _rug,
    "cushion": _cushion,
    "woodcarving": _bowl,
    "giraffe": _giraffe,
    "mask": _mask,
    "spoons": _spoons,
    "pottery": _pot,
    "cooking": _cooking,
    "mug": _mug,
    "planter": _planter,
    "leather": _satchel,
    "purse": _purse,
    "sandals": _sandals,
    "metalwork": _lantern,
    "candle": _candle,
    "fowl": _fowl,
}
