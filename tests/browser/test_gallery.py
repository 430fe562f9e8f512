"""The gallery of all screens in a real browser: the sizes of the handsets, its choices, and how wide it is."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.test_simulator_phones import PROPORTIONS
from tests.browser.test_tour import WIDTHS


def test_the_gallery_shows_screens_in_the_proportions_of_the_handsets(page: Page, live_server: str) -> None:
    page.goto(f"{live_server}/simulator/gallery?dialogue=help&language=am")
    for model, (width, height) in PROPORTIONS.items():
        shot = page.locator(f".shot[data-model={model}]").first
        seen = shot.locator(".screen").evaluate("el => [el.offsetWidth, parseFloat(getComputedStyle(el).minHeight)]")
        assert abs(seen[1] / seen[0] - height / width) < 0.02, model
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width

    page.get_by_label("Handset").select_option("kaios")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("handset=kaios"))
    expect(page.locator(".shot:not([data-model=kaios])")).to_have_count(0)
    expect(page.locator(".shot").first).to_be_visible()
