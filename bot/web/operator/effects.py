"""What an act writes into the books: it is done in a transaction, and what it wrote is read.

    mark = effects.mark(shop)
    holds.release(shop, payout.id)
    effects.written_since(shop, mark)    the postings and events of this act alone

A page shows them before the act is done: the transaction is then rolled back.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import func, select

from marketplace_api.models import Event, LedgerEntry, LedgerPosting
from marketplace_api.shop import Shop


@dataclass(frozen=True, slots=True)
class Effects:
    """What an act changes: the status of what it is about, and a sentence for each amount that moves.

    `balance` says what an account holds before and after. It changes by itself too, such as when a kiosk pays cash.
    """

    before: str
    after: str
    money: Sequence[str]
    balance: str = ""

    @property
    def sentences(self) -> Sequence[str]:
        """What it changes, without the balance."""
        if self.before == self.after:
            return self.money
        return [f"It goes from {self.before} to {self.after}.".replace("_", " "), *self.money]

    @property
    def digest(self) -> str:
        """The same as long as the act does the same."""
        return _digest(self.before, self.after, *self.money)

    @property
    def seen(self) -> str:
        """The same as long as the act does the same, and the balance is the same: so it is done once."""
        return _digest(self.before, self.after, *self.money, self.balance)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest ledger entry and the newest event at a moment of the transaction."""

    entry: int
    event: int


@dataclass(frozen=True, slots=True)
class Written:
    """What was written after a mark, oldest first."""

    postings: Sequence[LedgerPosting]
    events: Sequence[Event]


def mark(shop: Shop) -> Mark:
    """Where the ledger and the events end now."""
    return Mark(*(shop.session.scalar(select(func.max(number))) or 0 for number in (LedgerEntry.id, Event.seq)))


def written_since(shop: Shop, mark: Mark) -> Written:
    """What this transaction has written since, and nothing that others have."""
    shop.session.flush()
    own_entries = LedgerEntry.id > mark.entry, LedgerEntry.by == str(shop.by), LedgerEntry.at == shop.now
    own_events = Event.seq > mark.event, Event.by == str(shop.by), Event.created_at == shop.now
    entries = shop.session.scalars(select(LedgerEntry).where(*own_entries).order_by(LedgerEntry.id)).all()
    events = shop.session.scalars(select(Event).where(*own_events).order_by(Event.seq)).all()
    return Written([posting for each in entries for posting in each.postings], events)


def _digest(*words: str) -> str:
    return sha256(json.dumps(words).encode()).hexdigest()[:16]
