"""Callbacks that are not signed: only the unguessable secret in their path tells the provider from a stranger."""

from __future__ import annotations

import hmac
from functools import partial
from typing import Any

from flask import Blueprint, abort


def secret_blueprint(name: str, secret: str) -> Blueprint:
    """Routes under `/webhooks/<name>/<secret>`; under any other secret the answer is 404."""
    blueprint = Blueprint(name, __name__, url_prefix=f"/webhooks/{name}/<secret>")
    blueprint.url_value_preprocessor(partial(_verify, secret.encode()))
    return blueprint


def _verify(secret: bytes, _endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take the secret out of the path's values, so that no view sees it, and compare it in constant time."""
    claimed = values.pop("secret") if values else ""
    if not hmac.compare_digest(claimed.encode(), secret):
        abort(404)
