"""docs/tutorial.md, played as a reader does in the simulator. `pytest --record` rewrites its screens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.demo import seed
from bot.playground.transcript import ScriptedPhone, TranscriptPlayer
from tests.repository.architecture import ROOT
from tests.service import serving

PAGE = ROOT / "docs/tutorial.md"
BLOCK = re.compile(r"(?<=^```text\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
CUT = "# the next block\n"
HANDSETS = re.findall(
    r'\{ id: "(\w+)", label: "[^"]+", msisdn: "(\+\d+)" \}',
    (ROOT / "bot/simulator/static/handsets.js").read_text(),
)
PEOPLE = {"artisan": "amina", "buyer": "joy", "agent": "otieno"}


def played(page: str, folder: Path) -> str:
    """The page with the current answers in its conversations, on the handsets of the simulator's page."""
    with serving(folder) as service:
        for name, town, _, agent in seed.KIOSKS:
            service.kiosk(agent, name, town)
        phones = {PEOPLE[role]: ScriptedPhone(PEOPLE[role], msisdn) for role, msisdn in HANDSETS}
        player = TranscriptPlayer(service, phones, told=len(seed.KIOSKS))
        blocks = player.play(CUT.join(BLOCK.findall(page))).split(CUT)
    return BLOCK.sub(lambda _: blocks.pop(0), page)


def test_the_conversations_of_the_tutorial_are_up_to_date(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    now = played(PAGE.read_text(), tmp_path)

    if request.config.getoption("--record"):
        PAGE.write_text(now)
    assert now == PAGE.read_text()


def test_the_agents_handset_belongs_to_the_kiosk_of_the_tutorial() -> None:
    name, town, agent, msisdn = seed.KIOSKS[0]
    page = PAGE.read_text()

    assert (dict(HANDSETS)["agent"], agent.lower()) == (msisdn, PEOPLE["agent"])
    assert f"*{name}* in {town}" in page
