"""`Cache-Control: no-store` on every answer, except those that show everybody the same and nobody's data.

A new page is not stored by browsers and proxies until it is named here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PUBLIC = re.compile(
    r"/((makers|kiosks)/[^/]+|how|privacy|robots\.txt|sitemap\.xml|favicon\.ico|static/.+|photos/[^/]+"
    r"|(simulator|operator)/static/.+)?"
    r"|/api/v1/(products(/[^/]+)?|openapi\.json|docs(/.+)?)"
)
"""The paths whose GET may be stored."""
OWN = re.compile(r"/products/[^/]+")
"""The paths whose GET the browser alone may store, as the page itself says. Its form is for one order of one buyer: who
goes back to it finds it with the token that has been used."""
HEADER, _LOWER = "Cache-Control", "cache-control"


class NoStore:
    """WSGI middleware that adds the header, in place of one that the application has set."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] in ("GET", "HEAD") and (PUBLIC.fullmatch(path) or OWN.fullmatch(path)):
            return self._app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> Callable[[bytes], object]:
            kept = [header for header in headers if header[0].lower() != _LOWER]
            return start_response(status, [*kept, (HEADER, "no-store")], *error)  # type: ignore[arg-type]

        return self._app(environ, start)
