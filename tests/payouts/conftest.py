"""The real Daraja client against the simulated API, and a handler that records its callbacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from sqlalchemy import Engine

from bot.db.engine import create_engine
from bot.providers import daraja
from bot.providers.daraja import Daraja
from bot.providers.daraja_client import DarajaClient
from bot.providers.payment_contracts import Payment
from bot.simulator import daraja as simulated
from bot.simulator import tables, wallet
from bot.simulator.gateway import WsgiAdapter
from bot.simulator.wallet import PaymentScript, SimulatorPayer
from tests.bot.conftest import embedded, service  # noqa: F401 - fixtures
from tests.providers.conftest import api, unused_address  # noqa: F401 - fixtures
from tests.providers.recording import CallbackRecorder

ROOT = "http://daraja"
SECRET = "s3cret-path"
CALLBACKS = f"https://soko.example/webhooks/daraja/{SECRET}"
PHONE = "+254711000111"
TOKEN = "8k2m0q4z"


def payment(payment_id: str = "pay_1", msisdn: str = PHONE, amount: int = 1500_00) -> Payment:
    return Payment(payment_id, msisdn, amount, "KES", "K7P4", TOKEN)


@dataclass
class Safaricom:
    """The real client, the simulated API that it talks to, and the callbacks that are not posted yet."""

    engine: Engine
    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    scripts: dict[str, PaymentScript] = field(default_factory=dict)
    unposted: list[tuple[datetime, str, Mapping[str, Any]]] = field(default_factory=list)
    handler: CallbackRecorder = field(default_factory=CallbackRecorder)

    def __post_init__(self) -> None:
        self.random = Random(7)
        self.app = Flask("daraja")
        self.simulator = simulated.DarajaSimulator(
            transaction=self.engine.begin,
            post_later=self._post_later,
            post=self.post,
            clock=lambda: self.now,
            new_id=lambda: "".join(self.random.choices("0123456789abcdef", k=32)),
            script_for=lambda msisdn: self.scripts.get(msisdn) or wallet.script_for(msisdn),
            key=("key", "secret"),
        )
        self.app.register_blueprint(simulated.routes(self.simulator))
        self.app.register_blueprint(daraja.routes(self.handler, (SECRET,)))
        self.session = requests.Session()
        self.session.mount(ROOT, WsgiAdapter(self.app))
        self.client = self.make_client()

    def make_client(self, **other: Any) -> Daraja:
        settings: dict[str, Any] = {
            "base_url": f"{ROOT}/simulator/daraja",
            "consumer_key": "key",
            "consumer_secret": "secret",
            "clock": lambda: self.now,
            "session": self.session,
        }
        client = DarajaClient(**settings | other)
        return Daraja(client, shortcode="600997", initiator="testapi", credential="c3Jl", callbacks=CALLBACKS)

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


@pytest.fixture
def wallet_engine(sqlite_url: str) -> Iterator[Engine]:
    """A database with an empty wallet."""
    engine = create_engine(sqlite_url)
    tables.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def safaricom(wallet_engine: Engine) -> Safaricom:
    return Safaricom(wallet_engine)


@pytest.fixture
def simulator_payer(wallet_engine: Engine) -> SimulatorPayer:
    return SimulatorPayer(wallet_engine.begin, lambda: datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
