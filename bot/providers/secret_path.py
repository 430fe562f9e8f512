"""Routes for callbacks that are not signed: an unguessable secret in their path authenticates the provider.

There may be two secrets while one is replaced, or none, which no path matches.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import partial
from typing import Any

from flask import Blueprint, abort


def secret_paths(name: str, secrets: tuple[str, ...]) -> list[str]:
    """The paths above these callbacks, one for each secret."""
    return [f"/webhooks/{name}/{secret}" for secret in secrets]


def secret_blueprint(name: str, secrets: tuple[str, ...], part: str | None = None) -> Blueprint:
    """Routes under all `secret_paths`; under any other secret the answer is 404.

    `part` is the name of the blueprint, if another one has routes under the same paths.
    """
    blueprint = Blueprint(part or name, __name__, url_prefix=f"/webhooks/{name}/<secret>")
    blueprint.url_value_preprocessor(partial(_verify, [secret.encode() for secret in secrets]))
    return blueprint


def _verify(secrets: Sequence[bytes], _endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Remove the secret from the path's values, so that no view gets it, and compare it in constant time."""
    claimed = (values.pop("secret") if values else "").encode()
    if not any(hmac.compare_digest(claimed, secret) for secret in secrets):
        abort(404)
