"""Reading a long list takes as many SQL statements as reading a short one, on every route of the API.

Every GET route of the OpenAPI document is read. A new route needs URLs in `growing_dataset.py`, and belongs in
`SINGLE_RESOURCES` if it shows a single resource.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.marketplace.growing_dataset import GrowingDataset
from tests.recorded_sql import recorded_sql
from tests.runs import cases
from tests.service import serving

SINGLE_RESOURCES = {
    "/artisans/{artisan_id}",
    "/kiosks/{kiosk_id}",
    "/kiosks/{kiosk_id}/days/{day}",
    "/kiosks/{kiosk_id}/float",
    "/ledger/check",
    "/payouts/{payout_id}",
    "/payments/{payment_id}",
    "/refunds/{refund_id}",
    "/storefronts/{key_id}/terms",
    "/webhook-endpoints/{endpoint_id}",
    "/phones/{msisdn}",
    "/phones/{msisdn}/bought/{code}",
    "/phones/{msisdn}/cash",
    "/phones/{msisdn}/day",
    "/phones/{msisdn}/neighbours/{neighbour}",
    "/phones/{msisdn}/photo-link/{code}",
}
"""Routes whose answers do not grow with the shop."""


class Reading(NamedTuple):
    """By route, how many statements its answers took, and how many items they list at any depth."""

    statements: Mapping[str, int]
    item_counts: Mapping[str, int]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return read_all(tmp_path_factory.mktemp("small"), days=1)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Reading:
    return read_all(tmp_path_factory.mktemp("large"), days=cases(20, least=4))


def read_all(folder: Path, days: int) -> Reading:
    """Read every route as an operator, in a dataset of `days` days."""
    statement_counts, item_counts = Counter[str](), Counter[str]()
    with serving(folder) as service:
        for route, address in GrowingDataset(service, days).readable_urls():
            with recorded_sql(service.services.engine) as executed:
                answer = service.api("GET", address)
            statement_counts[route] += len(executed)
            item_counts[route] += count_items(answer)
    return Reading(statement_counts, item_counts)


def count_items(shown: Any) -> int:
    """The number of items in all lists of an answer, at any depth."""
    if isinstance(shown, dict):
        return sum(count_items(value) for value in shown.values())
    return len(shown) + sum(count_items(value) for value in shown) if isinstance(shown, list) else 0


def test_every_list_is_longer_in_the_larger_dataset(small: Reading, large: Reading) -> None:
    same_length = {route for route, count in large.item_counts.items() if count == small.item_counts[route]}

    assert same_length - SINGLE_RESOURCES == set(), "these lists do not grow: give them rows in growing_dataset.py"
    assert SINGLE_RESOURCES - same_length == set(), "these routes show more than one resource"


def test_longer_lists_take_no_more_statements(small: Reading, large: Reading) -> None:
    assert large.statements == small.statements
