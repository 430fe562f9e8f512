"""Keys to the API. A key is shown once; afterwards only its hash is known."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace_api.models import ApiKey
from marketplace_api.shop import Shop

Scope = Literal["storefront", "operator"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling. An operator may do everything, a storefront sees the orders it placed."""

    id: str
    scope: Scope


def create(shop: Shop, name: str, scope: Scope) -> str:
    """A new key, in the only moment in which it can be read."""
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


def find(session: Session, key: str) -> Caller | None:
    """Whoever this key was given to."""
    row = session.scalars(select(ApiKey).where(ApiKey.hash == digest(key))).one_or_none()
    if row is None:
        return None
    return Caller(row.id, "operator" if row.scope == "operator" else "storefront")


def digest(key: str) -> str:
    """What is kept of a key. Keys are long and random, so a plain hash cannot be guessed back."""
    return sha256(key.encode()).hexdigest()
