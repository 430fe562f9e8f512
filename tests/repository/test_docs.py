"""What the documents say is so."""

import os
import re
import shlex

import pytest

from bot.runtime.settings import DEVELOPMENT_SECRET, Settings
from tests.repository.architecture import PICTURE, ROOT, picture

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")


def defaults() -> dict[str, str]:
    """Every setting's default as one would write it in the environment; empty when it has none to write."""
    return {name.upper(): _written(field.default) for name, field in Settings.model_fields.items()}


def _written(default: object) -> str:
    if not default or default == DEVELOPMENT_SECRET:
        return ""
    return ",".join(default) if isinstance(default, list | tuple) else str(default)


def example() -> dict[str, str]:
    lines = re.findall(r"^#([A-Z_]+=.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return dict(shlex.split(line)[0].split("=", 1) for line in lines)


def contract() -> dict[str, str]:
    """Section 2's table. A default in words, or made from others, is none to write."""
    _, section, _ = re.split(r"^## [23].*$", (ROOT / "docs/contract.md").read_text(), flags=re.MULTILINE)
    documented = {}
    for names, default in re.findall(r"^\| (`.+?) \| (.+?) \|", section, re.MULTILINE):
        plain = re.fullmatch(r"`[^`$]+`(?:, `[^`$]+`)*", default)
        values = re.findall(r"`(.+?)`", default) if plain else []
        documented |= dict(zip(found := re.findall(r"`(.+?)`", names), values or [""] * len(found), strict=True))
    return documented


def test_the_example_of_an_environment_lists_every_setting_with_its_default():
    assert example() == defaults()


def test_the_contract_names_every_setting_with_its_default():
    promised = contract()

    assert {name: promised.get(name) for name in defaults()} == defaults()


def test_the_picture_of_the_house_is_drawn_from_its_table():
    drawn = PICTURE.findall((ROOT / "docs/architecture.md").read_text())

    assert drawn == [picture()], "draw it anew: .venv/bin/python -m tests.repository.architecture"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_every_script_the_readme_names_can_be_run():
    named = set(re.findall(r"\bscript/\w+", (ROOT / "README.md").read_text()))

    assert named >= {"script/server", "script/test"}
    assert [name for name in sorted(named) if not os.access(ROOT / name, os.X_OK)] == []
