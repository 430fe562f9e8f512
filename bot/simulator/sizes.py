"""How much room a screen or text takes, and what it costs, for the page: counted as the service itself counts.

of_screen("CON 1. Kuuza")    {"units": 12, "most": 160, "encoding": "GSM-7", "outside": ""}
of_text("Habari ₣")          {"units": 8, "segments": 1, "encoding": "UCS-2", "outside": "₣", "cents": 80}
"""

from __future__ import annotations

from flows import gsm7
from flows.kit import USSD

CALL_CENTS = 10
"""What a call costs us, in hundredths of a shilling."""
SEGMENT_CENTS = 80
"""What one segment of a text costs us, in hundredths of a shilling."""

Size = dict[str, str | int]


def of_screen(reply: str) -> Size:
    """The units that a reply to a hop takes of what a call carries; `CON ` and `END ` count, as when it is rendered.

    `outside` is the first character outside GSM-7, which halves what fits; empty if there is none.
    """
    size = gsm7.segments(reply)
    most = USSD.septets if size.encoding == "GSM-7" else USSD.ucs2_units
    return {"units": most - USSD.room(reply), "most": most, "encoding": size.encoding, "outside": _outside(reply)}


def of_text(text: str) -> Size:
    """The units, segments and price of a text."""
    size = gsm7.segments(text)
    return {
        "units": size.units,
        "segments": size.count,
        "encoding": size.encoding,
        "outside": _outside(text),
        "cents": size.count * SEGMENT_CENTS,
    }


def _outside(text: str) -> str:
    return next((char for char in text if not gsm7.is_gsm7(char)), "")
