"""PINs: four digits that only their owner knows, kept as a hash that nobody can guess backwards.

The digits go through HMAC-SHA256 under a secret that is not in the database, and then argon2id. Four digits
are few, so what protects them is the lock: after three wrong ones no PIN is right for a day.

Who forgot hers is texted a one-time code; whoever knows it too may reset the PIN. Three wrong codes end that offer,
and no other is made until it would have run out.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, select

from state.tables import insert_new, person

TRIES = 3
LOCKED_FOR = timedelta(hours=24)
PROOF_HOLDS = timedelta(minutes=10)
"""How long a right PIN speaks for whoever holds the phone."""

RESET_HOLDS = timedelta(minutes=30)
"""How long a code to reset a PIN is good for."""

Verdict = Literal["right", "wrong", "locked"]

# OWASP's smallest recommendation: 19 MiB, two passes, one lane
_hasher = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)


def check(conn: Connection, msisdn: str, pin: str, pepper: bytes, now: datetime) -> Verdict:
    """Whether this is her PIN; the first one becomes hers. A wrong one is counted: commit, whatever the verdict."""
    insert_new(conn, person, msisdn=msisdn, first_seen_at=now, updated_at=now)
    fields = (person.c.pin_hash, person.c.pin_misses, person.c.pin_locked_until)
    known, misses, locked_until = conn.execute(select(*fields).where(person.c.msisdn == msisdn).with_for_update()).one()
    if locked_until and now < locked_until:
        return "locked"
    if known is None or _is_right(known, pin, pepper):
        known = known or _hasher.hash(_peppered(pin, pepper))
        _keep(conn, msisdn, now, pin_hash=known, pin_misses=0, pin_locked_until=None, pin_proven_at=now)
        return "right"
    if misses + 1 >= TRIES:
        _keep(conn, msisdn, now, pin_misses=0, pin_locked_until=now + LOCKED_FOR, pin_proven_at=None)
        return "locked"
    _keep(conn, msisdn, now, pin_misses=misses + 1)
    return "wrong"


def is_proven(conn: Connection, msisdn: str, now: datetime) -> bool:
    """Whether her PIN was right within `PROOF_HOLDS`."""
    proven_at = conn.execute(select(person.c.pin_proven_at).where(person.c.msisdn == msisdn)).scalar_one_or_none()
    return proven_at is not None and now - proven_at < PROOF_HOLDS


def is_guarded(conn: Connection, msisdn: str, now: datetime) -> bool:
    """Whether she has a PIN and it was not right within `PROOF_HOLDS`."""
    known = conn.execute(select(person.c.pin_hash).where(person.c.msisdn == msisdn)).scalar_one_or_none()
    return known is not None and not is_proven(conn, msisdn, now)


def offer_reset(conn: Connection, msisdn: str, digits: str, pepper: bytes, now: datetime) -> bool:
    """From now on `digits` reset her PIN, once, and those of an offer before do not.

    False when three wrong ones have ended an offer that would still hold: guessing is not begun afresh.
    """
    insert_new(conn, person, msisdn=msisdn, first_seen_at=now, updated_at=now)
    _, misses, until = _offer(conn, msisdn)
    misses = misses if until and now < until else 0
    if misses >= TRIES:
        return False
    hashed = _hasher.hash(_peppered(digits, pepper))
    _keep(conn, msisdn, now, reset_hash=hashed, reset_misses=misses, reset_until=now + RESET_HOLDS)
    return True


def redeem_reset(
    conn: Connection, msisdn: str, digits: str, pepper: bytes, now: datetime
) -> Verdict | Literal["expired"]:
    """Resets her PIN if these digits were offered. A wrong try is counted: commit, whatever the verdict."""
    offered, misses, until = _offer(conn, msisdn)
    if until is None or until <= now:
        return "expired"
    if offered is None:
        return "locked"
    if _is_right(offered, digits, pepper):
        reset(conn, msisdn, now)
        return "right"
    ended = misses + 1 >= TRIES
    _keep(conn, msisdn, now, reset_misses=misses + 1, **({"reset_hash": None} if ended else {}))
    return "locked" if ended else "wrong"


def _offer(conn: Connection, msisdn: str) -> tuple[str | None, int, datetime | None]:
    fields = (person.c.reset_hash, person.c.reset_misses, person.c.reset_until)
    row = conn.execute(select(*fields).where(person.c.msisdn == msisdn).with_for_update()).one_or_none()
    return (row[0], row[1], row[2]) if row else (None, 0, None)


def reset(conn: Connection, msisdn: str, now: datetime) -> None:
    """Forgets her PIN, any lock and any offer to reset it: the next one she types becomes hers."""
    pin = {"pin_hash": None, "pin_misses": 0, "pin_locked_until": None, "pin_proven_at": None}
    _keep(conn, msisdn, now, **pin, reset_hash=None, reset_misses=0, reset_until=None)


def _keep(conn: Connection, msisdn: str, now: datetime, **fields: object) -> None:
    conn.execute(person.update().where(person.c.msisdn == msisdn).values(updated_at=now, **fields))


def _is_right(known: str, pin: str, pepper: bytes) -> bool:
    try:
        return _hasher.verify(known, _peppered(pin, pepper))
    except VerifyMismatchError:
        return False


def _peppered(pin: str, pepper: bytes) -> bytes:
    return hmac.digest(pepper, pin.encode(), "sha256")
