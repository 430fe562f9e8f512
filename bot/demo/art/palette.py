"""The colours that products are drawn in."""

from __future__ import annotations

from bot.demo.art.sheet import Colour

SISAL, CREAM, WHITE = Colour(222, 190, 134), Colour(247, 240, 224), Colour(250, 248, 244)
RED, OCHRE, GREEN, BLUE = Colour(190, 52, 40), Colour(226, 148, 40), Colour(62, 122, 86), Colour(38, 84, 150)
PLUM, TEAL, CORAL, NIGHT = Colour(118, 48, 92), Colour(32, 128, 132), Colour(230, 110, 84), Colour(34, 44, 84)
CLAY, DARK_CLAY, OLIVE, EBONY = Colour(196, 106, 66), Colour(134, 64, 42), Colour(186, 134, 78), Colour(72, 50, 40)
TAN, CHESTNUT, BRASS = Colour(176, 112, 62), Colour(122, 66, 38), Colour(214, 168, 74)
COPPER, IRON, TIN = Colour(198, 116, 76), Colour(84, 84, 88), Colour(176, 182, 186)
DYES = (RED, OCHRE, GREEN, BLUE, PLUM, TEAL, CORAL, NIGHT)
"""Colours of cloth, beads and paint; drawings pick some at random."""
