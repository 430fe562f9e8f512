"""What can go wrong with a provider. Each error carries a `Reason`, and the provider's own code or word as `detail`.

ProviderError
├── SendError                       a message was not taken over, or may not have been
├── FetchError                      a picture could not be fetched
└── PaymentError                    a payment request was not taken over, or may not have been
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
    content_rejected
    provider_down       yes
    unreadable          yes
"""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Why something failed, in words that are the same for every provider. All decisions are made on this.

    `retryable`: the provider certainly did not act, and may on another attempt.
    `outcome_unknown`: nobody can say whether it acted. A message's delivery report tells; a payment is asked about.
    Neither: the failure is final.
    """

    UNREACHABLE = "unreachable", "retryable"
    """No connection was made, so nothing was sent."""
    NO_ANSWER = "no_answer", "outcome unknown"
    """The request may have arrived, and no answer that can be relied on came back."""
    THROTTLED = "throttled", "retryable"
    """Too many requests: a rate, a queue or a daily limit is full."""
    REFUSED = "refused", "final"
    """The provider or the network says no, for a cause that none of the others names."""
    INVALID_RECIPIENT = "invalid_recipient", "final"
    """The number does not exist, or cannot receive this."""
    OPTED_OUT = "opted_out", "final"
    """The recipient sent STOP to the provider."""
    BLOCKED_PROMOTIONS = "blocked_promotions", "final"
    """The recipient's network blocks promotions to this number, and only these."""
    INSUFFICIENT_FUNDS = "insufficient_funds", "retryable"
    """Our account with the provider is empty; an operator fills it up."""
    MISCONFIGURED = "misconfigured", "final"
    """Our credentials, sender or account settings are wrong."""
    CONTENT_REJECTED = "content_rejected", "final"
    """The text itself is not accepted."""
    PROVIDER_DOWN = "provider_down", "retryable"
    """The provider says that it failed inside and did not act."""
    UNREADABLE = "unreadable", "retryable"
    """The answer is not the provider's: most likely a proxy or a login page on the way."""

    def __init__(self, word: str, consequence: str) -> None:
        self.word = word
        self.retryable = consequence == "retryable"
        self.outcome_unknown = consequence == "outcome unknown"


class ProviderError(Exception):
    """A request to a provider failed.

    `detail` is the provider's own code or word, for operators, logs and metrics, or the reason's name where there is
    none; nothing is decided on it.
    """

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        self.reason = reason
        self.detail = reason.word if detail is None else detail
        super().__init__(self.detail)


class SendError(ProviderError):
    """A message was not taken over, or may not have been."""


class FetchError(ProviderError):
    """A picture could not be fetched from the provider that keeps it."""


class PaymentError(ProviderError):
    """A provider of mobile money could not be asked, or its answer was lost."""


class DuplicatePaymentError(PaymentError):
    """The provider already has a payment under this id. It can be asked at once what became of it."""

    def __init__(self, detail: str = "duplicate") -> None:
        super().__init__(Reason.NO_ANSWER, detail)
