"""While a new version is installed, both versions continue the conversations that the other one has stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.conversation.session import Session, UssdCall, decode, encode
from flows.kit import Conversation, Person
from tests.bot.conversation.test_calls import PostedCall
from tests.bot.fixtures import AKINYI, NEW_PHONE, OTIENO, outgoing_messages
from tests.service import Service

STORED = json.loads(Path(__file__).with_name("stored_sessions.json").read_text())
"""Sessions as earlier versions have stored them. An entry is never changed: a new version adds its own."""
GOES_ON = {
    "selling": (AKINYI, ["900", "4", "1"], "END Lamp is on sale at KSh 900."),
    "joining": (NEW_PHONE, ["6", "1", "1"], "END Welcome to Soko, Beatrice!"),
    "receiving": (OTIENO, ["Z9Z9"], "CON No order with that code is on its way to your kiosk."),
    "changing the name": (AKINYI, ["Akinyi Achieng"], "END You are Akinyi Achieng now."),
}
"""For each session: whose it is, what is typed next, and how the last screen begins."""
TYPED = "7*7*7"
"""Stands for what was typed before. From this text the call cannot be rebuilt, only continued."""


def store(service: Service, msisdn: str, document: dict[str, Any]) -> None:
    """Store the document as another version has done."""
    now = service.clock().timestamp()
    claimed = service.services.sessions.claim(msisdn, "other version", now=now, lease=10)
    assert claimed is not None
    data = json.dumps({**document, "left_at": now}).encode()
    assert service.services.sessions.save(msisdn, data, "other version", now=now, ttl=600)


@pytest.mark.parametrize("name", GOES_ON)
def test_a_call_that_another_version_stored_goes_on(embedded: Service, name: str) -> None:
    msisdn, answers, ends = GOES_ON[name]
    stored = STORED[name]
    store(embedded, msisdn, {**stored, "call": {**stored["call"], "heard": TYPED}})
    call, typed = PostedCall(embedded, msisdn), TYPED
    for answer in answers:
        typed = f"{typed}*{answer}"
        screen = call.hop(typed)

    assert screen.startswith(ends)


def test_a_text_that_another_version_asked_for_is_an_answer(embedded: Service) -> None:
    store(embedded, AKINYI, STORED["selling by text"])

    embedded.gateway.text(AKINYI, "6")
    assert outgoing_messages(embedded, AKINYI)[-1].text.startswith("Price of one")


def with_unknown_fields(value: Any) -> Any:
    """The document with one more field in each of its objects that has a fixed set of them."""
    if isinstance(value, dict):
        return {**{name: with_unknown_fields(part) for name, part in value.items()}, "of_a_later_version": [1]}
    return value


def test_fields_of_a_later_version_are_left_out() -> None:
    known = Session(
        Person("+254711000103", "en"),
        call=UssdCall("ATUid_1", consumed="1*1"),
        by_call=Conversation("a", "sell", "title"),
        by_text=Conversation("b", "join", "name"),
    )
    later = with_unknown_fields(json.loads(encode(known)))

    assert "of_a_later_version" in later["by_call"]
    assert decode(msgspec.json.encode(later)) == known
