"""Sessions and counts in several Redis servers, while keys move, masters change and servers are away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from threading import Event, get_ident
from typing import Any, cast

import pytest
import redis
from redis.crc import key_slot
from sqlalchemy import Connection

from state import deadline, redis_clients
from state.budgets import Spent, Use
from state.redis_addresses import group_of
from state.redis_budgets import RedisBudgets
from state.redis_groups import MOST_WAITING, ServersOf
from state.redis_rates import RedisRates
from state.redis_sessions import PREFIX
from state.sessions import PAGES, Claimed, Sessions, SidePage
from tests.redis_groups import MASTER, Cluster, Node, Watched, is_replicated, running_cluster, running_watched, wait_for
from tests.threads import LIMIT_S, together

PEOPLE = [f"+2547110{number:05}" for number in range(60)]
NOW, TTL, LEASE = 1_800_000_000.0, 600.0, 2.5
SHORT_S = 0.2
REFUSED = 4
NO_CONNECTION = cast("Connection", None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with running_watched() as watched:
        yield watched


@pytest.fixture
def sessions(cluster: Cluster) -> Iterator[Sessions]:
    sessions = redis_clients.sessions(cluster.url)
    yield sessions
    sessions.close()


def claim_and_save(sessions: Sessions, msisdn: str, data: bytes, page: SidePage | None = None) -> bool:
    assert sessions.claim(msisdn, "me", now=NOW, lease=LEASE) is not None
    return sessions.save(msisdn, data, "me", now=NOW, ttl=TTL, page=page)


def keys(node: Node) -> set[str]:
    return {key.decode() for key in node.ask("KEYS", f"{PREFIX}+*")}


def test_all_of_a_person_is_at_one_server_and_people_are_spread(cluster: Cluster, sessions: Sessions) -> None:
    for msisdn in PEOPLE:
        assert claim_and_save(sessions, msisdn, msisdn.encode(), SidePage(PAGES - 1, b"page"))
    stored = [keys(node) for node in cluster.nodes]
    assert all(stored)
    assert sorted(key for some in stored for key in some) == [PREFIX + msisdn for msisdn in PEOPLE]
    assert [sessions.load(msisdn, NOW) for msisdn in PEOPLE] == [msisdn.encode() for msisdn in PEOPLE]
    assert sessions.mentioning(lambda data: data == PEOPLE[0].encode()) == [PEOPLE[0]]
    for msisdn in PEOPLE:
        sessions.delete(msisdn)
    assert not any(keys(node) for node in cluster.nodes)


def test_a_person_is_found_while_and_after_the_slot_moves_to_another_server(
    cluster: Cluster, sessions: Sessions
) -> None:
    there = PEOPLE[0]
    slot = key_slot((PREFIX + there).encode())
    assert claim_and_save(sessions, there, b"before")
    source = cluster.master_of(PREFIX + there)
    target = next(node for node in cluster.nodes if node is not source)
    ids = {node: node.ask("CLUSTER", "MYID").decode() for node in (source, target)}
    target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    assert claim_and_save(sessions, there, b"still at the source")
    source.ask("MIGRATE", "127.0.0.1", target.port, PREFIX + there, 0, 5000)
    assert claim_and_save(sessions, there, b"at the target, which must be asked with ASKING")
    for node in (target, source):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    assert sessions.load(there, NOW) == b"at the target, which must be asked with ASKING"
    assert claim_and_save(sessions, there, b"moved")
    assert (keys(source) & {PREFIX + there}, keys(target) & {PREFIX + there}) == (set(), {PREFIX + there})
    sessions.delete(there)


def test_while_a_server_is_away_the_people_of_the_others_are_served(cluster: Cluster, sessions: Sessions) -> None:
    for msisdn in PEOPLE:
        claim_and_save(sessions, msisdn, b"before")
    away = cluster.master_of(PREFIX + PEOPLE[0])
    concerned = {key.removeprefix(PREFIX) for key in keys(away)}
    away.kill()
    for msisdn in sorted(set(PEOPLE) - concerned):
        assert claim_and_save(sessions, msisdn, b"meanwhile")
    with deadline.within(SHORT_S), pytest.raises(redis.RedisError):
        sessions.load(PEOPLE[0], NOW)
    sessions.ping()
    away.start()

    def is_back() -> bool:
        with suppress(redis.RedisError), deadline.within(SHORT_S):
            return sessions.claim(PEOPLE[0], "me", now=NOW, lease=LEASE) == Claimed(None)
        return False

    wait_for(is_back)


def test_a_ping_fails_if_no_server_answers(cluster: Cluster, sessions: Sessions) -> None:
    sessions.ping()
    first, second, third = cluster.nodes
    with (
        first.frozen(),
        second.frozen(),
        third.frozen(),
        deadline.within(SHORT_S),
        pytest.raises((redis.RedisError, deadline.TimeIsUpError)),
    ):
        sessions.ping()
    sessions.ping()


def test_a_few_threads_wait_for_a_master_and_the_others_fail_at_once(cluster: Cluster) -> None:
    group = group_of(cluster.url)
    assert group
    servers: ServersOf[str] = ServersOf(group, lambda url, _is_asking: url)
    calls, refused = Counter[int](), Event()

    def fail(_url: str) -> None:
        calls[get_ident()] += 1
        if calls[get_ident()] > 1:
            assert refused.wait(LIMIT_S)
        raise redis.ConnectionError

    ended: list[int] = []

    def call(_number: int) -> int:
        with pytest.raises(redis.ConnectionError):
            servers.at(PREFIX, fail, patience=SHORT_S)
        ended.append(get_ident())
        if len(ended) == REFUSED:
            refused.set()
        return calls[get_ident()]

    counts = together(MOST_WAITING + REFUSED, call)
    assert counts.count(1) == REFUSED


# -- Sentinels


def test_a_server_that_has_become_a_replica_is_left(watched: Watched) -> None:
    """As if the Sentinels had named it too late: it refuses writes."""
    sessions = redis_clients.sessions(watched.url)
    assert claim_and_save(sessions, PEOPLE[1], b"before")
    servers: Any = cast("Any", sessions)._servers
    replica = next(node for node in watched.servers if node is not watched.master())
    servers._masters._master = ("127.0.0.1", replica.port)
    assert claim_and_save(sessions, PEOPLE[1], b"after")
    assert sessions.load(PEOPLE[1], NOW) == b"after"
    sessions.close()


def test_a_name_that_the_sentinels_do_not_know_is_said(watched: Watched) -> None:
    sessions = redis_clients.sessions(watched.url.replace(MASTER, "other"))
    with pytest.raises(redis.RedisError, match="no master of the name other"):
        sessions.ping()


# -- scripts


@pytest.fixture(params=["cluster", "watched"])
def url(request: pytest.FixtureRequest) -> str:
    group: Cluster | Watched = request.getfixturevalue(request.param)
    return group.url


def test_uses_of_several_budgets_are_counted_at_once(url: str) -> None:
    budgets = RedisBudgets(url)
    uses = [Use("one", 2, 60.0), Use("two", 1, 3600.0)]
    assert budgets.spend(uses, NOW) == [Spent(2, NOW + 60), Spent(1, NOW + 3600)]
    assert RedisBudgets(url).spend(uses, NOW + 1) == [Spent(4, NOW + 60), Spent(2, NOW + 3600)]


def test_tokens_are_taken_from_each_bucket(url: str) -> None:
    rates, now = RedisRates(url), datetime(2026, 11, 22, 9, tzinfo=UTC)
    for name in ("africastalking", "twilio", "daraja"):
        assert rates.take(NO_CONNECTION, name, per_second=5, wanted=10, now=now) == 5
        assert rates.take(NO_CONNECTION, name, per_second=5, wanted=10, now=now) == 0


def test_a_start_check_writes_to_the_group(url: str) -> None:
    redis_clients.write(url, LIMIT_S)


def test_one_server_of_a_cluster_is_refused_as_the_only_server(cluster: Cluster) -> None:
    with pytest.raises(redis.RedisError, match=r"begins with redis\+cluster://"):
        redis_clients.write(f"redis://{cluster.nodes[0].address}/0", LIMIT_S)


def test_sessions_go_on_when_the_replica_takes_over_from_a_master_that_died(watched: Watched) -> None:
    """The last test of this file: afterwards there is one server less."""
    sessions = redis_clients.sessions(watched.url)
    assert claim_and_save(sessions, PEOPLE[0], b"before")
    old = watched.master()
    wait_for(lambda: is_replicated(old))
    old.kill()
    assert sessions.load(PEOPLE[0], NOW) == b"before"
    assert claim_and_save(sessions, PEOPLE[0], b"after")
    assert watched.master() is not old
    sessions.close()
