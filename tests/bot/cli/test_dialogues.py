"""`flask --app wsgi dialogues …`: the proof of the book and its pictures, as one meets them in a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from bot.app import create_app
from bot.cli.dialogues import DRAWN, drawn, untranslated
from bot.conversation.service import ConversationService
from bot.providers import registry
from bot.services import build
from flows.dialogues import ENGINE
from flows.kit import Ask, DialogueEngine, Flow, Place, length
from flows.kit.drawing import mermaid
from tests.command_line import run_command
from tests.repository.architecture import ROOT

Types = Callable[..., Result]


@pytest.fixture
def types(tmp_path: Path) -> Types:
    """What somebody types in a terminal, and with which book."""

    def run(*words: str, engine: DialogueEngine = ENGINE) -> Result:
        services = build(registry.make_settings(database_url=f"sqlite:///{tmp_path}/soko.db"))
        runner = replace(services.conversation.runner, engine=engine)
        conversation = ConversationService(runner, services.conversation.resources)
        app = create_app(services=replace(services, conversation=conversation))
        try:
            return run_command(app, "dialogues", *words)
        finally:
            services.close()

    return run


def test_a_whole_book_is_checked_in_silence(types: Types) -> None:
    checked = types("check")
    assert (checked.exit_code, checked.output) == (0, "")


def test_a_fault_is_a_line_and_fails_the_check(types: Types) -> None:
    lost = Flow("lost", Ask("way", "Where to? " * 20, then="nowhere", check=length(1, 9)))
    checked = types("check", engine=DialogueEngine(*ENGINE.flows.values(), lost))
    assert checked.exit_code == 1
    assert checked.output.splitlines()[:3] == [
        "lost: no other flow and no keyword leads here",
        "lost.way: leads to nowhere, which is not there",
        "lost.way: in en too long for ussd",
    ]


def test_what_a_language_lacks_is_named() -> None:
    lacking = untranslated(Place("RW", "RWF", (("en", "English"), ("rw", "Kinyarwanda")), "*384*22#", "22384"))
    assert "rw: not translated: Did you mean {guess}?" in lacking
    assert [fault for fault in lacking if not fault.startswith("rw: ")] == []


def test_flows_are_drawn_by_name_or_all_together(types: Types) -> None:
    assert (
        types("draw", "sell", "help").output == f"{mermaid(ENGINE.flows['sell'])}\n\n{mermaid(ENGINE.flows['help'])}\n"
    )
    assert types("draw").output.count("stateDiagram-v2") == len(ENGINE.flows)


def test_a_flow_that_is_not_there_is_not_drawn(types: Types) -> None:
    asked = types("draw", "sell", "sel")
    assert asked.exit_code == 2
    assert "no such flow: sel." in asked.output


def test_a_page_is_drawn_anew_between_its_marks(types: Types, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- drawn -->\nold\n<!-- /drawn -->\nafter\n")
    types("draw", "--into", str(page))
    assert page.read_text() == f"before\n<!-- drawn -->\n{drawn(ENGINE)}<!-- /drawn -->\nafter\n"


def test_the_pictures_in_the_documents_are_those_of_the_book() -> None:
    pictures = DRAWN.findall((ROOT / "docs/dialogues.md").read_text())
    assert pictures == [drawn(ENGINE)], "draw them anew: flask --app wsgi dialogues draw --into docs/dialogues.md"
