"""PostgreSQL refuses a NUL in a text, so no page and no operation of the API may pass one on: a 4xx, never a 5xx."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from msgspec import inspect

from flows.commands import ShopCommand
from tests.bot import fixtures
from tests.bot.fixtures import AKINYI, POT, products_titled
from tests.service import OPERATOR_KEY, Service, serving

NUL = "K7\0P4"
KEY = {"Authorization": f"Bearer {OPERATOR_KEY}"}


@pytest.fixture
def shop(tmp_path: Path, migrated_postgres_url: str) -> Iterator[Service]:
    with serving(tmp_path, database_url=migrated_postgres_url) as service:
        fixtures.seed_shop(service)
        yield service


def cursor(*place: object) -> str:
    return urlsafe_b64encode(json.dumps(place).encode()).decode()


def routes(shop: Service, document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every page and every operation of the API whose path may vary, with a NUL in each such part."""
    for rule in shop.http.application.url_map.iter_rules():
        for method in (rule.methods or ()) if rule.arguments else ():
            yield method, re.sub("<.+?>", quote(NUL), rule.rule), {}
    for path, operations in document["paths"].items():
        for method in operations.keys() & {"get", "post", "patch", "put", "delete"}:
            yield method.upper(), "/api/v1" + re.sub("{.+?}", quote(NUL), path), {"headers": KEY}


def fields(code: str, token: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Queries and forms of pages, with a NUL in one field."""
    encoded = quote(NUL)
    yield "GET", f"/simulator/messages?msisdn={encoded}", {}
    for name in ("q", "category", "town", "page"):
        yield "GET", f"/?{name}={encoded}", {}
    order = {
        "quantity": "1",
        "buyer.name": "Joy",
        "buyer.phone": "+254733000333",
        "ship_to.line1": "1 Moi Avenue",
        "ship_to.city": "Nairobi",
        "ship_to.country": "KE",
        "note": "please",
        "price": "180000",
        "token": token,
    }
    for name in order:
        yield "POST", f"/products/{code}", {"data": order | {name: order[name] + "\0"}}
    for path in ("dial", "answer", "hang-up"):
        for name in ("msisdn", "session_id", "code", "text"):
            call = {"msisdn": AKINYI, "session_id": "s1", "code": "*384*22#", "text": "1"}
            yield "POST", f"/simulator/{path}", {"json": call | {name: call[name] + "\0"}}
    for name in ("msisdn", "text", "provider"):
        text = {"msisdn": AKINYI, "text": "HELP", "provider": "twilio"}
        yield "POST", "/simulator/text", {"json": text | {name: text[name] + "\0"}}


def cursors(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Cursors with a NUL, and with a time outside the calendar, for each list of the API."""
    places = [(NUL,), (NUL, "KES"), ("2026-11-23", "K\0S"), ("0001-01-01T00:00:00+14:00", "prd_1")]
    for path in document["paths"]:
        if "{" not in path:
            for place in places:
                yield "GET", f"/api/v1{path}?cursor={cursor(*place)}", {"headers": KEY}


def test_no_page_and_no_operation_of_the_api_fails_because_of_a_nul(shop: Service) -> None:
    (product,) = products_titled(shop, POT)
    document = shop.http.get("/api/v1/openapi.json").get_json()
    form = re.search(r'name="token" value="([^"]+)"', shop.http.get(f"/products/{product['code']}").text)
    assert form
    failed = []
    for method, path, parts in [
        *fields(product["code"], form[1]),
        *cursors(document),
        *routes(shop, document),
    ]:
        shop.clock.advance(60)  # or the shop window has enough of a stranger's wrong forms
        status = shop.http.open(path, method=method, **parts).status_code
        if status >= 500:
            failed.append((status, method, path, parts))
    assert failed == []


def test_every_text_of_a_command_has_a_pattern_that_refuses_a_nul() -> None:
    union = inspect.type_info(ShopCommand)
    assert isinstance(union, inspect.UnionType)
    for command in union.types:
        assert isinstance(command, inspect.StructType)
        for field in command.fields:
            kinds = field.type.types if isinstance(field.type, inspect.UnionType) else [field.type]
            for text in (kind for kind in kinds if isinstance(kind, inspect.StrType)):
                assert text.pattern, f"{command.cls.__name__}.{field.name}"
                assert not re.search(text.pattern, NUL)


def test_every_text_in_a_request_of_the_api_has_a_form_that_refuses_a_nul(embedded: Service) -> None:
    document = embedded.http.get("/api/v1/openapi.json").get_json()
    texts = [text for text in requested_texts(document) if not {"enum", "const", "format"} & text.keys()]
    assert len(texts) > 20
    assert [text for text in texts if re.search(text.get("pattern", ""), NUL)] == []


def requested_texts(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The schemas of the texts in bodies and queries. Paths have patterns of their own, and headers a server checks."""
    schemas = document["components"]["schemas"]

    seen: set[str] = set()

    def within(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        name = schema.get("$ref", "").rpartition("/")[2]
        if name and name not in seen:
            seen.add(name)
            yield from within(schemas[name])
        if schema.get("type") == "string":
            yield schema
        parts = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
        for part in (*parts, *(option for kind in ("anyOf", "oneOf", "allOf") for option in schema.get(kind, []))):
            yield from within(part)

    for path in document["paths"].values():
        for operation in (each for each in path.values() if isinstance(each, dict)):
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield from within(content["schema"])
            for parameter in operation.get("parameters", []):
                if parameter.get("in") == "query":
                    yield from within(parameter["schema"])
