"""The cost of a hop that only moves through menus: the session is written once, and read once at most; no SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.simulator.gateway import Gateway
from state.sessions import Claimed, Seen, Sessions
from tests.bot.fixtures import AKINYI, OTIENO, choose_language, second_process
from tests.recorded_sql import recorded_sql
from tests.service import Service


@dataclass
class CountedSessions:
    """A session store that records its calls."""

    store: Sessions
    calls: list[str] = field(default_factory=list)

    def look(self, *arguments: Any, **terms: Any) -> Seen | None:
        self.calls.append("look")
        return self.store.look(*arguments, **terms)

    def replace(self, *arguments: Any, **terms: Any) -> Seen | None:
        self.calls.append("replace")
        return self.store.replace(*arguments, **terms)

    def claim(self, *arguments: Any, **terms: Any) -> Claimed | None:
        self.calls.append("claim")
        return self.store.claim(*arguments, **terms)

    def save(self, *arguments: Any, **terms: Any) -> bool:
        self.calls.append("save")
        return self.store.save(*arguments, **terms)

    def release(self, *arguments: Any, **terms: Any) -> None:
        self.calls.append("release")
        self.store.release(*arguments, **terms)


def counted_call(service: Service, msisdn: str, hops: list[str]) -> tuple[Gateway, CountedSessions]:
    """A call of a registered phone after these hops, and the store, which records from there."""
    choose_language(service, "en", msisdn)
    sessions = CountedSessions(service.services.sessions)
    gateway = second_process(service, sessions=sessions)
    gateway.dial(msisdn)
    for answer in hops:
        gateway.answer(msisdn, answer)
    sessions.calls.clear()
    return gateway, sessions


@pytest.mark.parametrize(
    ("msisdn", "before", "hops"),
    [
        (AKINYI, [], ["5", "0", "1", "Oil lamp", "6", "0", "6", "nine", "900", "5", "0", "00", "6", "7", "00"]),
        (AKINYI, ["1", "Oil lamp"], ["98", "no such ware", "99", "2"]),
        (OTIENO, [], ["1", "0", "2", "12", "00", "5", "00", "9"]),
    ],
    ids=["an artisan's menus", "mistakes", "an agent's menus"],
)
def test_a_hop_through_menus_writes_the_session_once_and_needs_no_read_and_no_sql(
    service: Service, msisdn: str, before: list[str], hops: list[str]
) -> None:
    gateway, sessions = counted_call(service, msisdn, before)

    with recorded_sql(service.services.engine) as executed:
        for answer in hops:
            assert gateway.answer(msisdn, answer).startswith("CON ")
    assert sessions.calls == ["replace"] * len(hops)
    assert executed == []


def test_a_repeated_request_reads_the_session_once_and_needs_no_sql(service: Service) -> None:
    gateway, sessions = counted_call(service, AKINYI, ["1"])

    with recorded_sql(service.services.engine) as executed:
        gateway.repeat()
    assert (sessions.calls, executed) == (["look"], [])


def test_only_a_list_and_a_command_query_the_database(service: Service) -> None:
    gateway, sessions = counted_call(service, AKINYI, [])

    for answer in ("2", "00", "1", "Oil lamp", "6", "900", "5"):
        with recorded_sql(service.services.engine) as executed:
            gateway.answer(AKINYI, answer)
        assert bool(executed) == (answer == "2")
    with recorded_sql(service.services.engine) as executed:
        assert "is on sale" in gateway.answer(AKINYI, "1")
    assert any("INSERT INTO product" in statement for statement in executed)
    assert sessions.calls == ["replace"] * 7 + ["claim", "save"]


def test_a_hop_whose_session_another_process_has_saved_reads_it_and_writes_it(service: Service) -> None:
    gateway, sessions = counted_call(service, AKINYI, [])
    elsewhere = second_process(service)

    (call,) = gateway.metadata
    for number, text in enumerate(("5", "5*0", "5*0*6", "5*0*6*0")):
        assert (elsewhere, gateway)[number % 2].post_ussd(call, AKINYI, service.settings.ussd_code, text)
    assert sessions.calls == ["look", "look", "replace", "look", "replace"]
