"""Sends messages through providers: chooses the providers of a message and their order, and returns their answers.

This module does not use the database.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.providers.contracts import BulkSender, OutgoingMessage, Receipt, Sender
from bot.providers.errors import Reason, SendError
from state.messages import Message
from state.outbox import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Router:
    """Chooses the provider for an SMS by the longest matching prefix of its number, or `default`.

    `fallback` is used when the chosen provider certainly did not accept an SMS and its error is retryable. A message by
    WhatsApp is always sent by the provider `whatsapp`.
    """

    senders: Mapping[str, Sender]
    prefixes: Mapping[str, str]
    default: str
    fallback: str | None = None
    whatsapp: str | None = None

    def sender(self, message: Message) -> Sender:
        """The provider that is tried first."""
        if self._goes_by_whatsapp(message):
            return self.senders[self.whatsapp or self.default]
        matching = [prefix for prefix in self.prefixes if message.msisdn.startswith(prefix)]
        return self.senders[self.prefixes[max(matching, key=len)] if matching else self.default]

    def candidates(self, message: Message) -> tuple[Sender, ...]:
        """The providers to try, in this order."""
        first = self.sender(message)
        if self.fallback and self.fallback != first.name and not self._goes_by_whatsapp(message):
            return (first, self.senders[self.fallback])
        return (first,)

    def _goes_by_whatsapp(self, message: Message) -> bool:
        return message.channel == "whatsapp" and self.whatsapp is not None


@dataclass(frozen=True, slots=True)
class SendAttempt:
    """A message that is being sent, and the job that holds it."""

    job: Job
    message: Message

    @property
    def may_have_left(self) -> bool:
        """Whether a worker died while sending the message: a provider may have accepted it from that worker."""
        return self.message.status == "sending" or self.message.repeats > 0

    @property
    def outgoing(self) -> OutgoingMessage:
        channel: Literal["sms", "whatsapp"] = "whatsapp" if self.message.channel == "whatsapp" else "sms"
        return OutgoingMessage(self.message.id, self.message.msisdn, self.message.text, channel)


@dataclass(frozen=True, slots=True)
class SendBatch:
    """The unit of work of one worker: one message, or many of a broadcast with the same text."""

    senders: tuple[Sender, ...]
    attempts: tuple[SendAttempt, ...]


@dataclass(frozen=True, slots=True)
class NotSent:
    """No provider was asked: the message is no longer true, or the shop cannot be asked whether it is."""

    reason: Literal["stale", "shop unreachable"]


@dataclass(frozen=True, slots=True)
class SendResult:
    """The answer to an attempt: a provider's, or why no provider was asked."""

    attempt: SendAttempt
    provider: str
    answer: Receipt | SendError | NotSent


def send(batch: SendBatch) -> list[SendResult]:
    """Try the providers of a batch in order, each with the messages whose last error is retryable."""
    results: dict[str, SendResult] = {}
    attempts: Sequence[SendAttempt] = batch.attempts
    for sender in batch.senders:
        answered = _ask(sender, attempts)
        results |= {result.attempt.message.id: result for result in answered}
        attempts = [
            each.attempt for each in answered if isinstance(each.answer, SendError) and each.answer.reason.retryable
        ]
        if not attempts:
            break
    return list(results.values())


def same_result(batch: SendBatch, error: SendError) -> list[SendResult]:
    """The same error for all messages of a batch."""
    return [SendResult(attempt, batch.senders[0].name, error) for attempt in batch.attempts]


def _ask(sender: Sender, attempts: Sequence[SendAttempt]) -> list[SendResult]:
    try:
        if len(attempts) > 1 and isinstance(sender, BulkSender):
            answers = sender.send_batch([attempt.outgoing for attempt in attempts])
            return [SendResult(attempt, sender.name, answer) for attempt, answer in zip(attempts, answers, strict=True)]
        return [SendResult(attempt, sender.name, _answer(sender, attempt)) for attempt in attempts]
    except SendError as error:
        return [SendResult(attempt, sender.name, error) for attempt in attempts]
    except Exception as error:  # a bug here or in the SDK, before or after the message was sent
        log.exception("sending through %s failed unexpectedly", sender.name)
        unexpected = SendError(Reason.NO_ANSWER, type(error).__name__)
        return [SendResult(attempt, sender.name, unexpected) for attempt in attempts]


def _answer(sender: Sender, attempt: SendAttempt) -> Receipt | SendError:
    try:
        return sender.send(attempt.outgoing)
    except SendError as error:
        return error
