"""Every screen with the longest data, as text and as images of three handsets.

The images are in `gallery`. `pytest --record` draws those again whose screens have changed; look at the difference.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from random import Random

import pytest

import locales
from bot.messaging import rendering
from bot.simulator import worst_case
from bot.simulator.shots import SIDE_PROMPTS, Album
from flows.dialogues import ENGINE, agent, join, sell
from flows.kit import Place
from flows.kit.prompts import PROMPTS
from tests import runs
from tests.bot.simulator import contact_sheets
from tests.service import Service

FOLDER = Path(__file__).parent / "gallery"
LARGEST = 2_000_000
PLACE = Place("KE", "KES", rendering.language_names(locales.available()), "*384*22#", "22384")
COMPARED = 7
"""How many images a usual run draws, others with another seed. The words of all images are compared in every run."""
FLOWS = (*ENGINE.flows, SIDE_PROMPTS)
EVERY = [(language, flow) for language in locales.available() for flow in FLOWS]


@cache
def album(language: str) -> Album:
    return Album(ENGINE, PLACE, language, 10)


def sheet(language: str, flow: str) -> Path:
    return FOLDER / language / f"{flow}.webp"


@pytest.mark.parametrize("language", locales.available())
def test_every_state_that_has_a_screen_is_in_the_album_and_is_carried_by_a_call(language: str) -> None:
    shots = [shot for flow in album(language).by_flow.values() for shot in flow]
    states = {(flow.name, name) for flow in ENGINE.flows.values() for name, state in flow.states.items()}
    drawn = {name for flow in ENGINE.flows.values() for name, state in flow.states.items() if state.has_screen}

    assert {(shot.flow, shot.state) for shot in shots if shot.flow != SIDE_PROMPTS} <= states
    assert {shot.state for shot in shots} == drawn | {*PROMPTS}
    assert [shot.name for shot in shots if "{" in shot.text or not shot.text.strip()] == []
    letters = {char for shot in shots for char in shot.text.replace("\n", "")}
    assert [char for char in letters if not (contact_sheets.is_latin(char) or "\u1200" <= char <= "\u139f")] == []


def test_the_data_are_as_long_as_the_checks_allow() -> None:
    def longest(value: object) -> int:
        return len(str(value))

    name, title = join.flow.states["name"].check, sell.flow.states["title"].check  # type: ignore[attr-defined]
    carrier, tracking = (agent.ship.states[one].check for one in ("carrier", "tracking"))  # type: ignore[attr-defined]
    assert (longest(worst_case.NAME), longest(worst_case.TITLE)) == (longest(name.longest), longest(title.longest))
    assert longest(worst_case.CARRIER) == longest(carrier.longest)
    assert longest(worst_case.TRACKING) == longest(tracking.longest)
    assert sell.PRICE.longest == worst_case.PRICE
    assert len(worst_case.KIOSK) == 100


def test_every_image_shows_the_present_screens(request: pytest.FixtureRequest) -> None:
    shots = {(language, flow): album(language).by_flow[flow] for language, flow in EVERY}
    stale = [key for key in EVERY if contact_sheets.kept_digest(sheet(*key)) != contact_sheets.digest(shots[key])]
    if request.config.getoption("--record"):
        compared = {*EVERY} if runs.is_full() else {*stale}
        for key in compared:
            contact_sheets.save(shots[key], sheet(*key))
        for path in {*FOLDER.rglob("*.webp")} - {sheet(*key) for key in EVERY}:
            path.unlink()
        return
    assert stale == [], "these screens have changed: --record draws them again"
    different = [
        key
        for key in Random(runs.seed()).sample(EVERY, len(EVERY) if runs.is_full() else COMPARED)
        if contact_sheets.draw(shots[key]).tobytes() != contact_sheets.kept(sheet(*key)).tobytes()
    ]
    assert different == [], "these are drawn otherwise now: --record --full draws all again"


def test_there_is_no_image_too_many_and_all_are_small() -> None:
    files = {*FOLDER.rglob("*.webp")}
    assert files == {sheet(*key) for key in EVERY}
    assert sum(path.stat().st_size for path in files) < LARGEST


def test_lines_break_at_spaces_and_within_long_words() -> None:
    assert list(contact_sheets.wrapped("one two\nthree", 6 * 5)) == ["one", "two", "three"]
    assert list(contact_sheets.wrapped("a abcdefgh i", 6 * 4)) == ["a", "abcd", "efgh", "i"]
    assert list(contact_sheets.wrapped("", 60)) == [""]


def test_the_page_shows_every_screen_on_every_handset(embedded: Service) -> None:
    page = embedded.http.get("/simulator/gallery").text
    count = 3 * sum(len(shots) for language in locales.available() for shots in album(language).by_flow.values())
    assert f"{count:,} screens" in page
    assert page.count('class="shot"') == count
    assert worst_case.TITLE in page

    part = embedded.http.get("/simulator/gallery?dialogue=join&language=sw&handset=kaios").text
    assert re.findall(r'data-model="(\w+)"', part) == ["kaios"] * len(album("sw").by_flow["join"])
    assert "Jiunge na Soko" in part
