"""`together` ends, whatever its threads do."""

from __future__ import annotations

import threading
import time

import pytest

from tests.threads import together


def test_results_come_in_the_order_of_the_numbers() -> None:
    assert together(4, lambda number: number * 10) == [0, 10, 20, 30]


def test_all_threads_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3)

    assert sorted(together(3, lambda _: meeting.wait(10))) == [0, 1, 2]


def test_an_exception_is_raised_at_once_and_ends_the_other_threads() -> None:
    running = threading.active_count()

    def work(number: int) -> None:
        if number == 3:
            raise KeyError("three")
        while True:
            time.sleep(0.001)

    begun = time.monotonic()
    with pytest.raises(KeyError, match="three"):
        together(4, work)
    assert time.monotonic() - begun < 30
    assert threading.active_count() == running


def test_threads_that_never_end_are_interrupted() -> None:
    running = threading.active_count()

    def wait_for_ever(_: int) -> None:
        while True:
            time.sleep(0.001)

    with pytest.raises(TimeoutError, match="not all of 2 threads ended within"):
        together(2, wait_for_ever, limit_s=0.1)
    assert threading.active_count() == running
