"""Handing texts over: which providers are asked, one after another, and what each said. Touches no database."""

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
    """Which provider carries texts to which numbers: the longest prefix decides.

    `instead` takes what the chosen one certainly did not, and says may come later.
    """

    senders: Mapping[str, Sender]
    prefixes: Mapping[str, str]
    otherwise: str
    instead: str | None = None

    def sender(self, msisdn: str) -> Sender:
        fitting = [prefix for prefix in self.prefixes if msisdn.startswith(prefix)]
        return self.senders[self.prefixes[max(fitting, key=len)] if fitting else self.otherwise]

    def ways(self, msisdn: str) -> tuple[Sender, ...]:
        """Those to ask, one after another."""
        first = self.sender(msisdn)
        return (first, self.senders[self.instead]) if self.instead and self.instead != first.name else (first,)


@dataclass(frozen=True, slots=True)
class SendAttempt:
    """A text in hand, and the job it is held by."""

    job: Job
    message: Message

    @property
    def sms(self) -> OutgoingMessage:
        channel: Literal["sms", "whatsapp"] = "whatsapp" if self.message.channel == "whatsapp" else "sms"
        return OutgoingMessage(self.message.id, self.message.msisdn, self.message.text, channel)


@dataclass(frozen=True, slots=True)
class SendBatch:
    """What one hand does: a letter, or a broadcast's letters of the same words, by the first way that takes them."""

    ways: tuple[Sender, ...]
    letters: tuple[SendAttempt, ...]


@dataclass(frozen=True, slots=True)
class SendResult:
    """What a provider said to a letter."""

    letter: SendAttempt
    provider: str
    said: Receipt | SendError


def carry(call: SendBatch) -> list[SendResult]:
    """Asks the providers of a call one after another, until none says *later*; touches no database."""
    outcomes: dict[str, SendResult] = {}
    letters: Sequence[SendAttempt] = call.letters
    for sender in call.ways:
        tried = _ask(sender, letters)
        outcomes |= {outcome.letter.message.id: outcome for outcome in tried}
        letters = [each.letter for each in tried if isinstance(each.said, SendError) and each.said.reason.retryable]
        if not letters:
            break
    return list(outcomes.values())


def _ask(sender: Sender, letters: Sequence[SendAttempt]) -> list[SendResult]:
    try:
        if len(letters) > 1 and isinstance(sender, BulkSender):
            said = sender.send_batch([letter.sms for letter in letters])
            return [SendResult(letter, sender.name, each) for letter, each in zip(letters, said, strict=True)]
        return [SendResult(letter, sender.name, _say(sender, letter)) for letter in letters]
    except SendError as error:
        return [SendResult(letter, sender.name, error) for letter in letters]
    except Exception as error:  # a bug of ours or the SDK's, and who knows whether before or after it left
        log.exception("asking %s broke", sender.name)
        broke = SendError(Reason.NO_ANSWER, type(error).__name__)
        return [SendResult(letter, sender.name, broke) for letter in letters]


def _say(sender: Sender, letter: SendAttempt) -> Receipt | SendError:
    try:
        return sender.send(letter.sms)
    except SendError as error:
        return error


def alike(call: SendBatch, error: SendError) -> list[SendResult]:
    """The same outcome for all of a call's letters."""
    return [SendResult(letter, call.ways[0].name, error) for letter in call.letters]
