"""Rate limits of the API, by key or by IP address; a refusal says when to retry."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from bot.app import create_app
from marketplace_api.accounts import api_keys
from tests import servers
from tests.actors import TESTER
from tests.service import OPERATOR_KEY, Service, serving

ONE_HOUR_S = 3600
TWO_AN_HOUR: dict[str, Any] = {"api_rate": "2/hour", "public_rate": "2/hour"}


@pytest.fixture(params=["memory", "redis"])
def limited(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """A service that allows two requests an hour."""
    stores = {"redis_url": request.getfixturevalue("redis_url")} if request.param == "redis" else {}
    with serving(tmp_path, **TWO_AN_HOUR, **stores) as service:
        yield service


def key(service: Service) -> str:
    with service.services.database.writing.begin() as session:
        return api_keys.create(service.services.shop(session, TESTER), "web shop", "storefront")


def ask(service: Service, path: str = "/products", key: str | None = None, **headers: str) -> TestResponse:
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return service.http.get(f"/api/v1{path}", headers=headers)


def test_a_refused_request_is_told_when_to_retry(limited: Service) -> None:
    storefront = key(limited)
    assert [ask(limited, "/orders", storefront).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(limited, "/products", storefront)
    assert refused.status_code == refused.json["status"] == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= ONE_HOUR_S


def test_each_key_and_each_address_is_counted_separately(limited: Service) -> None:
    one, other = key(limited), key(limited)
    for asker in (one, None):
        assert [ask(limited, key=asker).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(limited, key=other).status_code == 200


def test_the_bootstrap_key_and_what_providers_and_machines_ask_are_not_limited(limited: Service) -> None:
    assert {ask(limited, "/orders", OPERATOR_KEY).status_code for _ in range(5)} == {200}
    for path in ("/healthz", "/metrics", "/photos/pht_1.jpg", "/static/site.css"):
        assert 429 not in {limited.http.get(path).status_code for _ in range(5)}


def test_pages_count_as_requests_without_a_key(limited: Service) -> None:
    assert [limited.http.get(path).status_code for path in ("/", "/products/none", "/")] == [200, 404, 429]
    refused = limited.http.get("/p/forged")
    assert (refused.status_code, ask(limited).status_code) == (429, 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= ONE_HOUR_S
    assert "Please try again in" in refused.text


def test_the_address_that_a_proxy_names_is_used_only_behind_a_trusted_proxy(tmp_path: Path) -> None:
    with serving(tmp_path, **TWO_AN_HOUR) as alone:
        without_proxy = [ask(alone, X_Forwarded_For=f"10.0.0.{number}").status_code for number in range(3)]
    with serving(tmp_path, **TWO_AN_HOUR, trusted_proxies=1) as behind:
        behind_proxy = [ask(behind, X_Forwarded_For=f"10.0.0.{number}").status_code for number in range(3)]
        forged = [ask(behind, X_Forwarded_For=f"10.0.0.{number}, 10.0.1.1").status_code for number in range(3)]
    assert (without_proxy, behind_proxy, forged) == ([200, 200, 429], [200] * 3, [200, 200, 429])


def test_processes_count_together_in_redis(tmp_path: Path, redis_url: str) -> None:
    with serving(tmp_path, **TWO_AN_HOUR, redis_url=redis_url) as service:
        storefront = key(service)
        another = create_app(services=service.services).test_client()
        assert [ask(service, key=storefront).status_code for _ in range(2)] == [200, 200]
        answer = another.get("/api/v1/products", headers={"Authorization": f"Bearer {storefront}"})
        assert answer.status_code == 429


def test_requests_are_allowed_while_redis_is_down(tmp_path: Path) -> None:
    with servers.running_redis() as redis, serving(tmp_path, **TWO_AN_HOUR, redis_url=redis.url) as service:
        redis.stop()
        assert {ask(service).status_code for _ in range(3)} == {200}
        redis.start()
        assert [ask(service).status_code for _ in range(3)] == [200, 200, 429]


def test_every_path_documents_the_answer_429(limited: Service) -> None:
    document = limited.http.get("/api/v1/openapi.json").json
    answers = [
        operation["responses"]["429"]["headers"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert all("Retry-After" in headers for headers in answers)
