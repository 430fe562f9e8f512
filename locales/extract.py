"""Finds the messages in Python source and in templates.

    N_("Words")                          one message
    N_("Many words", "Few", ...)         its versions, the longest first: one message each
    NN_("{n} piece", "{n} pieces")       one message with its plural
    {{ _("Words") }}                     one message of a template (Jinja)
    {{ _n("A piece", "{n} pieces", n) }}  one message of a template with its plural

Babel's own extractor takes as many messages from a call as its keyword says, so it cannot take all of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

NOTE = "Translators:"
PAGE_NOTE = "this stands on a page, not in a text; it may be a little longer"
_COUNTED = re.compile(r"""\b_n\("([^"]+)", "([^"]+)\"""")
_IN_TEMPLATE = re.compile(r"""\b_\("([^"]+)\"""")


@dataclass(frozen=True, slots=True)
class MarkedMessage:
    """A message, or a singular with its plural, and the notes for translators."""

    message: str | tuple[str, str]
    notes: tuple[str, ...] = ()


def messages_in(source: str) -> Iterator[MarkedMessage]:
    """The marked messages in the order of the source, with the comment for translators right above each."""
    if "N_(" not in source:
        return
    lines = source.splitlines()
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        notes = _notes(lines[: call.lineno - 1])
        match _name(call), _strings(call):
            case "N_", strings:
                yield from (MarkedMessage(string, notes) for string in strings)
            case "NN_", [singular, plural]:
                yield MarkedMessage((singular, plural), notes)


def messages_in_template(source: str) -> Iterator[MarkedMessage]:
    """The marked messages of a template: those without a plural in its order, then those with one."""
    yield from (MarkedMessage(message, (PAGE_NOTE,)) for message in _IN_TEMPLATE.findall(source))
    yield from (MarkedMessage((singular, plural), (PAGE_NOTE,)) for singular, plural in _COUNTED.findall(source))


def _name(call: ast.Call) -> str | None:
    return call.func.id if isinstance(call.func, ast.Name) else None


def _strings(call: ast.Call) -> list[str]:
    return [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]


def _notes(above: list[str]) -> tuple[str, ...]:
    """The comment directly above, if it is for translators."""
    comment: list[str] = []
    for line in map(str.strip, reversed(above)):
        if not line.startswith("#"):
            break
        comment.insert(0, line.lstrip("# "))
        if comment[0].startswith(NOTE):
            return (comment[0].removeprefix(NOTE).strip(), *comment[1:])
    return ()
