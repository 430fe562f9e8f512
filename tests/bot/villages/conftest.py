"""A server with villages; each new one is a copy of the small shop of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from werkzeug.test import Client

from bot.app import create_app
from bot.runtime.clock import Clock
from bot.runtime.settings import Settings
from bot.services import Services, build
from bot.villages import dispatcher, village
from bot.villages.dispatcher import VillageDispatcher, Villages
from tests.bot.seeded import seeded_database
from tests.databases import engine_for
from tests.service import serving


def fill_with_the_seeded_shop(settings: Settings, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "soko.db").write_bytes(seeded_database())


def build_with_compiled_statements(settings: Settings, clock: Clock) -> Services:
    return build(settings, clock=clock, engine=engine_for(settings.database_url))


@dataclass
class VillageServer:
    """The server's own application with villages around it; `now` is in seconds, and a test sets it."""

    folder: Path
    settings: Settings
    now: float = 0.0
    names: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.services = build(self.settings, engine=engine_for(self.settings.database_url))
        self.app = create_app(services=self.services)
        self.villages = Villages(
            self.settings, self.folder / "villages", lambda: f"name{next(self.names)}", lambda: self.now
        )
        self.app.config["HAS_VILLAGES"] = True
        self.app.register_blueprint(dispatcher.routes(self.villages))
        self.wsgi = VillageDispatcher(self.app.wsgi_app, self.villages)

    def browser(self) -> Client:
        """A client with cookies of its own."""
        return Client(self.wsgi)

    def close(self) -> None:
        self.villages.close()
        self.services.close()


@contextmanager
def serving_villages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VillageServer]:
    monkeypatch.setattr(village, "fill", fill_with_the_seeded_shop)
    monkeypatch.setattr(village, "build", build_with_compiled_statements)
    with serving(folder, demo=False) as service:
        town = VillageServer(folder, service.settings)
        yield town
        town.close()


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[VillageServer]:
    with serving_villages(tmp_path, monkeypatch) as town:
        yield town
