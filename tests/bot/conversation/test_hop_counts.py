"""What became of hops is counted by state and day, and shown as metrics."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import count

import pytest
from sqlalchemy.exc import OperationalError

from bot.conversation.hop_counts import AnsweredState, HopCounts, StateName
from bot.jobs import periodic
from state import dialogue_counts
from tests.bot.fixtures import AKINYI, choose_language
from tests.service import Service

PRICE, HOME = StateName("sell", "price"), StateName("home", "menu")


def counts_of(service: Service) -> HopCounts:
    return service.services.conversation.runner.counts


def stored(service: Service) -> dict[tuple[str, ...], int]:
    """By channel, dialogue, state, language and outcome, of all days."""
    counts_of(service).write()
    today = service.clock().date()
    with service.services.database.reading() as session:
        found = dialogue_counts.read(session.connection(), today - timedelta(days=30), today)
    return {tuple(total[:-1]): total.hops for total in found}


def test_a_call_is_counted_state_by_state(service: Service) -> None:
    choose_language(service, "en", AKINYI)
    before = stored(service)
    service.gateway.dial(AKINYI)
    home = service.services.conversation.runner.engine.home
    for typed in ("7", "1"):  # there is no seventh line
        service.gateway.answer(AKINYI, typed)
    after = {key: hops - before.get(key, 0) for key, hops in stored(service).items() if hops != before.get(key, 0)}

    at_home = {outcome: hops for (_, flow, _, _, outcome), hops in after.items() if flow == home}
    assert at_home == {"came": 1, "refused": 1, "answered": 1}
    ((channel, flow, state, language, outcome),) = [key for key in after if key[1] != home]
    assert (channel, language, outcome, after[channel, flow, state, language, outcome]) == ("ussd", "en", "came", 1)
    assert state in service.services.conversation.runner.engine.flows[flow].states


def test_texts_are_counted_too(service: Service) -> None:
    service.gateway.text(AKINYI, "HELP")
    assert any(key[0] == "sms" and key[4] == "came" for key in stored(service))


def test_operators_see_the_counts_as_metrics(service: Service) -> None:
    counts = counts_of(service)
    counts.note("ussd", "sw", HOME, None, ends=False)
    counts.note("ussd", "sw", PRICE, AnsweredState(HOME, is_refused=False), ends=False)
    counts.note("ussd", "fr", PRICE, AnsweredState(PRICE, is_refused=True), ends=True)
    page = service.http.get("/metrics").text

    found = dict(re.findall(r"^soko_hops_total\{(.*)\} (\d+)\.0$", page, re.MULTILINE))
    assert found == {
        f'channel="ussd",dialogue="{dialogue}",outcome="{outcome}",state="{state}"': "1"
        for dialogue, state, outcome in [
            *(("home", "menu", "came"), ("home", "menu", "answered")),
            *(("sell", "price", "came"), ("sell", "price", "refused"), ("sell", "price", "ended")),
        ]
    }


def test_times_fall_into_buckets(service: Service) -> None:
    ticks = count(0, 3)  # each look at the clock is 3 seconds later
    counts = HopCounts(service.services.database, service.clock, lambda: next(ticks) / 100)
    for _ in range(2):
        counts.note_time(counts.monotonic())
    counts.write()
    page = service.http.get("/metrics").text

    assert 'soko_hop_seconds_bucket{le="0.025"} 0.0' in page
    assert 'soko_hop_seconds_bucket{le="0.05"} 2.0' in page
    assert "soko_hop_seconds_sum 0.06" in page


def test_without_the_database_counts_are_kept(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = counts_of(embedded)
    counts.note("ussd", "sw", HOME, None, ends=False)

    def locked(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(dialogue_counts, "add", locked)
        counts.write()
    assert stored(embedded) == {("ussd", "home", "menu", "sw", "came"): 1}


def test_counts_of_long_ago_are_deleted(embedded: Service) -> None:
    counts_of(embedded).note("ussd", "sw", HOME, None, ends=False)
    assert len(stored(embedded)) == 1
    for days, left in ((periodic.DIALOGUES_COUNTED.days, 1), (1, 0)):
        embedded.clock.advance(days * 86_400)
        periodic.sweep_outbox(embedded.services.database, embedded.clock)
        with embedded.services.database.reading() as session:
            total = dialogue_counts.read(session.connection(), date(2020, 1, 1), embedded.clock().date())
        assert len(total) == left
