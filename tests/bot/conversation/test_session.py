"""The stored JSON of a session: its field names stay, so that a session from before an upgrade can be read after it."""

from __future__ import annotations

import pytest

from bot.conversation.session import LARGEST, Session, UssdCall, decode, encode, read
from flows.kit import Conversation, Person
from tests.bot.conversation.test_calls import PostedCall, cumulative
from tests.bot.fixtures import AKINYI, choose_language
from tests.recorded_sql import recorded_sql
from tests.service import Service

STORED = (
    b'{"person":{"msisdn":"+254711000103","language":"en"},"call":{"id":"ATUid_1","heard":"5*4*\\u0000\\u0000","is_rebuilt":true},'
    b'"by_text":{"id":"a","flow":"sell","state":"title"},"aside":{"id":"b","flow":"join","state":"name"},'
    b'"replies":{"k":"CON Soko"},"left_at":1.5,"unmet":true,"earlier_calls":["ATUid_0"],"fence":3,'
    b'"next_page":1800000001,"first_page":1800000000,"tags":"ab12","marks":"cd34"}'
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
        next_page=1800000001,
        first_page=1800000000,
        tags="ab12",
        marks="cd34",
    )

    assert encode(session) == STORED
    assert decode(STORED) == session


def test_a_session_from_before_the_claims_is_read() -> None:
    former = STORED.partition(b',"earlier_calls"')[0].replace(b',"is_rebuilt":true', b"") + b"}"
    session = decode(former)

    assert session.call == UssdCall("ATUid_1", consumed="5*4*\0\0")
    assert (session.fence, session.earlier_calls) == (0, [])


def test_a_session_that_cannot_be_read_counts_as_none(caplog: pytest.LogCaptureFixture) -> None:
    assert read(b'{"person": 7}') is None
    assert "cannot be decoded" in caplog.text


def test_older_replies_go_to_pages_where_they_are_found(service: Service) -> None:
    """After twenty calls of one hop, and a call of twenty more, all replies are given again from a short document."""
    choose_language(service, "en", AKINYI)
    calls = [PostedCall(service, AKINYI, f"ATUid_{number:032x}") for number in range(20)]
    screens = [call.hop("") for call in calls]
    texts = cumulative(("5", "0") * 10)
    walked = [calls[-1].hop(text) for text in texts]
    stored = service.services.sessions.load(AKINYI, service.clock().timestamp())
    assert stored
    assert len(stored) <= LARGEST

    assert [calls[-1].hop(text) for text in texts] == walked
    with recorded_sql(service.services.engine) as executed:
        assert [call.hop("") for call in calls] == screens
    assert executed == []
    assert len(texts) + len(calls) > 40
    assert calls[-1].hop(f"{texts[-1]}*5") == walked[1]


def test_replies_before_a_call_with_a_used_id_are_not_given_again(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    call = PostedCall(service, AKINYI)
    for text in cumulative(("5", "0") * 5):
        call.hop(text)
    service.clock.advance(3600)
    call.hop("")
    assert call.hop("6") != call.hop("6*0")
    assert "Sell something" in call.hop("6*0")


def test_a_text_has_a_mark_and_the_last_forty_are_counted() -> None:
    session = Session(Person("+254711000103"))
    for mark in ("old1", *["same"] * 3, *["more"] * 37):
        session.add_mark(mark)
    assert [session.count_mark(mark) for mark in ("old1", "same", "more")] == [0, 3, 37]
