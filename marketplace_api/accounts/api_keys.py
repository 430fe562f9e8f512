"""API keys. A key is shown once; only its hash is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from marketplace_api import locks
from marketplace_api.event_types import EventType
from marketplace_api.events import events, webhooks
from marketplace_api.models import ApiKey
from marketplace_api.refused import Refused
from marketplace_api.schemas.api_keys import ApiKey as ApiKeySchema
from marketplace_api.shop import Shop
from marketplace_api.statuses import EndpointScope, Scope

USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use of a key is written at most this often, so that not every read becomes a write."""
MAY_ORDER: frozenset[Scope] = frozenset({"storefront", "orders", "operator"})
"""The scopes of keys that can place orders."""
_REVOKED_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A caller of the API, and the scopes of its key. A storefront sees the orders that it placed."""

    id: str
    scopes: frozenset[Scope]
    name: str
    usage_is_stale: bool = False
    """True if the key's last use was not written within `USE_NOTED_EVERY`."""

    def may(self, *scopes: Scope) -> bool:
        """True if the key has one of these scopes, or `operator`, which includes all of them."""
        return not self.scopes.isdisjoint((*scopes, "operator"))

    @property
    def endpoint_scope(self) -> EndpointScope:
        """Which events are pushed to the endpoints of this key."""
        return "operator" if self.may("operator") else "storefront"


def create(shop: Shop, name: str, *scopes: Scope, expires_at: datetime | None = None) -> str:
    """Create a key and return it. It cannot be read again later. After `expires_at` it is a wrong key."""
    key = f"soko_{'_'.join(scopes)}_{shop.ids.token(40)}"
    row = ApiKey(
        id=shop.ids.new_id("key"),
        name=name,
        scopes=",".join(scopes),
        prefix=key[:-34],
        hash=digest(key),
        created_at=shop.now,
        expires_at=expires_at,
    )
    shop.session.add(row)
    _record_event(shop, row, "api_key.created")
    return key


def find(session: Session, key: str, now: datetime) -> ApiCaller | None:
    """The caller that has this key; None if there is no such key, or it was revoked or has expired."""
    row = session.scalars(select(ApiKey).where(ApiKey.hash == digest(key), ApiKey.revoked_at.is_(None))).one_or_none()
    if row is None or (row.expires_at is not None and row.expires_at <= now):
        return None
    usage_is_stale = row.last_used_at is None or row.last_used_at <= now - USE_NOTED_EVERY
    return ApiCaller(row.id, cast("frozenset[Scope]", frozenset(row.scopes.split(","))), row.name, usage_is_stale)


def record_use(session: Session, key_id: str, now: datetime) -> None:
    """Store the present time as the key's last use, unless one was stored within `USE_NOTED_EVERY`."""
    is_stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY)
    session.execute(update(ApiKey).where(ApiKey.id == key_id, is_stale).values(last_used_at=now))


def by_id(shop: Shop, key_id: str) -> ApiKey:
    """The key, revoked or not; `Refused` with `unknown_key`."""
    key = shop.session.get(ApiKey, key_id)
    if key is None:
        raise Refused("unknown_key", 404)
    return key


def list_all(shop: Shop) -> Sequence[ApiKey]:
    """All keys, also revoked ones, oldest first."""
    return shop.session.scalars(select(ApiKey).order_by(ApiKey.created_at, ApiKey.id)).all()


def revoke(shop: Shop, name_or_id: str) -> ApiKey:
    """Revoke a key by its name or id, and delete the webhook endpoints that were created with it.

    `Refused` with `unknown_key` if no key in use has this id or name, and with `many_keys` if several have the name.
    """
    named = or_(ApiKey.id == name_or_id, ApiKey.name == name_or_id)
    keys = locks.take_all(shop, ApiKey, named, ApiKey.revoked_at.is_(None))
    if len(keys) != 1:
        raise Refused("many_keys" if keys else "unknown_key", 409 if keys else 404, ids=[key.id for key in keys])
    return _revoke(shop, keys[0])


def revoke_expired(shop: Shop) -> int:
    """Revoke some of the keys that have expired, so that nothing is pushed to their endpoints; return how many."""
    expired = ApiKey.expires_at <= shop.now, ApiKey.revoked_at.is_(None)
    some = select(ApiKey.id).where(*expired).limit(_REVOKED_AT_ONCE)
    keys = locks.take_all(shop, ApiKey, ApiKey.id.in_(some), *expired)
    for key in keys:
        _revoke(shop, key)
    return len(keys)


def _revoke(shop: Shop, key: ApiKey) -> ApiKey:
    key.revoked_at = shop.now
    webhooks.remove_all(shop, key.id)
    _record_event(shop, key, "api_key.revoked")
    return key


def _record_event(shop: Shop, key: ApiKey, type: EventType) -> None:
    shop.session.flush()
    events.record(shop, type, ApiKeySchema.of(key))


def digest(key: str) -> str:
    """The hash of a key. Keys are long and random, so a plain SHA-256 cannot be reversed by guessing."""
    return sha256(key.encode()).hexdigest()
