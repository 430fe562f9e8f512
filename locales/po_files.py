"""Creates, updates and checks the translation files (PO)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

from . import FOLDER, path
from .extract import messages_in, messages_in_template

PACKAGES = ("flows", "bot", "marketplace_api")
"""The packages in which messages are marked."""
READERS = {".py": messages_in, ".html": messages_in_template}
"""How messages are found in a file, by the end of its name."""


def template(root: Path = FOLDER.parent) -> Catalog:
    """Every message marked in the source, without translations."""
    catalog = Catalog(project="Soko")
    for file in sorted(file for package in PACKAGES for end in READERS for file in (root / package).rglob(f"*{end}")):
        place = (str(file.relative_to(root)), 1)
        for found in READERS[file.suffix](file.read_text(encoding="utf-8")):
            catalog.add(found.message, None, [place], auto_comments=found.notes)
    return catalog


def read(language: str) -> Catalog:
    """A language's catalogue; an empty one if it has no file yet."""
    if not path(language).exists():
        return Catalog(language, project="Soko", version="1", header_comment=f"# Soko in {language}.", fuzzy=False)
    with path(language).open("rb") as source:
        return read_po(source, locale=language)


def update(language: str, source: Catalog) -> None:
    """Adds new messages to a language's file and removes old ones. A new one stays empty: no similar text is copied."""
    catalog = read(language)
    source.creation_date = catalog.creation_date  # so that a file changes only where its messages do
    catalog.update(source, no_fuzzy_matching=True)
    path(language).parent.mkdir(parents=True, exist_ok=True)
    with path(language).open("wb") as target:
        write_po(target, catalog, width=100, ignore_obsolete=True, include_lineno=False)


def find_faults(catalog: Catalog, source: Catalog) -> Iterator[str]:
    """One line for each message that is missing, is marked fuzzy or has other fields than the English."""
    for marked in source:
        if marked.id:
            key = _texts(marked.id)[0]
            if fault := _fault(catalog.get(key)):
                yield f"{fault}: {key}"


def fields(text: str) -> set[str]:
    """The names in braces, which are filled in when a message is shown."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _fault(message: Message | None) -> str | None:
    if message is None or not all(_texts(message.string or "")):
        return "not translated"
    if message.fuzzy:
        return "marked fuzzy"
    return "other fields" if _fields(message.string or "") != _fields(message.id) else None


def _fields(texts: str | list[str] | tuple[str, ...]) -> set[str]:
    """The fields of all plural forms together: the singular may say "one" in place of its number."""
    return set().union(*map(fields, _texts(texts)))


def _texts(texts: str | list[str] | tuple[str, ...]) -> list[str]:
    return [texts] if isinstance(texts, str) else list(texts)
