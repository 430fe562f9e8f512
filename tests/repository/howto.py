"""Follows the pages of docs/howto in a copy of the project, word for word.

A page is followed from top to bottom. These sentences change a file; the code block after them is what is put there:

    Create `PATH`:
    In `PATH`, after `LINE`:          LINE is how one line begins
    In `PATH`, before `LINE`:
    At the end of `PATH`:
    In `PATH`, replace `THIS` by `THAT`.

A `bash` block is run. Everything else is for the reader.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.repository.architecture import ROOT


def _quoted(name: str) -> str:
    """A pattern for code between backticks, or between double backticks if it contains some."""
    return rf"(?P<{name}_ticks>`+)(?P<{name}>[^\n]+?)(?P={name}_ticks)"


STEP = re.compile(
    r"^Create `(?P<created>[^`\n]+)`:$"
    rf"|^In `(?P<changed>[^`\n]+)`, (?P<where>after|before) {_quoted('line')}:$"
    r"|^At the end of `(?P<extended>[^`\n]+)`:$"
    rf"|^In `(?P<reworded>[^`\n]+)`, replace {_quoted('old')} by {_quoted('new')}\.$"
    r"|^(?P<unclear>(?:Create|In|At the end of) `[^\n]+)$"
    r"|^## (?P<heading>[^\n]+)$"
    r"|^```(?P<language>\w+)\n(?P<code>(?s:.*?))^```$",
    re.MULTILINE,
)


class NotFollowedError(AssertionError):
    """A step of a page cannot be followed, or its command fails."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the project, with the tools of the original."""

    root: Path

    def follow(self, page: str, meanwhile: Mapping[str, Callable[[Path], object]] | None = None) -> str:
        """Follows the page, and returns what its commands print.

        `meanwhile` has further actions of the reader, by the heading before which they are done.
        """
        printed = ""
        change: Callable[[str], object] | None = None
        for step in STEP.finditer((ROOT / "docs/howto" / page).read_text()):
            match step.groupdict():
                case {"heading": str(heading)}:
                    (meanwhile or {}).get(heading, lambda _: None)(self.root)
                case {"language": "bash", "code": str(code)} if change is None:
                    printed += self.run(code)
                case {"code": str(code)}:
                    if change is not None:
                        change(code)
                    change = None
                case {"reworded": str(path), "old": str(old), "new": str(new)}:
                    self._replace(path, old, new)
                case found:
                    change = self._change(found)
        return printed

    def run(self, code: str) -> str:
        """What the commands print. Raises NotFollowedError if one of them fails."""
        done = subprocess.run(
            ["bash", "-e"],
            input=code,
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise NotFollowedError(f"{code}\nended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def _change(self, step: Mapping[str, str | None]) -> Callable[[str], object]:
        """The function that does with the next code block what the sentence says."""
        match step:
            case {"created": str(path)}:
                return lambda code: (self.root / path).write_text(code)
            case {"extended": str(path)}:
                return lambda code: (self.root / path).write_text((self.root / path).read_text() + code)
            case {"changed": str(path), "where": where, "line": str(line)}:
                return lambda code: self._insert(path, line, code, after=where == "after")
        raise NotFollowedError(f"not understood: {step['unclear']}")

    def _insert(self, path: str, line: str, code: str, *, after: bool) -> None:
        lines = (self.root / path).read_text().splitlines(keepends=True)
        found = [number for number, text in enumerate(lines) if text.strip().startswith(line)]
        if len(found) != 1:
            raise NotFollowedError(f"{len(found)} lines of {path} begin with {line}")
        lines.insert(found[0] + after, code)
        (self.root / path).write_text("".join(lines))

    def _replace(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        if text.count(old) != 1:
            raise NotFollowedError(f"{path} has {old} {text.count(old)} times")
        (self.root / path).write_text(text.replace(old, new))


def pages() -> Iterator[str]:
    """The names of the how-to pages."""
    return (path.name for path in sorted((ROOT / "docs/howto").glob("*.md")))
