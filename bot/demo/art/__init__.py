"""Pictures of wares that nobody has photographed: drawn from their titles, and the same every time.

drawn.picture("Kiondo basket", "baskets")   -> JPEG bytes, 800 x 600
"""

from __future__ import annotations

import re
from random import Random


def picture(title: str, category: str) -> bytes:
    """A picture of the ware: a word of its title says which form it has, else its category; chance does the colours."""
    from bot.demo.art.forms import FORMS  # Pillow is slow to import, and only a shop's first start draws
    from bot.demo.art.sheet import Sheet

    named = [word for word in re.findall("[a-z]+", title.lower()) if word in FORMS]
    sheet = Sheet(Random(title))  # noqa: S311 - colours, no secrets
    FORMS[named[-1] if named else category](sheet)
    return sheet.jpeg()
