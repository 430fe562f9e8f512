"""Opt-outs and opt-ins: the words STOP and START in every language, and provider refusals that report an opt-out.

After most words for STOP other words may follow (`STOP please`, `Stop. Thank you`). Words that also begin other
sentences (`CANCEL K7P4`, `acha nifikirie`) count only alone or with polite words. Marks around a word do not matter.
Sources: Twilio's default opt-out words, CTIA's messaging principles and 47 CFR 64.1200(a)(10); Swahili, French and
Amharic as people write them, Amharic in both scripts. A word for STOP cannot be a keyword of a dialogue without words
after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from bot.providers.errors import Reason
from flows.reading.folding import fold
from flows.reading.keywords import known, said
from state import people

ANY_LANGUAGE = ""
STOP: Mapping[str, tuple[str, ...]] = {
    ANY_LANGUAGE: ("stop", "stopall", "unsubscribe", "revoke", "optout", "opt out"),
    "sw": ("sitisha",),
    "fr": ("arret", "arreter", "arretez", "desabonner", "desabonnez", "desabonnement"),
    "am": ("አቁም", "አቁሙ", "akum", "akumu"),
}
"""Words for STOP by language, which other words may follow."""
STOP_ALONE: Mapping[str, tuple[str, ...]] = {
    ANY_LANGUAGE: ("cancel", "end", "quit"),
    "sw": ("acha", "ondoka", "toka"),
}
"""Words for STOP by language, which count only alone."""
START: Mapping[str, tuple[str, ...]] = {
    ANY_LANGUAGE: ("start", "unstop"),
    "sw": ("anza",),
    "fr": ("reprendre",),
    "am": ("ጀምር", "ጀምሩ", "jemir", "jemiru"),
}
"""Words for START by language, which count only alone."""


def _by_word(words: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {fold(word): language for language, written in words.items() for word in written}


_STOP, _STOP_ALONE, _START = _by_word(STOP), _by_word(STOP_ALONE), _by_word(START)


def requested(text: str) -> Literal["STOP", "START"] | None:
    """STOP or START if the text asks for it, else None."""
    if _first(text) or known(_said_alone(text), _STOP_ALONE):
        return "STOP"
    return "START" if known(_said_alone(text), _START) else None


def language(text: str) -> str | None:
    """The language of the word that asks for STOP or START; None if the word belongs to several languages."""
    by_word = _STOP | _STOP_ALONE | _START
    return by_word.get(_first(text) or known(_said_alone(text), by_word) or "") or None


def _first(text: str) -> str | None:
    """The word for STOP that a text begins with; None if it begins with none."""
    words = said(text)
    return known(" ".join(words[:2]), _STOP) or known(" ".join(words[:1]), _STOP)


def _said_alone(text: str) -> str:
    """The only word of a text, however often it is repeated; empty if there are several."""
    words = set(said(text))
    return words.pop() if len(words) == 1 else ""


def apply_refusal(conn: Connection, msisdn: str, provider: str, reason: Reason, detail: str, now: datetime) -> None:
    """Store the opt-out that a provider's refusal reports. Two reasons report one; any other changes nothing.

    Twilio's 21610 means that the recipient sent STOP. Safaricom's blacklist blocks promotions only: a person on it
    still gets messages about orders and money (and can leave the list with `*456*9#`). `detail` is stored as proof.
    """
    if reason is Reason.OPTED_OUT:
        people.opt_out(conn, msisdn, f"{provider} refused", now)
    elif reason is Reason.BLOCKED_PROMOTIONS:
        people.switch_promotions_off(conn, msisdn, f"{provider} {detail}", now)
