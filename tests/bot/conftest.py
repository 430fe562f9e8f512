"""The fixtures of a running shop with a kiosk, an artisan and a product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.bot import fixtures
from tests.bot.seeded import seeded
from tests.runs import is_full
from tests.service import Service, serving

STORES: Mapping[str, Mapping[str, str]] = {
    "sqlite": {},
    "postgresql-redis": {"database_url": "migrated_postgres_url", "redis_url": "redis_url"},
    "sqlite-redis": {"redis_url": "redis_url"},
    "postgresql": {"database_url": "migrated_postgres_url"},
}
"""Each pair of database and session store that is supported, and the fixtures that give their URLs."""
USUAL = 2
"""A usual run takes so many pairs, in which each database and each session store occurs; a full run takes all."""


@pytest.fixture(params=list(STORES)[: None if is_full() else USUAL])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """The shop over each pair of stores."""
    urls = {setting: request.getfixturevalue(fixture) for setting, fixture in STORES[request.param].items()}
    if not urls:
        with seeded(tmp_path) as service:
            yield service
        return
    with serving(tmp_path, **urls) as service:
        fixtures.seed_shop(service)
        yield service


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Service]:
    """The shop over SQLite alone, for tests that do not depend on the stores."""
    with seeded(tmp_path) as service:
        yield service
