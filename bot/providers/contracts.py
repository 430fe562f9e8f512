"""The interface between providers of messages and calls and the rest of the service.

An adapter turns its wire format into the classes below and calls an `InboundHandler`. An outgoing message is passed to
the adapter's `Sender` as an `OutgoingMessage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

import msgspec

from bot.providers.errors import Reason, SendError
from state.messages import ReportedStatus

Channel = Literal["ussd", "sms", "whatsapp"]


@dataclass(frozen=True, slots=True)
class Media:
    """A picture that came with a message: where the provider keeps it."""

    url: str
    content_type: str


class Inbound(msgspec.Struct, frozen=True):
    """A hop of a USSD call, or an inbound text.

    `id` is the provider's id of the session for USSD, otherwise of the message. The `text` of a USSD hop is cumulative:
    all answers of this session, joined by `*`, without escapes. The `msisdn` of a text may also be a number as it is
    dialled in one country, or a sender that is not a phone (`MPESA`, `22384`), which cannot be answered.
    """

    channel: Channel
    provider: str
    id: str
    msisdn: str
    service: str
    """The service code that was dialled, or the short code or number that was texted."""
    text: str
    media: tuple[Media, ...] = ()
    sent_at: datetime | None = None
    consent: Literal["STOP", "START", "HELP"] | None = None
    """The word that the provider has recognised and answered by itself (Twilio's OptOutType)."""
    answered_before: int | None = None
    """Of a hop, how long the text was when the gateway last got a screen; None if the gateway does not say it."""
    is_last_answer: bool = False
    """True for a hop whose `text` is only what was typed last, and what was typed before has `answered_before`."""
    token: str | None = None
    """The same each time that the provider repeats the request (Twilio's I-Twilio-Idempotency-Token)."""

    @property
    def length(self) -> int:
        """Of a hop, how long all answers of the call so far are, joined by `*`."""
        before = self.answered_before if self.is_last_answer else 0
        return before + 1 + len(self.text) if before else len(self.text)


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """The end of a USSD session; `incomplete` if the call was dropped before our last screen."""

    provider: str
    session_id: str
    msisdn: str | None
    incomplete: bool
    facts: Mapping[str, str] = field(default_factory=dict)
    """Other fields of the report, for the log."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A provider's report about a message that we sent.

    `status` is None if `raw_status`, the provider's own word, is unknown to us. If the message failed, `reason` is the
    cause, and `detail` the cause in the provider's words.
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
    """The provider accepted the message. It may give no id; `cost` is the provider's text, such as `KES 0.8000`."""

    provider_id: str | None
    status: ReportedStatus = "sent"
    cost: str | None = None


class Sender(Protocol):
    """A provider that sends messages, such as Africa's Talking and Twilio."""

    name: str
    """The name under which its messages are stored and its delivery reports arrive."""

    def send(self, sms: OutgoingMessage) -> Receipt:
        """Send one message. Raises SendError."""
        ...


@runtime_checkable
class BulkSender(Sender, Protocol):
    """A provider that sends one text to many recipients in one call."""

    batch_size: int
    """The largest number of recipients of one call."""

    def send_batch(self, messages: Sequence[OutgoingMessage]) -> Sequence[Receipt | SendError]:
        """Send messages with the same text in one call; returns the outcome of each, in their order.

        Raises SendError if the call failed as a whole.
        """
        ...


class MediaFetcher(Protocol):
    """A provider that stores the pictures that come with messages."""

    def keeps(self, url: str) -> bool:
        """True if this is the address of a picture of our account."""
        ...

    def fetch(self, url: str, limit: int) -> bytes:
        """The picture's bytes; if there are more than `limit`, only the first ones, a few more than `limit`.

        Raises FetchError.
        """
        ...


class InboundHandler(Protocol):
    """Handles the requests of providers: `bot.conversation`, or a test that records them."""

    def ussd(self, inbound: Inbound) -> str:
        """The answer to one USSD hop: `CON …` or `END …`."""
        ...

    def error_screen(self, msisdn: str | None) -> str:
        """The answer to a hop that could not be read, or that failed: `END …`."""
        ...

    def sms(self, inbound: Inbound) -> None:
        """Handle an inbound text; the answer is sent later, as a separate message."""
        ...

    def session_ended(self, end: SessionEnd) -> None: ...

    def report(self, report: DeliveryReport) -> None: ...

    def opted_out(self, msisdn: str, how: str) -> None:
        """Handle an opt-out that the provider received; `how` is stored as proof."""
        ...
