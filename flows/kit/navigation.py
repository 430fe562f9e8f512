"""The keys that every screen understands: back, home, and the next page of a list."""

from __future__ import annotations

from .words import N_

BACK, HOME, MORE = "0", "00", "98"
LABELS = {BACK: N_("Back"), HOME: N_("Home")}
