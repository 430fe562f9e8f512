"""Quiet hours, by the number of the recipient."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.bot.fixtures import JOY
from tests.bot.messaging.fakes import worker
from tests.service import Service


@pytest.mark.parametrize(
    ("msisdn", "hour", "night"),
    [
        ("+254733000333", 4, True),  # Nairobi: 7:00
        ("+254733000333", 5, False),
        ("+254733000333", 14, False),
        ("+254733000333", 15, True),  # 18:00
        ("+12125550100", 12, True),  # New York: 7:00
        ("+12125550100", 13, False),
        ("+41791234567", 12, False),
        ("+881612345678", 4, True),  # a satellite phone: the shop's own time zone
        ("+99912345678", 4, True),  # no country has this number
    ],
)
def test_night_is_decided_by_the_time_zone_of_the_number(
    embedded: Service, msisdn: str, hour: int, night: bool
) -> None:
    with worker(embedded) as runner:
        assert runner.dispatcher.send_policy.is_quiet(msisdn, datetime(2026, 11, 23, hour, 0, tzinfo=UTC)) is night


def test_the_end_of_quiet_hours_is_found_to_the_quarter_of_an_hour(embedded: Service) -> None:
    with worker(embedded) as runner:
        morning = runner.dispatcher.send_policy.quiet_until(JOY, datetime(2026, 11, 23, 20, 7, 9, tzinfo=UTC))
    assert morning == datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
