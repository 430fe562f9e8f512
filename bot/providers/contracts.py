"""What providers of messages and calls, and the rest of the service, say to each other.

An adapter turns its wire format into the shapes below and calls an `InboundHandler`; what leaves is given to the
adapter's `Sender` as an `OutgoingMessage`. Nothing else crosses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from bot.providers.errors import Reason, SendError
from state.messages import ReportedStatus

Channel = Literal["ussd", "sms", "whatsapp"]


@dataclass(frozen=True, slots=True)
class Media:
    """A picture that came with a message: where the provider keeps it."""

    url: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Inbound:
    """A hop of a USSD call, or a message that somebody sent us.

    `id` is the provider's: of the session for USSD, of the message otherwise. The `text` of a USSD hop is cumulative:
    everything that was typed in this session, joined by `*`, without escapes.
    """

    channel: Channel
    provider: str
    id: str
    msisdn: str
    service: str
    """What was dialled or written to: a service code, a short code or a number."""
    text: str
    media: tuple[Media, ...] = ()
    sent_at: datetime | None = None
    consent: Literal["STOP", "START", "HELP"] | None = None
    """What the provider has understood and answered by itself (Twilio's OptOutType)."""
    token: str | None = None
    """The same each time that the provider repeats the request (Twilio's I-Twilio-Idempotency-Token)."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A USSD session is over; `incomplete` if the caller was still being asked something."""

    provider: str
    session_id: str
    msisdn: str | None
    incomplete: bool
    facts: Mapping[str, str] = field(default_factory=dict)
    """What else the provider says of the session, for the log."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a provider reports of a message that we sent.

    `status` is None when `raw_status`, the provider's own word, is unknown to us. When the message failed, `reason`
    says why, and `detail` says it in the provider's words.
    """

    provider: str
    provider_id: str
    status: ReportedStatus | None
    reason: Reason | None = None
    detail: str | None = None
    raw_status: str = ""
    msisdn: str | None = None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message for one recipient. `id` is ours, and the same at every attempt."""

    id: str
    msisdn: str
    text: str
    channel: Literal["sms", "whatsapp"] = "sms"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took the message over. It may give no id; `cost` is as it writes it, such as `KES 0.8000`."""

    provider_id: str | None
    status: ReportedStatus = "sent"
    cost: str | None = None


class Sender(Protocol):
    """A provider that takes messages, such as Africa's Talking and Twilio."""

    name: str
    """What its messages are stored under, and its delivery reports arrive under."""

    def send(self, sms: OutgoingMessage) -> Receipt:
        """Hand one message to the provider. Raises SendError."""
        ...


@runtime_checkable
class BulkSender(Sender, Protocol):
    """A provider that takes one text for many recipients in one call."""

    batch_size: int
    """How many recipients at most."""

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Sequence[Receipt | SendError]:
        """Hand over messages of the same text in one call; the outcome of each, in their order.

        Raises SendError when the call failed as a whole.
        """
        ...


class MediaFetcher(Protocol):
    """A provider that keeps the pictures which come with messages."""

    def keeps(self, url: str) -> bool:
        """True if this is the address of a picture of our account."""
        ...

    def fetch(self, url: str, limit: int) -> bytes:
        """The picture's bytes; of one that has more than `limit`, a little more than `limit`. Raises FetchError."""
        ...


class InboundHandler(Protocol):
    """Takes what providers post: `bot.conversation`, or a test that records it."""

    def ussd(self, inbound: Inbound) -> str:
        """The answer to one USSD hop: `CON …` or `END …`."""
        ...

    def error_screen(self, msisdn: str | None) -> str:
        """The answer to a hop that could not be read, or that failed: `END …`."""
        ...

    def sms(self, inbound: Inbound) -> None:
        """A message came in; the answer to it leaves as a message of its own."""
        ...

    def session_ended(self, end: SessionEnd) -> None: ...

    def report(self, report: DeliveryReport) -> None: ...

    def opted_out(self, msisdn: str, how: str) -> None:
        """The provider says that this recipient wants no more messages; `how` is stored as proof."""
        ...
