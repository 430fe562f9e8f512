"""Adds to the OpenAPI document what APIFlask leaves out: all errors, required bodies and links."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from marketplace_api.problems import Problem
from marketplace_api.rest import idempotency, links, webhook_docs
from marketplace_api.rest.access import SCHEME
from marketplace_api.rest.errors import MIMETYPE

SECURITY_SCHEMES = {
    SCHEME: {
        "type": "http",
        "scheme": "bearer",
        "description": "`Authorization: Bearer KEY`, with a key that has one of the scopes named at the operation.",
    }
}

_IDEMPOTENCY_KEY = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "description": "The same key and body give the first answer again; bare or in double quotes.",
    "schema": {"type": "string", "pattern": idempotency.PATTERN},
}

_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "ETags of answers that you have; if one of them is still current, the answer is 304 without a body.",
    "schema": {"type": "string"},  # a value that is not an ETag matches nothing, and is not an error
}
_RETRY_AFTER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
_ETAG = {"description": "A strong ETag of these bytes.", "schema": {"type": "string"}}

_OWNER = re.compile(r'(?<="#/components/schemas/)\w+\.')


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """The document, completed."""
    document = _one_name_each(document)
    schemas = document["components"]["schemas"]
    schemas.pop("HTTPError", None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs") | {"Problem": problem}
    for operations in document["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation)
    links.add(document)
    return document | {"webhooks": webhook_docs.documented()}


def _one_name_each(document: dict[str, Any]) -> dict[str, Any]:
    """The document with one schema of each name; APIFlask generates `Order.Money`, `OrderList.Money` and so on."""
    plain: dict[str, Any] = json.loads(_OWNER.sub("", json.dumps(document)))
    schemas: dict[str, Any] = {}
    for name, schema in plain["components"]["schemas"].items():
        if schemas.setdefault(name.rpartition(".")[2], schema) != schema:
            raise ValueError(f"{name} is the name of two schemas")
    plain["components"]["schemas"] = schemas
    return plain


def _complete(method: str, operation: dict[str, Any]) -> None:
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    for parameter in operation["parameters"]:
        _drop_null(parameter["schema"])
    _add_wide_scopes(method, operation)
    errors = _errors(method, operation)
    if _creates(operation):
        operation["parameters"].append(_IDEMPOTENCY_KEY)
    if "304" in operation["responses"]:
        _document_etag(operation)
    operation["responses"] |= {str(status): _problem(status) for status in sorted(errors)}


def _add_wide_scopes(method: str, operation: dict[str, Any]) -> None:
    """Name `read` for every GET and `operator` for everything that needs a key; see `access.requires`."""
    wide = ["read", "operator"] if method == "get" else ["operator"]
    for scheme in operation.get("security", []):
        if scopes := scheme.get(SCHEME):
            scheme[SCHEME] = [*(scope for scope in scopes if scope != "operator"), *wide]


def _document_etag(operation: dict[str, Any]) -> None:
    """Document the headers and the status 304 of `etags.with_etag`."""
    operation["parameters"].append(_IF_NONE_MATCH)
    operation["responses"]["200"]["headers"] = {"ETag": _ETAG}
    operation["responses"]["304"] = {"description": HTTPStatus(304).phrase, "headers": {"ETag": _ETAG}}


def _drop_null(schema: dict[str, Any]) -> None:
    """Remove `null` from a parameter's types: parameters of a URL may be left out, but cannot be null."""
    kinds = [kind for kind in schema.pop("anyOf", []) if kind != {"type": "null"}]
    if kinds:
        schema.pop("default", None)
        schema |= kinds[0]


def _errors(method: str, operation: dict[str, Any]) -> set[int]:
    """The error statuses that an operation can answer."""
    places = {parameter["in"] for parameter in operation["parameters"]}
    needs_key = {} not in operation.get("security", [{}])
    reasons = {
        401: True,
        403: needs_key,
        404: "path" in places,
        400: "requestBody" in operation,
        413: "requestBody" in operation,
        415: method in ("post", "patch", "put"),
        422: "requestBody" in operation or "query" in places,
        409: _creates(operation),
        429: True,
        503: True,
    }
    refusals = {int(status) for status in operation["responses"] if int(status) >= 400}
    return refusals | {status for status, applies in reasons.items() if applies}


def _creates(operation: dict[str, Any]) -> bool:
    """True for operations that create something; they take an Idempotency-Key."""
    return "201" in operation["responses"]


def _problem(status: int) -> dict[str, Any]:
    problem = {
        "description": HTTPStatus(status).phrase,
        "content": {MIMETYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return problem | {"headers": {"Retry-After": _RETRY_AFTER}} if status in (429, 503) else problem
