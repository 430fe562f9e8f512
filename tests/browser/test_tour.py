"""The tour of the simulator in a real browser: from the shop window to the money, by hand and by itself."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Request, expect

WIDTHS = (360, 800, 1366, 1440)


def is_outside(url: str, live_server: str) -> bool:
    return not url.startswith((live_server, "data:", "blob:"))


def test_the_shop_window_leads_to_the_tour_which_plays_itself_and_asks_no_other_host(
    page: Page, live_server: str
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.goto(live_server)
    page.get_by_role("link", name="See how Soko works").click()
    page.goto(f"{live_server}/simulator?lang=en&pace=0#tour")
    tour = page.locator("#tour")
    expect(tour.locator(".tour-say b")).to_have_text("On the artisan's phone, press Call.")
    expect(page.locator("#artisan")).to_have_class(re.compile("tour-target"))

    expect(page.get_by_role("button", name="Add a phone")).not_to_be_focused()
    page.set_viewport_size({"width": 1366, "height": 768})
    keys = [key.bounding_box() for key in page.locator("#artisan .keys button").all()]
    assert max(key["y"] + key["height"] for key in keys if key) < 768

    # the first step by hand
    page.locator("#artisan").get_by_role("button", name="Call", exact=True).click()
    expect(tour.locator(".tour-say b")).to_have_text("On the artisan's phone, type 1 and press Send.")
    tour.get_by_label("Language").select_option("sw")
    expect(tour.locator(".tour-say b")).to_have_text("Kwenye simu ya fundi, andika 2 kisha bonyeza Send.")
    tour.get_by_label("Lugha").select_option("en")  # the agent keeps the language, and other tests meet him in English

    # the others by itself, over a reload
    page.reload()
    tour.get_by_role("button", name="Play it for me").click()
    expect(tour.locator(".tour-steps .done")).to_have_count(6)
    expect(tour.locator(".tour-say")).to_contain_text("That is the whole story")
    expect(page.locator("#artisan .inbox .theirs").last).to_contain_text("Soko sent you KSh 1,350")

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    tour.get_by_role("button", name="Close the tour").click()
    expect(tour).to_be_hidden()
    page.remove_listener("request", note)
    assert [url for url in asked if is_outside(url, live_server)] == []


def test_how_soko_works_is_told_without_scripts_at_every_width(page: Page, live_server: str) -> None:
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{live_server}/how?lang=am")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    expect(page.locator(".still")).to_have_count(18)
    page.get_by_role("link", name="እርስዎ ይሞክሩት").click()
    expect(page.locator("#tour .tour-steps li").first).to_contain_text("አሚና ትመዘገባለች")
