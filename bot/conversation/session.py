"""The state of a person between two hops: one JSON document per MSISDN, which the session store keeps as bytes.

{"person": {"msisdn": "+254711000111", "language": "en"}, "call": {"id": "ATUid_1", "heard": "1*2"}, ...}
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

import msgspec
from msgspec import field

from flows.kit import Conversation, Person

log = logging.getLogger(__name__)

KEPT_FOR = 7 * 24 * 3600.0
"""Seconds that a session is kept after its last hop. During this time repeated requests are recognised."""
RESUMABLE_FOR = 24 * 3600.0
"""Seconds after its last hop within which a dropped call can be resumed."""
REPLIES_KEPT = 40
EARLIER_CALLS_KEPT = 4


class UssdCall(msgspec.Struct, omit_defaults=True):
    """The open USSD session: the gateway's id, and the cumulative text consumed so far, with secrets masked.

    `is_rebuilt` is true once the session store has lost the call: from then on, each answer is stored in the database.
    """

    id: str
    consumed: str = field(default="", name="heard")  # the stored name
    is_rebuilt: bool = False


class Session(msgspec.Struct, omit_defaults=True):
    """One person: the profile, the conversations by call and by text, and the replies to the last hops."""

    person: Person
    call: UssdCall | None = None
    by_call: Conversation | None = None
    by_text: Conversation | None = None
    suspended: Conversation | None = field(default=None, name="aside")  # the stored name
    """A conversation by text that a keyword interrupted."""
    replies: dict[str, str] = {}
    """Replies by the key of their hop, oldest first, for repeated hops; of a text, a short hash of the answer."""
    left_at: float = 0.0
    """When the last hop of a call was, in Unix seconds."""
    has_forgotten_call: bool = field(default=False, name="again")  # the stored name
    """True until the call begins to which the gateway gives the id of an older one."""
    unidentified: bool = field(default=False, name="unmet")  # the stored name
    """True until the marketplace has given the profile of this person for the first time."""
    earlier_calls: list[str] = []
    """The gateway's ids of the calls that a newer call took over from, the oldest first."""
    fence: int = 0
    """The number of the person's fence under which this was saved (`state.fences`)."""

    @property
    def last_profile(self) -> Person | None:
        """The profile that the marketplace gave last; None if it has never given one."""
        return None if self.unidentified else self.person

    def identify(self, person: Person) -> None:
        """Store the profile that the marketplace gave."""
        self.person, self.unidentified = person, False

    def is_resumable(self, now: datetime) -> bool:
        """True if the last call ended less than `RESUMABLE_FOR` ago."""
        return self.seconds_since_call(now) < RESUMABLE_FOR

    def seconds_since_call(self, now: datetime) -> float:
        """How long ago the last hop of a call was."""
        return now.timestamp() - self.left_at

    def forget_call(self) -> None:
        """Forget the call and all replies: another call has its id, and its answers are not repetitions."""
        self.call, self.replies, self.has_forgotten_call = None, {}, True

    def begin_call(self, id: str) -> UssdCall:
        """Open the call with the gateway's id; the call that was open is an earlier one now."""
        earlier = [*self.earlier_calls, self.call.id] if self.call else self.earlier_calls
        self.earlier_calls = [other for other in earlier if other != id][-EARLIER_CALLS_KEPT:]
        self.call = UssdCall(id)
        return self.call

    def remember_reply(self, hop: str, reply: str) -> None:
        """Store the reply to a hop; only the last `REPLIES_KEPT` are kept."""
        self.replies[hop] = reply
        for oldest in list(self.replies)[:-REPLIES_KEPT]:
            del self.replies[oldest]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Session)


def new_session(msisdn: str) -> Session:
    """A session for a person who has none in the store."""
    return Session(Person(msisdn), unidentified=True)


def encode(session: Session) -> bytes:
    return _encoder.encode(session)


def decode(data: bytes) -> Session:
    """Raises msgspec.DecodeError."""
    return _decoder.decode(data)


def read(document: bytes | None) -> Session | None:
    """The session in a stored document; None if there is no document, or if this version cannot decode it."""
    if document is None:
        return None
    try:
        return decode(document)
    except msgspec.DecodeError:
        log.exception("a stored session cannot be decoded; a new one is started")
        return None


def hop_key(secret: bytes, *parts: str) -> str:
    """A short hash that identifies a hop, equal for each copy of it.

    It is keyed with `secret`, so that a PIN among the parts cannot be found by trying.
    """
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=9, key=secret).hexdigest()
