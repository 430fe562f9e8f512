"""Operators correct artisans by the API."""

from __future__ import annotations

from typing import Any

import pytest

from state import people
from tests.service import OPERATOR_KEY, Service


def artisan(service: Service) -> dict[str, Any]:
    (found,) = service.api("GET", "/artisans")["data"]
    return dict(found)


def patched(service: Service, changes: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    answer = service.http.patch(
        f"/api/v1/artisans/{artisan(service)['id']}", json=changes, headers={"Authorization": f"Bearer {OPERATOR_KEY}"}
    )
    return answer.status_code, answer.get_json()


def test_what_is_given_changes_and_the_rest_stays(service: Service) -> None:
    before = artisan(service)
    kiosk = service.api(
        "POST", "/kiosks", {"name": "Lamu kiosk", "town": "Lamu", "agent": {"name": "Ali", "phone": "+254722000777"}}
    )

    assert patched(service, {}) == (200, before)
    status, changed = patched(service, {"name": "Akinyi Otieno", "craft": "textiles", "town": "Lamu"})
    assert (status, changed) == (
        200,
        before | {"name": "Akinyi Otieno", "craft": "textiles", "town": "Lamu", "kiosk_id": kiosk["id"]},
    )
    assert artisan(service) == changed


def test_her_screens_are_in_the_language_that_an_operator_sets(service: Service) -> None:
    phone = artisan(service)["phone"]
    with service.services.database.writing.begin() as session:
        people.set_language(session.connection(), phone, "en", service.clock())
    assert "Sell something" in service.gateway.dial(phone)

    assert patched(service, {"language": "sw"})[1]["language"] == "sw"
    service.clock.advance(3600)
    assert "Uza bidhaa" in service.gateway.dial(phone)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"town": "Atlantis"}, (404, "unknown_kiosk")),
        ({"craft": "cars"}, (422, None)),
        ({"language": "dz"}, (409, "unknown_language")),
        ({"phone": "+254711000999"}, (422, None)),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    service: Service, changes: dict[str, Any], refusal: tuple[int, str | None]
) -> None:
    before = artisan(service)
    status, problem = patched(service, {"name": "Somebody Else"} | changes)

    assert (status, problem.get("reason")) == refusal
    assert artisan(service) == before
