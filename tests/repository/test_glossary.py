"""docs/glossary.md: the code uses its words, and the retired words are no longer used."""

from __future__ import annotations

import re

from tests.repository.architecture import ROOT

ROW = re.compile(r"^\| (.+?) \| .+ \|$", re.MULTILINE)
CELLS = [cell for cell in ROW.findall((ROOT / "docs/glossary.md").read_text()) if cell not in ("word", "---")]
TERMS = [term.strip(" `…_").removeprefix("to ") for cell in CELLS for term in cell.split(",")]
PACKAGES = ("bot", "flows", "state", "marketplace_api", "tests")


def tree() -> str:
    """All code and prose but the glossary itself, in small letters, with names split into words."""
    files = [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]
    files += [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    text = "\n".join(path.read_text() for path in files if path.name != "glossary.md")
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text)
    return re.sub(r"\s+", " ", f"{text} {apart}").casefold()


def test_every_word_of_the_glossary_is_used() -> None:
    text = tree()

    assert len(TERMS) > 80
    assert [term for term in TERMS if not re.search(rf"\b{re.escape(term.casefold())}", text)] == []


def test_no_term_is_listed_twice() -> None:
    assert sorted(TERMS) == sorted(set(TERMS))


RETIRED = {
    *("hall", "halls", "stall", "stalls", "stage", "stages", "visit", "visits", "manners", "errand", "errands"),
    *("chore", "chores", "hatch", "crowd", "storm", "storms", "veil", "veiled", "wonder", "puzzle", "detour"),
    *("cashier", "misfortune", "misfortunes", "hasten", "bury", "buried", "lane", "tally"),
}
"""Private words that are no longer used; the glossary has their replacements."""
STORED = {
    "visits": ("flows/kit/conversation.py", "tests/flows/"),
    "detour": ("flows/kit/conversation.py", "tests/flows/"),
    "puzzle": ("flows/", "tests/flows/", "docs/dialogues.md"),
    "chore": (
        *("bot/web/metrics.py", "bot/installation/dashboards.py", "docs/operations.md"),
        *("tests/bot/web/test_metrics.py", "tests/repository/test_alerts.py"),
    ),
    "lane": ("state/", "bot/migrations/", "bot/persons/inventory.py", "docs/data.md", "tests/"),
    "tally": ("state/", "bot/migrations/", "bot/persons/inventory.py", "docs/data.md", "tests/bot/persons/"),
}
"""Where a retired word is a stored or public name: a column, a JSON key, a label of a metric."""
HISTORY = ("CHANGELOG.md", "bot/migrations/versions/", "tests/repository/test_glossary.py")


def test_no_retired_word_is_used() -> None:
    found = []
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/**/*.py")):
        name = str(path.relative_to(ROOT))
        if name.startswith((".venv/", "var/", *HISTORY)):
            continue
        words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", path.read_text()).casefold()))
        for word in sorted(RETIRED & words):
            if not name.startswith(STORED.get(word, ())):
                found.append(f"{name}: {word}")

    assert found == []
