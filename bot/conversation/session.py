"""The state of a person between two hops: one JSON document per MSISDN, which the session store keeps as bytes.

{"person": {"msisdn": "+254711000111", "language": "en"}, "call": {"id": "ATUid_1", "heard": "1*2"}, ...}
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from datetime import datetime

import msgspec
from msgspec import field

from flows.kit import Conversation, Person
from state.sessions import PAGES, SidePage

log = logging.getLogger(__name__)

KEPT_FOR = 7 * 24 * 3600.0
"""Seconds that a session is kept after its last hop. During this time repeated requests are recognised."""
RESUMABLE_FOR = 24 * 3600.0
"""Seconds after its last hop within which a dropped call can be resumed."""
LARGEST = 1024
"""Bytes of a stored session, unless its conversations alone are longer; above that, older replies go to a page."""
EARLIER_CALLS_KEPT = 4
NAME_BYTES = 6
"""Of the short name of an earlier call, which takes less room than the gateway's id."""
TAGS_KEPT, TAG_LENGTH = 40, 3
MARKS_KEPT, MARK_LENGTH = 40, 4


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
    """The replies to the last hops of calls by the key of the hop, oldest first, for repeated hops."""
    left_at: float = 0.0
    """When the last hop of a call was, in Unix seconds."""
    has_forgotten_call: bool = field(default=False, name="again")  # the stored name
    """True until the call begins to which the gateway gives the id of an older one."""
    unidentified: bool = field(default=False, name="unmet")  # the stored name
    """True until the marketplace has given the profile of this person for the first time."""
    earlier_calls: list[str] = []
    """Short names of the calls that a newer call took over from, the oldest first; of the former version, their ids."""
    fence: int = 0
    """The number of the person's fence under which this was saved (`state.fences`)."""
    next_page: int = 0
    """The number of the next page of older replies; numbers never come again, also in a later session of the person."""
    first_page: int = 0
    """What is on a page with a smaller number is forgotten."""
    tags: str = ""
    """Tags of the calls before this one, the oldest first, to know a request that may have its reply on a page."""
    marks: str = ""
    """Hashes of the last answers to texts, the oldest first."""

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
        self.first_page, self.tags = self.next_page, ""

    def begin_call(self, id: str) -> UssdCall:
        """Open the call with the gateway's id; the call that was open is an earlier one now."""
        earlier, begun = self.earlier_calls, (id, _short_name(id))
        if self.call:
            ended = _short_name(self.call.id)
            earlier = [*earlier, ended]
            self.tags = (self.tags + ended[:TAG_LENGTH])[-TAGS_KEPT * TAG_LENGTH :]
        self.earlier_calls = [other for other in earlier if other not in begun][-EARLIER_CALLS_KEPT:]
        self.call = UssdCall(id)
        return self.call

    def is_earlier_call(self, id: str) -> bool:
        """True if a newer call has taken over from the call with the gateway's id."""
        earlier = self.earlier_calls
        return bool(earlier) and (_short_name(id) in earlier or id in earlier)

    def may_have_page(self, call_id: str) -> bool:
        """True if a page may have the reply to a hop of this call."""
        if not self.next_page:
            return False
        if self.call and self.call.id == call_id:
            return True
        return _short_name(call_id)[:TAG_LENGTH] in _parts(self.tags, TAG_LENGTH)

    def take_page(self, now: datetime) -> SidePage:
        """Move all replies but the last to a page, which must be saved with the session."""
        number = max(self.next_page, int(now.timestamp()))
        *older, last = self.replies.items()
        self.replies, self.next_page = dict([last]), number + 1
        self.first_page = self.first_page or number
        return SidePage(number % PAGES, _page_encoder.encode(OldReplies(number, dict(older))))

    def count_mark(self, mark: str) -> int:
        """How many of the last answers to texts have this mark."""
        return _parts(self.marks, MARK_LENGTH).count(mark)

    def add_mark(self, mark: str) -> None:
        self.marks = (self.marks + mark)[-MARKS_KEPT * MARK_LENGTH :]


class OldReplies(msgspec.Struct, array_like=True):
    """A page: its number, and replies by the key of their hop."""

    number: int
    replies: dict[str, str]


def _short_name(call_id: str) -> str:
    return hashlib.blake2b(call_id.encode("utf-8", "surrogatepass"), digest_size=NAME_BYTES).hexdigest()


def _parts(text: str, length: int) -> list[str]:
    return [text[at : at + length] for at in range(0, len(text), length)]


_page_encoder = msgspec.json.Encoder()
_page_decoder = msgspec.json.Decoder(OldReplies)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Session)


def new_session(msisdn: str) -> Session:
    """A session for a person who has none in the store."""
    return Session(Person(msisdn), unidentified=True)


def find_on_pages(pages: Iterable[bytes], first: int, keys: Collection[str]) -> str | None:
    """The reply to the hop with one of these keys on the pages from number `first` on; None if there is none."""
    for data in pages:
        if any(key.encode() in data for key in keys):
            page = _page_decoder.decode(data)
            found = [page.replies[key] for key in keys if key in page.replies]
            if found and page.number >= first:
                return found[0]
    return None


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
        return _decoder.decode(document)
    except msgspec.DecodeError:
        log.exception("a stored session cannot be decoded; a new one is started")
        return None


def hop_key(secret: bytes, *parts: str) -> str:
    """A short hash that identifies a hop, equal for each copy of it.

    It is keyed with `secret`, so that a PIN among the parts cannot be found by trying.
    """
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=9, key=secret).hexdigest()
