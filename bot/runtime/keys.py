"""Keys that are derived from `SECRET_KEY`, one for each purpose, so that none of them reveals another.

settings.keys.current(Purpose.PHOTO_LINKS)     makes a new link
settings.keys.accepted(Purpose.PHOTO_LINKS)    check one, the current key first

While `SECRET_KEY` is replaced it has two values, `NEW,OLD`: the first makes everything, both are accepted. See
docs/howto/replace-a-secret.md.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import StrEnum

HASH_BYTES = 32
"""Of SHA-256."""
MOST_VALUES = 2
"""Of a secret: the one in use, and the one before it."""


class Purpose(StrEnum):
    """What a key is for. The value is part of the derivation: with another one the key is another."""

    PHOTO_LINKS = "photo links"
    ORDER_FORMS = "order forms"
    ORDER_LINKS = "order links"
    PINS = "pins"
    HOPS = "hops"
    STRANGERS = "strangers"
    PSEUDONYMS = "pseudonyms"
    CODES = "one-time codes"
    OPERATOR_FORMS = "operator forms"
    OPERATOR_CODES = "operator codes"


DERIVED_PLAINLY = frozenset({Purpose.PHOTO_LINKS, Purpose.PINS, Purpose.HOPS})
"""Once all these had the SHA-256 of `SECRET_KEY` as their key. Links and PINs of that time are still accepted."""


def values_of(secret: str) -> tuple[str, ...]:
    """The values of a secret: the one in use first. Values are separated by commas."""
    return tuple(value.strip() for value in secret.split(",") if value.strip())


def hkdf(secret: bytes, *, salt: bytes, info: bytes, length: int = HASH_BYTES) -> bytes:
    """A key of `length` bytes from a secret: HKDF with SHA-256 (RFC 5869)."""
    pseudorandom = hmac.digest(salt or bytes(HASH_BYTES), secret, "sha256")
    block, output = b"", b""
    for number in range(1, -(-length // HASH_BYTES) + 1):
        block = hmac.digest(pseudorandom, block + info + bytes([number]), "sha256")
        output += block
    return output[:length]


@dataclass(frozen=True, slots=True)
class Keys:
    """The derived keys of all values of `SECRET_KEY`."""

    values: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, secret_key: str) -> Keys:
        return cls(values_of(secret_key))

    def current(self, purpose: Purpose) -> bytes:
        """The key that makes new signatures and hashes; 32 bytes."""
        return self.derived(purpose)[0]

    def accepted(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The keys whose signatures and hashes are valid; the current one first, those of the older derivation last."""
        return self.derived(purpose) + self.plain(purpose)

    def derived(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The key from each value."""
        return tuple(hkdf(value.encode(), salt=b"soko", info=purpose.encode()) for value in self.values)

    def plain(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The key from each value as it was before each purpose had a key of its own; none for newer purposes."""
        if purpose not in DERIVED_PLAINLY:
            return ()
        return tuple(hashlib.sha256(value.encode()).digest() for value in self.values)
