"""Answers that show everybody the same are sent compressed (gzip) to a browser that takes it.

Pages with somebody's secrets are not: their size would tell about them to who can make the browser send requests.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.datastructures import Headers

from bot.web.no_store import OWN, PUBLIC

LEVEL = 4
SMALLEST = 600
"""In bytes; a smaller answer fits into one packet anyway."""
TYPES = ("text/", "image/svg+xml", "application/xml", "application/json", "application/manifest+json")


class Compression:
    """WSGI middleware that compresses the answers to GET on the paths of `no_store`."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET" or not _may_be_compressed(environ["PATH_INFO"]):
            return self._app(environ, start_response)
        answer: list[tuple[str, Headers]] = []

        def start(status: str, headers: list[tuple[str, str]], *_error: object) -> Callable[[bytes], object]:
            answer.append((status, Headers(headers)))
            return lambda _body: None

        parts = self._app(environ, start)
        try:
            body = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close:
                close()
        status, headers = answer[-1]
        if headers.get("Content-Type", "").startswith(TYPES) and "Content-Encoding" not in headers:
            headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
            if len(body) >= SMALLEST and "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
                body = _compress(body, headers)
        start_response(status, headers.to_wsgi_list())
        return [body]


def _may_be_compressed(path: str) -> bool:
    return not path.startswith("/photos/") and bool(PUBLIC.fullmatch(path) or OWN.fullmatch(path))


def _compress(body: bytes, headers: Headers) -> bytes:
    compressed = gzip.compress(body, LEVEL, mtime=0)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(compressed))
    if headers.get("ETag", "").startswith('"'):
        headers["ETag"] = f"W/{headers['ETag']}"  # of the same content in other bytes
    return compressed
