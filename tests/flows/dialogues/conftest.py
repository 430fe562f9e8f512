"""The order of the tests that search the dialogues."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of one channel and language beside each other: a process then makes each search once."""
    places = [place for place, item in enumerate(items) if item.path.name == "test_all_dialogues.py"]
    for place, item in zip(places, sorted((items[place] for place in places), key=_search), strict=True):
        items[place] = item


def _search(item: pytest.Item) -> tuple[bool, str, str]:
    """The channel and the language that a test searches; tests without them come last."""
    params: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    channel, language = getattr(params.get("channel"), "name", ""), str(params.get("language", ""))
    return (not channel, channel, language)
