"""API keys. A key is shown once; only its hash is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from marketplace_api import locks
from marketplace_api.events import webhooks
from marketplace_api.models import ApiKey
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from marketplace_api.statuses import Scope

USE_NOTED_EVERY = timedelta(minutes=1)
"""The last use of a key is written at most this often, so that not every read becomes a write."""


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A caller of the API. An operator may do everything; a storefront sees the orders that it placed."""

    id: str
    scope: Scope
    name: str
    usage_is_stale: bool = False
    """True if the key's last use was not written within `USE_NOTED_EVERY`."""


def create(shop: Shop, name: str, scope: Scope) -> str:
    """Create a key and return it. It cannot be read again later."""
    key = f"soko_{scope}_{shop.ids.token(40)}"
    shop.session.add(
        ApiKey(
            id=shop.ids.new_id("key"),
            name=name,
            scope=scope,
            prefix=key[:-34],
            hash=digest(key),
            created_at=shop.now,
        )
    )
    shop.session.flush()
    return key


def find(session: Session, key: str, now: datetime) -> ApiCaller | None:
    """The caller that has this key; None if there is no such key or it was revoked."""
    row = session.scalars(select(ApiKey).where(ApiKey.hash == digest(key), ApiKey.revoked_at.is_(None))).one_or_none()
    if row is None:
        return None
    usage_is_stale = row.last_used_at is None or row.last_used_at <= now - USE_NOTED_EVERY
    return ApiCaller(row.id, row.scope, row.name, usage_is_stale)


def record_use(session: Session, key_id: str, now: datetime) -> None:
    """Store the present time as the key's last use, unless one was stored within `USE_NOTED_EVERY`."""
    is_stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at <= now - USE_NOTED_EVERY)
    session.execute(update(ApiKey).where(ApiKey.id == key_id, is_stale).values(last_used_at=now))


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
    keys[0].revoked_at = shop.now
    webhooks.remove_all(shop, keys[0].id)
    shop.session.flush()
    return keys[0]


def digest(key: str) -> str:
    """The hash of a key. Keys are long and random, so a plain SHA-256 cannot be reversed by guessing."""
    return sha256(key.encode()).hexdigest()
