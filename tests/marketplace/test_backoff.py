"""The gaps between attempts: a shortest one, growing ones, a longest one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from marketplace_api.backoff import Backoff, retry_after

S = timedelta(seconds=1)
POLLS = Backoff.doubling(30 * S, 300 * S)


def test_gaps_double_up_to_the_longest_one() -> None:
    assert [POLLS.gap(attempts) // S for attempts in (0, 1, 2, 3, 4, 5, 6, 10**9)] == [
        30,
        30,
        60,
        120,
        240,
        300,
        300,
        300,
    ]
    assert [POLLS.is_spent(attempts) for attempts in (1, 5, 6)] == [False, False, True]


@pytest.mark.parametrize(("requested", "gap"), [(0, 60), (59, 60), (61, 61), (300, 300), (10**9, 300)])
def test_a_requested_wait_is_kept_between_our_gap_and_the_longest_one(requested: int, gap: int) -> None:
    assert POLLS.gap(2, requested=requested * S) == gap * S


def test_jitter_makes_a_gap_longer_and_never_shorter() -> None:
    random, backoff = Random(7), Backoff((10 * S,), jitter=0.2)
    gaps = {backoff.gap(1, random=random) for _ in range(50)}
    assert len(gaps) > 40
    assert 10 * S <= min(gaps) < max(gaps) <= 12 * S


@pytest.mark.parametrize("gaps", [(), (0 * S,), (-S,), (2 * S, S)])
def test_gaps_that_do_not_grow_are_refused(gaps: tuple[timedelta, ...]) -> None:
    with pytest.raises(ValueError, match="positive"):
        Backoff(gaps)


@pytest.mark.parametrize("header", ["", "soon", "-1", "1.5", "Mon, 99 Nov 2026 08:00:00 GMT", "9" * 10, "٣"])
def test_a_retry_after_that_cannot_be_read_is_none(header: str) -> None:
    assert retry_after(header, datetime(2026, 11, 23, 8, tzinfo=UTC)) is None


def test_a_retry_after_at_the_end_of_the_calendar_is_no_error() -> None:
    wait = retry_after("Fri, 31 Dec 9999 23:59:59 -2359", datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert wait is None
