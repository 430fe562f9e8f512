"""The API's documentation in a browser: its links, and its width on a phone."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_the_contents_link_to_a_path_and_the_path_to_its_schema(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/api/v1/docs")
    page.get_by_role("navigation").get_by_role("link", name="/conversations/{msisdn}").click()
    path = page.locator("article:target")
    expect(path.get_by_role("heading")).to_contain_text("GET /conversations/{msisdn} read or operator")
    expect(path).to_be_in_viewport()
    path.get_by_role("link", name="MessageList").click()
    page.locator("article:target").get_by_role("link", name="Message", exact=True).click()
    expect(page.locator("article:target")).to_contain_text("delivered_at")


def test_the_page_fits_the_width_of_a_phone(page: Page, live_server: str) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{live_server}/api/v1/docs")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
