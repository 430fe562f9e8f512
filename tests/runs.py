"""How large a test run is and which seed its random choices begin with.

@settings(max_examples=cases(60))       12 examples in a usual run, 60 with --full
chance = Random(seed())                 a different one in each run; `--seed N` repeats run N
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Option = TypeVar("Option")

SHARE = 10
"""A usual run tries one of this many cases of the long tests."""


HALVED = (
    "tests/bot/conversation/test_remote_shop.py",
    "tests/bot/demo/",
    "tests/bot/installation/",
    "tests/bot/migrations/test_upgrade.py",
    "tests/bot/persons/test_erasing.py",
    "tests/bot/simulator/",
    "tests/bot/test_an_hour_of_a_sick_provider.py",
    "tests/bot/test_worker.py",
    "tests/browser/",
    "tests/repository/test_scripts.py",
    "tests/repository/test_walks.py",
    "tests/test_transcripts.py",
)
"""Files and folders of many long tests: a usual run of the whole suite runs half of these tests."""


@dataclass
class _Run:
    full: bool = False
    seed: int = 0


_run = _Run()


def begin(*, full: bool, seed: int) -> None:
    """Called once, before any test module is imported."""
    _run.full, _run.seed = full, seed


def cases(full: int, least: int = 1) -> int:
    """How many cases to try: `full` with --full, else a tenth of it and never fewer than `least`."""
    return full if _run.full else max(full // SHARE, least)


def some_of(options: Iterable[Option], least: int = 1) -> Sequence[Option]:
    """All options in a full run, else as many as `cases` says, others with another seed."""
    all_options = list(options)
    return all_options if _run.full else Random(_run.seed).sample(all_options, cases(len(all_options), least))


def is_in_the_half(test: str) -> bool:
    """True unless this test, by its id, belongs to the half of `HALVED` that this run leaves out."""
    return not test.startswith(HALVED) or Random(f"{_run.seed} {test}").random() < 0.5


def is_full() -> bool:
    """True with --full."""
    return _run.full


def seed() -> int:
    """The seed of this run, which pytest prints in its header and with every failure."""
    return _run.seed
