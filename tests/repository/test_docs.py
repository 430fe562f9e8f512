"""The documents are correct about settings, events, links, paths and scripts."""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from bot.providers.registry import settings_class
from bot.runtime.settings import DEVELOPMENT_SECRET
from marketplace_api.event_types import EventType
from tests.repository.architecture import ROOT

PAGES = sorted(path for pattern in ("*.md", "docs/**/*.md", ".github/*.md") for path in ROOT.glob(pattern))
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)\s]*)\)")
PATH = re.compile(r"`((?:bot|flows|state|marketplace_api|locales|tests|script|docs|\.ci)/[\w./-]*)`")
IMPORT = re.compile(r"^from ((?:bot|flows|state|marketplace_api|locales|tests)\b[\w.]*) import (.+)$", re.MULTILINE)
CREATED = re.compile(r"[Cc]reates? `([^`]+)`")
SCRIPT = re.compile(r"(?<![\w/.-])(script/\w+)")
MEMBER = re.compile(r"`([a-z_]+)\.(\w+)(?:\(.*?\))?`")
DEFINED = re.compile(r"^ *(?:def |class |(?=\w+(?::[^=]+)? = ))(\w+)", re.MULTILINE)
FILE_TYPES = {"py", "md", "yml"}
NOT_CODE = {*get_args(EventType), "payout.assignment_id", "outbox.claim_job"}
"""Names in backticks that are not functions: events, a column, and a name that the glossary advises against."""
FEWEST_QUESTIONS = 12


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return CODE.sub("", page.read_text())


# -- settings


def defaults() -> dict[str, str]:
    """Every setting's default as it is written in the environment; empty if it has none."""
    fields = settings_class().model_fields
    return {
        name.upper(): _written(field.get_default(call_default_factory=True, validated_data={}))
        for name, field in fields.items()
    }


def _written(default: object) -> str:
    if not default or default == DEVELOPMENT_SECRET:
        return ""
    return ",".join(default) if isinstance(default, list | tuple) else str(default)


def example() -> dict[str, str]:
    lines = re.findall(r"^#([A-Z_]+=.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return dict(shlex.split(line)[0].split("=", 1) for line in lines)


def contract() -> dict[str, str]:
    """The table of section 2. A default that is described in words or built from other settings counts as empty."""
    _, section, _ = re.split(r"^## [23].*$", (ROOT / "docs/contract.md").read_text(), flags=re.MULTILINE)
    documented = {}
    for names, default in re.findall(r"^\| (`.+?) \| (.+?) \|", section, re.MULTILINE):
        plain = re.fullmatch(r"`[^`$]+`(?:, `[^`$]+`)*", default)
        values = re.findall(r"`(.+?)`", default) if plain else []
        documented |= dict(zip(found := re.findall(r"`(.+?)`", names), values or [""] * len(found), strict=True))
    return documented


def test_the_example_of_an_environment_lists_every_setting_with_its_default() -> None:
    assert example() == defaults()


def test_the_contract_names_every_setting_with_its_default() -> None:
    promised = contract()

    assert {name: promised.get(name) for name in defaults()} == defaults()


def row(variable: str) -> str:
    """The last cell of the contract's row of a setting."""
    (line,) = re.findall(
        rf"^\| .*`{variable}`.* \| .+ \| (.+) \|$", (ROOT / "docs/contract.md").read_text(), re.MULTILINE
    )
    return str(line)


@pytest.mark.parametrize("setting", ["sms_provider", "payout_provider"])
def test_the_contract_and_the_example_name_every_provider(setting: str) -> None:
    providers = get_args(settings_class().model_fields[setting].annotation)
    (comment,) = re.findall(rf"((?:^# .*\n)+)#{setting.upper()}=", (ROOT / ".env.example").read_text(), re.MULTILINE)

    assert [provider for provider in providers if f"`{provider}`" not in row(setting.upper())] == []
    assert [provider for provider in providers if provider not in comment] == []


# -- events

NOT_PROMISED = {"payment.created", "payout.rerouted", "payouts.paused", "payouts.resumed"}
"""Recorded, and not in the contract."""


def test_the_contract_lists_the_events_that_are_recorded() -> None:
    (listed,) = re.findall(r"^Events: `([^`]+)`", (ROOT / "docs/contract.md").read_text(), re.MULTILINE)

    assert set(listed.split(", ")) == set(get_args(EventType)) - NOT_PROMISED


# -- links and paths


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> Iterator[str]:
    """The links of a page that lead to no file or to no heading."""
    for link in LINK.findall(prose(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_page_and_a_heading(page: Path) -> None:
    assert list(broken(page)) == []


@pytest.mark.parametrize(
    ("link", "wrong"), [("b.md", False), ("b.md#one-hop", False), ("c.md", True), ("b.md#two-hops", True)]
)
def test_a_broken_link_is_found(tmp_path: Path, link: str, wrong: bool) -> None:
    (tmp_path / "a.md").write_text(f"[b]({link})")
    (tmp_path / "b.md").write_text("# One hop\n")

    assert bool(list(broken(tmp_path / "a.md"))) is wrong


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    missing = {path for path in PATH.findall(text) if not (ROOT / path).exists()}

    assert missing <= set(CREATED.findall(text))


def definitions() -> dict[str, set[str]]:
    """The names that each module of the project defines, by the module's own name."""
    found: dict[str, set[str]] = {}
    for package in ("bot", "flows", "state", "marketplace_api", "locales"):
        for path in (ROOT / package).rglob("*.py"):
            found.setdefault(path.stem, set()).update(DEFINED.findall(path.read_text()))
    return found


def test_every_function_that_a_page_names_exists() -> None:
    known = definitions()
    named = {(page, *found) for page in PAGES if page.stem != "operations" for found in MEMBER.findall(prose(page))}

    assert [
        f"{name(page)}: {module}.{member}"
        for page, module, member in sorted(named)
        if module in known and member not in known[module] | FILE_TYPES and f"{module}.{member}" not in NOT_CODE
    ] == []


def _missing_imports(page: Path) -> Iterator[str]:
    """Each line of a page's Python that imports from this project what is neither there nor created by the page."""
    text = page.read_text()
    created = set(CREATED.findall(text))
    for module, listed in IMPORT.findall(text):
        path = ROOT / module.replace(".", "/")
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if str(file.relative_to(ROOT)) in created:
            continue
        known = {*(inside.stem for inside in path.glob("*.py")), *_importable(file)}
        for imported in listed.split(", "):
            if imported not in known:
                yield f"from {module} import {imported}"


def _importable(file: Path) -> Iterator[str]:
    """The names that a module defines or imports; none if there is no such module."""
    for node in ast.walk(ast.parse(file.read_text() if file.exists() else "")):
        match node:
            case ast.FunctionDef(name=found) | ast.ClassDef(name=found) | ast.Name(id=found, ctx=ast.Store()):
                yield found
            case ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_everything_that_a_page_imports_exists(page: Path) -> None:
    assert list(_missing_imports(page)) == []


@pytest.mark.parametrize("line", ["from bot.db.engine import no_such_name", "from bot.no_such_module import name"])
def test_an_import_of_what_does_not_exist_is_found(tmp_path: Path, line: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"```python\n{line}\nfrom bot.db.engine import PatientPool\n```\n")

    assert list(_missing_imports(page)) == [line]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_script_that_a_page_names_can_be_run(page: Path) -> None:
    named = set(SCRIPT.findall(page.read_text()))

    assert [script for script in sorted(named) if not os.access(ROOT / script, os.X_OK)] == []


# -- the index


def questions() -> dict[str, str]:
    """The first questions of a newcomer, each with the link that answers it."""
    _, section, *_ = re.split(r"^## .+$", (ROOT / "docs/index.md").read_text(), flags=re.MULTILINE)
    return dict(re.findall(r"^\| (.+\?) \| \[.+\]\((.+)\) \|$", section, re.MULTILINE))


ANSWERS = {
    "How do I run it?": "script/server",
    "What does it do, from an artisan's first call to the buyer's last text?": "Amina joins",
    "How do I try a change without a phone?": "script/soko phone",
    "Where is the code for something? Where do I put a new line?": "`marketplace_api`",
    "What happens between a key press and the next screen?": "session store",
    "What does this word mean?": "| hop |",
    "Which settings, commands, callbacks and API paths are there?": "`DATABASE_URL`",
    "How does my web shop list products and place orders?": "Idempotency-Key",
    "How does money reach an artisan, and what if a payment fails?": "`unknown`",
    "How do I open a shop to the public, and what do I watch?": "ENVIRONMENT=production",
    "Why is it built this way?": "| 0001 |",
    "How do I test and send a change?": "script/test",
}
"""For each question, some words from the page that answers it."""


def section(link: str) -> str:
    """The text of the page, or of the section, that a link of the index leads to."""
    path, _, anchor = link.partition("#")
    text = (ROOT / "docs" / path).read_text()
    if not anchor:
        return text
    heading = next(line for line in text.splitlines() if line.startswith("#") and anchor in _anchor(line))
    level = heading.partition(" ")[0]
    return re.split(rf"^#{{1,{len(level)}}} ", text.partition(heading)[2], flags=re.MULTILINE)[0]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/index.md" in LINK.findall((ROOT / "README.md").read_text())


def test_the_index_has_the_first_questions_of_a_newcomer() -> None:
    assert len(questions()) >= FEWEST_QUESTIONS
    assert questions().keys() == ANSWERS.keys()


@pytest.mark.parametrize("question", ANSWERS)
def test_the_link_beside_a_question_leads_to_its_answer(question: str) -> None:
    assert ANSWERS[question] in section(questions()[question])


def test_every_page_is_two_clicks_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in LINK.findall((ROOT / "docs/index.md").read_text())}
    pages = {os.path.relpath(page, ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")}

    assert {page for page in pages - {"index.md"} if not page.startswith("adr/0")} <= linked
