"""Structured logs without personal data and secrets: phone numbers, typed text, codes and keys are masked everywhere.

{"event": "a call ended", "level": "info", "request_id": "3f2a…", "msisdn": "+25471***111"}
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterable, MutableMapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from bot.runtime.structured import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

_GAP = r"(?:[ \u00a0\u202f()/-]|\\xa0|\\u202f){0,2}"
_PLUS_GAP = r"(?:[ \u00a0\u202f().\-/]|\\xa0|\\u202f){0,3}"
_SHORTEST = 9
"""Digits of a phone number without a plus. A shorter run of digits is an amount, a day or an id."""
# With a plus (also as in a form, or as 00) any 6 digits; without one, as many as a number has with its country or area.
# A date, alone or before a time, is none.
_NUMBER = re.compile(
    rf"(?:\+|%2B|(?<![\w.])00(?=[1-9]))(?:{_PLUS_GAP}\d){{6,15}}(?!\d)"
    rf"|(?<![\w.%-])(?!\d{{4}}-\d\d-\d\d)(?!\d\d[-/]\d\d[-/]\d{{4}})\(?\d(?:{_GAP}\d){{{_SHORTEST - 1},14}}(?![\w])",
    re.IGNORECASE,
)
# What was typed: under its name in a form, in JSON or in Python, or as a call's inputs joined by stars.
_TYPED = re.compile(
    r"""\b(?P<name>(?:cumulative_)?text|input|body|lastAppResponse)(?P<is>["']?\s*[=:]\s*)"""
    r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s&'",;)}\]]+)""",
    re.IGNORECASE,
)
_INPUTS = re.compile(r"(?<![\w*])\d{1,8}(?:\*\d{1,8})+(?![\w*#])")
# A value that is called secret, and the words that people read around a PIN or a one-time code.
_CALLED_SECRET = re.compile(
    r"""(?P<name>(?:[\w-]*(?:secret|passw(?:or)?d|token|api[_-]?key|signature|credentials?|cookie)|\bpin|\bkey)"""
    r"""["']?\s*[=:]\s*)(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:Bearer |Basic )?[^\s&'",;)}\]]+)""",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(r"\b(?P<name>Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{6,}", re.IGNORECASE)
_CODE = re.compile(
    r"\b(?P<name>(?:PIN|OTP|codes?|nambari|mot de passe)\b(?:[^\w\n]{1,4}(?:is|was|ni|est))?[^\w\n]{1,4})\d{4,8}\b",
    re.IGNORECASE,
)
_KEY = re.compile(r"\b(?P<name>soko_[a-z]+_|whsec_|atsk_|sk_(?:live|test)_|rk_(?:live|test)_)[A-Za-z0-9+/=_-]{8,}")
_SECRET_PATH = re.compile(r"(?<=/webhooks/)(\w+/)[^/\s]+(?=/)")
_TOKEN_PATH = re.compile(r"(?<=/webhooks/)(\w+/\*\*\*/\w+/)[^/\s]+")
_PHOTO_LINK = re.compile(r"(?<=/p/)([0-9A-Za-z]+)\.[\w.~-]+")
_ORDER_LINK = re.compile(r"(?<=/o/)[\w-]{22,}")
_USER_OF_URL = re.compile(r"(?<=://)[^/\s@'\"]+@")
# The values of a row that could not be written, as in the errors of SQLAlchemy and PostgreSQL.
_ROW = re.compile(r"(\[parameters:|^DETAIL:).*?(?=\n\[SQL:|\n\(Background|\n\n|\Z)", re.MULTILINE | re.DOTALL)
_PATTERNS: Sequence[tuple[re.Pattern[str], str]] = (
    (_ROW, r"\1 ***"),
    (_SECRET_PATH, r"\1***"),
    (_TOKEN_PATH, r"\1***"),
    (_PHOTO_LINK, r"\1.***"),
    (_ORDER_LINK, "***"),
    (_USER_OF_URL, "***@"),
    (_AUTHORIZATION, r"\g<name> ***"),
    (_KEY, r"\g<name>***"),
    (_CALLED_SECRET, r"\g<name>***"),
    (_TYPED, r"\g<name>\g<is>***"),
    (_INPUTS, "***"),
    (_CODE, r"\g<name>***"),
)
_SECRET_NAME = re.compile(
    r"secret|passw|token|key$|^pin$|_pin$|^otp$|signature|credential|cookie|authorization|^text$|^body$", re.IGNORECASE
)
"""The name of a value that is left out whole, when the logger gives it by name."""

SHORTEST_SECRET = 8
"""A shorter one, as in development, would stand in too many words."""
VERBOSE_LIBRARIES = ("alembic", "stripe", "transitions", "twilio", "urllib3")
"""Libraries that log every success at level INFO."""


def mask(text: str, secrets: re.Pattern[str] | None = None) -> str:
    """The text with `+254711000111` as `+25471***111`, and without typed text, codes, secrets and the values of rows.

    `secrets` matches the process's own, which are left out wherever they stand.
    """
    if secrets:
        text = secrets.sub("***", text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return _NUMBER.sub(_mask_number, text)


def without_codes(text: str) -> str:
    """The text without keys, and without the digits that follow a word for a PIN or a one-time code."""
    return _CODE.sub(r"\g<name>***", _KEY.sub(r"\g<name>***", text))


def _mask_number(found: re.Match[str]) -> str:
    """The number without its middle: at least 4 digits are left out, of 12 as many as 4."""
    written = found[0]
    places = [place for place, character in enumerate(written) if character.isdigit()]
    if written[:3].upper() == "%2B":
        places = places[1:]  # the 2 of %2B
    kept = max(0, min(5, len(places) - 7))
    return f"{written[: places[kept]]}***{written[places[-3] :]}"


def _masked(value: Any, secrets: re.Pattern[str] | None) -> Any:
    if isinstance(value, str):
        return mask(value, secrets)
    if isinstance(value, dict):
        return {
            _masked(name, secrets): "***" if _is_secret(name) else _masked(part, secrets)
            for name, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(part, secrets) for part in value]
    if isinstance(value, bool | float | None):
        return value
    written = mask(str(value), secrets)  # a number, or an object of which the line shows the text
    return value if written == str(value) else written


def _is_secret(name: object) -> bool:
    return _SECRET_NAME.search(str(name)) is not None


class _MaskEvent:
    """A step of structlog that masks everything in an event."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted((secret for secret in secrets if len(secret) >= SHORTEST_SECRET), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if name not in ("_record", "_from_structlog"):
                event[name] = "***" if _is_secret(name) else _masked(value, self._secrets)
        return event


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines to standard error. One that cannot be formatted is not printed with its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:
        self.stream.write(f"a line of {record.name} could not be formatted, from {record.pathname}:{record.lineno}\n")


def configure(*, as_json: bool, secrets: Iterable[str] = (), level: int = logging.INFO) -> None:
    """Configure all loggers of this process, also those of libraries, to write one line per event to standard error.

    `secrets` are the process's own: they are left out wherever they stand in a line.
    """
    remove_meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_processors(secrets), processors=[remove_meta, _renderer(as_json)]
    )
    handler = _Handler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in VERBOSE_LIBRARIES:
        logging.getLogger(library).setLevel(logging.WARNING)


def log_uncaught() -> None:
    """Log warnings, and exceptions that nobody catches, like any other event: Python prints them unmasked."""
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda hook: _log_uncaught(hook.exc_type, hook.exc_value, hook.exc_traceback)


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    logging.getLogger(__name__).critical("an exception was not caught", exc_info=(kind, error or kind(), trace))


def _processors(secrets: Iterable[str]) -> list[Processor]:
    """The steps for each event, in this order. Masking is last, so that it covers everything that was added."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _MaskEvent(secrets),
    ]


def _renderer(as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
