"""What a person's session holds between hops: one document, kept by the session store as bytes."""

from __future__ import annotations

import hashlib
from datetime import datetime

import msgspec

from flows.kit import Conversation, Person

KEPT_FOR = 7 * 24 * 3600.0
"""Seconds a session outlives its last hop: duplicates are known and conversations can go on for so long."""
RESUMABLE_FOR = 24 * 3600.0
REPLIES_KEPT = 40


class UssdCall(msgspec.Struct, omit_defaults=True):
    """The gateway's USSD session that is open: its id, and what was heard of its cumulative text, secrets veiled."""

    id: str
    heard: str = ""


class Session(msgspec.Struct, omit_defaults=True):
    """One person: what is known of her, where her call and her texts stand, and what she was answered.

    `replies` is by hop, oldest first, so that a repeated hop gets the same words.
    """

    person: Person
    call: UssdCall | None = None
    by_call: Conversation | None = None
    by_text: Conversation | None = None
    aside: Conversation | None = None
    """By text too: what she was in the middle of when she wrote a keyword."""
    replies: dict[str, str] = {}
    left_at: float = 0.0
    unmet: bool = False
    """Whether the shop has never said who she is."""

    @property
    def last(self) -> Person | None:
        """As she was when the shop last said who she is."""
        return None if self.unmet else self.person

    def met(self, person: Person) -> None:
        self.person, self.unmet = person, False

    def is_fresh(self, now: datetime) -> bool:
        """Whether the last call ended so lately that she may want to go on with it."""
        return now.timestamp() - self.left_at < RESUMABLE_FOR

    def answered(self, hop: str, reply: str) -> None:
        self.replies[hop] = reply
        for oldest in list(self.replies)[:-REPLIES_KEPT]:
            del self.replies[oldest]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Session)


def stranger(msisdn: str) -> Session:
    """Of somebody who was never here, or so long ago that it is forgotten."""
    return Session(Person(msisdn), unmet=True)


def encode(session: Session) -> bytes:
    return _encoder.encode(session)


def decode(data: bytes) -> Session:
    return _decoder.decode(data)


def hop_key(secret: bytes, *parts: str) -> str:
    """One name for one hop, however often it is posted; without the secret, nothing typed can be guessed from it."""
    said = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(said, digest_size=9, key=secret).hexdigest()
