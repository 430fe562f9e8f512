"""A hatch in an application's door: forms posted to one path are answered there, and everything else inside.

Both answer alike; but a form that goes through Flask costs more than all that a hop does with it (docs/adr/0018).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import BadRequest
from werkzeug.wsgi import get_input_stream

Reader = Callable[[], Mapping[str, str]]
"""Reads the form; raises BadRequest for one that is cut off, or is no text."""

PLAIN = "text/plain; charset=utf-8"
LARGEST = 8 * 1024
"""Bytes of a form; a longer one is read inside, which has a limit of its own."""


class Hatch:
    """Around an application. `answer` gives the text of a 200, and catches what goes wrong."""

    def __init__(self, inside: WSGIApplication, path: str, answer: Callable[[Reader], str]) -> None:
        self._inside, self._path, self._answer = inside, path.encode(), answer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._is_for_here(environ):
            return self._inside(environ, start_response)
        text = self._answer(partial(_form, environ)).encode()
        start_response("200 OK", [("Content-Type", PLAIN), ("Content-Length", str(len(text)))])
        return [text]

    def _is_for_here(self, environ: WSGIEnvironment) -> bool:
        length = environ.get("CONTENT_LENGTH") or ""
        return (
            environ["REQUEST_METHOD"] == "POST"
            and hmac.compare_digest(environ["PATH_INFO"].encode("latin-1"), self._path)  # a secret stands in it
            and environ.get("CONTENT_TYPE", "").partition(";")[0] == "application/x-www-form-urlencoded"
            and length.isdecimal()
            and int(length) <= LARGEST
        )


def _form(environ: WSGIEnvironment) -> Mapping[str, str]:
    """As Flask reads it: of a name that stands there twice, the first value; escapes that are no UTF-8, as they are."""
    body = get_input_stream(environ).read()
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="werkzeug.url_quote")
    except UnicodeDecodeError:
        raise BadRequest("it is not UTF-8") from None
    return dict(reversed(fields))
