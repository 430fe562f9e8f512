"""The real servers, one of each for the whole run, and fresh databases in them."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from random import Random, randrange
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, settings

from tests import runs

if TYPE_CHECKING:  # what only some tests need is imported where it is used, so that the others start at once
    from tests import servers

GC_ALLOCATIONS = 20_000
"""How many more objects are allocated than freed until the next garbage collection; Python's own number is 700."""
FULL_TIMEOUT_S = 3600.0
"""For one test of a full run, instead of the limit in pyproject.toml."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="write transcripts as they are said now")
    parser.addoption("--full", action="store_true", help="long tests try all of their cases, not a tenth")
    parser.addoption("--seed", type=int, help="repeat the random choices of the run with this seed")
    parser.addoption(
        "--examples", type=int, help="try the API by chance, with so many of each operation: 400 take minutes"
    )
    parser.addoption(
        "--one-store", action="store_true", help="run a test on one of its stores, on another with another seed"
    )
    parser.addoption("--people", type=int, help="how many people act in tests/chaos: 500 with --full, else 60")
    parser.addoption("--events", type=int, help="how many events are read under kills: 10000 with --full, else 1000")
    parser.addoption("--chaos-seed", type=int, help="the seed of tests/chaos, instead of --seed")
    parser.addoption(
        "--orders", type=int, help="how many orders tests/collecting has faults in: 1000 with --full, else 250"
    )
    parser.addoption("--cluster", action="store_true", help="collect the test of clusters of PostgreSQL and Redis too")
    parser.addoption("--kills", type=int, default=20, help="how often masters are killed in the test of clusters")
    parser.addoption("--pairs", help="race this share of all pairs of commands: 3/10 is the third tenth of them")


@pytest.hookimpl(tryfirst=True)  # Hypothesis reads its seed when it is configured
def pytest_configure(config: pytest.Config) -> None:
    """Chooses the run's seed; a worker of xdist takes the one that the main process has chosen."""
    gc.disable()  # until all modules are imported: they are no garbage
    if config.option.seed is None:
        config.option.seed = getattr(config, "workerinput", {}).get("seed", randrange(1_000_000))
    runs.begin(full=config.option.full, seed=config.option.seed)
    is_long = config.option.full or config.option.orders or config.option.pairs or config.option.cluster
    if is_long and config.option.timeout is None:
        config.option.timeout = FULL_TIMEOUT_S
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(config.option.seed)
    # without a deadline: how long an example takes says how busy the machine is. Without `explain`: it traces every
    # line, so a failure would reach the timeout of the test before it is reported
    phases = set(Phase) - {Phase.explain}
    settings.register_profile("soko", deadline=None, max_examples=runs.cases(100), phases=phases)
    settings.load_profile("soko")


NEEDS_CLUSTER = "test_clusters.py"
"""The file of tests that need Debian packages of which nothing else here has any use."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out the test of clusters without --cluster."""
    return True if collection_path.name == NEEDS_CLUSTER and not config.option.cluster else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Gives the seed to a worker of xdist."""
    node.workerinput["seed"] = runs.seed()


IN_ONE_PROCESS = (
    "tests/bot/conversation/test_statement_bounds.py",
    "tests/bot/demo/test_demo.py",
    "tests/bot/test_frozen_stores.py",
    "tests/bot/test_slow_clients.py",
    "tests/browser/",
    "tests/flows/dialogues/test_all_dialogues.py",
    "tests/marketplace/rest/test_constant_queries.py",
    "tests/marketplace/rest/test_no_phone_leaks.py",
    "tests/repository/test_runs.py",
    "tests/repository/test_walks.py",
)
"""Files and folders whose tests share what takes seconds to make. They take long too, so they are started first."""
ONE_BY_ONE = ("tests/marketplace/rest/test_openapi.py", "tests/test_transcripts.py")
"""Files that take long although their tests share nothing. The last of them keeps all workers busy until the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Gives a worker all tests of a file, or of a place of `IN_ONE_PROCESS`, or a single test of `ONE_BY_ONE`.

    To assign each test alone costs the main process more than most tests take.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(ONE_BY_ONE):
                return nodeid
            return next((place for place in IN_ONE_PROCESS if nodeid.startswith(place)), nodeid.partition("::")[0])

    config.option.loadscopereorder = False  # it would undo the order of `pytest_collection_modifyitems`
    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the long tests first, so that no worker of xdist begins one when the others have nothing left to do.

    With --one-store it leaves out the other stores of each test that is not marked `every_store`, and the parts of the
    long tests that this run does not play.
    """
    items.sort(key=lambda item: not (item.get_closest_marker("long") or item.nodeid.startswith(IN_ONE_PROCESS)))
    if config.option.one_store and not config.option.full:
        left_out = _on_other_stores(items)
        other_parts = runs.left_out(item.nodeid for item in items if item not in left_out)
        left_out |= {item for item in items if item.nodeid in other_parts}
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish() -> None:
    """Exempts imported modules and collected tests from garbage collection, which would take a tenth of a run.

    Later collections are less frequent than usual: almost nothing that a test leaves behind is a cycle.
    """
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, 10, 10)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Finds the last garbage once. pytest looks for it five times more, which takes long with all that is cached."""
    gc.collect()
    gc.freeze()


STORE_FIXTURES = {"database_url", "migrated_database_url", "service"}
"""The fixtures whose parameter is a store, or a pair of stores."""


def _on_other_stores(items: list[pytest.Item]) -> set[pytest.Item]:
    """All but one of the items that differ in nothing but their stores."""
    groups: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        params: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
        stores = [value for name, value in params.items() if name in STORE_FIXTURES]
        if stores and item.get_closest_marker("every_store") is None:
            groups[item.nodeid.replace(str(stores[0]), "", 1)].append(item)
    return {
        item for name, group in groups.items() for item in set(group) - {Random(f"{runs.seed()} {name}").choice(group)}
    }


def pytest_sessionstart(session: pytest.Session) -> None:
    """Prints the seed at the top; pytest leaves out its own header in a quiet run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and not hasattr(session.config, "workerinput"):
        size = "a tenth of the long tests' cases (all with --full)"
        if session.config.option.one_store:
            size += "; each test on one of its stores, unless it is marked every_store"
            size += f"; one of {runs.PARTS} parts of the long tests"
        if session.config.option.full:
            size = "all cases on all stores"
        reporter.write_line(f"random choices: --seed {runs.seed()}; {size}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        report.sections.append(("Random choices", f"repeat them with --seed {runs.seed()}"))
    return report


@pytest.fixture
def seed() -> int:
    """The seed of this run."""
    return runs.seed()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Redis]:
    from tests import servers

    with servers.running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    from tests import databases, servers

    with servers.running_postgres() as server:
        yield server
        databases.KeptPool.close_all()


@pytest.fixture
def redis_url(redis_server: servers.Redis) -> str:
    """An empty Redis."""
    import redis

    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


@pytest.fixture
def postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """An empty PostgreSQL database of the test's own."""
    with postgres_server.fresh_database() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """A PostgreSQL database of the test's own with all tables in it."""
    from tests import databases

    with databases.migrated_postgres(postgres_server) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An SQLite database of the test's own, not yet there."""
    return f"sqlite:///{tmp_path}/soko.db"


@pytest.fixture
def migrated_sqlite_url(tmp_path: Path) -> str:
    """An SQLite database of the test's own with all tables in it."""
    from tests import databases

    return databases.migrated_sqlite(tmp_path / "soko.db")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, without tables: the test runs on SQLite and again on PostgreSQL."""
    fixture = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_database_url(request: pytest.FixtureRequest) -> str:
    """A database with all tables in it: the test runs on SQLite and again on PostgreSQL."""
    return str(request.getfixturevalue(f"migrated_{'sqlite' if request.param == 'sqlite' else 'postgres'}_url"))
