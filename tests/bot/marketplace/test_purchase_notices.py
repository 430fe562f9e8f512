"""What a message about an order says of the buyer's money is found among the events of the same transaction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.marketplace import purchase_notices
from marketplace_api.event_types import EventType
from marketplace_api.models import Event
from marketplace_api.shop import Ids, Shop
from tests.actors import TESTER
from tests.databases import engine_for
from tests.marketplace.conftest import TERMS

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(microseconds=1)
"""The time of another transaction."""


@pytest.fixture
def shop(migrated_sqlite_url: str) -> Iterator[Shop]:
    engine = engine_for(migrated_sqlite_url)
    with Session(engine) as session:
        yield Shop(session, NOW, Ids(Random(0)), TERMS, TESTER)
    engine.dispose()


def write(shop: Shop, type: EventType, at: datetime, **data: Any) -> None:
    number = len(shop.session.scalars(select(Event)).all())
    shop.session.add(Event(id=f"evt_{number}", type=type, created_at=at, data=data))
    shop.session.flush()


def refund(shop: Shop, amount: int, at: datetime = NOW, order: str = "ord_1", reason: str = "ended") -> None:
    write(shop, "refund.due", at, order_id=order, reason=reason, amount={"amount": amount, "currency": "KES"})


def told(shop: Shop, type: EventType, at: datetime = NOW, order: str = "ord_1") -> None:
    buyer, total = {"phone": "+254711000999", "locale": "en"}, {"amount": 900, "currency": "KES"}
    write(shop, type, at, id=order, code="K7P4", buyer=buyer, total=total, payment_status="paid")


def back(shop: Shop) -> int:
    """What goes back according to the notice of the last event."""
    *_, last = shop.session.scalars(select(Event).order_by(Event.seq))
    return purchase_notices.of_events(shop, [last])[last.id].back


def test_events_of_other_transactions_may_stand_between_a_refund_and_its_reason(shop: Shop) -> None:
    refund(shop, 500)
    refund(shop, 7, at=BEFORE, order="ord_2")
    told(shop, "order.cancelled", at=BEFORE, order="ord_2")
    refund(shop, 400)
    write(shop, "product.updated", BEFORE, id="prd_1")
    told(shop, "order.cancelled")
    assert back(shop) == 900


def test_refunds_for_other_reasons_are_not_part_of_it(shop: Shop) -> None:
    refund(shop, 1, at=BEFORE)
    refund(shop, 20)
    told(shop, "order.reduced")
    refund(shop, 300)
    refund(shop, 4_000, order="ord_2")
    refund(shop, 50_000, reason="operator")
    told(shop, "order.cancelled")
    assert back(shop) == 300
