"""How often one may ask the API: by key, or by address without one; a refusal says when to come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from bot.app import create_app
from marketplace_api.accounts import api_keys
from tests import servers
from tests.service import OPERATOR_KEY, Service, serving

AN_HOUR = 3600
FEW: dict[str, Any] = {"api_rate": "2/hour", "public_rate": "2/hour"}


@pytest.fixture(params=["memory", "redis"])
def strict(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    """A shop that bears two requests an hour."""
    stores = {"redis_url": request.getfixturevalue("redis_url")} if request.param == "redis" else {}
    with serving(tmp_path, **FEW, **stores) as service:
        yield service


def key(service: Service) -> str:
    with service.services.database.writing.begin() as session:
        return api_keys.create(service.services.shop(session), "web shop", "storefront")


def ask(service: Service, path: str = "/products", key: str | None = None, **headers: str) -> TestResponse:
    if key:
        headers["Authorization"] = f"Bearer {key}"
    return service.http.get(f"/api/v1{path}", headers=headers)


def test_whoever_asks_too_often_is_told_when_to_come_again(strict: Service) -> None:
    storefront = key(strict)
    assert [ask(strict, "/orders", storefront).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask(strict, "/products", storefront)
    assert refused.status_code == refused.json["status"] == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= AN_HOUR


def test_keys_and_addresses_are_counted_each_for_itself(strict: Service) -> None:
    one, other = key(strict), key(strict)
    for asker in (one, None):
        assert [ask(strict, key=asker).status_code for _ in range(3)] == [200, 200, 429]
    assert ask(strict, key=other).status_code == 200


def test_the_operators_own_key_and_the_shop_window_are_not_counted(strict: Service) -> None:
    assert {ask(strict, "/orders", OPERATOR_KEY).status_code for _ in range(5)} == {200}
    assert {strict.http.get("/").status_code for _ in range(5)} == {200}


def test_an_address_said_by_a_proxy_is_believed_when_there_is_one(tmp_path: Path) -> None:
    with serving(tmp_path, **FEW) as alone:
        said = [ask(alone, X_Forwarded_For=f"10.0.0.{number}").status_code for number in range(3)]
    with serving(tmp_path, **FEW, trusted_proxies=1) as behind:
        believed = [ask(behind, X_Forwarded_For=f"10.0.0.{number}").status_code for number in range(3)]
        lying = [ask(behind, X_Forwarded_For=f"10.0.0.{number}, 10.0.1.1").status_code for number in range(3)]
    assert (said, believed, lying) == ([200, 200, 429], [200] * 3, [200, 200, 429])


def test_processes_count_together_in_redis(tmp_path: Path, redis_url: str) -> None:
    with serving(tmp_path, **FEW, redis_url=redis_url) as service:
        storefront = key(service)
        another = create_app(services=service.services).test_client()
        assert [ask(service, key=storefront).status_code for _ in range(2)] == [200, 200]
        answer = another.get("/api/v1/products", headers={"Authorization": f"Bearer {storefront}"})
        assert answer.status_code == 429


def test_a_shop_that_cannot_count_is_open(tmp_path: Path) -> None:
    with servers.running_redis() as redis, serving(tmp_path, **FEW, redis_url=redis.url) as service:
        redis.stop()
        assert {ask(service).status_code for _ in range(3)} == {200}
        redis.start()
        assert [ask(service).status_code for _ in range(3)] == [200, 200, 429]


def test_every_path_says_that_it_may_answer_429(strict: Service) -> None:
    document = strict.http.get("/api/v1/openapi.json").json
    answers = [
        operation["responses"]["429"]["headers"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert all("Retry-After" in headers for headers in answers)
