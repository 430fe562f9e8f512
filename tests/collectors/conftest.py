"""A rig of each collector, over an empty database of the simulator."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.bot.conftest import embedded  # noqa: F401 - a fixture
from tests.collectors.rigs import RIGS, MpesaRig, Rig
from tests.payouts.conftest import wallet_engine  # noqa: F401 - a fixture


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, wallet_engine: Engine) -> Rig:  # noqa: F811
    return RIGS[request.param](wallet_engine)


@pytest.fixture
def mpesa(wallet_engine: Engine) -> MpesaRig:  # noqa: F811
    return MpesaRig(wallet_engine)
