"""A fast path in front of an application: forms posted to one path are answered without Flask (docs/adr/0018).

Flask takes longer to read a form than everything else that a hop does. Both ways answer alike.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import get_input_stream

FormReader = Callable[[], Mapping[str, str]]
"""Reads the form; raises BadRequest for one that is cut off or not UTF-8."""

PLAIN_TEXT = "text/plain; charset=utf-8"
LARGEST_FORM = 8 * 1024
"""In bytes; the application reads a longer one, and has a limit of its own."""


class FastPath:
    """Wraps `app`. `answer` gives the text of a 200, and raises nothing."""

    def __init__(self, app: WSGIApplication, path: str, answer: Callable[[FormReader], str]) -> None:
        self._app, self._path, self._answer = app, path.encode(), answer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._applies(environ):
            return self._app(environ, start_response)
        text = self._answer(partial(_form, environ)).encode()
        start_response("200 OK", [("Content-Type", PLAIN_TEXT), ("Content-Length", str(len(text)))])
        return [text]

    def _applies(self, environ: WSGIEnvironment) -> bool:
        length = environ.get("CONTENT_LENGTH") or ""
        return (
            environ["REQUEST_METHOD"] == "POST"
            and hmac.compare_digest(environ["PATH_INFO"].encode("latin-1"), self._path)  # the path holds a secret
            and environ.get("CONTENT_TYPE", "").partition(";")[0] == "application/x-www-form-urlencoded"
            and length.isdecimal()
            and int(length) <= LARGEST_FORM
        )


def _form(environ: WSGIEnvironment) -> Mapping[str, str]:
    """The form as Flask reads it: of a repeated name the first value; escapes that are not UTF-8 stay as they are."""
    body = get_input_stream(environ).read()
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    except UnicodeDecodeError:
        raise BadRequest("it is not UTF-8") from None
    return dict(reversed(fields))
