"""The table of what people write, `what_people_write.txt`: each row is a text and what is read in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.dialogues import ENGINE
from flows.reading import answers, codes, numbers
from flows.reading.result import Read, Unreadable
from tests.flows.dialogues.exploration import PLACE

NOTHING = "-"
TABLE = Path(__file__).with_name("what_people_write.txt")


def keyword(text: str) -> str:
    flow, given = ENGINE.match_keyword(text, PLACE) or (NOTHING, {})
    return f"{flow} {'; '.join(f'{name}={value}' for name, value in given.items())}".strip()


def language(text: str) -> str:
    return ENGINE.keyword_language(text) or NOTHING


def code(text: str) -> str:
    return codes.alone(text) or NOTHING


def money(text: str) -> str:
    read = numbers.money(text)
    return _marked(f"{read.value // 100}", read)


def count(text: str) -> str:
    read = numbers.quantity(text)
    return _marked(f"{read.value}", read)


def yes_or_no(text: str) -> str:
    return "yes" if answers.yes_no(text).value else "no"


def _marked(value: str, read: Read[int]) -> str:
    return value if read.certain else f"{value}?"


READERS: dict[str, Callable[[str], str]] = {
    "keyword": keyword,
    "language of the keyword": language,
    "code alone": code,
    "money": money,
    "count": count,
    "yes or no": yes_or_no,
}


def rows() -> Iterator[tuple[str, str, str]]:
    """The reader, the text and what is read, of each row."""
    reader = ""
    for line in TABLE.read_text().splitlines():
        if line.startswith("[") and " => " not in line:
            reader = line.strip("[]")
        elif line and not line.startswith("#"):
            text, read = line.split(" => ")
            yield reader, text, read


@pytest.mark.parametrize(("reader", "text", "read"), list(rows()))
def test_a_text_is_read_as_in_the_table(reader: str, text: str, read: str) -> None:
    try:
        found = READERS[reader](text)
    except Unreadable:
        found = NOTHING
    assert found == read


def test_the_table_has_texts_for_every_reader() -> None:
    assert {reader for reader, _, _ in rows()} == READERS.keys()
