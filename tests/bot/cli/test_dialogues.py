"""`flask --app wsgi dialogues …`: checking and drawing the dialogues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from bot.app import create_app
from bot.cli.dialogues import DRAWN, drawn
from bot.conversation.service import ConversationService
from bot.installation.words import untranslated
from bot.providers import registry
from bot.services import build
from flows.dialogues import ENGINE
from flows.kit import Ask, DialogueEngine, Flow, Place, length
from flows.kit.drawing import mermaid
from tests.command_line import run_command
from tests.repository.architecture import ROOT

RunCommand = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> RunCommand:
    """Runs a `dialogues` command; `engine` holds the dialogues."""

    def run_dialogues(*words: str, engine: DialogueEngine = ENGINE) -> Result:
        services = build(registry.make_settings(database_url=f"sqlite:///{tmp_path}/soko.db"))
        runner = replace(services.conversation.runner, engine=engine)
        conversation = ConversationService(runner, services.conversation.resources)
        app = create_app(services=replace(services, conversation=conversation))
        try:
            return run_command(app, "dialogues", *words)
        finally:
            services.close()

    return run_dialogues


def test_checking_dialogues_without_faults_prints_nothing(run: RunCommand) -> None:
    checked = run("check")
    assert (checked.exit_code, checked.output) == (0, "")


def test_each_fault_is_printed_on_a_line_and_the_check_fails(run: RunCommand) -> None:
    lost = Flow("lost", Ask("way", "Where to? " * 20, then="nowhere", check=length(1, 9)))
    checked = run("check", engine=DialogueEngine(*ENGINE.flows.values(), lost))
    assert checked.exit_code == 1
    assert checked.output.splitlines()[:3] == [
        "lost: no other flow and no keyword leads here",
        "lost.way: leads to nowhere, which does not exist",
        "lost.way: in en too long for ussd",
    ]


def test_missing_translations_are_listed() -> None:
    lacking = untranslated(Place("RW", "RWF", (("en", "English"), ("rw", "Kinyarwanda")), "*384*22#", "22384"))
    assert "rw: not translated: Did you mean {guess}?" in lacking
    assert [fault for fault in lacking if not fault.startswith("rw: ")] == []


def test_flows_are_drawn_by_name_or_all_at_once(run: RunCommand) -> None:
    assert run("draw", "sell", "help").output == f"{mermaid(ENGINE.flows['sell'])}\n\n{mermaid(ENGINE.flows['help'])}\n"
    assert run("draw").output.count("stateDiagram-v2") == len(ENGINE.flows)


def test_drawing_an_unknown_flow_is_an_error(run: RunCommand) -> None:
    asked = run("draw", "sell", "sel")
    assert asked.exit_code == 2
    assert "no such flow: sel." in asked.output


def test_a_page_is_rewritten_between_its_marks(run: RunCommand, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- drawn -->\nold\n<!-- /drawn -->\nafter\n")
    run("draw", "--into", str(page))
    assert page.read_text() == f"before\n<!-- drawn -->\n{drawn(ENGINE)}<!-- /drawn -->\nafter\n"


def test_the_documentation_shows_the_current_dialogues() -> None:
    pictures = DRAWN.findall((ROOT / "docs/dialogues.md").read_text())
    assert pictures == [drawn(ENGINE)], "redraw them: flask --app wsgi dialogues draw --into docs/dialogues.md"
