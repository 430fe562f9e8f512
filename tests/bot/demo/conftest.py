"""Demo data whose pictures are drawn once for all tests, since drawing is most of what a seed costs."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

import pytest

from bot.demo import seed
from bot.demo.art import pictures

drawn_once = SimpleNamespace(draw=cache(pictures.draw))


@pytest.fixture(autouse=True)
def _draw_each_picture_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "pictures", drawn_once)
