"""A fast path in front of an application: forms posted to certain paths are answered without Flask (docs/adr/0018).

Flask takes more time to read a form than all other steps of a hop. Both ways give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from werkzeug.exceptions import BadRequest

from bot.providers import forms
from bot.providers.forms import Form

FormReader = Callable[[], Form]
"""Reads the form; raises BadRequest for one that is cut off."""

PLAIN_TEXT = "text/plain; charset=utf-8"
LARGEST_FORM = 8 * 1024
"""In bytes. A longer form goes to the application, which has its own limit."""


class FastPath:
    """Wraps `app`. `answer` returns the text of an answer with status 200, and must not raise.

    It is given the request's header `echoed` too, and also returns the value of this header of the answer.
    """

    def __init__(
        self,
        app: WSGIApplication,
        paths: Sequence[str],
        answer: Callable[[FormReader, str], tuple[str, str]],
        echoed: str,
    ) -> None:
        self._app, self._answer, self._echoed = app, answer, echoed
        self._paths = frozenset(path.encode().decode("latin-1") for path in paths)  # as WSGI writes them
        self._variable = f"HTTP_{echoed.upper().replace('-', '_')}"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not self._applies(environ):
            return self._app(environ, start_response)
        answered, echo = self._answer(partial(_form, environ), environ.get(self._variable, ""))
        text = answered.encode()
        headers = [("Content-Type", PLAIN_TEXT), ("Content-Length", str(len(text))), (self._echoed, echo)]
        start_response("200 OK", headers)
        return [text]

    def _applies(self, environ: WSGIEnvironment) -> bool:
        length = environ.get("CONTENT_LENGTH") or ""
        # the paths hold secrets; finding one by its hash tells nothing of its parts, unlike a comparison
        return (
            environ["REQUEST_METHOD"] == "POST"
            and environ["PATH_INFO"] in self._paths
            and environ.get("CONTENT_TYPE", "").partition(";")[0] == "application/x-www-form-urlencoded"
            and length.isdecimal()
            and int(length) <= LARGEST_FORM
        )


def _form(environ: WSGIEnvironment) -> Form:
    length = int(environ["CONTENT_LENGTH"])
    body = environ["wsgi.input"].read(length)  # werkzeug's stream would take longer than the rest of this function
    if len(body) < length:
        raise BadRequest("the form is cut off")
    return forms.read(body, environ["CONTENT_TYPE"])
