"""Reads and cleans what providers post, the same way for every provider and for both databases.

    form = read(b"id=m1&text=RELEV%C9", "application/x-www-form-urlencoded; charset=ISO-8859-1")
    form.required("id"), form.text("text")          ("m1", "RELEVÉ")

Bytes that are not UTF-8 are read as the content type's charset says, else as U+FFFD. Control characters are left out,
because PostgreSQL cannot store all of them; line breaks and tabs stay, because they separate words. A field that is too
long is answered 413. In a form the plus of `+254711000111` must be written `%2B`; a bare `+` arrives as a space, which
`msisdn` corrects.
"""

from __future__ import annotations

import codecs
import json
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import unquote_to_bytes

from flask import Request, abort
from werkzeug.datastructures import MultiDict
from werkzeug.http import parse_options_header

from flows.msisdn import is_e164

LONGEST_TEXT = 2000
"""In characters; the longest text of a provider has 1600."""
LONGEST_ID = 200
"""In characters: for ids, numbers, statuses and all other fields that are no texts."""
MOST_FIELDS = 100
"""What follows so many fields is not read."""
FIRST_YEAR = 2000
"""Programs without a time write the beginning of their calendar, such as 0001-01-01 or 1970-01-01."""

_BYTE_ORDER = "\ufeff"
_SEPARATORS = "\t\n\r"
_LEFT_OUT = frozenset({"Cc", "Cs"})  # Unicode categories: control characters and surrogates
_CHARSETS = ("iso8859-", "cp125")  # what gateways post that do not post UTF-8: Latin-1 and Windows-1252


class Form:
    """A posted form, of which a field is decoded and cleaned when it is read. A repeated name has its first value."""

    __slots__ = ("_content_type", "_fields")

    def __init__(self, fields: Mapping[bytes, bytes], content_type: str) -> None:
        self._fields, self._content_type = fields, content_type

    def __contains__(self, name: str) -> bool:
        return name.encode() in self._fields

    def get(self, name: str, longest: int = LONGEST_ID) -> str:
        """The value of a field, empty if it is missing; the request is answered 413 if it is too long."""
        value = self._fields.get(name.encode(), b"")
        if b"%" in value:
            value = unquote_to_bytes(value)
        text = value.decode() if value.isascii() else decoded(value, self._content_type)
        if not text.isprintable():
            text = clean(text)
        return text if len(text) <= longest else _refuse(name)

    def required(self, name: str) -> str:
        """The value without blanks around it; the request is answered 400 if it is missing or blank."""
        return self.get(name).strip() or abort(400, f"{name} is missing")

    def text(self, name: str) -> str:
        """The value of a field for what a person wrote, empty if it is missing."""
        return self.get(name, LONGEST_TEXT)


def read(body: bytes, content_type: str = "") -> Form:
    """The form in a body with this content type."""
    return Form(dict(reversed(_encoded(body))), content_type)


def posted(request: Request) -> Form:
    """The form in a request; raises BadRequest if its body is cut off."""
    return read(request.get_data(), request.content_type or "")


def as_posted(request: Request) -> MultiDict[str, str]:
    """All fields of the form in a request, not cleaned, as a signature covers them."""
    content_type = request.content_type or ""
    encoded = _encoded(request.get_data())
    return MultiDict([(decoded(name), decoded(unquote_to_bytes(value), content_type)) for name, value in encoded])


def _encoded(body: bytes) -> list[tuple[bytes, bytes]]:
    """Names with values that are still percent-encoded."""
    fields = []
    for field in body.replace(b"+", b" ").split(b"&", MOST_FIELDS)[:MOST_FIELDS]:
        name, _, value = field.partition(b"=")
        fields.append((unquote_to_bytes(name) if b"%" in name else name, value))
    return fields


def json_object(request: Request) -> dict[str, Any]:
    """The JSON object in a request, with all its texts cleaned; the request is answered 400 if there is none."""
    try:
        body = _cleaned(json.loads(decoded(request.get_data(), request.content_type or "").removeprefix(_BYTE_ORDER)))
    except (ValueError, RecursionError):
        body = None
    return body if isinstance(body, dict) else abort(400, "the body is not a JSON object")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return {clean(name): _cleaned(item) for name, item in value.items()} if isinstance(value, dict) else value


def decoded(value: bytes, content_type: str = "") -> str:
    """The text of bytes in UTF-8, or else in the charset of the content type; U+FFFD for what neither can say."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode(_charset(content_type), "replace")


def _charset(content_type: str) -> str:
    """The charset that a content type names, if it is one of a byte for each character; else UTF-8."""
    named = parse_options_header(content_type)[1].get("charset", "")
    try:
        charset = codecs.lookup(named).name
    except (LookupError, ValueError):  # unknown, or with a NUL in it
        return "utf-8"
    return charset if charset.startswith(_CHARSETS) else "utf-8"


def clean(value: str) -> str:
    """The text without control characters other than line breaks and tabs, and without halves of surrogate pairs."""
    if value.isprintable():
        return value
    return "".join(
        character for character in value if character in _SEPARATORS or unicodedata.category(character) not in _LEFT_OUT
    )


def bounded(name: str, value: str, longest: int = LONGEST_ID) -> str:
    """The value; the request is answered 413 if it has more than `longest` characters."""
    return value if len(value) <= longest else _refuse(name)


def _refuse(name: str) -> NoReturn:
    abort(413, f"{name} is too long")


def msisdn(raw: str) -> str | None:
    """The number as E.164 with its plus, or None for a sender that is not a phone (`MPESA`, `22384`)."""
    number = f"+{raw.strip().removeprefix('+')}"
    return number if is_e164(number) else None


def time(raw: str) -> datetime | None:
    """`2026-11-22T09:20:05Z` and `2026-11-22 09:20:05` are both UTC; None for other texts and outside the calendar."""
    try:
        time = datetime.fromisoformat(raw.strip())
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if time.year >= FIRST_YEAR else None
