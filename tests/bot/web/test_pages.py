"""Health checks, the headers of every page, and what production must not have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers

from bot.app import create_app
from bot.providers import registry
from bot.services import build
from tests import servers
from tests.command_line import run_command
from tests.databases import migrate
from tests.service import Service, serving

PRODUCTION = {
    "environment": "production",
    "secret_key": "Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU",
    "webhook_secret": "b7Xw2Rk9Tq4Zm8Vn3Lp6Jc5Hs1Gd0FyE",
    "sms_provider": "africastalking",
    "at_username": "soko",
    "at_api_key": "atsk_1",
}


@pytest.fixture
def production(migrated_sqlite_url: str) -> Iterator[FlaskClient]:
    settings = registry.make_settings(**PRODUCTION, database_url=migrated_sqlite_url)
    services = build(settings)
    yield create_app(services=services).test_client()
    services.close()


# Health


def test_a_healthy_service_is_alive_and_ready(service: Service) -> None:
    assert service.http.get("/healthz").status_code == 200
    ready = service.http.get("/readyz")
    assert (ready.status_code, ready.get_json()) == (200, {"database": "ok", "sessions": "ok"})


def test_without_its_session_store_the_service_is_alive_but_not_ready(tmp_path: Path) -> None:
    with servers.running_redis() as redis, serving(tmp_path, redis_url=redis.url) as service:
        redis.stop()
        assert service.http.get("/healthz").status_code == 200
        down = service.http.get("/readyz")
        redis.start()

        assert down.status_code == 503
        assert down.get_json() == {"database": "ok", "sessions": "ConnectionError"}
        assert service.http.get("/readyz").status_code == 200


def test_without_its_database_the_service_is_alive_but_not_ready(
    tmp_path: Path, postgres_server: servers.Postgres
) -> None:
    with postgres_server.fresh_database() as url:
        migrate(url)
        app = create_app(services=(services := build(registry.make_settings(database_url=url))))
        http = app.test_client()
        assert http.get("/readyz").status_code == 200
    down = http.get("/readyz")

    assert http.get("/healthz").status_code == 200
    assert down.status_code == 503
    assert set(down.get_json()) == {"database", "sessions"}
    assert "ok" not in down.get_json().values()
    services.close()


# Every page


def pages(service: Service) -> dict[str, Headers]:
    """The headers of every HTML page, by path: pages without parameters, a product, and pages for unknown paths."""
    rules = service.app.url_map.iter_rules()
    plain = [rule.rule for rule in rules if "GET" in (rule.methods or ()) and not rule.arguments]
    code = service.api("GET", "/products")["data"][0]["code"]
    answers = map(service.http.get, (*plain, f"/products/{code}", "/products/none", "/nowhere", "/api/v1/docs"))
    return {answer.request.path: answer.headers for answer in answers if answer.mimetype == "text/html"}


def test_every_page_has_the_security_headers(embedded: Service) -> None:
    shown = pages(embedded)
    assert {"/", "/simulator", "/nowhere", "/api/v1/docs"} <= set(shown)
    for path, headers in shown.items():
        policy = headers.get("Content-Security-Policy", "")
        assert headers.get("X-Content-Type-Options") == "nosniff", path
        assert headers.get("X-Frame-Options") == "DENY", path
        assert headers.get("Referrer-Policy") == "same-origin", path
        assert "frame-ancestors 'none'" in policy, path
        assert "default-src 'self'" in policy, path
        assert "unsafe" not in policy, path


def test_production_has_no_simulator(production: FlaskClient) -> None:
    for method, path in (
        ("GET", "/simulator"),
        ("GET", "/simulator/messages"),
        ("POST", "/simulator/clock"),
        ("POST", "/simulator/dial"),
        ("POST", "/simulator/faults"),
        ("GET", "/simulator/wire"),
        ("POST", "/simulator/africastalking/version1/messaging"),
    ):
        assert production.open(path, method=method).status_code == 404, path
    assert production.get("/healthz").status_code == 200


def test_metrics_in_production_need_their_token(migrated_sqlite_url: str) -> None:
    token = "m4Kq3vT9xZr7LmW2pYc5NsB8dHf4JgQ6aU"
    for setting, sent, status in (
        (None, None, 401),
        (None, "Bearer None", 401),
        (token, None, 401),
        (token, "Bearer é", 401),
        (token, f"Basic {token}", 401),
        (token, f"Bearer {token}x", 401),
        (token, f"Bearer {token}", 200),
    ):
        settings = registry.make_settings(**PRODUCTION, database_url=migrated_sqlite_url, metrics_token=setting)
        services = build(settings)
        client = create_app(services=services).test_client()
        assert client.get("/metrics", headers={"Authorization": sent} if sent else {}).status_code == status
        services.close()


def test_browsers_are_told_to_stay_with_https(migrated_sqlite_url: str, production: FlaskClient) -> None:
    assert "Strict-Transport-Security" not in production.get("/healthz").headers
    secure = PRODUCTION | {"public_url": "https://soko.example"}
    services = build(registry.make_settings(**secure, database_url=migrated_sqlite_url))
    client = create_app(services=services).test_client()
    for path in ("/healthz", "/api/v1/openapi.json", "/api/v1/orders", "/nowhere"):
        assert client.get(path).headers["Strict-Transport-Security"] == "max-age=31536000", path
    services.close()


def test_production_refuses_the_api_key_of_development(production: FlaskClient) -> None:
    key = {"Authorization": "Bearer soko_operator_development"}

    assert production.get("/api/v1/payouts", headers=key).status_code == 401


# Keys


@pytest.mark.parametrize(("scope", "answer"), [("operator", 200), ("storefront", 403)])
def test_a_key_is_printed_as_one_word_and_allows_what_its_scope_says(tmp_path: Path, scope: str, answer: int) -> None:
    with serving(tmp_path) as service:
        made = run_command(service.app, "apikey", "create", "bead shop", "--scope", scope)
        assert (made.exit_code, len(made.stdout.split())) == (0, 1), made.output
        key = {"Authorization": f"Bearer {made.stdout.strip()}"}

        assert service.http.get("/api/v1/orders", headers=key).status_code == 200
        assert service.http.get("/api/v1/payouts", headers=key).status_code == answer
