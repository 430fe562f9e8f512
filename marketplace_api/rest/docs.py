"""`/docs`: the OpenAPI document as a web page, without JavaScript and without another server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apiflask import APIBlueprint
from flask import current_app, render_template

from marketplace_api.rest.access import SCHEME

blueprint = APIBlueprint(
    "docs",
    __name__,
    enable_openapi=False,
    template_folder="templates",
    static_folder="static",
    static_url_path="/docs/static",
)


@dataclass(frozen=True, slots=True)
class DocumentedOperation:
    """One operation; `spec` is its part of the document."""

    method: str
    path: str
    spec: Mapping[str, Any]

    @property
    def anchor(self) -> str:
        """The anchor of the operation on the page."""
        return re.sub(r"\W+", "-", f"{self.method} {self.path}").strip("-").lower()

    @property
    def who(self) -> str:
        """The scopes of the API keys that may call it."""
        schemes = self.spec.get("security", [{}])
        return "no key needed" if {} in schemes else " or ".join(schemes[0][SCHEME])

    @property
    def body(self) -> Mapping[str, Any] | None:
        """The schema of the request body."""
        return _schema(self.spec.get("requestBody", {}))

    @property
    def answers(self) -> Mapping[str, Mapping[str, Any] | None]:
        """The schema of each answer that is not an error, by status."""
        return {status: _schema(answer) for status, answer in self.spec["responses"].items() if status < "4"}

    @property
    def errors(self) -> Mapping[str, str]:
        """The name of each error, by status; the body is always a `Problem`."""
        answers = sorted(self.spec["responses"].items())
        return {status: answer["description"] for status, answer in answers if status >= "4"}


@blueprint.get("/docs")
def read() -> str:
    """The page with all operations."""
    document: Mapping[str, Any] = current_app.spec  # type: ignore[attr-defined]
    return render_template("docs.html", document=document, chapters=chapters(document))


def chapters(document: Mapping[str, Any]) -> Mapping[str, Sequence[DocumentedOperation]]:
    """The operations by tag, in the order of the tags."""
    found: dict[str, list[DocumentedOperation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, spec in operations.items():
            found[spec["tags"][0]].append(DocumentedOperation(method.upper(), path, spec))
    return found


def _schema(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The schema of a body, of any media type."""
    return next((media["schema"] for media in part.get("content", {}).values()), None)
