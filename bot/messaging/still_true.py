"""Decides whether a message that has waited is still true when it leaves.

    TrueWhile(part=(PartStatus.OFFERED,), artisan="art_1")     an offer: until this artisan answers, or it ends
    TrueWhile(until=now + timedelta(minutes=30))               a one-time code

A message without a `TrueWhile` tells what happened, and stays true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from bot.marketplace.event_details import (
    EventData,
    OrderData,
    OrderProgress,
    PartData,
    PartStatus,
    PayoutData,
    PayoutProgress,
)
from bot.runtime.clock import Clock
from state.messages import Message

WAITED = timedelta(seconds=5)
"""How old a message is that has waited. A younger one is as true as when it was queued."""


class TrueWhile(msgspec.Struct, frozen=True, omit_defaults=True):
    """The condition under which a message is true: all fields that are given must hold of the subject as it is now."""

    order: tuple[OrderProgress, ...] = ()
    """The statuses of the order that the message is about."""
    part: tuple[PartStatus, ...] = ()
    """The statuses of the part of `artisan`; one part with such a status is enough."""
    artisan: str | None = None
    unready: bool = False
    """The part is not yet said to be ready."""
    payout: tuple[PayoutProgress, ...] = ()
    """The statuses of the payout that the message is about."""
    until: datetime | None = None


_decoder = msgspec.json.Decoder(TrueWhile)


@dataclass(frozen=True, slots=True)
class Truth:
    """Compares the condition of a message with the present.

    `current` returns an order or payout as the shop has it now, by id; None if there is none. It may raise Unreachable.
    """

    clock: Clock
    current: Callable[[str, datetime], EventData | None]

    def holds(self, message: Message) -> bool:
        """False if the message has waited and is no longer true. Raises Unreachable if the shop cannot be asked."""
        now = self.clock()
        if message.true_while is None or now - message.created_at < WAITED:
            return True
        condition = _decoder.decode(message.true_while)
        if condition.until is not None:
            return now < condition.until
        return message.about is not None and _holds(condition, self.current(message.about, now))


def _holds(condition: TrueWhile, subject: EventData | None) -> bool:
    match subject:
        case OrderData() if condition.part:
            return any(_is_such(part, condition) for part in subject.assignments)
        case OrderData():
            return subject.status in condition.order
        case PayoutData():
            return subject.status in condition.payout
    return False


def _is_such(part: PartData, condition: TrueWhile) -> bool:
    return (
        part.artisan.id == condition.artisan
        and part.status in condition.part
        and not (condition.unready and part.ready_at)
    )
