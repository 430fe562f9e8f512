"""PINs of four digits, stored as a hash: HMAC-SHA256 with a pepper that is not in the database, then argon2id.

    4f1d20c7$argon2id$v=19$m=19456,t=2,p=1$…    the first part names the pepper; hashes of old have none

Four digits can be guessed, so after three wrong PINs every PIN is rejected for a day.

A forgotten PIN is reset with a one-time code that is texted to its owner. Three wrong codes end the offer, and no other
is made until it would have expired.

argon2 takes tens of milliseconds, during which no transaction should be open. So a function that misses a hash raises
`HashNeeded`. The caller ends the transaction, computes the hash and starts again with the same `Hashes`.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, case, false, func, not_, select

from state.tables import insert_new, person, upsert

TRIES = 3
LOCKED_FOR = timedelta(hours=24)
RESET_HOLDS = timedelta(minutes=30)
"""How long a code to reset a PIN is valid."""

Verdict = Literal["right", "wrong", "locked"]

# OWASP's smallest recommendation: 19 MiB, two passes, one lane
_hasher = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)


class HashNeeded(Exception):  # noqa: N818 - not an error
    """A hash has to be computed: that of a new `secret`, or the comparison of `secret` with a `stored` hash."""

    def __init__(self, secret: str, stored: str | None) -> None:
        super().__init__("a hash has to be computed before the transaction")
        self.secret, self.stored = secret, stored


@dataclass(frozen=True, slots=True)
class Peppers:
    """The peppers of this service: that of new hashes first, and those of hashes that do not name theirs."""

    named: tuple[bytes, ...] = field(repr=False)
    unnamed: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def prefix(self) -> str:
        """How new hashes begin."""
        return f"{_name(self.named[0])}$"

    def of(self, stored_hash: str) -> tuple[bytes, ...]:
        """The peppers that a stored hash may have; none if its pepper is no longer known."""
        name = stored_hash.partition("$")[0]
        return tuple(pepper for pepper in self.named if _name(pepper) == name) if name else self.unnamed


def _name(pepper: bytes) -> str:
    return hashlib.sha256(b"name of a pepper: " + pepper).hexdigest()[:8]


class Hashes:
    """The hashes and comparisons that were computed for one hop, with the peppers of this service."""

    def __init__(self, peppers: Peppers) -> None:
        self._peppers = peppers
        self._computed: dict[tuple[str, str | None], str | bool] = {}

    def compute(self, needed: HashNeeded) -> None:
        """Compute what was missing. Takes tens of milliseconds of CPU, so no transaction should be open."""
        if needed.stored is None:
            computed: str | bool = self._hash(needed.secret)
        else:
            computed = self._is_right(needed.stored, needed.secret)
        self._computed[needed.secret, needed.stored] = computed

    def new(self, secret: str) -> str:
        """The hash to store for a secret. Raises HashNeeded."""
        return str(self._find(secret, None))

    def is_right(self, stored: str, secret: str) -> bool:
        """True if the stored hash is one of this secret. Raises HashNeeded."""
        return bool(self._find(secret, stored))

    def renewed(self, stored: str, secret: str) -> str:
        """The stored hash of this secret if it has the pepper of new hashes; else a new one. Raises HashNeeded."""
        return stored if stored.startswith(self._peppers.prefix) else self.new(secret)

    def _hash(self, secret: str) -> str:
        return self._peppers.prefix + _hasher.hash(_peppered(self._peppers.named[0], secret)).removeprefix("$")

    def _is_right(self, stored: str, secret: str) -> bool:
        argon2 = "$" + stored.partition("$")[2]
        return any(_verify(argon2, _peppered(pepper, secret)) for pepper in self._peppers.of(stored))

    def _find(self, secret: str, stored: str | None) -> str | bool:
        computed = self._computed.get((secret, stored))
        if computed is None:
            raise HashNeeded(secret, stored)
        return computed


def prepare_check(conn: Connection, msisdn: str, pin: str, hashes: Hashes, now: datetime) -> None:
    """Raise HashNeeded if `check` will miss a hash; takes no lock."""
    fields = select(person.c.pin_hash, person.c.pin_locked_until).where(person.c.msisdn == msisdn)
    stored_hash, locked_until = conn.execute(fields).one_or_none() or (None, None)
    if locked_until and now < locked_until:
        return
    if stored_hash is None:
        hashes.new(pin)
    elif hashes.is_right(stored_hash, pin):
        hashes.renewed(stored_hash, pin)


def check(conn: Connection, msisdn: str, pin: str, hashes: Hashes, now: datetime) -> Verdict:
    """Check a PIN; the first one that is given is stored. Commit in every case, because wrong PINs are counted.

    A right one is stored again if its hash has an older pepper. Raises HashNeeded.
    """
    insert_new(conn, person, msisdn=msisdn, first_seen_at=now, updated_at=now)
    fields = (person.c.pin_hash, person.c.pin_misses, person.c.pin_locked_until)
    stored_hash, misses, locked_until = conn.execute(
        select(*fields).where(person.c.msisdn == msisdn).with_for_update()
    ).one()
    if locked_until and now < locked_until:
        return "locked"
    if stored_hash is None or hashes.is_right(stored_hash, pin):
        stored_hash = hashes.renewed(stored_hash, pin) if stored_hash else hashes.new(pin)
        _keep(conn, msisdn, now, pin_hash=stored_hash, pin_misses=0, pin_locked_until=None)
        return "right"
    if misses + 1 >= TRIES:
        _keep(conn, msisdn, now, pin_misses=0, pin_locked_until=now + LOCKED_FOR)
        return "locked"
    _keep(conn, msisdn, now, pin_misses=misses + 1)
    return "wrong"


def seal(conn: Connection, msisdn: str, now: datetime) -> str | None:
    """A short digest that another PIN changes; None if there is no PIN, or while it is locked.

    Who gave the right PIN keeps the seal, and has proven the PIN for as long as the seal is the same.
    """
    fields = select(person.c.pin_hash, person.c.pin_locked_until).where(person.c.msisdn == msisdn)
    row = conn.execute(fields).one_or_none()
    if row is None or row.pin_hash is None or (row.pin_locked_until and now < row.pin_locked_until):
        return None
    return hashlib.blake2b(row.pin_hash.encode(), digest_size=9).hexdigest()


def tries_left(conn: Connection, msisdn: str) -> int:
    """How many more wrong PINs lock the PIN."""
    misses = conn.execute(select(person.c.pin_misses).where(person.c.msisdn == msisdn)).scalar_one_or_none()
    return TRIES - (misses or 0)


def is_chosen(conn: Connection, msisdn: str) -> bool:
    """True if there is a PIN, locked or not."""
    stored_hash = conn.execute(select(person.c.pin_hash).where(person.c.msisdn == msisdn)).scalar_one_or_none()
    return stored_hash is not None


def count_with_older_peppers(conn: Connection, peppers: Peppers) -> int:
    """How many PINs are hashed with another pepper than new ones, and could not be checked without it."""
    is_older = person.c.pin_hash.is_not(None) & not_(person.c.pin_hash.startswith(peppers.prefix))
    return conn.execute(select(func.count()).select_from(person).where(is_older)).scalar_one()


def offer_reset(conn: Connection, msisdn: str, digits: str, hashes: Hashes, now: datetime) -> bool:
    """Offer a reset: `digits` are accepted once, and the digits of an earlier offer no longer.

    False if three wrong codes ended an offer that has not expired yet: a new offer would allow more guesses. Raises
    HashNeeded.
    """
    is_open = func.coalesce(person.c.reset_until > now, false())
    offer = {"reset_hash": hashes.new(digits), "reset_until": now + RESET_HOLDS, "updated_at": now}
    offered = upsert(conn.dialect.name, person).values(msisdn=msisdn, first_seen_at=now, **offer)
    again = offered.on_conflict_do_update(
        index_elements=[person.c.msisdn],
        set_=offer | {"reset_misses": case((is_open, person.c.reset_misses), else_=0)},
        where=not_(is_open) | (person.c.reset_misses < TRIES),
    )
    return conn.execute(again.returning(person.c.msisdn)).first() is not None


def prepare_redeem(conn: Connection, msisdn: str, digits: str, hashes: Hashes, now: datetime) -> None:
    """Raise HashNeeded if `redeem_reset` will miss a hash; takes no lock."""
    fields = select(person.c.reset_hash, person.c.reset_until).where(person.c.msisdn == msisdn)
    code_hash, until = conn.execute(fields).one_or_none() or (None, None)
    if code_hash and until and now < until:
        hashes.is_right(code_hash, digits)


def redeem_reset(
    conn: Connection, msisdn: str, digits: str, hashes: Hashes, now: datetime
) -> Verdict | Literal["expired"]:
    """Reset the PIN if these digits were offered. Commit in every case, because wrong codes are counted.

    Raises HashNeeded.
    """
    code_hash, misses, until = _offer(conn, msisdn)
    if until is None or until <= now:
        return "expired"
    if code_hash is None:
        return "locked"
    if hashes.is_right(code_hash, digits):
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
    """Delete the PIN, its lock and any offer to reset it; the next PIN that is given is stored."""
    pin = {"pin_hash": None, "pin_misses": 0, "pin_locked_until": None}
    _keep(conn, msisdn, now, **pin, reset_hash=None, reset_misses=0, reset_until=None)


def _keep(conn: Connection, msisdn: str, now: datetime, **fields: object) -> None:
    conn.execute(person.update().where(person.c.msisdn == msisdn).values(updated_at=now, **fields))


def _peppered(pepper: bytes, secret: str) -> bytes:
    return hmac.digest(pepper, secret.encode(), "sha256")


def _verify(argon2_hash: str, peppered: bytes) -> bool:
    try:
        return _hasher.verify(argon2_hash, peppered)
    except VerifyMismatchError:
        return False
