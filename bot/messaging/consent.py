"""Opt-outs and opt-ins: the words STOP and START in every language, and provider refusals that report an opt-out.

The words count only as a whole message, in any case, whatever language is set. Sources: Twilio's default opt-out words,
CTIA's messaging principles and 47 CFR 64.1200(a)(10); Swahili, French and Amharic as people write them, Amharic in both
scripts. CANCEL, END and QUIT are among them, so they can never be keywords of a dialogue.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from bot.providers.errors import Reason
from flows.reading.folding import clean, fold
from state import people

STOP = frozenset(
    [
        "stop",
        "stopall",
        "stop all",
        "unsubscribe",
        "revoke",
        "optout",
        "opt out",
        "opt-out",
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


def requested(text: str) -> Literal["STOP", "START"] | None:
    """STOP or START if the text consists of one of these words alone, else None."""
    word = fold(clean(text)).strip(".!።")
    if word in STOP:
        return "STOP"
    return "START" if word in START else None


def apply_refusal(conn: Connection, msisdn: str, provider: str, reason: Reason, detail: str, now: datetime) -> None:
    """Store the opt-out that a provider's refusal reports. Two reasons report one; any other changes nothing.

    Twilio's 21610 means that the recipient sent STOP. Safaricom's blacklist blocks promotions only: a person on it
    still gets messages about orders and money (and can leave the list with `*456*9#`). `detail` is stored as proof.
    """
    if reason is Reason.OPTED_OUT:
        people.opt_out(conn, msisdn, f"{provider} refused", now)
    elif reason is Reason.BLOCKED_PROMOTIONS:
        people.switch_promotions_off(conn, msisdn, f"{provider} {detail}", now)
