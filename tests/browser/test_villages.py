"""A village of one's own in a real browser: its page asks nothing outside it, and its phones are its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.bot.villages.conftest import serving_villages
from tests.browser.test_simulator import AMINA, Handset
from tests.http_server import running_app


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a server with villages; the page has to be left before it ends."""
    with serving_villages(tmp_path, monkeypatch) as town, running_app(town.wsgi) as url:
        yield url


def test_a_village_is_made_by_a_button_and_lives_below_its_address(server: str, page: Page) -> None:
    page.goto(f"{server}/simulator")
    page.locator("main[data-ready]").wait_for()
    Handset(page, "artisan").insert_sim(AMINA)
    page.get_by_role("button", name="A village of my own").click()
    page.wait_for_url("**/village/name1/simulator")
    page.locator("main[data-ready]").wait_for()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(urlsplit(request.url).path))
    page.reload()
    page.locator("main[data-ready]").wait_for()
    artisan = Handset(page, "artisan")

    assert artisan.root.locator(".msisdn").input_value() != AMINA  # that phone is outside
    assert "English" in artisan.dial()
    artisan.text("HELP")
    expect(artisan.received("Soko. To sell, dial")).to_be_attached()
    page.get_by_text("Everything that providers and the service said").click()
    expect(page.locator(".exchanges li").first).to_be_attached()
    assert [path for path in asked if not path.startswith("/village/name1/")] == []
