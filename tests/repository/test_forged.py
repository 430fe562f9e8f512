"""docs/forged.md has a row for every dialogue, and each row names tests that exist."""

from __future__ import annotations

import re

import pytest

from flows.dialogues import ENGINE
from tests.repository.architecture import ROOT

ROW = re.compile(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
HEADS = {"dialogue", "by"}


def rows() -> list[tuple[str, str]]:
    """The first and the last cell of each row."""
    found = ROW.findall((ROOT / "docs/forged.md").read_text())
    return [(first, last) for first, last in found if first not in HEADS and set(first) != {"-"}]


def test_every_dialogue_has_a_row() -> None:
    named = {name for first, _ in rows() for name in re.findall(r"`(\w+)`", first)}

    assert sorted(set(ENGINE.flows) - named - {ENGINE.unknown_keyword}) == []


@pytest.mark.parametrize(("first", "last"), rows())
def test_a_row_names_tests_that_exist(first: str, last: str) -> None:
    tests = TEST.findall(last)
    assert tests, first
    for file, name in tests:
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file}::{name}"
