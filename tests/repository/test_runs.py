"""The options --full and --seed, tried in a pytest run of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A few tests under the options of this suite."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_few.py").write_text(TESTS)
    return tmp_path


def run(suite: Path, *options: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", f"--rootdir={suite}"]
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


def printed(word: str, output: str) -> str:
    return re.findall(rf"^{word} (.+)$", output, re.MULTILINE)[0]


def test_the_seed_is_printed_at_the_top_and_with_a_failure_and_repeats_the_run(suite: Path) -> None:
    first = run(suite)
    top, failure = re.findall(r"--seed (\d+)", first)
    again, other = run(suite, "--seed", top), run(suite, "--seed", str(int(top) + 1), "-k", "not hypothesis")

    assert top == failure
    for word in ("chosen", "cases"):
        assert printed(word, first) == printed(word, again) != printed(word, other)
    assert printed("cases", first).split()[:4] == ["20", "1", "2", "20"]


def test_a_full_run_tries_all_cases(suite: Path) -> None:
    assert printed("cases", run(suite, "--full")).split()[:4] == ["100", "3", "3", "100"]


STORES = """
import pytest


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    return request.param


@pytest.mark.parametrize("number", range(20))
def test_anything(database_url, number):
    print("anything on", database_url)


@pytest.mark.every_store
def test_the_store(database_url):
    print("the store on", database_url)
    assert database_url != "sqlite"
"""


def test_a_run_on_one_store_takes_another_for_each_test_and_leaves_none_out(suite: Path) -> None:
    (suite / "test_few.py").write_text(STORES)
    printed_by_run = [
        run(suite, "--one-store", "--seed", seed, "-c", ROOT / "pyproject.toml") for seed in ("1", "1", "2")
    ]
    first, again, other = (re.findall(r"^anything on (\w+)", output, re.MULTILINE) for output in printed_by_run)

    assert len(first) == 20
    assert set(first) == {"sqlite", "postgresql"}
    assert first == again != other
    assert re.findall(r"^the store on (\w+)", printed_by_run[0], re.MULTILINE) == ["sqlite", "postgresql"]


def test_all_workers_have_the_same_seed(suite: Path) -> None:
    assert len(set(re.findall(r"--seed (\d+)", run(suite, "-n", "2")))) == 1
