"""Every message of the source, in every language: present, not fuzzy, with the same fields, and sendable."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

import locales
from flows import gsm7
from locales import po_files
from locales.__main__ import main
from locales.extract import MarkedMessage, messages_in

TRANSLATED = [code for code in locales.available() if code != locales.SOURCE]

SOURCE = """
WELCOME = N_("Welcome.")
# Translators: a part of an order
# that somebody can make.
PART = N_("A part of it", "A part")
LEFT = NN_("{n} piece left",
           "{n} pieces left")
# A note to ourselves.
OTHER = say(N_("Joined "
               "words"), N_(WELCOME), other.N_("not ours"), f("no"))
"""


def texts(catalog: Catalog) -> list[str]:
    """Every text of a catalogue, each plural form by itself."""
    found = [message.string or "" for message in catalog if message.id]
    return [text for string in found for text in ([string] if isinstance(string, str) else string)]


@pytest.fixture(scope="module")
def source() -> Catalog:
    """The messages of the source; to be read only."""
    return po_files.template()


def test_messages_are_found_with_all_their_versions_and_notes() -> None:
    note = ("a part of an order", "that somebody can make.")
    assert list(messages_in(SOURCE)) == [
        MarkedMessage("Welcome."),
        MarkedMessage("A part of it", note),
        MarkedMessage("A part", note),
        MarkedMessage(("{n} piece left", "{n} pieces left")),
        MarkedMessage("Joined words"),
    ]


COUNTED = "quantity|count|asked|refused|bad|good|most|reserved|on_hand|left|expected|received|to_ship"
WRONG_WITH_ONE = {
    "en": rf"(?<!of )\{{({COUNTED})\}} (were|are|have|pieces|orders|products)\b",
    "sw": rf"(?<!ya )(vipande|\{{({COUNTED})\}} z\w*(hesabiwa|pokelewa|fika)\b)",
    "fr": rf"\{{({COUNTED})\}} (pièces|sont|articles)\b",
}
"""What a number may not stand beside, because it is wrong if the number is 1."""


@pytest.mark.parametrize("language", WRONG_WITH_ONE)
def test_what_is_said_of_a_number_is_right_for_one_too(source: Catalog, language: str) -> None:
    if language == locales.SOURCE:
        said = [message.id for message in source if isinstance(message.id, str)]
    else:
        said = texts(po_files.read(language))
    assert [text for text in said if re.search(WRONG_WITH_ONE[language], text)] == []


def test_every_package_with_messages_is_read(source: Catalog) -> None:
    assert {message.locations[0][0].split("/")[0] for message in source if message.id} == {
        "flows",
        "bot",
        "marketplace_api",
    }


def test_the_english_is_gsm7(source: Catalog) -> None:
    for message in source:
        for text in [message.id] if isinstance(message.id, str) else message.id:
            assert gsm7.is_gsm7(text), text


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_has_no_faults(code: str, source: Catalog) -> None:
    assert list(po_files.find_faults(po_files.read(code), source)) == []


@pytest.mark.parametrize("code", [code for code in TRANSLATED if code != "am"])
def test_a_translation_in_latin_letters_is_gsm7(code: str) -> None:
    assert [text for text in texts(po_files.read(code)) if not gsm7.is_gsm7(text)] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_no_stray_spaces(code: str) -> None:
    assert [text for text in texts(po_files.read(code)) if text != text.strip() or "  " in text] == []


def test_faults_are_found() -> None:
    source, catalog = Catalog(), Catalog("sw")
    for message in ("Yes", "No", "{n} left", "Home", ("{n} piece", "{n} pieces")):
        source.add(message)
    catalog.add("Yes", "")
    catalog.add("No", "Hapana", flags=["fuzzy"])
    catalog.add("{n} left", "zimebaki {m}")
    catalog.add(("{n} piece", "{n} pieces"), ("kimoja", "vipande {n}"))
    assert list(po_files.find_faults(catalog, source)) == [
        "not translated: Yes",
        "marked fuzzy: No",
        "other fields: {n} left",
        "not translated: Home",
    ]


def test_an_update_keeps_translations_and_adds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locales, "FOLDER", tmp_path)
    source = Catalog()
    source.add("More", None, [("flows/kit.py", 7)], auto_comments=["turns the page"])
    source.add("More of it", None, [("flows/kit.py", 8)])
    po_files.update("sw", source)
    catalog = po_files.read("sw")
    catalog["More"].string = "Zaidi"
    catalog.add("Gone", "Imeondoka")
    with locales.path("sw").open("wb") as file:
        write_po(file, catalog)

    po_files.update("sw", source)

    first = locales.path("sw").read_text()
    assert 'msgid "More"\nmsgstr "Zaidi"' in first
    assert 'msgid "More of it"\nmsgstr ""' in first
    assert "#. turns the page\n#: flows/kit.py\n" in first
    assert "Gone" not in first
    po_files.update("sw", source)
    assert locales.path("sw").read_text() == first


def test_check_fails_when_a_language_has_nothing_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("check", []) == 0
    assert main("check", ["rw"]) == 1
    assert "rw: not translated: Yes\n" in capsys.readouterr().out
