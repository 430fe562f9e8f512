"""The stored form of a conversation: sessions and deferred commands hold it as JSON for days."""

from __future__ import annotations

import msgspec

from flows.kit import Choice, Conversation
from flows.kit.conversation import Frame, Guess

STORED = {
    "id": "call-1",
    "flow": "price",
    "state": "price",
    "version": 2,
    "answers": {"code": "K7P4"},
    "labels": {"code": "K7P4 Kiondo"},
    "trail": ["code"],
    "unseen": ["code"],
    "callers": [["products", "product", {"code": "K7P4"}, {}, ["code"], ["code"]]],
    "prefill": {"price": "1500"},
    "choices": [["K7P4", "K7P4 Kiondo"]],
    "pages": [3],
    "visits": 4,
    "misses": 1,
    "problem": ["Please write the amount in numbers, like 1500."],
    "guess": [150000, "KSh 1,500"],
    "detour": "person",
    "over": True,
    "pin_proof": "ATUid_1 3f9c",
}
CONVERSATION = Conversation(
    id="call-1",
    flow="price",
    state="price",
    version=2,
    answers={"code": "K7P4"},
    labels={"code": "K7P4 Kiondo"},
    trail=["code"],
    unseen=["code"],
    return_stack=[Frame("products", "product", {"code": "K7P4"}, {}, ["code"], ["code"])],
    prefill={"price": "1500"},
    choices=[Choice("K7P4", "K7P4 Kiondo")],
    pages=[3],
    commands_done=4,
    misses=1,
    problem=["Please write the amount in numbers, like 1500."],
    guess=Guess(1500_00, "KSh 1,500"),
    side_prompt="person",
    over=True,
    pin_proof="ATUid_1 3f9c",
)


def test_every_field_is_stored_under_its_fixed_name() -> None:
    assert msgspec.to_builtins(CONVERSATION) == STORED
    assert list(STORED) == [field.encode_name for field in msgspec.structs.fields(Conversation)]


def test_a_stored_conversation_is_read_back_as_it_was() -> None:
    assert msgspec.convert(STORED, Conversation) == CONVERSATION


def test_defaults_are_not_stored() -> None:
    assert msgspec.to_builtins(Conversation("call-1")) == {"id": "call-1"}
