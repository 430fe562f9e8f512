"""The stored JSON of a session: its field names stay, so that a session from before an upgrade can be read after it."""

from __future__ import annotations

import pytest

from bot.conversation.session import REPLIES_KEPT, Session, UssdCall, decode, encode, new_session, read
from flows.kit import Conversation, Person

STORED = (
    b'{"person":{"msisdn":"+254711000103","language":"en"},"call":{"id":"ATUid_1","heard":"5*4*\\u0000\\u0000","is_rebuilt":true},'
    b'"by_text":{"id":"a","flow":"sell","state":"title"},"aside":{"id":"b","flow":"join","state":"name"},'
    b'"replies":{"k":"CON Soko"},"left_at":1.5,"unmet":true,"earlier_calls":["ATUid_0"],"fence":3}'
)


def test_a_session_has_these_bytes_and_is_read_from_them() -> None:
    session = Session(
        Person("+254711000103", "en"),
        call=UssdCall("ATUid_1", consumed="5*4*\0\0", is_rebuilt=True),
        by_text=Conversation("a", "sell", "title"),
        suspended=Conversation("b", "join", "name"),
        replies={"k": "CON Soko"},
        left_at=1.5,
        unidentified=True,
        earlier_calls=["ATUid_0"],
        fence=3,
    )

    assert encode(session) == STORED
    assert decode(STORED) == session


def test_a_session_from_before_the_claims_is_read() -> None:
    former = STORED.replace(b',"earlier_calls":["ATUid_0"],"fence":3', b"").replace(b',"is_rebuilt":true', b"")
    session = decode(former)

    assert session.call == UssdCall("ATUid_1", consumed="5*4*\0\0")
    assert (session.fence, session.earlier_calls) == (0, [])


def test_a_session_that_cannot_be_read_counts_as_none(caplog: pytest.LogCaptureFixture) -> None:
    assert read(b'{"person": 7}') is None
    assert "cannot be decoded" in caplog.text


def test_only_the_last_replies_are_kept() -> None:
    session = new_session("+254711000103")
    for number in range(REPLIES_KEPT + 2):
        session.remember_reply(f"hop {number}", "")

    assert list(session.replies) == [f"hop {number}" for number in range(2, REPLIES_KEPT + 2)]
