"""Structured logs in which nobody can be read: numbers are masked wherever they stand, tracebacks included."""

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
# What SQLAlchemy and PostgreSQL quote of a row they could not write: whatever somebody typed.
_ROW = re.compile(r"(\[parameters:|^DETAIL:).*?(?=\n\[SQL:|\n\(Background|\n\n|\Z)", re.MULTILINE | re.DOTALL)

TALKERS = ("alembic", "transitions", "twilio", "urllib3")
"""Libraries that tell at length what goes well."""


def mask(text: str) -> str:
    """`+254711000111` as `+25471***111`; what was typed, and a callback's secret, are left out altogether."""
    for pattern, instead in (
        (_ROW, r"\1 ***"),
        (_CUMULATIVE, "text=***"),
        (_SECRET_PATH, r"\1***"),
        (_NUMBER, r"\g<kept>***\g<end>"),
    ):
        text = pattern.sub(instead, text)
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
    """Every logger of this process, ours and the libraries', writes one line an event to standard error."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_event,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for talker in TALKERS:
        logging.getLogger(talker).setLevel(logging.WARNING)
