"""Compares a transcript with what the service answers now, word by word.

parts = differences("< END Welcome.\\n", "< END Karibu.\\n")
[Compared("same", "< END "), Compared("gone", "Welcome"), Compared("new", "Karibu"), Compared("same", ".\\n")]
as_text(parts)       "< END [-Welcome-]{+Karibu+}.\\n"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

CONTEXT = 2
"""How many lines around a difference are printed."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


class Compared(NamedTuple):
    """A piece of one or both transcripts: in both, only in the first, or only in the second."""

    kind: Literal["same", "gone", "new"]
    text: str


def differences(before: str, after: str) -> list[Compared]:
    """The pieces of both, in order. Lines that differ are compared by their words."""
    found: list[Compared] = []
    for kind, text in _by_lines(before, after):
        is_more = found and found[-1].kind == kind
        found.append(Compared(kind, found.pop().text + text if is_more else text))
    return found


def _by_lines(before: str, after: str) -> Iterator[Compared]:
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, added = "".join(old[a:b]), "".join(new[c:d])
        if kind == "replace":
            yield from _by_words(gone, added)
        else:
            yield from _parts(kind, gone, added)


def _by_words(before: str, after: str) -> Iterator[Compared]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield from _parts(kind, "".join(old[a:b]), "".join(new[c:d]))


def _parts(kind: str, gone: str, new: str) -> Iterator[Compared]:
    if kind == "equal":
        yield Compared("same", gone)
        return
    if gone:
        yield Compared("gone", gone)
    if new:
        yield Compared("new", new)


def as_text(parts: Sequence[Compared]) -> str:
    """The lines with differences, as `git diff --word-diff` marks them, and `CONTEXT` lines around each."""
    marks = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    lines: list[tuple[bool, str]] = [(False, "")]
    for kind, text in parts:
        for piece in text.splitlines(keepends=True):
            words, end = piece.rstrip("\n"), piece[len(piece.rstrip("\n")) :]
            differs, written = lines[-1]
            marked = marks[kind].format(words) if words or kind == "same" else ""
            lines[-1] = (differs or kind != "same", written + marked)
            if end:
                lines.append((False, ""))
    shown = {near for at, (differs, _) in enumerate(lines) if differs for near in range(at - CONTEXT, at + CONTEXT + 1)}
    printed = ""
    for at, (_, line) in enumerate(lines):
        if at in shown and (at < len(lines) - 1 or line):
            printed += f"{line}\n" if at - 1 in shown or at == 0 else f"…\n{line}\n"
    return printed
