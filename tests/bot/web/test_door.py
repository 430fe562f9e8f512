"""The door: what strangers do and every credential that fails is counted, limited, logged and shown to operators."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import create_app
from bot.providers import registry
from bot.services import Services, build
from bot.web.door import LIMITS, Door, Limit, Stranger, network
from state import counters
from tests import servers
from tests.bot.fixtures import AKINYI
from tests.bot.web.test_metrics import metrics_of
from tests.databases import engine_for
from tests.recorded_sql import recorded_sql
from tests.service import MONDAY, OPERATOR_KEY, Service, serving

HOME = "192.0.2.7"
ORDER = Stranger(HOME, phone="+254733000333", charged="+254733000333", product="K7P4", country="KE")


@pytest.fixture(params=["sql", "redis"])
def services(request: pytest.FixtureRequest, migrated_sqlite_url: str) -> Iterator[Services]:
    stores = {"redis_url": request.getfixturevalue("redis_url")} if request.param == "redis" else {}
    services = build(
        registry.make_settings(database_url=migrated_sqlite_url, **stores),
        engine=engine_for(migrated_sqlite_url),
        clock=lambda: MONDAY,
    )
    yield services
    services.close()


@pytest.fixture
def door(services: Services) -> Door:
    return door_of(services)


def door_of(services: Services, seconds: float = 0) -> Door:
    """The door of another process, at a later time."""
    return Door(services.settings, services.database, lambda: MONDAY + timedelta(seconds=seconds))


def test_twenty_wrong_keys_a_minute_are_counted_over_all_processes(services: Services) -> None:
    doors = [door_of(services), door_of(services)]
    assert [doors[number % 2].admit("wrong_key", HOME) for number in range(20)] == [None] * 20

    assert [each.admit("wrong_key", HOME) for each in doors] == [60, 60]
    assert door_of(services, 59.5).admit("wrong_key", HOME) == 1
    assert door_of(services, 60).admit("wrong_key", HOME) is None
    assert doors[0].admit("wrong_key", "192.0.2.8") is None


def test_one_phone_is_asked_to_pay_ten_times_a_day_from_any_address(door: Door) -> None:
    asked = [door.count("payment", Stranger(f"10.0.0.{number}", charged="+254733000333")) for number in range(11)]
    assert asked == [None] * 10 + [86_400]
    assert door.count("payment", Stranger("10.0.0.99", charged="+254733000334")) is None


def test_one_address_tries_to_pay_thirty_times_an_hour(door: Door) -> None:
    tries = [door.count("payment", Stranger(HOME, charged=f"+2547330003{number:02}")) for number in range(31)]
    assert tries == [None] * 30 + [3600]


@pytest.mark.parametrize("limit", LIMITS["order"], ids=lambda limit: limit.by)
def test_orders_are_limited_by_address_phone_product_country_and_all_together(door: Door, limit: Limit) -> None:
    def stranger(number: int) -> Stranger:
        fields = {
            "address": f"10.{number // 250}.0.{number % 250}",
            "phone": f"+2547{number:08}",
            "charged": f"+2547{number:08}",
            "product": f"P{number}",
            "country": f"C{number}",
        }
        return Stranger(**{**fields, limit.by: getattr(ORDER, limit.by, "")} if limit.by != "service" else fields)

    answers = [door.count("order", stranger(number)) for number in range(limit.most + 1)]
    assert answers == [None] * limit.most + [limit.seconds]


def test_an_order_that_is_not_placed_is_uncounted_but_costs_points(door: Door) -> None:
    answers = []
    for number in range(16):
        buyer = Stranger(HOME, phone=f"+25473300{number:04}", product=f"P{number}", country="KE")
        answers.append(door.count("order", buyer))
        if answers[-1] is None:
            door.take_back(buyer)

    assert answers[:15] == [None] * 15  # 15 tries of 1 + 3 points
    assert answers[15] == 600


def test_failures_of_an_address_close_its_order_form(door: Door) -> None:
    for _ in range(20):
        door.count("wrong_webhook_secret", Stranger(HOME))

    assert door.count("order", ORDER) == 600
    assert door.count("order", Stranger("192.0.2.8", ORDER.phone, ORDER.product, ORDER.country)) is None


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_address_counts_with_its_network(address: str, counted_as: str) -> None:
    assert network(address) == counted_as


def test_a_flood_asks_no_store_once_it_is_refused(services: Services, door: Door) -> None:
    for _ in range(21):
        door.admit("wrong_key", HOME)
    with recorded_sql(services.engine) as statements:
        assert {door.admit("wrong_key", HOME) for _ in range(100)} == {60}
    assert statements == []

    door.flush()
    with services.database.reading() as session:
        assert counters.read(session.connection())["strangers", "wrong_key"] == 121


def test_no_address_and_no_phone_is_stored(services: Services) -> None:
    door_of(services).count("order", ORDER)
    with services.engine.connect() as conn:
        names = conn.exec_driver_sql("SELECT name FROM budget").scalars().all()
    assert not [name for name in names if HOME in name or "254733" in name]


def test_without_redis_strangers_are_counted_in_the_database(migrated_sqlite_url: str) -> None:
    with servers.running_redis() as redis:
        settings = registry.make_settings(database_url=migrated_sqlite_url, redis_url=redis.url)
        services = build(settings, engine=engine_for(migrated_sqlite_url), clock=lambda: MONDAY)
        redis.stop()
        door = door_of(services)
        assert [door.count("wrong_key", Stranger(HOME)) for _ in range(21)] == [None] * 20 + [60]
        services.close()


# Over the whole service


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """The acts and addresses of the door's log lines."""
    return [(record.act, record.address) for record in caplog.records if record.name == "bot.web.door"]


def ask(service: Service, key: str | None) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return service.http.get("/api/v1/orders", headers=headers).status_code


def test_wrong_and_missing_keys_are_answered_429_for_a_minute_and_right_ones_as_ever(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        assert [ask(service, None if number % 2 else "wrong") for number in range(20)] == [401] * 20
        refused = service.http.post("/api/v1/kiosks", headers={"Authorization": "Bearer wrong"}, json={})

        assert (refused.status_code, refused.json["status"]) == (429, 429)
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.headers["Retry-After"] == "60"
        assert ask(service, OPERATOR_KEY) == 200
        service.clock.advance(60)
        assert ask(service, "wrong") == 401


@pytest.mark.parametrize(
    ("path", "act"),
    [
        ("/webhooks/africastalking/wrong/ussd", "wrong_webhook_secret"),
        ("/webhooks/daraja/wrong/result", "wrong_webhook_secret"),
        ("/webhooks/twilio/sms", "wrong_webhook_secret"),
        ("/webhooks/stripe", "wrong_webhook_secret"),
        ("/p/K7P4.forged.link", "wrong_photo_link"),
        (f"/o/{'forged' * 7}/pay", "wrong_order_link"),
    ],
)
def test_a_wrong_secret_is_answered_as_ever_counted_and_logged(
    embedded: Service, caplog: pytest.LogCaptureFixture, path: str, act: str
) -> None:
    with caplog.at_level(logging.WARNING):
        answers = {embedded.http.post(path, data={"From": "+1"}).status_code for _ in range(25)}

    assert answers in ({404}, {403})
    assert logged(caplog) == [(act, "127.0.0.1")] * 21  # 20 failures, and the limit once
    embedded.http.get("/metrics")
    assert metrics_of(embedded)[f"soko_strangers_total[{act}]"] == 25
    assert metrics_of(embedded)[f"soko_strangers_refused_total[{act}][address]"] == 5


def test_a_hop_with_the_right_secret_asks_the_door_nothing(embedded: Service) -> None:
    path = f"/webhooks/africastalking/{embedded.settings.webhook_secret}/ussd"
    form = {"sessionId": "s1", "phoneNumber": AKINYI, "serviceCode": "*384*22#", "text": ""}
    embedded.http.post(path, data=form)
    with recorded_sql(embedded.services.engine) as statements:
        assert embedded.http.post(path, data=form | {"text": "1"}).status_code == 200
        multipart = form | {"text": "1*00"}  # without the fast path
        answer = embedded.http.post(path, data=multipart, content_type="multipart/form-data")
    assert answer.status_code == 200
    assert [statement for statement in statements if "budget" in statement] == []


def test_an_expired_photo_link_is_no_failure(embedded: Service) -> None:
    old = embedded.services.photo_links.link("K7P4", MONDAY.replace(year=2025)).removeprefix(embedded.settings.url)
    assert create_app(services=embedded.services).test_client().get(old).status_code == 410
    assert "soko_strangers_total[wrong_photo_link]" not in metrics_of(embedded)
