"""The promises of session stores, tested on each store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from state.redis_sessions import RedisSessions
from state.sessions import Sessions, Stored
from state.sql_sessions import SqlSessions
from tests import servers
from tests.threads import together

pytestmark = pytest.mark.every_store

AMINA, JUMA = "+254711000001", "+254711000002"
NOW, TTL = 1_800_000_000.0, 600.0


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def sessions(request: pytest.FixtureRequest) -> Iterator[Sessions]:
    if request.param == "redis":
        store: RedisSessions | SqlSessions = RedisSessions(request.getfixturevalue("redis_url"))
    else:
        fixture = "migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
        store = SqlSessions(request.getfixturevalue(fixture))
    yield store
    store.close()


def save(sessions: Sessions, data: bytes, expected: int, msisdn: str = AMINA, now: float = NOW) -> bool:
    return sessions.save(msisdn, data, expected=expected, now=now, ttl=TTL)


def test_an_unknown_phone_has_no_session(sessions: Sessions) -> None:
    assert sessions.load(AMINA, NOW) is None


@pytest.mark.parametrize("data", [b"", b"{}", bytes(range(256)), "አማርኛ".encode(), b"x" * 100_000])
def test_what_is_saved_is_loaded_byte_for_byte(sessions: Sessions, data: bytes) -> None:
    assert save(sessions, data, expected=0)
    assert sessions.load(AMINA, NOW) == Stored(1, data)


def test_every_save_raises_the_version_by_one(sessions: Sessions) -> None:
    assert [save(sessions, b"%d" % version, expected=version) for version in range(3)] == [True] * 3
    assert sessions.load(AMINA, NOW) == Stored(3, b"2")


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_a_save_that_lost_the_race_changes_nothing(sessions: Sessions, expected: int) -> None:
    save(sessions, b"first", expected=0)
    save(sessions, b"second", expected=1)
    assert not save(sessions, b"too late", expected=expected)
    assert sessions.load(AMINA, NOW) == Stored(2, b"second")


def test_a_repeated_save_is_refused(sessions: Sessions) -> None:
    assert save(sessions, b"same", expected=0)
    assert not save(sessions, b"same", expected=0)
    assert sessions.load(AMINA, NOW) == Stored(1, b"same")


def test_a_save_that_expects_a_version_of_an_unknown_phone_is_refused(sessions: Sessions) -> None:
    assert not save(sessions, b"ghost", expected=1)
    assert sessions.load(AMINA, NOW) is None


def test_an_expired_session_is_not_found(sessions: Sessions) -> None:
    save(sessions, b"old", expected=0)
    assert sessions.load(AMINA, NOW + TTL - 0.001) == Stored(1, b"old")
    assert sessions.load(AMINA, NOW + TTL) is None


def test_an_expired_session_is_replaced_as_if_there_were_none(sessions: Sessions) -> None:
    save(sessions, b"old", expected=0)
    assert not save(sessions, b"on top", expected=1, now=NOW + TTL)
    assert save(sessions, b"new", expected=0, now=NOW + TTL)
    assert sessions.load(AMINA, NOW + TTL) == Stored(1, b"new")


def test_every_save_restarts_the_time_to_live(sessions: Sessions) -> None:
    save(sessions, b"first", expected=0)
    save(sessions, b"second", expected=1, now=NOW + TTL / 2)
    assert sessions.load(AMINA, NOW + TTL) == Stored(2, b"second")


def test_a_deleted_session_is_not_found_and_others_stay(sessions: Sessions) -> None:
    save(sessions, b"amina", expected=0)
    save(sessions, b"juma", expected=0, msisdn=JUMA)
    sessions.delete(AMINA)
    sessions.delete(AMINA)
    assert sessions.load(AMINA, NOW) is None
    assert sessions.load(JUMA, NOW) == Stored(1, b"juma")


def test_a_store_answers_a_ping(sessions: Sessions) -> None:
    sessions.ping()


def test_of_eight_concurrent_hops_exactly_one_saves_each_version(sessions: Sessions) -> None:
    for version in range(15):

        def hop(number: int, version: int = version) -> bool:
            return save(sessions, b"%d" % number, expected=version)

        saved = together(8, hop)
        assert saved.count(True) == 1
        assert sessions.load(AMINA, NOW) == Stored(version + 1, b"%d" % saved.index(True))


def test_concurrent_sessions_of_many_phones_are_independent(sessions: Sessions) -> None:
    def save_and_load(phone: int) -> list[Stored | None]:
        msisdn, loaded = f"+25471100{phone:04}", []
        for version in range(15):
            assert save(sessions, b"%d:%d" % (phone, version), expected=version, msisdn=msisdn)
            loaded.append(sessions.load(msisdn, NOW))
        return loaded

    for phone, loaded in enumerate(together(8, save_and_load)):
        assert loaded == [Stored(version + 1, b"%d:%d" % (phone, version)) for version in range(15)]


phones = st.sampled_from([AMINA, JUMA])
steps = st.one_of(
    st.tuples(st.just("save"), phones, st.integers(0, 4), st.binary(max_size=20)),
    st.tuples(st.just("delete"), phones),
    st.tuples(st.just("wait"), st.floats(0, TTL)),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=15))
def test_a_store_behaves_as_a_dictionary_with_versions(sessions: Sessions, script: list[tuple[Any, ...]]) -> None:
    for msisdn in (AMINA, JUMA):
        sessions.delete(msisdn)
    model: dict[str, tuple[Stored, float]] = {}
    now = NOW
    for verb, *arguments in script:
        if verb == "wait":
            now += arguments[0]
            model = {msisdn: entry for msisdn, entry in model.items() if entry[1] > now}
        elif verb == "delete":
            sessions.delete(arguments[0])
            model.pop(arguments[0], None)
        else:
            msisdn, expected, data = arguments
            is_current = expected == (model[msisdn][0].version if msisdn in model else 0)
            assert save(sessions, data, expected, msisdn, now) == is_current
            if is_current:
                model[msisdn] = Stored(expected + 1, data), now + TTL
        for msisdn in (AMINA, JUMA):
            assert sessions.load(msisdn, now) == (model[msisdn][0] if msisdn in model else None)


@pytest.mark.parametrize("fixture", ["migrated_sqlite_url", "migrated_postgres_url"])
def test_a_sweep_deletes_expired_sessions_and_no_others(request: pytest.FixtureRequest, fixture: str) -> None:
    sessions = SqlSessions(request.getfixturevalue(fixture))
    save(sessions, b"old", expected=0)
    save(sessions, b"new", expected=0, msisdn=JUMA, now=NOW + 1)
    assert (sessions.sweep(NOW + TTL), sessions.sweep(NOW + TTL)) == (1, 0)
    assert sessions.load(JUMA, NOW + TTL) == Stored(1, b"new")
    sessions.close()


def test_a_new_sqlite_database_is_opened_by_many_threads_at_once(migrated_sqlite_url: str) -> None:
    sessions = SqlSessions(migrated_sqlite_url)
    assert all(together(8, lambda n: save(sessions, b"", expected=0, msisdn=f"+25471100000{n}")))
    sessions.close()


def test_connections_that_postgresql_closed_are_replaced(migrated_postgres_url: str) -> None:
    sessions = SqlSessions(migrated_postgres_url)
    together(4, lambda n: save(sessions, b"kept", expected=0, msisdn=f"+25471100000{n}"))
    engine = create_engine(make_url(migrated_postgres_url).set(database="postgres"))
    with engine.connect() as conn:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        conn.execute(text(cut), {"name": make_url(migrated_postgres_url).database})
    engine.dispose()
    assert sessions.load("+254711000000", NOW) == Stored(1, b"kept")
    assert save(sessions, b"on", expected=1, msisdn="+254711000000")
    sessions.close()


def test_redis_may_restart_between_two_hops() -> None:
    with servers.running_redis() as server:
        sessions = RedisSessions(server.url)
        save(sessions, b"before", expected=0)
        server.stop()
        with pytest.raises(redis.ConnectionError):
            sessions.ping()
        server.start()
        assert sessions.load(AMINA, NOW) is None
        server.stop()
        server.start()
        assert save(sessions, b"after", expected=0)
        assert sessions.load(AMINA, NOW) == Stored(1, b"after")
        sessions.close()


def test_a_redis_that_answers_reads_alone_is_not_ready(redis_url: str) -> None:
    sessions = RedisSessions(redis_url)
    with redis.Redis.from_url(redis_url) as client:
        sessions.ping()
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(redis.OutOfMemoryError):
                sessions.ping()
        finally:
            client.config_set("maxmemory", "0")
    sessions.close()


def test_redis_deletes_expired_sessions_by_itself(redis_url: str) -> None:
    sessions = RedisSessions(redis_url, prefix="p:")
    save(sessions, b"", expected=0)
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl(f"p:{AMINA}") <= TTL * 1000
    sessions.close()
