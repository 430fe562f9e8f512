"""A request sent twice is done once: first answers, kept under the caller's own key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, func, select, tuple_

from marketplace_api.models import IdempotencyKey
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

KEPT_FOR = timedelta(days=7)
"""How long an answer is kept at least: longer than anybody tries again, over a weekend too."""

_SWEPT_AT_ONCE = 20  # more than come in, so that old ones never heap up


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer, word for word."""

    status: int
    body: str


def recall(shop: Shop, caller: str, key: str, fingerprint: str) -> StoredAnswer | None:
    """The first answer to this very request, or None when it has not been made yet.

    Until the transaction ends, the same key asked for elsewhere is `Refused`. So is a key that was
    used for another request.
    """
    _claim(shop, caller, key)
    known = shop.session.get(IdempotencyKey, (caller, key))
    if known is None:
        return None
    if known.fingerprint != fingerprint:
        raise Refused("idempotency_key_reused", 422)
    return StoredAnswer(known.status, known.body)


def remember(shop: Shop, caller: str, key: str, fingerprint: str, answer: StoredAnswer) -> None:
    """Keep the answer, in the transaction of its effect; some that are older than `KEPT` make room."""
    _sweep(shop)
    shop.session.add(
        IdempotencyKey(
            caller=caller,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            body=answer.body,
            created_at=shop.now,
        )
    )
    shop.session.flush()


def _sweep(shop: Shop) -> None:
    # those that another is sweeping are left to it, or two would wait for each other
    old = (
        select(IdempotencyKey.caller, IdempotencyKey.key)
        .where(IdempotencyKey.created_at < shop.now - KEPT_FOR)
        .order_by(IdempotencyKey.created_at)
        .limit(_SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    gone = delete(IdempotencyKey).where(tuple_(IdempotencyKey.caller, IdempotencyKey.key).in_(old))
    shop.session.execute(gone.execution_options(synchronize_session=False))


def _claim(shop: Shop, caller: str, key: str) -> None:
    """Hold the key until the transaction ends. On SQLite its one writer holds it already."""
    if shop.session.get_bind().dialect.name != "postgresql":
        return
    name = sha256(f"{caller}\n{key}".encode()).digest()
    number = int.from_bytes(name[:8], signed=True)
    if not shop.session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise Refused("still_running", 409)
