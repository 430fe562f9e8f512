"""How long a text is, what it will cost, and what would make it shorter.

of_text("Your basket is here ✓", Decimal("0.80"), "KES")    1 segment, UCS-2, because of ✓
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from flows import gsm7
from state import messages

LONGEST = 459
"""Three segments of GSM-7."""
_ONE_SEGMENT = {"GSM-7": 160, "UCS-2": 70}
_RECENT = 50


@dataclass(frozen=True, slots=True)
class SegmentPrice:
    """What a provider has asked for one segment lately."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class TextSize:
    """`over` is how many units are more than one segment has; `letters` are those that are outside GSM-7."""

    text: str
    encoding: str
    units: int
    segments: int
    over: int
    letters: Sequence[str]
    segments_without_them: int
    cost: str | None


def of_text(typed: str, price: SegmentPrice | None) -> TextSize:
    """The size of a text as it would be sent."""
    text = gsm7.plain(typed).strip()
    size = gsm7.segments(text)
    letters = sorted({letter for letter in text if not gsm7.is_gsm7(letter)})
    return TextSize(
        text,
        size.encoding,
        size.units,
        size.count,
        max(0, size.units - _ONE_SEGMENT[size.encoding]),
        letters,
        gsm7.segments(gsm7.transliterate(text)).count,
        cost_of(size.count, price),
    )


def cost_of(segments: int, price: SegmentPrice | None) -> str | None:
    """What so many segments will cost, such as `KES 1,600.00`; None if no price is known."""
    return f"{price.currency} {price.amount * segments:,.2f}" if price else None


def last_price(conn: Connection) -> SegmentPrice | None:
    """What the last text that has a price has cost; None if none of the last `_RECENT` texts has one."""
    for text in messages.history(conn, direction="out", limit=_RECENT):
        currency, _, number = (text.cost or "").partition(" ")
        if number and text.segments:
            return SegmentPrice(Decimal(number) / text.segments, currency)
    return None
