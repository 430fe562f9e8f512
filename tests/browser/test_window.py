"""The window in a real browser: what it fetches before anything is scrolled, and that it fits a phone."""

from __future__ import annotations

from playwright.sync_api import Page, Request, expect

MOST_REQUESTS = 12


def test_a_phone_fetches_little_before_anything_is_scrolled_and_finds_goods(page: Page, live_server: str) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.set_viewport_size({"width": 360, "height": 800})
    page.on("request", note)
    page.goto(live_server, wait_until="networkidle")
    page.remove_listener("request", note)
    assert len(asked) <= MOST_REQUESTS, asked
    assert page.evaluate("document.documentElement.scrollWidth") == 360

    page.get_by_role("searchbox").fill("basket")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name="Kiondo basket")).to_be_visible()
    page.get_by_role("link", name="Kiondo basket").click()
    page.get_by_role("link", name="Amina Yusuf").click()
    expect(page.get_by_role("heading", name="Amina Yusuf", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360
