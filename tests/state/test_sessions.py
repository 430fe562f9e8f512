"""The promises of session stores, tested on each store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url, text

from state import redis_clients
from state.redis_sessions import CLAIM_KEPT_MS, RedisSessions
from state.sessions import PAGES, RENEWED, Claimed, Seen, Sessions, SidePage
from state.sql_sessions import SqlSessions
from tests import servers
from tests.redis_groups import Cluster, running_cluster
from tests.threads import together

pytestmark = pytest.mark.every_store

AMINA, JUMA = "+254711000001", "+254711000002"
NOW, TTL, LEASE = 1_800_000_000.0, 600.0, 2.5


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster_url(cluster: Cluster) -> str:
    """An empty Redis Cluster."""
    for node in cluster.nodes:
        node.ask("FLUSHALL")
    return cluster.url


@pytest.fixture(params=["sqlite", "postgresql", "redis", "cluster"])
def sessions(request: pytest.FixtureRequest) -> Iterator[Sessions]:
    if request.param in ("redis", "cluster"):
        store = redis_clients.sessions(request.getfixturevalue(f"{request.param}_url"))
    else:
        fixture = "migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
        store = SqlSessions(request.getfixturevalue(fixture))
    yield store
    store.close()


def claim(sessions: Sessions, holder: str = "me", msisdn: str = AMINA, now: float = NOW) -> Claimed | None:
    return sessions.claim(msisdn, holder, now=now, lease=LEASE)


def save(sessions: Sessions, data: bytes, holder: str = "me", msisdn: str = AMINA, now: float = NOW) -> bool:
    return sessions.save(msisdn, data, holder, now=now, ttl=TTL)


def claim_and_save(sessions: Sessions, data: bytes, msisdn: str = AMINA, now: float = NOW) -> bool:
    return claim(sessions, msisdn=msisdn, now=now) is not None and save(sessions, data, msisdn=msisdn, now=now)


FORMER = (
    b"\x00\x00\x00\x00\x00\x00\x00\x03\x41\xda\xd2\x74\x80\x40\x00\x00"
    b'{"person":{"msisdn":"+254711000001","language":"en"},"call":{"id":"ATUid_1","heard":"1"}}'
)
"""A value of the version before the claims, under `soko:session:` and the MSISDN; it expires 1 second after NOW."""


def test_a_session_of_the_former_version_is_read_from_redis(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"soko:session:{AMINA}", FORMER)
    sessions = RedisSessions(redis_url)
    assert claim(sessions) == Claimed(FORMER[16:])
    assert claim(sessions, now=NOW + 3) == Claimed(None, "me"), "it has expired"
    assert save(sessions, b"{}", now=NOW)
    assert claim(sessions) == Claimed(b"{}")
    sessions.delete(AMINA)
    assert claim(sessions) == Claimed(None)
    sessions.close()


def test_an_unknown_phone_has_no_session(sessions: Sessions) -> None:
    assert sessions.load(AMINA, NOW) is None
    assert claim(sessions) == Claimed(None)
    assert sessions.load(AMINA, NOW) is None


@pytest.mark.parametrize("data", [b"{}", bytes(range(256)), "አማርኛ".encode(), b"x" * 100_000])
def test_what_is_saved_is_loaded_byte_for_byte(sessions: Sessions, data: bytes) -> None:
    assert claim_and_save(sessions, data)
    assert sessions.load(AMINA, NOW) == data
    assert claim(sessions) == Claimed(data)


# -- claims


def test_a_person_is_claimed_by_one_holder_at_a_time(sessions: Sessions) -> None:
    assert claim(sessions, "first")
    assert claim(sessions, "second") is None
    assert claim(sessions, "second", msisdn=JUMA)
    assert save(sessions, b"{}", "first")
    assert claim(sessions, "second") == Claimed(b"{}")


def test_a_claim_whose_answer_was_lost_is_given_again_to_its_holder(sessions: Sessions) -> None:
    assert claim(sessions, "me")
    assert claim(sessions, "me")
    assert claim(sessions, "another") is None


@pytest.mark.parametrize("saved", [b"{}", None])
def test_a_claim_whose_holder_died_ends_with_its_lease(sessions: Sessions, saved: bytes | None) -> None:
    if saved:
        claim_and_save(sessions, saved)
    claim(sessions, "dead")
    assert claim(sessions, "next", now=NOW + LEASE - 0.001) is None
    assert claim(sessions, "next", now=NOW + LEASE) == Claimed(saved, left_by="dead")


def test_a_holder_that_was_overtaken_saves_and_releases_nothing(sessions: Sessions) -> None:
    claim_and_save(sessions, b"before")
    claim(sessions, "slow")
    claim(sessions, "next", now=NOW + LEASE)
    assert not save(sessions, b"too late", "slow")
    for is_done in (True, False):
        sessions.release(AMINA, "slow", is_done=is_done)
    assert claim(sessions, "third", now=NOW + LEASE) is None
    assert save(sessions, b"after", "next")
    assert not save(sessions, b"too late", "slow")
    assert sessions.load(AMINA, NOW) == b"after"


def test_a_holder_saves_after_its_lease_if_nobody_has_taken_over(sessions: Sessions) -> None:
    claim(sessions)
    assert save(sessions, b"{}", now=NOW + LEASE + 1)


def test_nothing_is_saved_without_a_claim(sessions: Sessions) -> None:
    assert not save(sessions, b"ghost")
    claim(sessions, "another")
    assert not save(sessions, b"ghost")
    assert save(sessions, b"{}", "another")
    assert not save(sessions, b"again", "another")
    assert sessions.load(AMINA, NOW) == b"{}"


@pytest.mark.parametrize("is_done", [True, False])
def test_a_released_claim_is_free_and_the_next_holder_is_told_if_it_was_left(sessions: Sessions, is_done: bool) -> None:
    claim_and_save(sessions, b"{}")
    claim(sessions, "first")
    sessions.release(AMINA, "first", is_done=is_done)
    assert claim(sessions, "second") == Claimed(b"{}", "" if is_done else "first")
    save(sessions, b"after", "second")
    assert claim(sessions, "third") == Claimed(b"after")


# -- without a claim


def test_what_was_seen_is_replaced_while_nobody_holds_a_claim(sessions: Sessions) -> None:
    assert sessions.look(AMINA, NOW) is None
    claim_and_save(sessions, b"first")
    seen = sessions.look(AMINA, NOW)
    assert seen == Seen(b"first", NOW + TTL)
    assert sessions.replace(AMINA, seen, b"second", now=NOW, ttl=TTL) == sessions.look(AMINA, NOW)
    assert not sessions.replace(AMINA, seen, b"ghost", now=NOW, ttl=TTL)
    assert sessions.load(AMINA, NOW) == b"second"
    assert claim(sessions) == Claimed(b"second")


def test_nothing_is_seen_or_replaced_under_a_claim_until_it_is_saved_or_released(sessions: Sessions) -> None:
    claim_and_save(sessions, b"first")
    seen = sessions.look(AMINA, NOW)
    assert seen
    claim(sessions, "another")
    for is_done in (False, True):
        assert sessions.look(AMINA, NOW) is None
        assert not sessions.replace(AMINA, seen, b"ghost", now=NOW, ttl=TTL)
        sessions.release(AMINA, "another", is_done=is_done)
    assert sessions.replace(AMINA, seen, b"second", now=NOW, ttl=TTL)
    assert sessions.load(AMINA, NOW) == b"second"


def test_an_expired_session_is_not_seen(sessions: Sessions) -> None:
    claim_and_save(sessions, b"old")
    assert sessions.look(AMINA, NOW + TTL) is None


def test_a_session_that_was_replaced_lives_for_nearly_its_time_to_live(sessions: Sessions) -> None:
    claim_and_save(sessions, b"0")
    for number in range(1, 100):
        now = NOW + number * TTL / 200
        seen = sessions.look(AMINA, now)
        assert seen
        assert sessions.replace(AMINA, seen, b"%d" % number, now=now, ttl=TTL)
        assert sessions.load(AMINA, now + TTL * RENEWED) == b"%d" % number
        assert sessions.load(AMINA, now + TTL) is None


def test_of_eight_hops_that_have_seen_the_same_one_replaces_it(sessions: Sessions) -> None:
    claim_and_save(sessions, b"start")

    def replace(seen: Seen, round_number: int, number: int) -> bool:
        return bool(sessions.replace(AMINA, seen, b"%d:%d" % (round_number, number), now=NOW, ttl=TTL))

    for round_number in range(15):
        seen = sessions.look(AMINA, NOW)
        assert seen
        done = together(8, partial(replace, seen, round_number))
        assert done.count(True) == 1
        assert sessions.load(AMINA, NOW) == b"%d:%d" % (round_number, done.index(True))


# -- pages


def test_pages_are_kept_beside_the_session_each_in_its_slot(sessions: Sessions) -> None:
    claim(sessions)
    assert sessions.save(AMINA, b"one", "me", now=NOW, ttl=TTL, page=SidePage(0, b"a"))
    seen = sessions.look(AMINA, NOW)
    assert seen
    assert sessions.replace(AMINA, seen, b"two", now=NOW, ttl=TTL, page=SidePage(PAGES - 1, b"b"))
    assert sorted(sessions.pages(AMINA)) == [b"a", b"b"]
    claim(sessions)
    assert sessions.save(AMINA, b"three", "me", now=NOW, ttl=TTL, page=SidePage(0, b"c"))
    assert (sorted(sessions.pages(AMINA)), sessions.pages(JUMA)) == ([b"b", b"c"], [])
    assert sessions.load(AMINA, NOW) == b"three"


def test_who_may_not_save_saves_no_page(sessions: Sessions) -> None:
    claim_and_save(sessions, b"first")
    seen = sessions.look(AMINA, NOW)
    assert seen
    claim_and_save(sessions, b"second")
    assert not sessions.replace(AMINA, seen, b"ghost", now=NOW, ttl=TTL, page=SidePage(0, b"ghost"))
    assert not sessions.save(AMINA, b"ghost", "another", now=NOW, ttl=TTL, page=SidePage(0, b"ghost"))
    assert sessions.pages(AMINA) == []


def test_pages_are_deleted_and_searched_with_their_session(sessions: Sessions) -> None:
    claim(sessions)
    assert sessions.save(AMINA, b"one", "me", now=NOW, ttl=TTL, page=SidePage(3, b"about Juma"))
    assert sessions.mentioning(lambda data: b"Juma" in data) == [AMINA]
    sessions.delete(AMINA)
    assert (sessions.pages(AMINA), sessions.mentioning(lambda data: True)) == ([], [])


# -- expiry


def test_an_expired_session_is_not_found(sessions: Sessions) -> None:
    claim_and_save(sessions, b"old")
    assert sessions.load(AMINA, NOW + TTL - 0.001) == b"old"
    assert sessions.load(AMINA, NOW + TTL) is None
    assert claim(sessions, now=NOW + TTL) == Claimed(None)


def test_an_expired_session_is_replaced_as_if_there_were_none(sessions: Sessions) -> None:
    claim_and_save(sessions, b"old")
    assert claim_and_save(sessions, b"new", now=NOW + TTL)
    assert sessions.load(AMINA, NOW + TTL) == b"new"


def test_every_save_restarts_the_time_to_live(sessions: Sessions) -> None:
    claim_and_save(sessions, b"first")
    claim_and_save(sessions, b"second", now=NOW + TTL / 2)
    assert sessions.load(AMINA, NOW + TTL) == b"second"


def test_the_persons_are_found_whose_conversation_matches(sessions: Sessions) -> None:
    assert claim_and_save(sessions, b"about Amina")
    assert claim_and_save(sessions, b"about nobody", msisdn=JUMA)
    claim(sessions, msisdn="+254711000003")
    assert sessions.mentioning(lambda data: b"Amina" in data) == [AMINA]
    assert sorted(sessions.mentioning(lambda data: b"about" in data)) == [AMINA, JUMA]


def test_a_deleted_session_is_not_found_and_others_stay(sessions: Sessions) -> None:
    claim_and_save(sessions, b"amina")
    claim_and_save(sessions, b"juma", msisdn=JUMA)
    claim(sessions, "holder")
    sessions.delete(AMINA)
    sessions.delete(AMINA)
    assert not save(sessions, b"ghost", "holder")
    assert claim(sessions, "next") == Claimed(None)
    assert sessions.load(JUMA, NOW) == b"juma"


def test_a_store_answers_a_ping(sessions: Sessions) -> None:
    sessions.ping()


def test_of_eight_concurrent_hops_exactly_one_has_the_claim(sessions: Sessions) -> None:
    for round_number in range(15):
        claims = together(8, lambda number: claim(sessions, f"hop {number}"))
        (winner,) = [number for number, claimed in enumerate(claims) if claimed]
        assert [save(sessions, b"%d" % round_number, f"hop {number}") for number in range(8)].count(True) == 1
        assert not save(sessions, b"again", f"hop {winner}")
        assert sessions.load(AMINA, NOW) == b"%d" % round_number


def test_concurrent_sessions_of_many_phones_are_independent(sessions: Sessions) -> None:
    def save_and_load(phone: int) -> list[bytes | None]:
        msisdn, loaded = f"+25471100{phone:04}", []
        for number in range(15):
            assert claim_and_save(sessions, b"%d:%d" % (phone, number), msisdn)
            loaded.append(sessions.load(msisdn, NOW))
        return loaded

    for phone, loaded in enumerate(together(8, save_and_load)):
        assert loaded == [b"%d:%d" % (phone, number) for number in range(15)]


@dataclass
class Record:
    """What the store knows about a phone."""

    data: bytes | None = None
    expires_at: float = 0.0
    holder: str = ""
    held_until: float = 0.0


phones, holders = st.sampled_from([AMINA, JUMA]), st.sampled_from(["a", "b", "c"])
steps = st.one_of(
    st.tuples(st.just("claim"), phones, holders),
    st.tuples(st.just("save"), phones, holders, st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("release"), phones, holders, st.booleans()),
    st.tuples(st.just("delete"), phones),
    st.tuples(st.just("wait"), st.sampled_from([LEASE / 2, LEASE, TTL / 2, TTL])),
)


def expected_claim(record: Record, holder: str, now: float) -> Claimed | None:
    if record.holder not in ("", holder) and record.held_until > now:
        return None
    claimed = Claimed(record.data if record.expires_at > now else None, record.holder)
    record.holder, record.held_until = holder, now + LEASE
    return claimed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(steps, max_size=20))
def test_a_store_behaves_as_a_dictionary_with_claims(sessions: Sessions, script: list[tuple[Any, ...]]) -> None:
    for msisdn in (AMINA, JUMA):
        sessions.delete(msisdn)
    model: defaultdict[str, Record] = defaultdict(Record)
    now = NOW
    for verb, *arguments in script:
        if verb == "wait":
            now += arguments[0]
        elif verb == "delete":
            sessions.delete(arguments[0])
            model.pop(arguments[0], None)
        else:
            msisdn, holder, *values = arguments
            record, holds = model[msisdn], model[msisdn].holder == holder
            if verb == "claim":
                assert claim(sessions, holder, msisdn, now) == expected_claim(record, holder, now)
            elif verb == "save":
                assert save(sessions, *values, holder, msisdn, now) == holds
                if holds:
                    model[msisdn] = Record(*values, now + TTL)
            else:
                sessions.release(msisdn, holder, is_done=values[0])
                if holds:
                    record.holder, record.held_until = ("" if values[0] else holder), 0.0
        for msisdn in (AMINA, JUMA):
            record = model[msisdn]
            assert sessions.load(msisdn, now) == (record.data if record.expires_at > now else None)


@pytest.mark.parametrize("fixture", ["migrated_sqlite_url", "migrated_postgres_url"])
def test_a_sweep_deletes_expired_sessions_and_no_others(request: pytest.FixtureRequest, fixture: str) -> None:
    sessions = SqlSessions(request.getfixturevalue(fixture))
    claim_and_save(sessions, b"old")
    claim_and_save(sessions, b"new", msisdn=JUMA, now=NOW + 1)
    claim_and_save(sessions, b"old", msisdn="+254711000003")
    claim(sessions, msisdn="+254711000003", now=NOW + TTL)
    assert (sessions.sweep(NOW + TTL), sessions.sweep(NOW + TTL)) == (1, 0)
    assert sessions.load(JUMA, NOW + TTL) == b"new"
    assert save(sessions, b"{}", msisdn="+254711000003", now=NOW + TTL)
    sessions.close()


def test_a_new_sqlite_database_is_opened_by_many_threads_at_once(migrated_sqlite_url: str) -> None:
    sessions = SqlSessions(migrated_sqlite_url)
    assert all(together(8, lambda n: claim_and_save(sessions, b"{}", f"+25471100000{n}")))
    sessions.close()


def test_connections_that_postgresql_closed_are_replaced(migrated_postgres_url: str) -> None:
    sessions = SqlSessions(migrated_postgres_url)
    together(4, lambda n: claim_and_save(sessions, b"kept", f"+25471100000{n}"))
    engine = create_engine(make_url(migrated_postgres_url).set(database="postgres"))
    with engine.connect() as conn:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
        conn.execute(text(cut), {"name": make_url(migrated_postgres_url).database})
    engine.dispose()
    assert sessions.load("+254711000000", NOW) == b"kept"
    assert claim_and_save(sessions, b"on", "+254711000000")
    sessions.close()


def test_redis_may_restart_between_two_hops() -> None:
    with servers.running_redis() as server:
        sessions = RedisSessions(server.url)
        claim_and_save(sessions, b"before")
        server.stop()
        with pytest.raises(redis.ConnectionError):
            sessions.ping()
        server.start()
        assert sessions.load(AMINA, NOW) is None
        server.stop()
        server.start()
        assert claim_and_save(sessions, b"after")
        assert sessions.load(AMINA, NOW) == b"after"
        sessions.close()


def test_a_late_answer_of_redis_is_not_taken_for_that_of_the_next_command(
    redis_url: str, redis_server: servers.Redis
) -> None:
    sessions = RedisSessions(redis_url)
    claim_and_save(sessions, b"about Amina")
    with redis_server.frozen(), pytest.raises(redis.TimeoutError):
        sessions.load(AMINA, NOW)
    assert sessions.load(JUMA, NOW) is None
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
    claim(sessions)
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl(f"p:{AMINA}") <= CLAIM_KEPT_MS
        save(sessions, b"{}")
        assert 0 < client.pttl(f"p:{AMINA}") <= TTL * 1000
    sessions.close()
