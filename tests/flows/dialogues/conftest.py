"""The tests that search the dialogues: their order, and one search for all processes of a run."""

from __future__ import annotations

import pytest

from tests.flows.dialogues import exploration


@pytest.fixture(scope="session", autouse=True)
def _one_search_for_all_processes(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """Names the file in which the first process saves its search; a run without xdist needs none."""
    if worker_id != "master":
        exploration.shared_file = tmp_path_factory.getbasetemp().parent / "dialogues.json"


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
