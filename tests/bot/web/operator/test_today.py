"""*Today* counts what is there, says what is wrong, and refreshes itself in parts."""

from __future__ import annotations

import re
import shutil
from collections import namedtuple

import pytest

from bot.jobs.periodic import AUDIT
from marketplace_api.payments import pausing
from marketplace_api.statuses import OperatorRole
from state import counters
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, execute_sql, place_order, received_order
from tests.bot.web.operator.visitor import logged_in, words
from tests.runs import some_of
from tests.service import Service

Usage = namedtuple("Usage", "total used free")


def part(service: Service, name: str, role: OperatorRole = "read") -> str:
    return words(logged_in(service, role, name=f"Grace {name}").get(f"/operator/today/{name}"))


def test_orders_are_counted_by_status(embedded: Service) -> None:
    place_order(embedded)
    received_order(embedded)
    said = part(embedded, "orders")
    assert "Ordered today 2" in said
    assert "placed 1 accepted 0 at kiosk 1" in said


def test_money_is_what_the_books_say_on_both_databases(service: Service) -> None:
    received_order(service, 2)
    place_order(service)
    service.work()
    said = part(service, "money")
    assert "Vouched by storefronts today KES 5,400" in said
    assert "Paid by buyers today KES 0" in said
    assert "Paid to artisans today KES 3,240" in said
    assert "Waiting in open orders KES 1,800" in said
    assert "Owed to artisans KES 0 Of it, held KES 0" in said
    assert "Storefronts owe us KES 5,400" in said


def test_texts_are_counted_when_they_have_left(embedded: Service) -> None:
    place_order(embedded)
    said = part(embedded, "texts")
    assert "Sent today 0" in said
    embedded.work()
    assert re.search(
        r"Sent today [1-9]\d* Segments [1-9]\d* Cost KES \d+\.\d\d Waiting to leave 0", part_again(embedded)
    )


def part_again(service: Service) -> str:
    return words(logged_in(service, "desk", name="Amos").get("/operator/today/texts"))


def test_help_says_how_many_wait_and_for_how_long(embedded: Service) -> None:
    assert "People who wait for a call 0" in part(embedded, "help")
    embedded.gateway.text(AKINYI, "CALL")
    embedded.later(hours=2, minutes=5)
    said = words(logged_in(embedded, "desk", name="Amos").get("/operator/today/help"))
    assert "People who wait for a call 1 The first of them waits for 2 hours" in said


INCIDENTS = {
    "UPDATE schedule SET due_at = '2026-11-23 07:50:00.000000' WHERE name = 'texts.unknown'": "No worker is running",
    "UPDATE schedule SET error = 'boom' WHERE name = 'outbox.sweep'": "The task outbox.sweep fails",
    "INSERT INTO outbox (kind, priority, payload, key, due_at, attempts, created_at) VALUES "
    "('message', 1, '{}', 'a', '2026-11-23 07:30:00.000000', 0, '2026-11-23 07:30:00.000000')": "The queue is late",
    "INSERT INTO outbox (kind, priority, payload, key, due_at, attempts, created_at, dead_at) VALUES "
    "('message', 1, '{}', 'a', '2026-11-23 07:30:00', 0, '2026-11-23 07:30:00', '2026-11-23 07:40:00')": "given up",
    "INSERT INTO outbox (kind, priority, payload, key, due_at, attempts, created_at, error) SELECT 'message', 1, '{}', "
    "name, '2026-11-24 07:30:00', 1, '2026-11-23 07:30:00', 'provider_down' FROM schedule LIMIT 3": "A provider",
    "INSERT INTO collecting_pause VALUES ('stripe', 'a wrong key', '2026-11-23 07:30:00')": "cannot pay by stripe",
    "INSERT INTO webhook_endpoint (id, owner, scope, url, after_xid, after_seq, secret, created_at, failing_since) "
    "VALUES ('whe_1', 'key_1', 'storefront', 'https://a.example', 0, 0, 's', '2026-11-23 07:30:00', "
    "'2026-11-23 07:30:00')": "https://a.example does not answer",
}


@pytest.mark.parametrize("fault", some_of(INCIDENTS), ids=lambda fault: INCIDENTS[fault])
def test_what_is_wrong_is_an_incident(embedded: Service, fault: str) -> None:
    embedded.work()
    visitor = logged_in(embedded)
    assert "Nothing is wrong" in words(visitor.get("/operator/today/incidents"))
    execute_sql(embedded, fault)
    said = words(visitor.get("/operator/today/incidents"))
    assert INCIDENTS[fault] in said


def test_wrong_books_a_pause_and_a_full_disk_are_incidents(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with embedded.services.database.writing.begin() as session:
        counters.store(session.connection(), AUDIT, {"purse": 2})
        pausing.pause(embedded.services.shop(session, TESTER), "wrong credential")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 95, 5))
    said = part(embedded, "incidents")
    assert "The books do not balance . The last audit found 2 faults." in said
    assert "Payouts are paused . wrong credential" in said
    assert "A disk is nearly full. 5% of the disk" in said


def test_the_page_has_each_part_with_the_address_that_refreshes_it(embedded: Service) -> None:
    visitor = logged_in(embedded)
    page = visitor.get("/operator/today")
    addresses = re.findall(r'data-refresh="([^"]+)"', page.text)
    assert len(addresses) == 5
    for address in addresses:
        fresh = visitor.client.get(address).text.strip()
        assert fresh.startswith("<section")
        assert fresh in page.text
    assert '<noscript><meta http-equiv="refresh" content="60; url=/operator/today?refresh=1"></noscript>' in page.text
