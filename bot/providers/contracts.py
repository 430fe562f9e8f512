"""What crosses the border between a provider's file and the hall.

A provider turns its wire format into the shapes below and calls the hall; the hall turns
what must leave into an `OutgoingSms` and calls the provider's `send`. Nothing else passes.
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
    """Something a person sent us, whoever carried it.

    `id` is the provider's: of the session for USSD, of the message for SMS. USSD `text` is
    cumulative: all she typed in this session, joined by `*`, unescaped.
    """

    channel: Channel
    provider: str
    id: str
    msisdn: str
    service: str
    text: str
    media: tuple[Media, ...] = ()
    sent_at: datetime | None = None
    consent: Literal["STOP", "START", "HELP"] | None = None
    """What the provider has itself understood and answered (Twilio's OptOutType)."""
    token: str | None = None
    """The same each time the provider brings it (Twilio's I-Twilio-Idempotency-Token)."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """A USSD session is over: `incomplete` means that she was still being asked something."""

    provider: str
    session_id: str
    msisdn: str | None
    incomplete: bool
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a provider reports of a message that we sent.

    `status` is None when `raw_status`, the provider's own word, is new to us. Of a failed message `reason` says why,
    and `detail` the same in the provider's words.
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
    """One text for one person. `id` is ours, stable over every attempt."""

    id: str
    msisdn: str
    text: str
    channel: Literal["sms", "whatsapp"] = "sms"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider took the message over. `cost` as the provider writes it, `KES 0.8000`; it may give no id."""

    provider_id: str | None
    status: ReportedStatus = "sent"
    cost: str | None = None


class Sender(Protocol):
    """A provider that takes texts. Africa's Talking and Twilio are the two."""

    name: str

    def send(self, sms: OutgoingMessage) -> Receipt:
        """Hand one text to the provider; raises SendError."""
        ...


@runtime_checkable
class BulkSender(Sender, Protocol):
    """A provider that takes one text for many people in one call."""

    at_once: int
    """How many people."""

    def send_same(self, texts: Sequence[OutgoingMessage]) -> Sequence[Receipt | SendError]:
        """Hand the same words over for each of them; what became of each, in their order.

        Raises SendError when the call as a whole failed. Within one that did not, to be refused is an answer.
        """
        ...


class InboundHandler(Protocol):
    """What a provider may call: the service itself, or a stand-in that records."""

    def ussd(self, inbound: Inbound) -> str:
        """One USSD hop: the whole answer, `CON …` or `END …`."""
        ...

    def error_screen(self, msisdn: str | None) -> str:
        """What a caller hears when a hop could not be understood or went wrong: `END …`."""
        ...

    def sms(self, inbound: Inbound) -> None:
        """One text that came in; its answer leaves as a message of its own."""
        ...

    def session_ended(self, end: SessionEnd) -> None: ...

    def report(self, report: DeliveryReport) -> None: ...

    def opted_out(self, msisdn: str, how: str) -> None: ...
