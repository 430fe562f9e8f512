"""Many users act while the service's processes and servers are killed; then all results are counted.

`script/test tests/chaos --people 5000 --chaos-seed 7` runs a larger scenario, with other random choices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests import servers
from tests.chaos import faulty_provider, invariants, load_users, scenario
from tests.chaos.faulty_provider import FaultyProvider
from tests.chaos.load_users import LoadUser
from tests.chaos.processes import ServerProcess
from tests.chaos.scenario import FaultInjector, Scenario, ScenarioAbortedError
from tests.runs import cases, some_of

CONCURRENT_USERS = 16
REQUESTS_PER_FAULT = 250
"""Fewer with few users, so that each fault occurs then too."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the service keeps its data, and the faults of these servers."""

    environment: dict[str, str]
    faults: list[Callable[[], object]] = field(default_factory=list)


@pytest.fixture(params=some_of(["sqlite", "postgresql-redis"]))
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """Servers that only this test uses, so that it may kill them."""
    if request.param == "sqlite":
        yield Stores({"DATABASE_URL": f"sqlite:///{tmp_path}/soko.db"})
        return
    with ExitStack() as running:
        postgres = running.enter_context(servers.running_postgres())
        redis = running.enter_context(servers.running_redis())
        url = running.enter_context(postgres.fresh_database())
        yield Stores({"DATABASE_URL": url, "REDIS_URL": redis.url}, [redis.kill, postgres.restart])


@pytest.fixture
def users(request: pytest.FixtureRequest) -> list[LoadUser]:
    """Half of `--people` for each pair of stores."""
    return [LoadUser(number) for number in range((request.config.option.people or cases(500, least=60)) // 2)]


@pytest.fixture
def random(request: pytest.FixtureRequest, seed: int) -> Random:
    chosen: int | None = request.config.option.chaos_seed
    return Random(seed if chosen is None else chosen)


@pytest.mark.long
@pytest.mark.timeout(1800)  # each wait inside has a limit of its own
def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(
    stores: Stores, users: list[LoadUser], random: Random, tmp_path: Path
) -> None:
    provider = FaultyProvider(Random(random.random()))
    with (
        faulty_provider.running(provider),
        scenario.running(provider, tmp_path, random, **stores.environment) as running,
    ):
        load_users.open_kiosks(running)
        injected = act_under_faults(running, users, stores.faults)
        running.settle()
        invariants.check_repeated_orders_get_the_same_answer(running, users)
        assert running.server.stop() == 0
    assert running.differing_answers == []
    kills = sum(fault in ("kill_worker", "kill_everything", "restart") for fault in injected)
    with invariants.reading(stores.environment["DATABASE_URL"]) as rows:
        invariants.check_inbound_texts_are_kept_and_answered_once(rows, running)
        invariants.check_commands_are_done_once(rows, running, users)
        invariants.check_messages_arrived_once_or_are_known_as_repeated(rows, provider, kills)
        invariants.check_payouts_are_paid_once(rows, running)
    invariants.check_the_ledger_balances(stores.environment["DATABASE_URL"])


def act_under_faults(running: Scenario, users: list[LoadUser], faults: list[Callable[[], object]]) -> list[str]:
    """Let every user act, and inject faults meanwhile; the names of the faults. Raises as soon as one user fails."""
    server = running.server
    assert isinstance(server, ServerProcess)
    faults = [server.kill_worker, server.kill_web_child, *faults, server.kill_web, server.kill_everything]
    running.injector = injector = FaultInjector(faults, running.random, min(REQUESTS_PER_FAULT, 2 * len(users)))
    with ThreadPoolExecutor(CONCURRENT_USERS) as threads:
        acting = [threads.submit(load_users.act, running, user) for user in users]
        if wait(acting, return_when=FIRST_EXCEPTION).not_done:
            running.aborted.set()
            threads.shutdown(cancel_futures=True)
    raise_first_failure(acting)
    assert len(injector.injected) >= len(faults), f"only {injector.injected} occurred"
    return injector.injected


def raise_first_failure(acting: list[Future[None]]) -> None:
    """Raise what ended the scenario, not what the other users raised because of it."""
    errors = [error for future in acting if not future.cancelled() and (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, ScenarioAbortedError)):
        raise error
