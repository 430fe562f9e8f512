"""The simulated Daraja over a database, with a clock that a test moves and the callbacks that are not posted yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from sqlalchemy import Engine

from bot.simulator import daraja, wallet
from bot.simulator.daraja import DarajaSimulator
from bot.simulator.wallet import PaymentScript

ROOT = "http://daraja"
SECRET = "s3cret-path"
CALLBACKS = f"https://soko.example/webhooks/daraja/{SECRET}"


@dataclass
class SimulatedDaraja:
    """An application with the simulated API, to which a subclass adds our webhooks."""

    engine: Engine
    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    unposted: list[tuple[datetime, str, Mapping[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(7)
        self.app = Flask("daraja")

    def make_daraja(self, script_for: Callable[[str], PaymentScript] = wallet.script_for) -> DarajaSimulator:
        """The simulated API; it accepts one consumer key."""
        made = DarajaSimulator(
            transaction=self.engine.begin,
            post_later=self._post_later,
            post=self.post,
            clock=lambda: self.now,
            new_id=lambda: "".join(self.random.choices("0123456789abcdef", k=32)),
            script_for=script_for,
            key=("key", "secret"),
        )
        self.app.register_blueprint(daraja.routes(made))
        return made

    def _post_later(self, url: str, body: Mapping[str, Any], seconds: float) -> None:
        self.unposted.append((self.now + timedelta(seconds=seconds), url, body))

    def post(self, url: str, body: Mapping[str, Any]) -> int:
        return self.app.test_client().post(urlsplit(url).path, json=body).status_code

    def advance(self, seconds: float) -> None:
        """Moves the clock, and posts the callbacks that are due."""
        self.now += timedelta(seconds=seconds)
        due = [owed for owed in self.unposted if owed[0] <= self.now]
        self.unposted = [owed for owed in self.unposted if owed[0] > self.now]
        for _, url, body in sorted(due, key=lambda owed: owed[0]):
            assert self.post(url, body) == 200
