"""Idempotency keys: a request that is sent twice is performed once, and gets the first answer again."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, func, select, tuple_

from marketplace_api import problems
from marketplace_api.models import IdempotencyKey
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop

KEPT_FOR = timedelta(days=7)
"""The shortest time that an answer is kept. Clients retry for less time."""

_DELETED_AT_ONCE = 20  # more than one request adds, so that the number of old answers does not grow


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An HTTP status and the exact JSON body."""

    status: int
    body: str


def fingerprints_of(shop: Shop, method: str, path: str, body: bytes) -> Sequence[str]:
    """Hashes that distinguish this request from others with the same key: the one to store, and others that may be.

    They are keyed, because a body may have a one-time code, which could be found by trying. The last one is not: it was
    stored before hashes were keyed.
    """
    text = f"{method} {path}\n".encode() + body
    return [*(hmac.digest(key, text, "sha256").hex() for key in shop.terms.code_keys), sha256(text).hexdigest()]


def answer_once(
    shop: Shop, caller: str, key: str, fingerprints: Sequence[str], perform: Callable[[], StoredAnswer]
) -> StoredAnswer:
    """Perform a request once for the caller's key; later calls get the first answer.

    If `perform` raises `Refused`, its changes are rolled back, and the refusal is stored as the answer. After any other
    exception nothing is stored. Raises `Refused` as `recall` does.
    """
    first = recall(shop, caller, key, fingerprints)
    if first is not None:
        return first
    try:
        with shop.session.begin_nested():
            answer = perform()
    except Refused as refused:
        answer = refusal_answer(refused)
    remember(shop, caller, key, fingerprints[0], answer)
    return answer


def refusal_answer(refused: Refused) -> StoredAnswer:
    """The answer to a request that the shop refuses."""
    return StoredAnswer(refused.status, problems.refusal(refused).as_json())


def recall(shop: Shop, caller: str, key: str, fingerprints: Sequence[str]) -> StoredAnswer | None:
    """The first answer to this request, or None if it has not been made yet.

    The key is locked until the transaction ends; until then other requests with it get `Refused` with `still_running`.
    Raises `Refused` with `idempotency_key_reused` if the key was used for another request.
    """
    _lock(shop, caller, key)
    row = shop.session.get(IdempotencyKey, (caller, key))
    if row is None:
        return None
    if row.fingerprint not in fingerprints:
        raise Refused("idempotency_key_reused", 422)
    return StoredAnswer(row.status, row.body)


def stored(shop: Shop, caller: str, key: str) -> StoredAnswer | None:
    """The first answer to whatever request was made with the caller's key; None if there was none."""
    row = shop.session.get(IdempotencyKey, (caller, key))
    return StoredAnswer(row.status, row.body) if row else None


def remember(shop: Shop, caller: str, key: str, fingerprint: str, answer: StoredAnswer) -> None:
    """Store the answer in the transaction of its effect, and delete some answers older than `KEPT_FOR`."""
    _delete_old(shop)
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


def _delete_old(shop: Shop) -> None:
    # skips rows that another transaction is deleting; otherwise the two would wait for each other
    old = (
        select(IdempotencyKey.caller, IdempotencyKey.key)
        .where(IdempotencyKey.created_at < shop.now - KEPT_FOR)
        .order_by(IdempotencyKey.created_at)
        .limit(_DELETED_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    gone = delete(IdempotencyKey).where(tuple_(IdempotencyKey.caller, IdempotencyKey.key).in_(old))
    shop.session.execute(gone.execution_options(synchronize_session=False))


def _lock(shop: Shop, caller: str, key: str) -> None:
    """Lock the key until the transaction ends. On SQLite the one writer needs no lock."""
    if shop.session.get_bind().dialect.name != "postgresql":
        return
    name = sha256(f"{caller}\n{key}".encode()).digest()
    number = int.from_bytes(name[:8], signed=True)
    if not shop.session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise Refused("still_running", 409)
