"""What is older than its setting is deleted, in bounded steps; what is younger stays, and so do sums."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.persons import retention
from bot.runtime.settings import Settings
from bot.worker import periodic_tasks
from marketplace_api.models import HelpRequest
from state.tables import fence, lookup, message, performed
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, JOY, OTIENO
from tests.service import Service


def run_task(service: Service, name: str) -> None:
    (task,) = [task for task in periodic_tasks(service.services) if task.name == name]
    task.run()


def texts(service: Service, msisdn: str) -> list[str]:
    return [text["text"] for text in service.api("GET", f"/conversations/{msisdn}")["data"]]


def count(service: Service, table: Any, *conditions: Any) -> int:
    with service.services.engine.connect() as conn:
        return int(conn.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())


def test_the_words_of_old_texts_are_deleted_and_their_cost_stays(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    for _ in range(3):
        service.gateway.text(JOY, "HELP")
        service.later(minutes=1)
    sums, number = service.api("GET", "/message-sums?by=day")["data"], len(texts(service, JOY))
    service.later(days=200)
    service.gateway.text(JOY, "TRACK W2V4")
    service.later(days=166)

    for _ in range(2):
        run_task(service, "texts.forget")

        newer, older = texts(service, JOY)[:-number], texts(service, JOY)[-number:]
        assert set(older) == {""}
        assert "TRACK W2V4" in newer
        assert "" not in newer
    assert sums == [one for one in service.api("GET", "/message-sums?by=day")["data"] if one["key"] == "2026-11-23"]


def test_what_a_buyer_reported_is_deleted_long_after_it_was_closed(service: Service) -> None:
    for phone in (JOY, AKINYI):
        with service.services.database.writing.begin() as session:
            session.add(HelpRequest(id=f"hlp_{phone[1:]}", msisdn=phone, created_at=service.clock(), words="Broken"))
    service.api("POST", f"/help-requests/hlp_{JOY[1:]}/close")
    service.clock.advance(366 * 86_400)
    run_task(service, "texts.forget")
    kept = {asked["phone"]: asked["words"] for asked in service.api("GET", "/help-requests")["data"]}
    assert kept == {JOY: None, AKINYI: "Broken"}


def test_an_address_is_deleted_when_its_order_has_ended_long_ago(service: Service) -> None:
    open_order, ended = fixtures.place_order(service), fixtures.place_order(service)
    service.later(days=1)
    service.api("POST", f"/orders/{ended['id']}/cancel")
    service.gateway.text(AKINYI, f"YES {open_order['code']}")
    service.clock.advance(timedelta(days=364, hours=23).total_seconds())
    run_task(service, "addresses.forget")
    assert service.api("GET", f"/orders/{ended['id']}")["ship_to"]["line1"] == "1 Moi Avenue"

    service.clock.advance(timedelta(days=1).total_seconds())
    run_task(service, "addresses.forget")

    address = service.api("GET", f"/orders/{ended['id']}")["ship_to"]
    assert (address["line1"], address["city"], address["country"]) == ("", "Nairobi", "KE")
    assert service.api("GET", f"/orders/{open_order['id']}")["ship_to"]["line1"] == "1 Moi Avenue"


def test_the_people_in_old_events_are_deleted_and_the_events_stay(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    fixtures.place_order(service)
    service.work()
    service.api("GET", f"/conversations/{JOY}")
    assert count(service, lookup) == 1
    before = service.api("GET", "/events")["data"]
    service.clock.advance(timedelta(days=366).total_seconds())
    fixtures.place_order(service)

    run_task(service, "events.forget")

    after = service.api("GET", "/events")["data"]
    assert [event["type"] for event in after][: len(before)] == [event["type"] for event in before]
    old = next(event["data"] for event in after if event["type"] == "order.placed")
    assert (old["buyer"], old["ship_to"]["line1"]) == ({"name": "", "phone": "", "locale": "en"}, "")
    assert old["assignments"][0]["artisan"]["name"] == ""
    assert old["total"] == next(event["data"]["total"] for event in before if event["type"] == "order.placed")
    assert not [event for event in after[: len(before)] if AKINYI in str(event) or JOY in str(event)]
    assert after[-1]["data"]["buyer"]["phone"] == JOY
    assert count(service, lookup) == 0


def test_old_conversations_are_deleted_and_those_of_who_came_again_stay(service: Service) -> None:
    service.gateway.text(JOY, "HELP")
    service.gateway.text(OTIENO, "HELP")
    assert count(service, fence, fence.c.document != b"") == 2
    service.clock.advance(timedelta(days=15).total_seconds())
    service.gateway.text(OTIENO, "HELP")

    run_task(service, "processed.sweep")

    assert count(service, fence, fence.c.document != b"") == 1
    assert count(service, performed, performed.c.msisdn == JOY) == 0
    assert count(service, message, message.c.msisdn == JOY) > 0


@pytest.mark.parametrize("name", ["KEEP_TEXTS_DAYS", "KEEP_SNAPSHOTS_DAYS"])
def test_less_than_a_week_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="greater than or equal to 7"):
        Settings(**{name.lower(): 6})
