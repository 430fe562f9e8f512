"""Reading much costs as many statements as reading little, whatever of the API is read.

The routes are those of the OpenAPI document, so a new one is read too: it is told here where it shows something
(`fair.py`), and if it shows one thing only, in `ONE_THING`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.marketplace.growing_dataset import GrowingDataset
from tests.recorded_sql import recorded_sql
from tests.service import serving

ONE_THING = {
    "/artisans/{artisan_id}",
    "/kiosks/{kiosk_id}",
    "/kiosks/{kiosk_id}/days/{day}",
    "/kiosks/{kiosk_id}/float",
    "/payouts/{payout_id}",
    "/webhook-endpoints/{endpoint_id}",
    "/phones/{msisdn}",
    "/phones/{msisdn}/bought/{code}",
    "/phones/{msisdn}/day",
    "/phones/{msisdn}/neighbours/{neighbour}",
    "/phones/{msisdn}/photo-link/{code}",
}
"""Routes that show no more in a larger shop."""


class Reading(NamedTuple):
    """By route, how many statements reading it took, and how many things were listed anywhere in the answers."""

    statements: Mapping[str, int]
    listed: Mapping[str, int]


@pytest.fixture(scope="module")
def after_a_day(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return everything_read(tmp_path_factory.mktemp("small"), days=1)


@pytest.fixture(scope="module")
def after_twenty_days(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return everything_read(tmp_path_factory.mktemp("large"), days=20)


def everything_read(folder: Path, days: int) -> Reading:
    """What an operator reads after so many days of the fair."""
    taken, listed = Counter[str](), Counter[str]()
    with serving(folder) as service:
        for route, address in GrowingDataset(service, days).addresses():
            with recorded_sql(service.services.engine) as given:
                answer = service.api("GET", address)
            taken[route] += len(given)
            listed[route] += things(answer)
    return Reading(taken, listed)


def things(shown: Any) -> int:
    """How many things are listed in it, at any depth."""
    if isinstance(shown, dict):
        return sum(things(value) for value in shown.values())
    return len(shown) + sum(things(value) for value in shown) if isinstance(shown, list) else 0


def test_every_list_is_longer_in_the_larger_dataset(after_a_day: Reading, after_twenty_days: Reading) -> None:
    alike = {route for route, count in after_twenty_days.listed.items() if count == after_a_day.listed[route]}

    assert alike - ONE_THING == set(), "the fair brings nothing to these: give them rows in fair.py"
    assert ONE_THING - alike == set(), "these show more than one thing"


def test_longer_lists_take_no_more_statements(after_a_day: Reading, after_twenty_days: Reading) -> None:
    assert after_twenty_days.statements == after_a_day.statements
