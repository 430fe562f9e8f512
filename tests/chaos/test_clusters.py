"""People use the service while the primary of PostgreSQL and a master of Redis are killed again and again.

`script/test --cluster` runs it, on three PostgreSQL under Patroni, a Redis Cluster of six nodes, two web servers and
two workers. `--kills 3` is a short one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from threading import Event

import pytest
import urllib3

from state.redis_sessions import PREFIX
from tests import redis_groups
from tests.chaos import faulty_provider, invariants, load_users, postgresql_cluster, scenario
from tests.chaos.faulty_provider import FaultyProvider
from tests.chaos.load_users import LoadUser
from tests.chaos.postgresql_cluster import PostgresCluster
from tests.chaos.processes import ServerProcess
from tests.chaos.scenario import USSD, Scenario, ScenarioAbortedError
from tests.chaos.test_chaos import raise_first_failure
from tests.redis_groups import Cluster, wait_for
from tests.servers import free_port

WEB_SERVERS = 2
CONCURRENT_USERS = 6
STARTS_WITHIN_S = 300.0
"""How long a server may take to start or to follow; the first web server also makes all tables."""
AGAIN_WITHIN_S = 30.0
"""How long after a kill every caller reads a screen again."""
CALLERS = 12
"""Callers who dial until they read one; some of them at each master of Redis."""


class WebServers:
    """Several process trees of `script/server`. The first has migrated the database before the others start."""

    def __init__(self, servers: Sequence[tuple[ServerProcess, str]]) -> None:
        self._servers = servers

    def start(self) -> None:
        for server, url in self._servers:
            server.start()
            wait_for(lambda url=url: is_alive(url), STARTS_WITHIN_S)  # type: ignore[misc]

    def stop(self) -> int:
        return max(server.stop() for server, _ in self._servers)

    def kill(self) -> None:
        for server, _ in self._servers:
            with suppress(AttributeError):  # it was not started yet
                server.kill()


@dataclass
class Kills:
    """Kills the primary and a Redis master together, and starts them again when every caller reads a screen."""

    postgres: PostgresCluster
    redis: Cluster
    url: str
    random: Random
    screens: list[str] = field(default_factory=list)
    """The answers to the callers that are no screen of a call that goes on."""
    seconds: list[float] = field(default_factory=list)
    """How long it took after each kill until every caller read one."""
    _calls: Iterator[int] = field(default_factory=count)
    _web: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=4, retries=False))

    def once(self) -> None:
        primary, master = self.postgres.primary(), self.random.choice(self.redis.masters())
        primary.kill()
        master.kill()
        began = time.monotonic()
        wait_for(lambda: all(self._reads_a_screen(number) for number in range(CALLERS)))
        self.seconds.append(time.monotonic() - began)
        primary.start()
        master.start()
        self.postgres.wait_until_whole()
        wait_for(self.redis.is_whole, STARTS_WITHIN_S)

    def summary(self, people: int) -> str:
        """What happened, in a few lines."""
        seconds = " ".join(f"{some:.1f}" for some in self.seconds)
        return f"\n{people} people; calls went on after these seconds: {seconds}; {len(self.screens)} calls ended\n"

    def _reads_a_screen(self, caller: int) -> bool:
        form = {
            "sessionId": f"ATUid_caller_{next(self._calls)}",
            "phoneNumber": f"+2547998800{caller:02}",
            "serviceCode": "*384*22#",
            "text": "",
        }
        answer = self._web.request("POST", f"{self.url}{USSD}", fields=form, encode_multipart=False, timeout=30.0)
        said = answer.data.decode()
        if answer.status == 200 and said.startswith("CON "):
            return True
        self.screens.append(f"{answer.status} {said}")
        return False


def is_alive(url: str) -> bool:
    with suppress(urllib3.exceptions.HTTPError):
        return urllib3.request("GET", f"{url}/healthz", retries=False, timeout=2.0).status == 200
    return False


@contextmanager
def running(provider: FaultyProvider, folder: Path, random: Random, environment: dict[str, str]) -> Iterator[Scenario]:
    """Some web servers, each with a worker, behind one address."""
    with ExitStack() as stack:
        ports = [free_port() for _ in range(WEB_SERVERS)]
        url = stack.enter_context(postgresql_cluster.balanced(ports))
        settings = scenario.settings_for(provider, url) | {"PUBLIC_URL": url} | environment
        clock = scenario.morning(environment["DATABASE_URL"])
        group = WebServers(
            [
                (
                    ServerProcess(settings | {"PORT": str(port)}, folder / f"server-{port}.log"),
                    f"http://127.0.0.1:{port}",
                )
                for port in ports
            ]
        )
        stack.callback(group.kill)
        group.start()
        wait_for(lambda: is_alive(url), STARTS_WITHIN_S)
        yield Scenario(group, url, provider, clock, random)


@pytest.mark.timeout(3600)  # each wait inside has a limit of its own
def test_nothing_is_lost_or_done_twice_while_masters_are_killed(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    provider, users = FaultyProvider(Random(random.random())), list[LoadUser]()
    with (
        postgresql_cluster.running() as postgres,
        redis_groups.running_cluster(masters=3, replicas=1) as redis,
        faulty_provider.running(provider),
        running(provider, tmp_path, random, {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url}) as service,
    ):
        load_users.open_kiosks(service)
        kills = Kills(postgres, redis, service.url, random)
        assert {redis.master_of(f"{PREFIX}+2547998800{number:02}") for number in range(CALLERS)} == set(redis.masters())
        users += act_until_killed(service, kills, request.config.option.kills)
        with capsys.disabled():
            sys.stdout.write(kills.summary(len(users)))
        service.settle()
        invariants.check_repeated_orders_get_the_same_answer(service, users)
        assert service.server.stop() == 0
        assert service.differing_answers == []
        assert [screen for screen in kills.screens if not screen.startswith("200 END ")] == []
        assert [unanswered for unanswered in service.unanswered if unanswered[0].endswith(USSD)] == []
        assert max(kills.seconds) <= AGAIN_WITHIN_S
        with invariants.reading(postgres.url) as rows:
            invariants.check_inbound_texts_are_kept_and_answered_once(rows, service)
            invariants.check_commands_are_done_once(rows, service, users)
            invariants.check_messages_arrived_once_or_are_known_as_repeated(rows, provider, len(kills.seconds))
            invariants.check_payouts_are_paid_once(rows, service)
        invariants.check_the_ledger_balances(postgres.url)


def act_until_killed(service: Scenario, kills: Kills, times: int) -> list[LoadUser]:
    """Let one person after another act until masters were killed so often; the people who acted."""
    over, numbers, users = Event(), count(), list[LoadUser]()

    def act() -> None:
        while not over.is_set():
            user = LoadUser(next(numbers))
            users.append(user)
            load_users.act(service, user)

    def kill() -> None:
        try:
            for _ in range(times):
                if service.aborted.is_set():
                    raise ScenarioAbortedError("a user has failed")
                kills.once()
        finally:
            over.set()

    with ThreadPoolExecutor(CONCURRENT_USERS + 1) as threads:
        acting: list[Future[None]] = [threads.submit(kill), *(threads.submit(act) for _ in range(CONCURRENT_USERS))]
        if wait(acting, return_when=FIRST_EXCEPTION).not_done:
            service.aborted.set()
            over.set()
    raise_first_failure(acting)
    return users
