"""Events owed to webhook endpoints: who gets which, when it is tried again, and when an endpoint is given up.

A delivery is `pending` until the endpoint takes it or the last attempt failed. Nothing is sent from here.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import contains_eager

from marketplace_api.events import events
from marketplace_api.models import Event, Order, WebhookDelivery, WebhookEndpoint
from marketplace_api.refused import Refused
from marketplace_api.schemas.webhooks import WebhookDelivery as WebhookDeliverySchema
from marketplace_api.schemas.webhooks import WebhookEndpoint as WebhookEndpointSchema
from marketplace_api.shop import Shop
from marketplace_api.statuses import DisabledReason, Scope

MAX_ENDPOINTS = 10
"""Endpoints that one key may have."""
RETRY_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""After each attempt that failed, and a little longer by chance; after the last the delivery has failed."""
MAX_RETRY_AFTER = timedelta(hours=24)
JITTER = 0.2
BUSY_STATUSES = frozenset({429, 502, 503, 504})
"""Answers that speak of the endpoint, not of the event."""
ATTEMPTS_IN_ORDER = {"busy": 2, "refusing": 1}
"""After how many failed attempts the later events still wait for this one."""
DISABLED_AFTER = timedelta(days=5)
OLD_SECRET_FOR = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)
"""How long after its last attempt it is known what became of a delivery."""
AT_ONCE = 1000
"""Deliveries that are forgotten in one transaction."""
SECRET_BYTES = 32

TESTED: Final = "webhook_endpoint.tested"
DISABLED: Final = "webhook_endpoint.disabled"
REPLAYED: Final = "webhook_delivery.replayed"

NextAttempt = Literal["in_order", "aside", "failed"]


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    """Why an attempt failed: the `status` that is not 2xx, or none when no answer came."""

    error: str
    status: int | None = None
    retry_after: timedelta | None = None

    @property
    def busy(self) -> bool:
        """Whether the endpoint would fail with any other event as well."""
        return self.status is None or self.status in BUSY_STATUSES or self.retry_after is not None


# -- endpoints


def create(shop: Shop, owner: str, scope: Scope, url: str, event_types: list[str] | None = None) -> WebhookEndpoint:
    """Have events pushed to `url` from now on; all that a key of this scope may see unless `event_types` says which."""
    have = select(func.count()).where(WebhookEndpoint.owner == owner)
    if shop.session.scalars(have).one() >= MAX_ENDPOINTS:
        raise Refused("too_many_webhook_endpoints", most=MAX_ENDPOINTS)
    endpoint = WebhookEndpoint(
        id=shop.ids.new_id("whe"),
        owner=owner,
        scope=scope,
        url=url,
        event_types=event_types,
        after_seq=shop.session.scalars(select(func.max(Event.seq))).one() or 0,
        secret=_new_secret(shop),
        created_at=shop.now,
    )
    shop.session.add(endpoint)
    shop.session.flush()
    return endpoint


def by_id(shop: Shop, endpoint_id: str) -> WebhookEndpoint:
    """The endpoint, or `Refused` with `unknown_webhook_endpoint`."""
    endpoint = shop.session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None:
        raise Refused("unknown_webhook_endpoint", 404)
    return endpoint


def remove(shop: Shop, endpoint: WebhookEndpoint) -> None:
    """Push nothing there any more, and forget what was."""
    shop.session.refresh(endpoint, with_for_update=True)  # what others have in hand is settled first
    shop.session.execute(delete(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id))
    shop.session.delete(endpoint)
    shop.session.flush()


def remove_all(shop: Shop, owner: str) -> None:
    """Push nothing any more to whatever this key had made."""
    for endpoint in shop.session.scalars(select(WebhookEndpoint).where(WebhookEndpoint.owner == owner)):
        remove(shop, endpoint)


def rotate_secret(shop: Shop, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    """Sign with a new secret, and for a day with the old one too, so that the receiver can change over."""
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, shop.now + OLD_SECRET_FOR
    endpoint.secret = _new_secret(shop)
    shop.session.flush()
    return endpoint


def secrets(endpoint: WebhookEndpoint, now: datetime) -> Sequence[str]:
    """What its events are signed with now, the newest first."""
    if endpoint.old_secret and endpoint.old_secret_until and now < endpoint.old_secret_until:
        return endpoint.secret, endpoint.old_secret
    return (endpoint.secret,)


def create_test_event(shop: Shop, endpoint: WebhookEndpoint) -> Event:
    """An event for this endpoint alone. A disabled one gets it too, and is enabled again if it takes it."""
    return events.record(shop, TESTED, WebhookEndpointSchema.of(endpoint))


def _new_secret(shop: Shop) -> str:
    return "whsec_" + b64encode(shop.ids.random.randbytes(SECRET_BYTES)).decode()


# -- deliveries


def deliveries_for(shop: Shop, event: Event) -> Sequence[WebhookDelivery]:
    """The deliveries that `event` is the cause of, written down; asked again, the same ones."""
    if event.type == REPLAYED:
        replayed = shop.session.get(WebhookDelivery, event.data["id"])
        return [replayed] if replayed else []
    there = select(WebhookEndpoint).where(WebhookEndpoint.after_seq < event.seq).order_by(WebhookEndpoint.id)
    return [_owe(shop, endpoint, event) for endpoint in shop.session.scalars(there) if _wants(shop, endpoint, event)]


def _wants(shop: Shop, endpoint: WebhookEndpoint, event: Event) -> bool:
    if event.type == TESTED:
        return bool(event.data["id"] == endpoint.id)
    if endpoint.disabled_at or (endpoint.event_types is not None and event.type not in endpoint.event_types):
        return False
    return endpoint.scope == "operator" or _concerns(shop, endpoint.owner, event)


def _concerns(shop: Shop, storefront: str, event: Event) -> bool:
    """A storefront is told what it may also read: the catalogue, and the orders it placed."""
    match event.type.partition(".")[0]:
        case "product":
            return True
        case "order":
            order = shop.session.get(Order, event.data["id"])
            return order is not None and order.placed_by == storefront
        case _:
            return False


def _owe(shop: Shop, endpoint: WebhookEndpoint, event: Event) -> WebhookDelivery:
    same = select(WebhookDelivery).filter_by(endpoint_id=endpoint.id, event_id=event.id)
    known = shop.session.scalars(same).one_or_none()
    if known is not None:
        return known
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
    found = _held(shop, delivery_id)
    if found is None or found.endpoint_id != endpoint.id:
        raise Refused("unknown_webhook_delivery", 404)
    return found


def pending(shop: Shop, delivery_id: str, round: int) -> WebhookDelivery | None:
    """The delivery, if it is still to be made and no replay has begun another round of it."""
    found = _held(shop, delivery_id)
    return found if found and found.status == "pending" and found.round == round else None


def replay(shop: Shop, delivery: WebhookDelivery) -> WebhookDelivery:
    """Deliver it again, under the same id, wherever it stands: from the first attempt on, and at once."""
    delivery.status, delivery.round, delivery.attempts = "pending", delivery.round + 1, 0
    delivery.next_attempt_at, delivery.delivered_at = shop.now, None
    shop.session.flush()
    events.record(shop, REPLAYED, WebhookDeliverySchema.of(delivery))
    return delivery


def record_success(shop: Shop, delivery: WebhookDelivery, status: int) -> None:
    """The endpoint has it, and so works; one that was disabled is enabled again."""
    _attempted(shop, delivery, status, None)
    delivery.status, delivery.delivered_at = "delivered", shop.now
    endpoint = delivery.endpoint
    endpoint.failing_since = endpoint.disabled_at = endpoint.disabled_reason = None
    shop.session.flush()


def record_failure(shop: Shop, delivery: WebhookDelivery, miss: FailedAttempt) -> NextAttempt:
    """The attempt failed. Whether it is tried again, and whether the events after it wait until then."""
    _attempted(shop, delivery, miss.status, miss.error)
    endpoint = delivery.endpoint
    endpoint.failing_since = endpoint.failing_since or shop.now
    why = _reason_to_disable(shop, endpoint, miss)
    if why or endpoint.disabled_at or delivery.attempts > len(RETRY_DELAYS):
        delivery.status = "failed"
    else:
        delivery.next_attempt_at = shop.now + _wait(shop, delivery.attempts, miss)
    shop.session.flush()
    if why:
        _disable(shop, endpoint, why)
    if delivery.status == "failed":
        return "failed"
    return "in_order" if delivery.attempts <= ATTEMPTS_IN_ORDER["busy" if miss.busy else "refusing"] else "aside"


def delete_old_deliveries(shop: Shop) -> int:
    """Forget deliveries to one endpoint that ended, `KEPT` after they were last tried; how many, 0 when all are done.

    The place of the endpoint moves on, so that a follower that lost its own owes them no second time.
    """
    last_tried_at = func.coalesce(WebhookDelivery.last_attempt_at, WebhookDelivery.created_at)
    old = WebhookDelivery.status != "pending", last_tried_at < shop.now - KEPT_FOR
    one = select(WebhookDelivery.endpoint_id).where(*old).limit(1).scalar_subquery()
    # whoever replays a delivery holds its endpoint too, so none is forgotten that has just become pending
    held = select(WebhookEndpoint).where(WebhookEndpoint.id == one).with_for_update(key_share=True)
    endpoint = shop.session.scalars(held).one_or_none()
    if endpoint is None:
        return 0
    ended = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id, *old).limit(AT_ONCE)
    forgotten = shop.session.scalars(ended).all()
    for delivery in forgotten:
        endpoint.after_seq = max(endpoint.after_seq, delivery.event.seq)
        shop.session.delete(delivery)
    shop.session.flush()
    return len(forgotten)


def _attempted(shop: Shop, delivery: WebhookDelivery, status: int | None, error: str | None) -> None:
    delivery.attempts += 1
    delivery.last_attempt_at, delivery.next_attempt_at = shop.now, None
    delivery.response_status, delivery.error = status, error


def _wait(shop: Shop, attempts: int, miss: FailedAttempt) -> timedelta:
    """What the endpoint asks for, if that is longer; by chance a little more, so that not all come back at once."""
    asked = min(miss.retry_after or timedelta(), MAX_RETRY_AFTER)
    return max(RETRY_DELAYS[attempts - 1], asked) * (1 + JITTER * shop.ids.random.random())


def _reason_to_disable(shop: Shop, endpoint: WebhookEndpoint, miss: FailedAttempt) -> DisabledReason | None:
    if endpoint.disabled_at:
        return None
    if miss.status == 410:
        return "gone"
    since = endpoint.failing_since
    return "failing" if since and since <= shop.now - DISABLED_AFTER else None


def _disable(shop: Shop, endpoint: WebhookEndpoint, why: DisabledReason) -> None:
    """Owe it nothing more: what is pending has failed and can be replayed. Operators hear of it as an event."""
    endpoint.disabled_at, endpoint.disabled_reason = shop.now, why
    waiting = update(WebhookDelivery).filter_by(endpoint_id=endpoint.id, status="pending")
    shop.session.execute(waiting.values(status="failed", error="endpoint_disabled", next_attempt_at=None))
    shop.session.flush()
    events.record(shop, DISABLED, WebhookEndpointSchema.of(endpoint))


def _held(shop: Shop, delivery_id: str) -> WebhookDelivery | None:
    """The delivery; on PostgreSQL nobody else writes down what became of its endpoint until the transaction ends.

    Only the endpoint is locked: whoever disables it changes deliveries that others have in hand.
    """
    found = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id)
    with_endpoint = found.join(WebhookDelivery.endpoint).options(contains_eager(WebhookDelivery.endpoint))
    # without the key, so that new deliveries to it can still be written
    locked = with_endpoint.with_for_update(of=WebhookEndpoint, key_share=True)
    return shop.session.scalars(locked).one_or_none()
