"""How many people came to each state of the dialogues in a span of days, left there, and were refused there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection

from state import dialogue_counts

SPANS = (1, 7, 30, 365)
"""Days, today included."""
WORST = 10


@dataclass(frozen=True, slots=True)
class StateFigures:
    """What became of the hops of a state; each shown screen that was not refused counts as coming to it."""

    dialogue: str
    state: str
    came: int
    answered: int
    refused: int
    ended: int

    @property
    def left(self) -> int:
        """How many came, and neither answered nor saw the end: the call was dropped or the text never answered.

        Who came before midnight and answered after it counts as answered only, so it is at least 0.
        """
        return max(0, self.came - self.answered - self.ended)


def figures(conn: Connection, today: date, days: int, language: str = "") -> Mapping[tuple[str, str], StateFigures]:
    """By dialogue and state, of `days` days up to today; of one language, or of all together."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for total in dialogue_counts.read(conn, today - timedelta(days=days - 1), today):
        if not language or total.language == language:
            counts.setdefault((total.dialogue, total.state), Counter())[total.outcome] += total.hops
    return {
        place: StateFigures(*place, found["came"], found["answered"], found["refused"], found["ended"])
        for place, found in counts.items()
    }


def worst(found: Mapping[tuple[str, str], StateFigures]) -> Sequence[StateFigures]:
    """The states where most people left or were refused, the worst first."""
    bad = [figure for figure in found.values() if figure.left + figure.refused]
    return sorted(bad, key=lambda figure: (-figure.left - figure.refused, figure.dialogue, figure.state))[:WORST]
