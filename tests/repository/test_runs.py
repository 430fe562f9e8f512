"""The options --full, --seed and --one-store, tried in pytest runs of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import runs
from tests.repository.architecture import ROOT

TESTS = """
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.runs import cases, seed

numbers = []


def test_choices_begin_with_the_seed(seed):
    print("chosen", Random(seed).random())


@given(st.integers())
def test_hypothesis_begins_with_it_too(number):
    numbers.append(number)


def test_the_size_of_the_run():
    print("cases", cases(100), cases(3), cases(3, least=2), len(numbers), hash(tuple(numbers)))
    assert False
"""

STORES = """
import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.param


@pytest.mark.parametrize("number", range(20))
def test_anything(database_url, number):
    print("anything on", database_url, number)


@pytest.mark.every_store
def test_the_store(database_url):
    print("the store on", database_url)
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few tests under the options of this suite."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_few.py").write_text(TESTS)
    (folder / "test_stores.py").write_text(STORES)
    return folder


def run(suite: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", f"--rootdir={suite}", "-c", str(ROOT / "pyproject.toml")]
    done = subprocess.run(
        [*command, *options, suite],
        cwd=suite,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def printed(word: str, output: str) -> list[str]:
    """What follows the word on each line that begins with it."""
    return re.findall(rf"^{word} (.+)$", output, re.MULTILINE)


@pytest.fixture(scope="module")
def first(suite: Path) -> str:
    """The output of a usual run, whose seed nobody chose."""
    return run(suite, "--one-store")


def seeds(output: str) -> list[str]:
    return re.findall(r"--seed (\d+)", output)


@pytest.fixture(scope="module")
def again(suite: Path, first: str) -> str:
    """The output of a run with the same seed."""
    return run(suite, "--one-store", "--seed", seeds(first)[0])


@pytest.fixture(scope="module")
def other(suite: Path, first: str) -> str:
    """The output of a run with another seed, in two workers."""
    return run(suite, "--one-store", "--seed", str(int(seeds(first)[0]) + 1), "-n", "2")


def test_the_seed_is_printed_at_the_top_and_with_a_failure_and_repeats_the_run(
    first: str, again: str, other: str
) -> None:
    top, failure = seeds(first)

    assert top == failure
    for word in ("chosen", "cases"):
        assert len(printed(word, first)) == 1
        assert printed(word, first) == printed(word, again) != printed(word, other)
    assert printed("cases", first)[0].split()[:4] == ["10", "1", "2", "10"]


def test_all_workers_have_the_seed_of_the_run(first: str, other: str) -> None:
    assert {int(seed) for seed in seeds(other)} == {int(seeds(first)[0]) + 1}


def test_a_full_run_tries_all_cases_on_all_stores(suite: Path) -> None:
    full = run(suite, "--full", "--one-store")

    assert printed("cases", full)[0].split()[:4] == ["100", "3", "3", "100"]
    assert Counter(line.split()[0] for line in printed("anything on", full)) == {"sqlite": 20, "postgresql": 20}


def test_a_run_plays_one_part_of_the_long_tests_and_all_parts_together_play_each_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = [f"{place}::test_{number}" for place in runs.DEALT_AS_A_WHOLE for number in range(9)]
    single = [f"{place}::test_{number}" for place in runs.DEALT_ONE_BY_ONE for number in range(9)]
    short = ["tests/state/test_outbox.py::test_a_job"]
    played: list[frozenset[str]] = []
    for seed in [1, *range(1, 40)]:
        monkeypatch.setattr(runs, "_run", runs._Run(seed=seed))
        played.append(frozenset(whole + single + short) - runs.left_out(whole + single + short))

    assert played[0] == played[1]
    parts = set(played)
    assert len(parts) == runs.PARTS
    assert Counter(test for part in parts for test in part) == Counter(whole + single) | Counter(short * runs.PARTS)
    for part in parts:
        assert len(part.intersection(single)) in (len(single) // runs.PARTS, len(single) // runs.PARTS + 1)
        assert {len([test for test in part if test.startswith(place)]) for place in runs.DEALT_AS_A_WHOLE} == {0, 9}


def test_every_place_of_a_long_test_exists() -> None:
    for place in runs.DEALT_AS_A_WHOLE + runs.DEALT_ONE_BY_ONE:
        path, _, name = place.partition("::")
        assert (ROOT / path).exists(), place
        assert f"def {name}" in (ROOT / path).read_text() if name else True, place


def test_a_run_on_one_store_takes_another_for_each_test_and_leaves_none_out(first: str, again: str, other: str) -> None:
    chosen = {line.split()[1]: line.split()[0] for line in printed("anything on", first)}

    assert len(chosen) == len(printed("anything on", first)) == 20
    assert set(chosen.values()) == {"sqlite", "postgresql"}
    assert set(printed("anything on", first)) == set(printed("anything on", again))
    assert set(printed("anything on", first)) != set(printed("anything on", other))
    assert Counter(printed("the store on", first)) == {"sqlite": 1, "postgresql": 1}
