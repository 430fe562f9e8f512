"""The small shop of `fixtures.seed_shop` over SQLite, seeded once a process; each test gets a copy of it.

To register the periodic tasks and to seed takes as long as most tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from bot.playground.harness import RepeatableIds
from tests.bot import fixtures
from tests.service import Service, serving


@dataclass(frozen=True, slots=True)
class _SeededShop:
    """The database, and how far the sources of ids have got."""

    database: bytes
    random: tuple[Any, ...]
    ids: tuple[Any, ...]
    sources: dict[str, tuple[Any, ...]]
    made: Counter[str]


@contextmanager
def seeded(folder: Path, **settings: Any) -> Iterator[Service]:
    """The service over the seeded shop, as `serving` with these settings and `seed_shop` make it."""
    shop = _seeded_shop()
    (folder / "soko.db").write_bytes(shop.database)
    with serving(folder, **settings) as service:
        ids = _ids(service)
        service._random.setstate(shop.random)
        ids.random.setstate(shop.ids)
        for kind, state in shop.sources.items():
            ids.sources.setdefault(kind, Random()).setstate(state)
        ids.made.update(shop.made)
        yield service


def seeded_database() -> bytes:
    """The SQLite file of the seeded shop."""
    return _seeded_shop().database


@cache
def _seeded_shop() -> _SeededShop:
    with TemporaryDirectory(prefix="soko-seeded-") as folder:
        with serving(Path(folder)) as service:
            fixtures.seed_shop(service)
            ids = _ids(service)
            sources = {kind: source.getstate() for kind, source in ids.sources.items()}
            states = service._random.getstate(), ids.random.getstate(), sources, Counter(ids.made)
        return _SeededShop(Path(folder, "soko.db").read_bytes(), *states)


def _ids(service: Service) -> RepeatableIds:
    ids = service.services.ids
    assert isinstance(ids, RepeatableIds)
    assert isinstance(ids.random, Random)
    return ids
