"""`script/soko transcript`: plays transcripts, whatever the environment says, and shows what is answered otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bot.playground import harness
from tests.command_line import run_command
from tests.service import Service, serving

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"
SCRIPT = "! with SMS_SHORT_CODE=5000\n@ amina ussd\n> *384*22#\n< CON Karibu Soko!\n"


@pytest.fixture
def run(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in an environment with other settings, on copies of a migrated database."""
    monkeypatch.setattr(harness, "open_harness", serving)
    monkeypatch.setenv("USSD_CODE", "*123#")
    monkeypatch.setenv("PORT", "9999")

    def run(*arguments: str, **options: Any) -> Result:
        return run_command(embedded.app, "transcript", *arguments, **options)

    return run


def test_transcripts_are_played_with_the_default_settings(run: Any) -> None:
    file = TRANSCRIPTS / "first_contact_by_sms.txt"
    assert run("play", str(file)).stdout == file.read_text()
    assert run("diff", str(file)).exit_code == 0


def test_what_is_answered_otherwise_is_printed(run: Any) -> None:
    printed = run("diff", "-", input=SCRIPT)
    assert printed.exit_code == 1
    assert "> *384*22#\n< CON Karibu Soko!{+ Language / Lugha:+}\n" in printed.stdout

    pieces = json.loads(run("diff", "--json", "-", input=SCRIPT).stdout)
    assert "".join(text for kind, text in pieces if kind != "new") == SCRIPT


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("! dance\n", "-: line 1: ! dance: there is no action 'dance'"),
        ("! with DATABASE_URL=sqlite:////tmp/x\n", "-: ! with DATABASE_URL: a transcript cannot set this"),
        ("! with COMMISSION_PERCENT=many\n", "-: a setting is wrong"),
    ],
)
def test_what_cannot_be_played_is_said(run: Any, script: str, words: str) -> None:
    refused = run("play", "-", input=script)
    assert refused.exit_code == 1
    assert words in refused.stderr
