"""The words that end and begin texting: whole messages in any case, whatever language is set.

Sources: Twilio's default opt-out words and CTIA's messaging principles; Swahili, French and Amharic as
people write, the last in both scripts.
CANCEL, END and QUIT are among them, so they can never be keywords of a dialogue.
"""

from __future__ import annotations

from typing import Literal

from flows import reading

STOP = frozenset(
    [
        "stop",
        "stopall",
        "unsubscribe",
        "revoke",
        "optout",
        "cancel",
        "end",
        "quit",
        "acha",
        "ondoka",
        "toka",
        "sitisha",
        "arret",
        "arreter",
        "desabonner",
        "አቁም",
        "አቁሙ",
        "akum",
        "akumu",
    ]
)
START = frozenset(["start", "unstop", "anza", "reprendre", "ጀምር", "ጀምሩ", "jemir", "jemiru"])


def wanted(text: str) -> Literal["STOP", "START"] | None:
    """What a text asks for, when it is nothing but such a word."""
    word = reading.fold(reading.clean(text)).strip(".!።")
    if word in STOP:
        return "STOP"
    return "START" if word in START else None
