"""The real Daraja client against the simulated API, and a handler that records its callbacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
import requests
from sqlalchemy import Engine, Table

from bot.db.engine import create_engine
from bot.providers import daraja
from bot.providers.daraja import Daraja
from bot.providers.daraja_client import DarajaClient
from bot.providers.payment_contracts import Payment
from bot.simulator import tables, wallet
from bot.simulator.wallet import PaymentScript, SimulatorPayer
from bot.simulator.wsgi_adapter import WsgiAdapter
from marketplace_api.models import Base, Event
from tests.bot.conftest import embedded, service  # noqa: F401 - fixtures
from tests.providers.conftest import api, unused_address  # noqa: F401 - fixtures
from tests.providers.recording import CallbackRecorder
from tests.simulated_daraja import CALLBACKS, ROOT, SECRET, SimulatedDaraja

PHONE = "+254711000111"
TOKEN = "8k2m0q4z"


def payment(payment_id: str = "pay_1", msisdn: str = PHONE, amount: int = 1500_00) -> Payment:
    return Payment(payment_id, msisdn, amount, "KES", "K7P4", TOKEN)


@dataclass
class Safaricom(SimulatedDaraja):
    """The real client, the simulated API that it talks to, and the callbacks that are not posted yet."""

    scripts: dict[str, PaymentScript] = field(default_factory=dict)
    handler: CallbackRecorder = field(default_factory=CallbackRecorder)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.simulator = self.make_daraja(lambda msisdn: self.scripts.get(msisdn) or wallet.script_for(msisdn))
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


@pytest.fixture
def wallet_engine(sqlite_url: str) -> Iterator[Engine]:
    """A database with an empty wallet."""
    engine = create_engine(sqlite_url)
    tables.metadata.create_all(engine)
    Base.metadata.create_all(engine, tables=[cast(Table, Event.__table__)])  # an act is noted between the shop's events
    yield engine
    engine.dispose()


@pytest.fixture
def safaricom(wallet_engine: Engine) -> Safaricom:
    return Safaricom(wallet_engine)


@pytest.fixture
def simulator_payer(wallet_engine: Engine) -> SimulatorPayer:
    return SimulatorPayer(wallet_engine.begin, lambda: datetime(2026, 11, 22, 9, 0, tzinfo=UTC))
