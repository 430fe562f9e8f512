"""Draws a picture from the title and category of a product.

pictures.draw("Kiondo basket", "baskets")   -> JPEG bytes, 800 x 600
"""

from __future__ import annotations

import re
from random import Random


def draw(title: str, category: str) -> bytes:
    """A JPEG of 800 x 600 pixels, the same each time.

    The last word of the title that names a form chooses the form, else the category does. The title is the random seed
    that chooses the colours.
    """
    # imported here: Pillow is slow to import, and pictures are drawn only at the first start
    from bot.demo.art.forms import FORMS
    from bot.demo.art.sheet import Sheet

    named = [word for word in re.findall("[a-z]+", title.lower()) if word in FORMS]
    sheet = Sheet(Random(title))  # noqa: S311 - colours, no secrets
    FORMS[named[-1] if named else category](sheet)
    return sheet.jpeg()
