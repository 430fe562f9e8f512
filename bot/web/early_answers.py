"""Lets another thread answer a request whose own thread is waiting for the body.

granian calls the application in a thread, and has no time limit for a body. Its protocol object can be answered from
any thread, but does not reach the application; `install` puts the method into the environ under `KEY`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

EarlyAnswer = Callable[[int, list[tuple[str, str]], bytes], None]
"""Called with status, headers and body. Only the first answer to a request is sent; later ones are ignored."""

KEY = "soko.early_answer"
SERVER = "granian.server.mp"
WRAP = "_wsgi_call_wrap"


def install() -> None:
    """Call this in granian's worker, before it has wrapped the application; elsewhere it does nothing."""
    server = sys.modules.get(SERVER)
    if server is not None:
        setattr(server, WRAP, _with_early_answers(getattr(server, WRAP)))


def _with_early_answers(wrap: Callable[..., Callable[[Any, dict[str, Any]], Any]]) -> Callable[..., Any]:
    def wrapped(*arguments: Any) -> Callable[[Any, dict[str, Any]], Any]:
        call = wrap(*arguments)

        def call_with_key(protocol: Any, environ: dict[str, Any]) -> Any:
            environ[KEY] = protocol.response_bytes
            return call(protocol, environ)

        return call_with_key

    return wrapped
