"""docs/glossary.md: its words are those of the code, and the words that it replaced are gone."""

from __future__ import annotations

import re

from tests.repository.architecture import ROOT

ROW = re.compile(r"^\| (.+?) \| .+ \|$", re.MULTILINE)
CELLS = [cell for cell in ROW.findall((ROOT / "docs/glossary.md").read_text()) if cell not in ("word", "---")]
TERMS = [term.strip(" `…_").removeprefix("to ") for cell in CELLS for term in cell.split(",")]
PACKAGES = ("bot", "flows", "state", "marketplace_api", "tests")


def tree() -> str:
    """All code and prose but the glossary itself, in small letters, with names taken apart into words."""
    files = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]
    files += [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    text = "\n".join(path.read_text() for path in files if path.name != "glossary.md")
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)
    return re.sub(r"\s+", " ", f"{text} {apart}").casefold()


def test_every_word_of_the_glossary_is_used() -> None:
    text = tree()

    assert len(TERMS) > 80
    assert [term for term in TERMS if not re.search(rf"\b{re.escape(term.casefold())}", text)] == []


def test_no_word_stands_twice() -> None:
    assert sorted(TERMS) == sorted(set(TERMS))
