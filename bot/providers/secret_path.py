"""Routes for callbacks that are not signed: an unguessable secret in their path authenticates the provider."""

from __future__ import annotations

import hmac
from functools import partial
from typing import Any

from flask import Blueprint, abort


def secret_path(name: str, secret: str) -> str:
    """The path above these callbacks."""
    return f"/webhooks/{name}/{secret}"


def secret_blueprint(name: str, secret: str) -> Blueprint:
    """Routes under `secret_path`; under any other secret the answer is 404."""
    blueprint = Blueprint(name, __name__, url_prefix=f"/webhooks/{name}/<secret>")
    blueprint.url_value_preprocessor(partial(_verify, secret.encode()))
    return blueprint


def _verify(secret: bytes, _endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Remove the secret from the path's values, so that no view gets it, and compare it in constant time."""
    claimed = values.pop("secret") if values else ""
    if not hmac.compare_digest(claimed.encode(), secret):
        abort(404)
