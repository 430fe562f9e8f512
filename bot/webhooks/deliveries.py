"""Turns marketplace events into deliveries: one outbox job for each endpoint that gets the event.

Deliveries to one endpoint share an ordering key, so they arrive one at a time and in order. A delivery that the
endpoint has refused twice continues without the key, so that later deliveries do not wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database
from bot.marketplace.event_consumer import EventConsumer
from marketplace_api.events import events, webhooks
from marketplace_api.models import Event, WebhookDelivery
from marketplace_api.shop import OpenShop, Shop
from state import outbox

KIND = "webhook"
CURSOR = "webhooks"


def event_consumer(database: Database, open_shop: OpenShop) -> EventConsumer[Event]:
    """The consumer that adds a job for each delivery of each new event."""

    def since(after: int, limit: int) -> Sequence[tuple[int, Event]]:
        with database.reading() as session:
            return [(event.seq, event) for event in events.since(open_shop(session), after, limit)]

    def take(session: Session, event: Event) -> None:
        shop = open_shop(session)
        for delivery in webhooks.deliveries_for(shop, session.merge(event, load=False)):
            add_job(shop, delivery, ordering_key=f"webhook:{delivery.endpoint_id}")

    return EventConsumer(CURSOR, since, take, database)


def add_job(shop: Shop, delivery: WebhookDelivery, *, ordering_key: str | None) -> None:
    """Add the job of a delivery, due at its next attempt; in each round once with an ordering key and once without."""
    outbox.add(
        shop.session.connection(),
        kind=KIND,
        payload={"delivery": delivery.id, "round": delivery.round},
        key=f"webhook:{delivery.id}:{delivery.round}:{'in order' if ordering_key else 'aside'}",
        ordering_key=ordering_key,
        due_at=delivery.next_attempt_at or shop.now,
        now=shop.now,
    )
