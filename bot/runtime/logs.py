"""Structured logs without personal data: phone numbers and typed text are masked everywhere, also in tracebacks.

{"event": "a call ended", "level": "info", "request_id": "3f2a…", "msisdn": "+25471***111"}
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import Processor

_NUMBER = re.compile(r"(?<![\w.])(?P<kept>(?:\+|%2B|\b(?=2547|2541|07|01))\d{4,5})\d{2,7}(?P<end>\d{3})(?!\w)")
_CUMULATIVE = re.compile(r"\btext=[^\s&'\"]*")
_SECRET_PATH = re.compile(r"(?<=/webhooks/)(\w+/)[^/\s]+(?=/)")
# The values of a row that could not be written, as in the errors of SQLAlchemy and PostgreSQL.
_ROW = re.compile(r"(\[parameters:|^DETAIL:).*?(?=\n\[SQL:|\n\(Background|\n\n|\Z)", re.MULTILINE | re.DOTALL)

VERBOSE_LIBRARIES = ("alembic", "transitions", "twilio", "urllib3")
"""Libraries that log every success at level INFO."""


def mask(text: str) -> str:
    """The text with `+254711000111` as `+25471***111`, without typed text, secrets in URLs and the values of rows."""
    for pattern, replacement in (
        (_ROW, r"\1 ***"),
        (_CUMULATIVE, "text=***"),
        (_SECRET_PATH, r"\1***"),
        (_NUMBER, r"\g<kept>***\g<end>"),
    ):
        text = pattern.sub(replacement, text)
    return text


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {name: _masked(part) for name, part in value.items()}
    return [_masked(part) for part in value] if isinstance(value, list | tuple) else value


def _mask_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if name not in ("_record", "_from_structlog"):
            event[name] = _masked(value)
    return event


def configure(*, as_json: bool, level: int = logging.INFO) -> None:
    """Configure all loggers of this process, also those of libraries, to write one line per event to standard error."""
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_processors(), processors=[remove_meta, _renderer(as_json)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in VERBOSE_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def _processors() -> list[Processor]:
    """The steps for each event, in this order. Masking is last, so that it covers everything that was added."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_event,
    ]


def _renderer(as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
