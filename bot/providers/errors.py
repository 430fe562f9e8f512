"""The errors of providers. Each error has a `Reason`, and the provider's own code or word as `detail`.

ProviderError
├── SendError                       a message was not accepted, or may not have been
├── FetchError                      a picture could not be fetched
└── PaymentError                    a payment request was not accepted, or may not have been
    └── DuplicatePaymentError       the provider already has a payment under this id

                        retryable   outcome unknown
    unreachable         yes
    no_answer                       yes
    throttled           yes
    refused
    invalid_recipient
    opted_out
    blocked_promotions
    insufficient_funds  yes
    misconfigured
    not_by_whatsapp
    content_rejected
    provider_down       yes
    unreadable          yes
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum


class Reason(Enum):
    """The cause of a failure, in words that are the same for every provider. All decisions depend on it.

    `retryable`: the provider certainly did not act, and may act on another attempt.
    `outcome_unknown`: the provider may have acted. A delivery report decides for a message, a query for a payment.
    Neither: the failure is final.
    """

    UNREACHABLE = "unreachable", "retryable"
    """No connection was made, so nothing was sent."""
    NO_ANSWER = "no_answer", "outcome unknown"
    """The request may have arrived, and no reliable answer came back."""
    THROTTLED = "throttled", "retryable"
    """Too many requests: a rate, a queue or a daily limit is full."""
    REFUSED = "refused", "final"
    """The provider or the network refuses, for a cause that no other reason describes."""
    INVALID_RECIPIENT = "invalid_recipient", "final"
    """The number does not exist, or cannot receive this."""
    OPTED_OUT = "opted_out", "final"
    """The recipient sent STOP to the provider."""
    BLOCKED_PROMOTIONS = "blocked_promotions", "final"
    """The recipient's network blocks promotions to this number, and only these."""
    INSUFFICIENT_FUNDS = "insufficient_funds", "retryable"
    """Our account with the provider is empty; an operator has to top it up."""
    MISCONFIGURED = "misconfigured", "final"
    """Our credentials, sender or account settings are wrong."""
    NOT_BY_WHATSAPP = "not_by_whatsapp", "final"
    """WhatsApp does not take it to this recipient: not from us, or not now. An SMS may reach them."""
    CONTENT_REJECTED = "content_rejected", "final"
    """The text itself is not accepted."""
    PROVIDER_DOWN = "provider_down", "retryable"
    """The provider reports an internal failure, and did not act."""
    UNREADABLE = "unreadable", "retryable"
    """The answer is not the provider's: most likely a proxy or a login page on the way."""

    word: str
    retryable: bool
    outcome_unknown: bool

    def __new__(cls, word: str, consequence: str) -> Reason:
        """The value of a member is its word alone, so that it can be stored."""
        reason = object.__new__(cls)
        reason._value_ = reason.word = word
        reason.retryable, reason.outcome_unknown = consequence == "retryable", consequence == "outcome unknown"
        return reason

    @classmethod
    def of(cls, word: str) -> Reason:
        """The reason with this word."""
        return cls[word.upper()]


class ProviderError(Exception):
    """A request to a provider failed.

    `detail` is the provider's own code or word, or the reason's name if there is none. It is for operators, logs and
    metrics; no decision depends on it. `retry_after` is the wait that the provider asked for.
    """

    def __init__(self, reason: Reason, detail: str | None = None, *, retry_after: timedelta | None = None) -> None:
        self.reason = reason
        self.detail = reason.word if detail is None else detail
        self.retry_after = retry_after
        super().__init__(self.detail)


class SendError(ProviderError):
    """A message was not accepted, or may not have been."""


class FetchError(ProviderError):
    """A picture could not be fetched from the provider that stores it."""


class PaymentError(ProviderError):
    """A payment request was not accepted, or its answer was lost."""


class DuplicatePaymentError(PaymentError):
    """The provider already has a payment under this id; its status is queried soon."""

    def __init__(self, detail: str = "duplicate") -> None:
        super().__init__(Reason.NO_ANSWER, detail)
