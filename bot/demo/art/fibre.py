"""Baskets and cloth."""

from __future__ import annotations

from bot.demo.art.palette import CHESTNUT, CREAM, DYES, NIGHT, PLUM, SISAL, TAN, TEAL, WHITE
from bot.demo.art.sheet import (
    CENTRE,
    FLOOR,
    Colour,
    Pattern,
    Profile,
    Sheet,
    bands,
    checks,
    diamonds,
    edged,
    plain,
    zigzag,
)

# Baskets


def _woven(sheet: Sheet) -> Pattern:
    """A pattern of sisal with two dyes."""
    one, other = sheet.random.sample(DYES, 2)
    return sheet.random.choice(
        (
            zigzag(SISAL, one, SISAL, other, period=10),
            diamonds(SISAL, one, CREAM, other, period=10),
            bands(SISAL, SISAL, one, CREAM, other, height=2),
        )
    )


def basket(sheet: Sheet) -> None:
    foot, belly, top = (sheet.random.randint(*range_) for range_ in ((95, 130), (165, 190), (235, 270)))
    body: Profile = ((0, foot), (top * 0.6, belly), (top, belly * 0.94))
    handles = sheet.random.choice((TAN, CHESTNUT))
    sheet.arc(CENTRE, FLOOR - top, belly * 0.62, 150, (0.5, 1), handles.lit(0.7), 13)
    sheet.turned(body, 36, 40, _woven(sheet))
    sheet.mouth(body, SISAL)
    sheet.arc(CENTRE, FLOOR - top + 18, belly * 0.62, 140, (0.5, 1), handles, 14)


def laundry(sheet: Sheet) -> None:
    body: Profile = ((0, 130), (200, 170), (330, 150))
    sheet.turned(body, 42, 40, _woven(sheet))
    lid: Profile = ((322, 164), (350, 160), (390, 60), (400, 16))
    sheet.turned(lid, 12, 40, lambda row, _column: SISAL.lit(0.9 + 0.1 * (row % 2)))


def tray(sheet: Sheet) -> None:
    sheet.disc(18, 64, _woven(sheet), outer=225)


# Cloth


def kikoi(sheet: Sheet) -> None:
    ground, first, second = sheet.random.sample(DYES, 3)
    edge = (first, WHITE, second, WHITE, first)
    _hung(sheet, edged(plain(ground), edge, columns=48))


def kanga(sheet: Sheet) -> None:
    ground, print_, edge = sheet.random.sample(DYES, 3)
    inner = diamonds(ground, print_, WHITE, print_, period=12)

    def pattern(row: int, column: int) -> Colour:
        rim = min(row, 35 - row, column, 47 - column)
        return (edge, WHITE, edge)[rim // 2] if rim < 6 else inner(row, column)

    _hung(sheet, pattern)


def _hung(sheet: Sheet, pattern: Pattern) -> None:
    """A cloth that hangs over a pole, with a fringe."""
    for thread in range(60):
        sheet.line(((165 + thread * 8, 490), (163 + thread * 8, 522)), pattern(35, thread * 48 // 60), 3)
    sheet.cloth((160, 96, 640, 494), 36, 48, pattern, folds=0.8)
    sheet.line(((110, 96), (690, 96)), CHESTNUT, 16)


def rug(sheet: Sheet) -> None:
    first, second, third = sheet.random.sample(DYES, 3)
    middle = diamonds(first, second, CREAM, third, period=12)
    for thread in range(31):
        sheet.line(((82, 132 + thread * 11), (718, 132 + thread * 11)), CREAM, 3)
    sheet.cloth((100, 124, 700, 470), 36, 60, edged(middle, (NIGHT,) * 3, columns=60), folds=0)


def cushion(sheet: Sheet) -> None:
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
