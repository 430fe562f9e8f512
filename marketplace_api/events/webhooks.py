"""Webhook endpoints and deliveries: which endpoint gets an event, when it is retried, when an endpoint is disabled.

A delivery is `pending` until the endpoint accepts it or the last attempt fails. This module sends nothing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.orm import contains_eager

from marketplace_api import locks
from marketplace_api.backoff import Backoff
from marketplace_api.events import events
from marketplace_api.models import ApiKey, Event, Order, WebhookDelivery, WebhookEndpoint
from marketplace_api.refused import Refused
from marketplace_api.schemas.webhooks import WebhookDelivery as WebhookDeliverySchema
from marketplace_api.schemas.webhooks import WebhookEndpoint as WebhookEndpointSchema
from marketplace_api.shop import Shop
from marketplace_api.statuses import DisabledReason, EndpointScope

MAX_ENDPOINTS = 10
"""The largest number of endpoints per API key."""
RETRIES = Backoff(
    (
        timedelta(seconds=5),
        timedelta(minutes=5),
        timedelta(minutes=30),
        *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
    ),
    jitter=0.2,
)
"""The gaps between the attempts of a delivery; after the last attempt it has failed."""
BUSY_STATUSES = frozenset({429, 502, 503, 504})
"""HTTP statuses whose cause is the endpoint, not the event."""
ATTEMPTS_IN_ORDER = {"busy": 2, "refusing": 1}
"""The number of failed attempts of a delivery during which later events still wait for it."""
DISABLED_AFTER = timedelta(days=5)
"""An endpoint that has failed for this time is disabled."""
OLD_SECRET_FOR = timedelta(hours=24)
"""How long after a rotation events are also signed with the old secret."""
KEPT_FOR = timedelta(days=30)
"""How long a delivery that ended is kept after its last attempt."""
AT_ONCE = 1000
"""The largest number of deliveries that are deleted in one transaction."""
SECRET_BYTES = 32
_SETTINGS_KEY_LOCK = 0x4B455953  # any number, the same in every process

CREATED: Final = "webhook_endpoint.created"
TESTED: Final = "webhook_endpoint.tested"
DISABLED: Final = "webhook_endpoint.disabled"
REPLAYED: Final = "webhook_delivery.replayed"

NextAttempt = Literal["in_order", "out_of_order", "failed"]
"""The next step after a failure: a retry that later events wait for, a retry that they do not wait for, or none."""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """Why an attempt failed. `status` is the HTTP status that is not 2xx, or None if no answer came."""

    error: str
    status: int | None = None
    retry_after: timedelta | None = None

    @property
    def busy(self) -> bool:
        """True if the endpoint would fail with any other event too."""
        return self.status is None or self.status in BUSY_STATUSES or self.retry_after is not None


# -- endpoints


def create(
    shop: Shop, owner: str, scope: EndpointScope, url: str, event_types: list[str] | None = None
) -> WebhookEndpoint:
    """Create an endpoint: later events of `event_types`, or all that the scope may see, are pushed to `url`.

    `Refused` with `too_many_webhook_endpoints`, or with `unknown_key` if the key was revoked meanwhile.
    """
    _lock_owner(shop, owner)
    existing = select(func.count()).where(WebhookEndpoint.owner == owner)
    if shop.session.scalars(existing).one() >= MAX_ENDPOINTS:
        raise Refused("too_many_webhook_endpoints", most=MAX_ENDPOINTS)
    endpoint = WebhookEndpoint(
        id=shop.ids.new_id("whe"),
        owner=owner,
        scope=scope,
        url=url,
        event_types=event_types,
        after_xid=0,
        after_seq=0,
        secret=_new_secret(shop),
        created_at=shop.now,
    )
    shop.session.add(endpoint)
    shop.session.flush()
    # a transaction that is open now may commit after this one: its events are pushed, although its number is lower
    endpoint.after_xid = events.first_unsettled(shop) - 1
    created = events.record(shop, CREATED, WebhookEndpointSchema.of(endpoint))
    shop.session.flush()
    endpoint.after_seq = created.seq
    return endpoint


def _lock_owner(shop: Shop, owner: str) -> None:
    """Let no other transaction create endpoints of this key, or revoke it, until this one ends."""
    key = locks.take_one(shop, ApiKey, ApiKey.id == owner)
    if key is not None and key.revoked_at is not None:
        raise Refused("unknown_key", 404)
    if key is None and shop.session.get_bind().dialect.name == "postgresql":
        # a key of the settings has no row
        shop.session.execute(select(func.pg_advisory_xact_lock(_SETTINGS_KEY_LOCK, 0)))


def by_id(shop: Shop, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint, or `Refused` with `unknown_webhook_endpoint`."""
    endpoint = shop.session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None:
        raise Refused("unknown_webhook_endpoint", 404)
    return endpoint


def remove(shop: Shop, *endpoints: WebhookEndpoint) -> None:
    """Delete endpoints and their deliveries."""
    removed = [WebhookEndpointSchema.of(endpoint) for endpoint in endpoints]
    for endpoint in endpoints:
        shop.session.refresh(endpoint, with_for_update=True)  # waits for workers that are recording an attempt
        shop.session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id))
        shop.session.delete(endpoint)
    shop.session.flush()
    for shown in removed:
        events.record(shop, "webhook_endpoint.removed", shown)


def remove_all(shop: Shop, owner: str) -> None:
    """Delete all endpoints of the API key with the id `owner`."""
    remove(shop, *shop.session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.owner == owner)))


def rotate_secret(shop: Shop, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Give the endpoint a new secret. Events are signed with the old one too for `OLD_SECRET_FOR`."""
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, shop.now + OLD_SECRET_FOR
    endpoint.secret = _new_secret(shop)
    shop.session.flush()
    return endpoint


def secrets(endpoint: WebhookEndpoint, now: datetime) -> Sequence[str]:
    """The secrets that events are signed with now, the newest first."""
    if endpoint.old_secret and endpoint.old_secret_until and now < endpoint.old_secret_until:
        return endpoint.secret, endpoint.old_secret
    return (endpoint.secret,)


def create_test_event(shop: Shop, endpoint: WebhookEndpoint) -> Event:
    """Record an event for this endpoint alone. A disabled endpoint gets it too, and is enabled if it accepts it."""
    return events.record(shop, TESTED, WebhookEndpointSchema.of(endpoint))


def _new_secret(shop: Shop) -> str:
    return "whsec_" + b64encode(shop.ids.random.randbytes(SECRET_BYTES)).decode()


# -- deliveries


def deliveries_for(shop: Shop, event: Event) -> Sequence[WebhookDelivery]:
    """Create the deliveries of an event, or find them if they were created before."""
    if event.type == REPLAYED:
        replayed = shop.session.get(WebhookDelivery, event.data["id"])
        return [replayed] if replayed else []
    place = tuple_(WebhookEndpoint.after_xid, WebhookEndpoint.after_seq)
    endpoints = select(WebhookEndpoint).where(place < (event.xid, event.seq)).order_by(WebhookEndpoint.id)
    return [
        _delivery_of(shop, endpoint, event)
        for endpoint in shop.session.scalars(endpoints)
        if _wants(shop, endpoint, event)
    ]


def _wants(shop: Shop, endpoint: WebhookEndpoint, event: Event) -> bool:
    if event.type in (CREATED, TESTED) and event.data["id"] == endpoint.id:
        return event.type == TESTED
    if event.type == TESTED:
        return False
    if endpoint.disabled_at or (endpoint.event_types is not None and event.type not in endpoint.event_types):
        return False
    return endpoint.scope == "operator" or _concerns(shop, endpoint.owner, event)


def _concerns(shop: Shop, storefront: str, event: Event) -> bool:
    """True if a storefront may read the event: those of products, and of orders that it placed and their payments."""
    match event.type.partition(".")[0]:
        case "product":
            return True
        case "order" | "payment" | "refund" as kind:
            order = shop.session.get(Order, event.data["id" if kind == "order" else "order_id"])
            return order is not None and order.placed_by == storefront
        case _:
            return False


def _delivery_of(shop: Shop, endpoint: WebhookEndpoint, event: Event) -> WebhookDelivery:
    same = select(WebhookDelivery).filter_by(endpoint_id=endpoint.id, event_id=event.id)
    existing = shop.session.scalars(same).one_or_none()
    if existing is not None:
        return existing
    delivery = WebhookDelivery(
        id=shop.ids.new_id("whd"),
        endpoint=endpoint,
        event=event,
        status="pending",
        round=1,
        attempts=0,
        created_at=shop.now,
        next_attempt_at=shop.now,
    )
    shop.session.add(delivery)
    shop.session.flush()
    return delivery


def delivery_by_id(shop: Shop, endpoint: WebhookEndpoint, delivery_id: str) -> WebhookDelivery:
    """The endpoint's delivery, or `Refused` with `unknown_webhook_delivery`."""
    found = _lock_delivery(shop, delivery_id)
    if found is None or found.endpoint_id != endpoint.id:
        raise Refused("unknown_webhook_delivery", 404)
    return found


def pending(shop: Shop, delivery_id: str, round: int) -> WebhookDelivery | None:
    """The delivery, locked, if it is pending and in this round; None if it ended or was replayed."""
    found = _lock_delivery(shop, delivery_id)
    return found if found and found.status == "pending" and found.round == round else None


def replay(shop: Shop, delivery: WebhookDelivery) -> WebhookDelivery:
    """Deliver the event again now, under the same id, for any status of the delivery; attempts start again at 0."""
    delivery.status, delivery.round, delivery.attempts = "pending", delivery.round + 1, 0
    delivery.next_attempt_at, delivery.delivered_at = shop.now, None
    shop.session.flush()
    events.record(shop, REPLAYED, WebhookDeliverySchema.of(delivery))
    return delivery


def record_success(shop: Shop, delivery: WebhookDelivery, status: int) -> None:
    """Record that the endpoint accepted the delivery with this HTTP status. A disabled endpoint is enabled again."""
    _attempted(shop, delivery, status, None)
    delivery.status, delivery.delivered_at = "delivered", shop.now
    endpoint = delivery.endpoint
    endpoint.failing_since = endpoint.disabled_at = endpoint.disabled_reason = None
    shop.session.flush()


def record_failure(shop: Shop, delivery: WebhookDelivery, attempt: FailedAttempt) -> NextAttempt:
    """Record that the attempt failed. Returns whether it is retried, and whether later events wait for the retry."""
    _attempted(shop, delivery, attempt.status, attempt.error)
    endpoint = delivery.endpoint
    endpoint.failing_since = endpoint.failing_since or shop.now
    disabled_reason = _reason_to_disable(shop, endpoint, attempt)
    if disabled_reason or endpoint.disabled_at or RETRIES.is_spent(delivery.attempts):
        delivery.status = "failed"
    else:
        gap = RETRIES.gap(delivery.attempts, requested=attempt.retry_after, random=shop.ids.random)
        delivery.next_attempt_at = shop.now + gap
    shop.session.flush()
    if disabled_reason:
        _disable(shop, endpoint, disabled_reason)
    if delivery.status == "failed":
        return "failed"
    return (
        "in_order" if delivery.attempts <= ATTEMPTS_IN_ORDER["busy" if attempt.busy else "refusing"] else "out_of_order"
    )


def delete_old_deliveries(shop: Shop) -> int:
    """Delete ended deliveries of one endpoint, `KEPT_FOR` after their last attempt; returns their number.

    The endpoint's place moves past them, so that a consumer that lost its cursor does not create them again.
    """
    last_tried_at = func.coalesce(WebhookDelivery.last_attempt_at, WebhookDelivery.created_at)
    old = WebhookDelivery.status != "pending", last_tried_at < shop.now - KEPT_FOR
    one = select(WebhookDelivery.endpoint_id).where(*old).limit(1).scalar_subquery()
    # a replay locks the endpoint too, so a delivery that has just become pending again is not deleted
    locked = select(WebhookEndpoint).where(WebhookEndpoint.id == one).with_for_update(key_share=True)
    endpoint = shop.session.scalars(locked).one_or_none()
    if endpoint is None:
        return 0
    ended = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id, *old).limit(AT_ONCE)
    old_deliveries = shop.session.scalars(ended).all()
    for delivery in old_deliveries:
        place = endpoint.after_xid, endpoint.after_seq
        endpoint.after_xid, endpoint.after_seq = max(place, (delivery.event.xid, delivery.event.seq))
        shop.session.delete(delivery)
    shop.session.flush()
    return len(old_deliveries)


def _attempted(shop: Shop, delivery: WebhookDelivery, status: int | None, error: str | None) -> None:
    delivery.attempts += 1
    delivery.last_attempt_at, delivery.next_attempt_at = shop.now, None
    delivery.response_status, delivery.error = status, error


def _reason_to_disable(shop: Shop, endpoint: WebhookEndpoint, attempt: FailedAttempt) -> DisabledReason | None:
    if endpoint.disabled_at:
        return None
    if attempt.status == 410:
        return "gone"
    since = endpoint.failing_since
    return "failing" if since and since <= shop.now - DISABLED_AFTER else None


def _disable(shop: Shop, endpoint: WebhookEndpoint, reason: DisabledReason) -> None:
    """Disable the endpoint and mark its pending deliveries as failed; they can be replayed. Records the event."""
    endpoint.disabled_at, endpoint.disabled_reason = shop.now, reason
    waiting = update(WebhookDelivery).filter_by(endpoint_id=endpoint.id, status="pending")
    shop.session.execute(waiting.values(status="failed", error="endpoint_disabled", next_attempt_at=None))
    shop.session.flush()
    events.record(shop, DISABLED, WebhookEndpointSchema.of(endpoint))


def _lock_delivery(shop: Shop, delivery_id: str) -> WebhookDelivery | None:
    """The delivery, with its endpoint locked until the transaction ends (on PostgreSQL).

    The endpoint is locked and not the delivery, because disabling an endpoint changes deliveries that other workers
    are attempting.
    """
    found = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id)
    with_endpoint = found.join(WebhookDelivery.endpoint).options(contains_eager(WebhookDelivery.endpoint))
    # FOR NO KEY UPDATE, so that new deliveries that refer to it can still be inserted
    locked = with_endpoint.with_for_update(of=WebhookEndpoint, key_share=True)
    return shop.session.scalars(locked).one_or_none()
