"""Sums over sent messages by day, dialogue and order, and the latency of each message."""

from __future__ import annotations

from typing import Any

from tests.bot.fixtures import AKINYI, JOY, place_order
from tests.bot.messaging.fakes import FINAL, FakeProvider, deliver, queue_message
from tests.service import Service


def sums(service: Service, by: str, more: str = "") -> dict[str, tuple[int, int, Any]]:
    rows = service.api("GET", f"/message-sums?by={by}{more}")["data"]
    return {row["key"]: (row["texts"], row["segments"], row["cost"]) for row in rows}


def kes(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "KES"}


def test_the_sum_of_a_day_has_the_messages_sent_on_it_and_their_cost(service: Service) -> None:
    queue_message(service, JOY, "x" * 161)
    queue_message(service, AKINYI, "short")
    deliver(service, provider := FakeProvider(service.clock))
    service.clock.advance(24 * 3600)
    for n, body in enumerate(("refused", "sent")):
        queue_message(service, f"+25473300000{n}", body)
    provider.errors.append(FINAL)
    deliver(service, provider)

    assert sums(service, "day") == {"2026-11-24": (1, 1, kes(80)), "2026-11-23": (2, 3, kes(160))}
    assert sums(service, "day", "&since=2026-11-24T00:00:00Z") == {"2026-11-24": (1, 1, kes(80))}
    assert sums(service, "day", "&until=2026-11-24T00:00:00Z") == {"2026-11-23": (2, 3, kes(160))}


def test_the_sum_of_an_order_has_the_messages_about_it_to_everybody(service: Service) -> None:
    placed = place_order(service)
    queue_message(service, JOY, "something else")
    service.work()
    assert sums(service, "order") == {placed["id"]: (2, 2, kes(160))}


def test_the_sum_of_a_dialogue_has_the_replies_in_it(service: Service) -> None:
    for body in ("SELL Oil lamp 900 x5", "6", "PRODUCTS"):
        service.gateway.text(AKINYI, body)
        service.work()
    found = sums(service, "dialogue")
    assert found["sell"] == (2, found["sell"][1], found["sell"][2])
    assert sum(texts for texts, _, _ in found.values()) == 3


def test_sums_are_paginated(embedded: Service) -> None:
    for _ in range(3):
        queue_message(embedded, JOY, f"on {embedded.clock():%d}")
        deliver(embedded, FakeProvider(embedded.clock, name=f"carrier {embedded.clock():%d}"))
        embedded.clock.advance(24 * 3600)
    first = embedded.api("GET", "/message-sums?limit=2")
    assert [row["key"] for row in first["data"]] == ["2026-11-25", "2026-11-24"]
    second = embedded.api("GET", f"/message-sums?limit=2&cursor={first['next_cursor']}")
    assert ([row["key"] for row in second["data"]], second["has_more"]) == (["2026-11-23"], False)


def test_a_message_has_its_latency(service: Service) -> None:
    queue_message(service, JOY, "hello")
    service.clock.advance(3)
    deliver(service, FakeProvider(service.clock))
    (text,) = service.api("GET", "/messages")["data"]
    assert 3000 <= text["latency_ms"] < 4000
    assert (text["topic"], text["repeats"], text["reported"]) == ("order.placed", 0, None)
