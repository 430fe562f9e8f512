"""Every message of the source, in every language: there, meant, filled in alike and fit to be sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import write_po

import locales
from flows import gsm7
from locales import upkeep
from locales.__main__ import main
from locales.extract import Marked, marked

TRANSLATED = [code for code in locales.available() if code != locales.SOURCE]

SOURCE = """
WELCOME = N_("Welcome.")
# Translators: a part of an order
# that she can make.
PART = N_("A part of it", "A part")
LEFT = NN_("{n} piece left",
           "{n} pieces left")
# A note to ourselves.
OTHER = say(N_("Joined "
               "words"), N_(WELCOME), other.N_("not ours"), f("no"))
"""


def texts(catalog: Catalog) -> list[str]:
    """Every text of a catalogue, plural forms singly."""
    found = [message.string or "" for message in catalog if message.id]
    return [text for string in found for text in ([string] if isinstance(string, str) else string)]


def test_messages_are_found_with_all_their_versions_and_notes() -> None:
    note = ("a part of an order", "that she can make.")
    assert list(marked(SOURCE)) == [
        Marked("Welcome."),
        Marked("A part of it", note),
        Marked("A part", note),
        Marked(("{n} piece left", "{n} pieces left")),
        Marked("Joined words"),
    ]


def test_every_room_that_speaks_is_read() -> None:
    source = upkeep.template()
    assert {room for message in source if message.id for room in [message.locations[0][0].split("/")[0]]} == {
        "flows",
        "bot",
        "marketplace_api",
    }


def test_the_english_can_be_sent_as_it_is() -> None:
    for message in upkeep.template():
        for text in [message.id] if isinstance(message.id, str) else message.id:
            assert gsm7.is_gsm7(text), text


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_catalogue_is_whole(code: str) -> None:
    assert list(upkeep.faults(upkeep.read(code), upkeep.template())) == []


@pytest.mark.parametrize("code", [code for code in TRANSLATED if code != "am"])
def test_a_translation_can_be_sent_as_it_is(code: str) -> None:
    assert [text for text in texts(upkeep.read(code)) if not gsm7.is_gsm7(text)] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_has_no_stray_spaces(code: str) -> None:
    assert [text for text in texts(upkeep.read(code)) if text != text.strip() or "  " in text] == []


def test_faults_are_named() -> None:
    source, catalog = Catalog(), Catalog("sw")
    for message in ("Yes", "No", "{n} left", "Home", ("{n} piece", "{n} pieces")):
        source.add(message)
    catalog.add("Yes", "")
    catalog.add("No", "Hapana", flags=["fuzzy"])
    catalog.add("{n} left", "zimebaki {m}")
    catalog.add(("{n} piece", "{n} pieces"), ("kimoja", "vipande {n}"))
    assert list(upkeep.faults(catalog, source)) == [
        "not translated: Yes",
        "marked fuzzy: No",
        "other fields: {n} left",
        "not translated: Home",
    ]


def test_an_update_keeps_what_is_known_and_invents_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locales, "FOLDER", tmp_path)
    source = Catalog()
    source.add("More", None, [("flows/kit.py", 7)], auto_comments=["turns the page"])
    source.add("More of it", None, [("flows/kit.py", 8)])
    upkeep.update("sw", source)
    catalog = upkeep.read("sw")
    catalog["More"].string = "Zaidi"
    catalog.add("Gone", "Imeondoka")
    with locales.path("sw").open("wb") as file:
        write_po(file, catalog)

    upkeep.update("sw", source)

    first = locales.path("sw").read_text()
    assert 'msgid "More"\nmsgstr "Zaidi"' in first
    assert 'msgid "More of it"\nmsgstr ""' in first
    assert "#. turns the page\n#: flows/kit.py\n" in first
    assert "Gone" not in first
    upkeep.update("sw", source)
    assert locales.path("sw").read_text() == first


def test_check_fails_when_a_language_has_nothing_yet(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("check", []) == 0
    assert main("check", ["rw"]) == 1
    assert "rw: not translated: Yes\n" in capsys.readouterr().out
