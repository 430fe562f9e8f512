"""Every filter of every list finds its rows through an index, however long the list is.

The filters are those of the OpenAPI document. SQLite says how it would run the statements of a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.recorded_sql import full_scans, recorded_sql
from tests.service import OPERATOR_KEY, Service, serving

PAGE = {"limit", "cursor"}
EVERY_SECOND_ROW = {("/messages", "direction"), ("/conversations/{msisdn}", "direction")}
"""Filters that leave out about every second row, so that a page is full soon."""
OF_ONE_PHONE = {("/conversations/{msisdn}", "status")}
"""Filters of lists that are short."""
SUMS = {("/message-sums", name) for name in ("by", "since", "until")} | {
    (f"/{whose}/statement", name)
    for whose in ("artisans/{artisan_id}", "storefronts/{key_id}")
    for name in ("since", "until")
}
"""Parts of sums, not filters of a list."""
EXAMPLES: Mapping[str, str] = {
    "msisdn": "+254711000103",
    "since": "2026-11-01T00:00:00Z",
    "until": "2026-12-01T00:00:00Z",
    "after": "1",
    "category": "pottery",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(tmp_path_factory.mktemp("filters")) as service:
        yield service


def list_filters(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The path, the name and an example of each filter of each list."""
    for path, operations in document["paths"].items():
        for parameter in operations.get("get", {}).get("parameters", []):
            name, schema = parameter["name"], parameter["schema"]
            if parameter["in"] == "query" and name not in PAGE:
                options = next(
                    (option["enum"] for option in (schema, *schema.get("anyOf", [])) if "enum" in option), None
                )
                yield path, name, options[0] if options else EXAMPLES.get(name, "abc_1")


def test_every_filter_is_served_by_an_index(service: Service) -> None:
    document = service.http.get("/api/v1/openapi.json").get_json()
    filters = list(list_filters(document))
    endpoint = service.api("POST", "/webhook-endpoints", {"url": "http://127.0.0.1:9"}, **{"Idempotency-Key": "one"})
    unindexed = {}
    for path, name, example in filters:
        if (path, name) in EVERY_SECOND_ROW | OF_ONE_PHONE | SUMS:
            continue
        with recorded_sql(service.services.engine) as executed:
            answer = service.http.get(
                f"/api/v1{path.format(msisdn=EXAMPLES['msisdn'], endpoint_id=endpoint['id'])}",
                query_string={name: example},
                headers={"Authorization": f"Bearer {OPERATOR_KEY}"},
            )
        assert answer.status_code == 200, (path, name, answer.get_data(as_text=True))
        with service.services.engine.connect() as conn:
            if scans := full_scans(conn, executed):
                unindexed[path, name] = [*scans.values()]

    assert unindexed == {}
    assert len(filters) > 15


def test_a_full_scan_is_noticed(service: Service) -> None:
    with service.services.engine.connect() as conn:
        assert list(full_scans(conn, ["SELECT id FROM message WHERE text = ?"]).values()) == [["SCAN message"]]
        assert full_scans(conn, ["SELECT id FROM message WHERE msisdn = ?"]) == {}
