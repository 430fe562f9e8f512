"""Rate limits that all workers share, in Redis and in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from state.rates import SendRates, SqlRates, _taken
from state.redis_rates import RedisRates
from tests.threads import together

pytestmark = pytest.mark.every_store

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture(params=["sql", "redis"])
def rates(request: pytest.FixtureRequest) -> SendRates:
    return SqlRates() if request.param == "sql" else RedisRates(request.getfixturevalue("redis_url"))


def take(rates: SendRates, conn: Connection, wanted: int, seconds: float = 0, name: str = "twilio") -> int:
    return rates.take(conn, name, per_second=10, wanted=wanted, now=NOW + timedelta(seconds=seconds))


def test_a_full_bucket_holds_the_tokens_of_one_second(rates: SendRates, conn: Connection) -> None:
    assert take(rates, conn, 4) == 4
    assert take(rates, conn, 100) == 6
    assert take(rates, conn, 1) == 0


def test_a_bucket_fills_with_time_and_not_beyond_full(rates: SendRates, conn: Connection) -> None:
    take(rates, conn, 10)
    assert take(rates, conn, 100, seconds=0.3) == 3
    assert take(rates, conn, 100, seconds=0.35) == 0
    assert take(rates, conn, 100, seconds=0.45) == 1
    assert take(rates, conn, 100, seconds=60) == 10


def test_a_rate_below_one_a_second_grants_one_from_time_to_time(rates: SendRates, conn: Connection) -> None:
    def take(seconds: float) -> int:
        return rates.take(conn, "slow", per_second=0.1, wanted=5, now=NOW + timedelta(seconds=seconds))

    assert [take(seconds) for seconds in (0, 9, 10, 11, 100)] == [1, 0, 1, 0, 1]


def test_each_name_has_a_bucket_of_its_own(rates: SendRates, conn: Connection) -> None:
    assert take(rates, conn, 100) == 10
    assert take(rates, conn, 100, name="africastalking") == 10


def test_concurrent_workers_take_no_more_than_there_is(rates: SendRates, engine: Engine) -> None:
    def work(_: int) -> int:
        with engine.begin() as conn:
            return take(rates, conn, 3)

    assert sum(together(6, work)) == 10


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50)), min_size=1, max_size=40),
    st.sampled_from([0.5, 1.0, 3.0, 50.0]),
)
def test_over_any_time_no_more_than_the_rate_and_one_bucket_is_granted(
    asked: list[tuple[float, int]], per_second: float
) -> None:
    now, free_at, granted = NOW.timestamp(), 0.0, 0
    began = now
    for later, wanted in asked:
        now += later
        taken, free_at = _taken(free_at, per_second, wanted, now)
        granted += taken
        assert taken <= wanted
        assert granted <= (now - began + max(1, 1 / per_second)) * per_second + 1e-3
