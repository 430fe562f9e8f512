"""Which provider sends to which number."""

from __future__ import annotations

from datetime import datetime

import pytest

from bot.messaging.routing import Router
from tests.bot.messaging.fakes import FakeProvider, unsent


@pytest.mark.parametrize(
    ("msisdn", "name"),
    [("+254711000103", "mobile"), ("+254733000333", "kenya"), ("+14155550100", "america"), ("+41791234567", "rest")],
)
def test_the_longest_matching_prefix_chooses_the_provider(msisdn: str, name: str) -> None:
    providers = {each: FakeProvider(lambda: datetime.min, name=each) for each in ("kenya", "mobile", "america", "rest")}  # noqa: DTZ901
    router = Router(providers, {"+254": "kenya", "+25471": "mobile", "+1": "america"}, "rest")

    assert router.sender(unsent(msisdn)).name == name
