"""A buyer orders and pays in the shop window in a real browser, with JavaScript and without it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

PHONES = (f"+2547330004{number:02}" for number in count())
"""Of buyers, each of whom orders once."""
WITH_SCRIPTS = pytest.mark.parametrize("buyer", [True, False], indirect=True, ids=["with scripts", "without scripts"])


@pytest.fixture
def buyer(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab of a phone's width, with or without JavaScript."""
    context = browser.new_context(viewport={"width": 360, "height": 800}, java_script_enabled=request.param)
    yield context.new_page()
    context.close()


def product(live_server: str) -> Any:
    listed = requests.get(f"{live_server}/api/v1/products", timeout=10).json()["data"]
    return next(each for each in listed if each["quantity"] > 5)


def field(page: Page, name: str) -> Locator:
    return page.locator(f'[name="{name}"]')


def fill_in(page: Page, live_server: str, phone: str) -> str:
    """Opens the page of a product and fills in its order form; returns the product's title."""
    chosen = product(live_server)
    page.goto(f"{live_server}/products/{chosen['code']}")
    for name, typed in {
        "buyer.name": "Joy",
        "buyer.phone": phone,
        "ship_to.line1": "7 Riverside Drive",
        "ship_to.city": "Nairobi",
    }.items():
        field(page, name).fill(typed)
    return str(chosen["title"])


def code_of(page: Page) -> str:
    found = re.search(r"Order (\w+)", page.title())
    assert found is not None
    return found[1]


def is_as_wide_as_its_window(page: Page) -> bool:
    size = page.locator("html").bounding_box()
    main = page.locator("main").bounding_box()
    assert size is not None
    assert main is not None
    return main["x"] >= 0 and main["x"] + main["width"] <= size["width"]


@WITH_SCRIPTS
def test_a_buyer_pays_by_phone_and_the_page_follows_by_itself(buyer: Page, live_server: str) -> None:
    title = fill_in(buyer, live_server, next(PHONES))
    buyer.get_by_role("button", name="Place order").click()
    buyer.wait_for_url("**/o/*")
    assert buyer.locator("main").get_attribute("data-status") == "unpaid"
    expect(buyer.get_by_role("heading", name=title)).to_be_visible()
    expect(buyer.get_by_role("heading", name="Look at your phone")).to_be_visible()
    assert is_as_wide_as_its_window(buyer)

    pay = {"order": code_of(buyer), "fate": "paid"}
    assert requests.post(f"{live_server}/simulator/pay", json=pay, timeout=20).status_code == 200
    expect(buyer.get_by_role("heading", name="Thank you")).to_be_visible()
    assert buyer.locator("main").get_attribute("data-status") == "placed"


@WITH_SCRIPTS
def test_a_buyer_pays_by_card_after_a_prompt_that_failed(buyer: Page, live_server: str) -> None:
    fill_in(buyer, live_server, next(PHONES))
    buyer.get_by_role("button", name="Place order").click()
    buyer.wait_for_url("**/o/*")
    fails = {"order": code_of(buyer), "fate": "no_balance"}
    assert requests.post(f"{live_server}/simulator/pay", json=fails, timeout=20).status_code == 200
    expect(buyer.get_by_text("There was not enough money on the phone.")).to_be_visible()

    buyer.get_by_role("radio", name="Card").check()
    buyer.get_by_role("button", name="Pay KES").click()
    buyer.get_by_role("link", name="by card").click()
    buyer.get_by_role("button", name="Pay", exact=True).click()
    buyer.wait_for_url("**/o/*")
    expect(buyer.get_by_role("heading", name="Thank you")).to_be_visible(timeout=40_000)


@WITH_SCRIPTS
def test_a_buyer_cancels_before_paying(buyer: Page, live_server: str) -> None:
    fill_in(buyer, live_server, next(PHONES))
    buyer.get_by_role("button", name="Place order").click()
    buyer.wait_for_url("**/o/*")
    buyer.get_by_role("button", name="Cancel the order").click()
    expect(buyer.get_by_role("heading", name="It is cancelled")).to_be_visible()
    buyer.go_back()
    buyer.go_back()
    buyer.get_by_role("button", name="Place order").click()
    buyer.wait_for_url("**/o/*")
    assert buyer.locator("main").get_attribute("data-status") == "cancelled"


def test_the_total_follows_the_number_of_pieces(page: Page, live_server: str) -> None:
    fill_in(page, live_server, next(PHONES))
    field(page, "quantity").fill("3")
    field(page, "buyer.name").click()
    expect(page.locator("#total")).to_contain_text("3 × KES")
