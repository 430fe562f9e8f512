"""The window in a real browser: what it fetches before anything is scrolled, and that it fits a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Request, expect

MOST_REQUESTS = 12


@pytest.mark.parametrize("width", [360, 1440])
def test_little_is_fetched_before_anything_is_scrolled(page: Page, live_server: str, width: int) -> None:
    """On a slow line a browser fetches also the pictures far below the screen, and so it does on a screen this tall."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.set_viewport_size({"width": width, "height": 6000})
    page.on("request", note)
    page.goto(live_server, wait_until="networkidle")
    page.remove_listener("request", note)
    assert 8 < len(asked) <= MOST_REQUESTS, asked
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_phone_finds_goods_and_their_maker(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(live_server)
    page.get_by_role("searchbox").fill("basket")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Kiondo basket", exact=True).last).to_be_visible()
    page.get_by_role("link", name="Kiondo basket", exact=True).last.click()
    page.get_by_role("link", name="Amina Yusuf").click()
    expect(page.get_by_role("heading", name="Amina Yusuf", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
