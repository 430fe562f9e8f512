"""Recognises inbound texts that a provider or a mobile network delivers more than once.

A text is a duplicate if its id was processed before, if it comes under another id with a token that was processed
before, or if it equals the last text of this phone and comes within seconds. Each test stores what later texts are
compared with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from bot.providers.contracts import Inbound
from state import counters, messages, processed

SAME_WITHIN = timedelta(seconds=10)
"""A network may deliver a text twice within this time, under two ids."""

Evidence = Literal["id", "token", "text"]
"""What shows that a text is a duplicate; part of a counter's name."""


_BEGUN, _FINISHED = b"", b"done"
"""The outcome in the row of a text; it stays empty until the text's last transaction."""


def count(conn: Connection, evidence: Evidence) -> None:
    """Add 1 to the counter of duplicates with this evidence."""
    counters.add(conn, {("duplicate", evidence): 1})


def is_new(
    conn: Connection, inbound: Inbound, key: str, former_keys: Sequence[str], now: datetime, *, is_whole: bool
) -> bool:
    """True if the text with one of these keys was not processed yet, or only by a hop that died before `finish`.

    With `is_whole` all of the text is processed in this transaction, which needs no `finish`.
    """
    outcome = _FINISHED if is_whole else _BEGUN
    former = [_name(key) for key in former_keys]
    stored = processed.begin(conn, _name(key), inbound.msisdn, now, outcome=outcome, former_keys=former)
    return stored in (None, _BEGUN)


def finish(conn: Connection, key: str) -> None:
    """Store that the text with this key is processed."""
    processed.finish(conn, _name(key), _FINISHED, b"")


def find(conn: Connection, inbound: Inbound, key: str, now: datetime) -> Literal["token", "text"] | None:
    """What shows that this text was already delivered under another id; None if nothing does."""
    if _is_token_used(conn, inbound, key, now):
        return "token"
    return "text" if _is_repeated(conn, inbound, now) else None


def _is_token_used(conn: Connection, inbound: Inbound, key: str, now: datetime) -> bool:
    """True if the provider delivered a text of this phone with another key under the same token."""
    if inbound.token is None:
        return False
    name = f"token:{inbound.provider}:{inbound.msisdn}:{inbound.token}"
    first = processed.begin(conn, name, inbound.msisdn, now, outcome=key.encode())
    return first not in (None, key.encode())


def _is_repeated(conn: Connection, inbound: Inbound, now: datetime) -> bool:
    """True if this phone's last text comes again before our answer to it was sent.

    A single word never counts as a repetition: a person who texts 1 twice may answer two questions.
    """
    if len(inbound.text.split()) < 2:
        return False
    last = messages.last_unanswered_text(conn, inbound.msisdn, now - SAME_WITHIN, ignoring=inbound.id)
    return last == inbound.text


def _name(key: str) -> str:
    return f"text:{key}"
