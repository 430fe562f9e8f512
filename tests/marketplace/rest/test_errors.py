"""Errors: all are problems (RFC 9457), with a detail that tells the client what to do."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

import marketplace_api
from marketplace_api import lifecycles, problems
from marketplace_api.refused import RefusalReason
from marketplace_api.rest.access import public
from marketplace_api.rest.app import MarketplaceApi
from tests.marketplace.conftest import Sample, ShopDatabase, order_body


@pytest.fixture
def database(sqlite_database: ShopDatabase) -> ShopDatabase:
    """No error here depends on the database, so one kind of database is enough."""
    return sqlite_database


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == status
    assert {"type", "title", "detail"} <= answer.json.keys()
    return answer.json


def field_errors(answer: Any) -> dict[str, str]:
    return {one["pointer"]: one["detail"] for one in problem(answer, 422)["errors"]}


def test_an_unknown_path_is_answered_with_a_problem(operator: FlaskClient) -> None:
    for path in ("/nowhere", "/products/prd_none", "/orders/ord_none", "/kiosks/%00", "/artisans/Ä", "/static/x"):
        problem(operator.get(path), 404)


def test_a_wrong_method_is_answered_with_the_allowed_ones(operator: FlaskClient) -> None:
    answer = operator.delete("/products")
    problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_without_a_key_the_answer_names_the_authentication_scheme(anonymous: FlaskClient) -> None:
    answer = anonymous.get("/orders")
    assert "Bearer" in problem(answer, 401)["detail"]
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b"\xff",
        b'{"note": "\\ud800"}',
        b"null",
        b"[" * 30_000,
        b'{"quantity": ' + b"9" * 5_000 + b",",
    ],
)
def test_a_body_that_is_not_json_is_400(storefront: FlaskClient, body: bytes) -> None:
    problem(storefront.post("/orders", data=body, content_type="application/json"), 400)


def test_another_content_type_is_415(storefront: FlaskClient) -> None:
    problem(storefront.post("/orders", data={"quantity": "1"}), 415)


def test_another_content_type_without_a_length_is_415(storefront: FlaskClient) -> None:
    body = {"input_stream": BytesIO(b"2\r\n{}\r\n0\r\n\r\n"), "headers": {"Transfer-Encoding": "chunked"}}
    problem(storefront.post("/orders", content_type="text/plain", **body), 415)


def test_no_request_is_redirected(operator: FlaskClient) -> None:
    for path in ("//products", "/products/", "/orders//cancel", ""):
        problem(operator.get(path, base_url="http://localhost/"), 404)


def test_head_is_answered_like_get_without_a_body(operator: FlaskClient) -> None:
    for path in ("/nowhere", "/orders/ord_none", "/products?limit=0", "/orders"):
        shown, head = operator.get(path), operator.head(path)
        assert (head.status_code, head.data) == (shown.status_code, b"")
        assert head.headers["Content-Type"] == shown.headers["Content-Type"]
        assert head.headers["Content-Length"] == shown.headers["Content-Length"]


def test_options_need_no_key(anonymous: FlaskClient) -> None:
    answer = anonymous.options("/orders")
    assert (answer.status_code, answer.data) == (200, b"")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_body_that_is_too_large_is_413(storefront: FlaskClient) -> None:
    problem(storefront.post("/orders", data=b" " * 70_000, content_type="application/json"), 413)


def test_every_invalid_field_has_a_pointer(storefront: FlaskClient, sample: Sample) -> None:
    body = order_body(sample.product, 0)
    del body["ship_to"]["city"]
    body["buyer"] = {"name": " ", "phone": "12", "locale": "en"}
    assert field_errors(storefront.post("/orders", json=body)) == {
        "#/quantity": "Input should be greater than or equal to 1",
        "#/buyer/name": "has characters that cannot stand here, or none that can be seen",
        "#/buyer/phone": "is not a mobile number; write it like +254712345678",
        "#/ship_to/city": "is missing",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", True),
        ("quantity", "2"),
        ("quantity", 1.5),
        ("quantity", 10**30),
        ("quantity", None),
        ("note", "a\x00b"),
        ("note", "n" * 501),
        ("note", 5),
        ("external_ref", "line\nbreak"),
        ("product_id", "prd_\x00"),
        ("buyer", []),
        ("ship_to", "Leeds"),
    ],
)
def test_a_value_of_the_wrong_kind_is_422(storefront: FlaskClient, sample: Sample, field: str, value: object) -> None:
    assert list(field_errors(storefront.post("/orders", json=order_body(sample.product) | {field: value}))) == [
        f"#/{field}"
    ]


@pytest.mark.parametrize("body", ["[]", "5", '"x"', "NaN"])
def test_a_body_that_is_not_an_object_is_422(storefront: FlaskClient, body: str) -> None:
    assert field_errors(storefront.post("/orders", data=body, content_type="application/json"))


def test_a_whole_number_may_be_written_with_a_decimal_point(storefront: FlaskClient, sample: Sample) -> None:
    body = json.dumps(order_body(sample.product)).replace('"quantity": 1', '"quantity": 1.0')
    answer = storefront.post("/orders", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["quantity"]) == (201, 1)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "limit=1_0", "cursor=x", "cursor=W10=", "cursor=é", "status=gone", "q=%00"],
)
def test_a_wrong_query_is_422(anonymous: FlaskClient, query: str) -> None:
    assert list(field_errors(anonymous.get(f"/products?{query}"))) == ["#/" + query.split("=")[0]]


def test_a_crash_is_logged_and_not_shown(api: MarketplaceApi, caplog: pytest.LogCaptureFixture) -> None:
    @api.get("/crash")
    @public
    def crash() -> str:
        raise RuntimeError("a secret")

    answer = api.test_client().get("/crash")
    assert "a secret" not in str(problem(answer, 500))
    assert "a secret" in caplog.text


def test_a_busy_database_is_503_with_retry_after(
    storefront: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    @event.listens_for(database.engine, "connect")
    def impatient(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA busy_timeout = 1")

    database.engine.dispose()  # so that new connections are opened
    with database.open() as busy:
        busy.session.connection()
        answer = storefront.post("/orders", json=order_body(sample.product))
    assert "Please try again" in problem(answer, 503)["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert storefront.post("/orders", json=order_body(sample.product)).status_code == 201


def test_every_refusal_reason_has_a_sentence() -> None:
    sources = Path(marketplace_api.__file__).parent.rglob("*.py")
    raised = {
        str(node.args[0].value)
        for source in sources
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "Refused"
        and isinstance(node.args[0], ast.Constant)
    }
    cycles = (lifecycles.ORDER, lifecycles.ASSIGNMENT, lifecycles.PAYOUT)
    refusals = raised | {transition.refusal for cycle in cycles for transition in cycle.transitions}
    assert refusals <= set(get_args(RefusalReason))
    assert problems.REFUSAL_DETAILS.keys() == set(get_args(RefusalReason))


def test_no_body_takes_a_member_that_it_does_not_know(anonymous: FlaskClient) -> None:
    document = anonymous.get("/openapi.json").json
    schemas = document["components"]["schemas"]

    def objects(schema: dict[str, Any]) -> Iterator[str]:
        """The names of the objects in a schema, at any depth."""
        name = schema.get("$ref", "").rpartition("/")[2]
        inner = schemas[name] if name else schema
        if name and "properties" in inner:
            yield name
        for part in (*inner.get("properties", {}).values(), *inner.get("anyOf", ()), *inner.get("oneOf", ())):
            yield from objects(part)

    bodies = {
        name
        for operations in document["paths"].values()
        for operation in operations.values()
        if "requestBody" in operation
        for name in objects(operation["requestBody"]["content"]["application/json"]["schema"])
    }
    assert {"ProductOrderIn", "BriefIn", "ByMpesa", "AgentPatch", "Price"} <= bodies
    assert [name for name in sorted(bodies) if schemas[name].get("additionalProperties") is not False] == []
