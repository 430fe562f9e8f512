"""Requests of providers that were understood and could not be handled: kept in the outbox, and handled later.

{"text": {"channel": "sms", "provider": "twilio", "id": "SM1", "msisdn": "+254711000103", "text": "YES K7P4", …}}

For example, another hop holds the claim of a text's person, or Redis does not answer. After an error Twilio does not
post a text or a report again (docs/adr/0025). Calls are not kept: the caller waits for the screen.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from bot.providers.contracts import DeliveryReport, Inbound
from state import outbox

KIND = "inbound"
FIRST_WAIT = timedelta(seconds=3)
"""How long a request waits before it is handled again: a little longer than the lease of a claim."""
QUICK_ATTEMPTS = 4
"""After each of the first attempts it waits twice as long as before, then as long as every other job."""

_MAYBE_SECRET = re.compile(r"[\W_]*(\d[\W_]*){4,6}")
"""Matches a text that may be a PIN or a one-time code; it is not kept, because it would be stored as it was typed."""


class KeptRequest(msgspec.Struct, omit_defaults=True):
    """One of: a text, a delivery report, an opt-out as MSISDN and proof."""

    text: Inbound | None = None
    report: DeliveryReport | None = None
    opt_out: tuple[str, str] | None = None


# made at import: two threads that make msgspec's first decoder of a type at the same time crash the process
msgspec.json.Decoder(KeptRequest)


def may_be_kept(request: KeptRequest) -> bool:
    """False for a text that may be a PIN or a one-time code."""
    return request.text is None or _MAYBE_SECRET.fullmatch(request.text.text) is None


def add(conn: Connection, request: KeptRequest, key: str, now: datetime) -> None:
    """Add a request to the outbox; a second time with the same key adds nothing. Texts of a sender keep their order."""
    outbox.add(
        conn,
        kind=KIND,
        payload=msgspec.to_builtins(request),
        key=f"inbound:{key}",
        ordering_key=f"inbound:{request.text.msisdn}" if request.text else None,
        due_at=now + FIRST_WAIT,
        now=now,
    )
