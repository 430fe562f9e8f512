"""docs/adr: one page per decision, and an index without gaps."""

import re

import pytest

from tests.repository.architecture import ROOT

FOLDER = ROOT / "docs/adr"
PAGES = sorted(FOLDER.glob("0*.md"))
ROW = re.compile(r"^\| (\d{4}) \| (.+) \|$", re.MULTILINE)
LONGEST_LINES = 60


def rows() -> list[tuple[str, str]]:
    """Number and text of each row of the index."""
    return ROW.findall((FOLDER / "README.md").read_text())


def test_the_index_has_every_number_from_the_first_to_the_last():
    assert [int(number) for number, _ in rows()] == list(range(1, int(PAGES[-1].name[:4]) + 1))


def test_the_index_names_every_page_by_its_title():
    listed = [text for _, text in rows() if text.startswith("[")]

    assert listed == [f"[{page.read_text().splitlines()[0][7:]}]({page.name})" for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_decision_is_one_page_of_context_decision_and_consequences(page):
    title, *lines = page.read_text().splitlines()

    assert title.startswith(f"# {page.name[:4]} ")
    assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]
    assert len(lines) <= LONGEST_LINES
