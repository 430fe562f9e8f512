"""The photo page in a real browser that is as narrow as a feature phone's and runs no scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Browser, FilePayload, Page, expect

from bot.photos import images
from tests.bot.photos.camera import photo
from tests.browser.test_simulator import Handset

NARROW = {"width": 240, "height": 320}
WANJIKU = "+254711000102"
BRACELET = "Beaded bracelet"


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A narrow tab without scripts. Every error in its console fails the test, except a refused picture."""
    errors: list[str] = []
    context = browser.new_context(viewport=NARROW, java_script_enabled=False)
    tab = context.new_page()
    tab.on("console", lambda line: errors.append(line.text) if "status of 4" not in line.text else None)
    yield tab
    context.close()
    assert not errors


def bracelet(server: str) -> dict:
    products = requests.get(f"{server}/api/v1/products?limit=100", timeout=10).json()["data"]
    return next(product for product in products if product["title"] == BRACELET)


def link(page: Page, server: str, *first_texts: str) -> str:
    """The link that Wanjiku gets for the bracelet, after sending `first_texts`."""
    page.goto(f"{server}/simulator")
    page.locator("main[data-ready]").wait_for()
    handset = Handset(page, "artisan")
    handset.insert_sim(WANJIKU)
    for words in (*first_texts, f"PHOTO {bracelet(server)['code']}"):
        answers = handset.root.locator(".inbox .theirs")
        before = answers.count()
        handset.text(words)
        expect(answers).not_to_have_count(before)
    found = re.search(r"https?://\S+/p/\S+", handset.received(re.compile("/p/")).first.inner_text())
    assert found
    return found[0]


def send(phone: Page, content: bytes, name: str = "DSC001.JPG") -> None:
    file: FilePayload = {"name": name, "mimeType": "image/jpeg", "buffer": content}
    phone.locator("input[type=file]").set_input_files(file)
    phone.locator("input[type=submit]").click()


def fits(phone: Page) -> bool:
    """True if nothing on the page is wider than the screen."""
    boxes = [one.bounding_box() for one in phone.locator("body *:visible").all()]
    return all(box is None or box["x"] + box["width"] <= NARROW["width"] for box in boxes)


def test_a_photo_from_a_narrow_screen_is_shown_in_the_shop(page: Page, phone: Page, live_server: str) -> None:
    phone.goto(link(page, live_server))
    expect(phone.get_by_role("heading")).to_have_text(f"Photo of {BRACELET}")
    assert fits(phone)
    send(phone, photo(4000, 3000))
    expect(phone.get_by_text("Thank you.")).to_be_visible()
    assert fits(phone)
    shown = phone.get_by_alt_text(BRACELET)
    assert shown.bounding_box() is not None
    small = shown.get_attribute("src")

    page.goto(f"{live_server}/?q={quote(BRACELET)}")
    assert page.locator(f'img[src="{small}"]').is_visible()
    page.goto(f"{live_server}/products/{bracelet(live_server)['code']}")
    picture = page.locator("img.picture").first
    assert (picture.get_attribute("src") or "").endswith(".jpg")
    assert picture.evaluate("image => image.naturalWidth") > 300
    assert (picture.get_attribute("srcset") or "").endswith(" 1200w")


def test_a_file_that_is_too_large_is_refused_in_words(page: Page, phone: Page, live_server: str) -> None:
    phone.goto(link(page, live_server))
    send(phone, b"\xff" * (images.LARGEST_FILE + 1))

    expect(phone.get_by_text("That picture is too large.")).to_be_visible()
    send(phone, b"words", "picture.jpg")
    expect(phone.get_by_text("We cannot read that.")).to_be_visible()


def test_ethiopic_letters_fit_and_use_our_own_font(page: Page, phone: Page, live_server: str) -> None:
    with phone.expect_response(re.compile("ethiopic.woff2")) as font:
        phone.goto(link(page, live_server, "አማርኛ"))

    assert font.value.ok
    expect(phone.get_by_role("heading")).to_have_text(f"ፎቶ: {BRACELET}")
    assert fits(phone)
