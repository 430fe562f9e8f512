"""Every transcript shows what the service answers today. `pytest --record` rewrites them; review the diff."""

from pathlib import Path

import pytest

from bot.playground.transcript import TranscriptPlayer, UnplayableLineError, settings_of
from tests.service import serving

FOLDER = Path(__file__).parent / "transcripts"
SCRIPTS = sorted(FOLDER.glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_service_answers_as_in_the_transcript(script: Path, tmp_path: Path, request: pytest.FixtureRequest):
    recorded = script.read_text()
    with serving(tmp_path, **settings_of(recorded)) as service:
        played = TranscriptPlayer(service).play(recorded)

    if request.config.getoption("--record"):
        script.write_text(played)
    assert played == script.read_text()


def test_an_unplayable_line_is_named(tmp_path):
    message = "line 2: ! dance: there is no action 'dance'"
    with serving(tmp_path) as service, pytest.raises(UnplayableLineError, match=message):
        TranscriptPlayer(service).play("# a try\n! dance\n")


def test_a_changed_answer_changes_the_transcript(tmp_path):
    with serving(tmp_path) as service:
        played = TranscriptPlayer(service).play("@ amina ussd\n> *384*22#\n< CON something else\n")

    assert "something else" not in played
    assert played.startswith("@ amina ussd\n> *384*22#\n< CON Karibu Soko!")
