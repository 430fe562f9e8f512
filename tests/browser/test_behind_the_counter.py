"""Behind the counter, the clock, starting afresh, and transcripts, in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

BUYER = "+254733000481"
NEWCOMER = "+254733000482"
TRANSCRIPT = """# A story in two lines.
! phone amina +254711000111
! phone joy +254733000333

@ amina ussd
> *384*22#
< CON Karibu Soko!
  1. English
! wait 2h
= order.placed K7P4
^ joy Soko: thank you! Order K7P4.
@ joy sms
> TRACK K7P4
"""


@pytest.fixture
def simulator(page: Page, live_server: str) -> Page:
    page.goto(f"{live_server}/simulator")
    page.locator("main[data-ready]").wait_for()
    return page


def post(simulator: Page, live_server: str, path: str, **body: Any) -> Any:
    answer = simulator.request.post(f"{live_server}/simulator/{path}", data=body)
    assert answer.ok, answer.text()
    return answer.json() if answer.body() else None


def open_tab(simulator: Page, name: str) -> None:
    simulator.get_by_role("tab", name=name).click()


def test_an_order_is_followed_behind_the_counter_and_an_idle_page_does_not_ask_again(
    simulator: Page, live_server: str
) -> None:
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/counter" in request.url:
            asked.append(request.url)

    assert simulator.request.post(f"{live_server}/simulator/reset").ok  # no job of another test waits
    simulator.reload()
    expect(simulator.locator("main[data-ready]")).to_be_attached()
    simulator.on("request", note)
    open_tab(simulator, "Counter")
    product = simulator.request.get(f"{live_server}/api/v1/products").json()["data"][0]
    address = {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"}
    buyer = {"name": "Joy", "phone": BUYER, "locale": "en"}
    order = post(simulator, live_server, "orders", product_id=product["id"], quantity=1, buyer=buyer, ship_to=address)
    code = order["code"]
    panel = simulator.locator(".counter")
    expect(panel.locator(".about")).to_have_text(f"of order {code}")
    expect(panel.locator(".story [data-state=done]")).to_contain_text(
        ["joined", "ware in shop", "ordered", "paid", "offered"]
    )
    expect(panel.locator(".story [aria-current=step]")).to_contain_text("accepted")
    expect(panel.get_by_role("button", name=code)).to_have_attribute("aria-pressed", "true")
    expect(panel.locator(".sums")).to_contain_text("sum KES 0")

    expect(panel.locator(".waiting")).to_have_text("0 wait")
    settled = len(asked)
    with simulator.expect_response(lambda response: "/news" in response.url and response.status == 304):
        pass  # a poll without news
    assert len(asked) == settled
    simulator.remove_listener("request", note)


def test_the_clock_steps_stands_and_goes_back_and_the_shop_starts_afresh(simulator: Page, live_server: str) -> None:
    simulator.locator(".clock-more summary").click()
    step = simulator.get_by_role("form", name="Move the clock forward")
    step.get_by_label("How many").fill("3")
    step.get_by_label("Minutes, hours or days").select_option("days")
    with simulator.expect_response("**/simulator/clock") as moved:
        step.get_by_role("button", name="Forward").click()
    assert moved.value.json()["ahead_s"] >= 3 * 86_400
    simulator.get_by_role("button", name="Stop", exact=True).click()
    expect(simulator.locator(".clock")).to_contain_class("stands")
    simulator.get_by_role("button", name="Run", exact=True).click()
    expect(simulator.locator(".clock")).not_to_contain_class("stands")
    with simulator.expect_response("**/simulator/clock") as moved:
        simulator.get_by_role("button", name="Back to now").click()
    assert moved.value.json()["ahead_s"] == 0

    phone = simulator.locator("#artisan")
    phone.get_by_label("Number of this phone").fill(NEWCOMER)
    phone.get_by_label("Number of this phone").press("Enter")
    post(simulator, live_server, "text", msisdn=NEWCOMER, text="HELP")
    expect(phone.locator(".unread")).to_be_visible()
    simulator.get_by_role("button", name="Start afresh …").click()
    with simulator.expect_navigation():
        simulator.get_by_role("dialog").get_by_role("button", name="Start afresh").click()
    simulator.locator("main[data-ready]").wait_for()
    expect(simulator.locator("#artisan .msisdn")).to_have_value(NEWCOMER)
    expect(simulator.locator("#artisan .unread")).to_be_hidden()
    assert simulator.request.get(f"{live_server}/api/v1/products").json()["data"]

    with simulator.expect_navigation():  # a reset from elsewhere
        post(simulator, live_server, "reset")
    simulator.locator("main[data-ready]").wait_for()


def test_a_transcript_is_recorded_compared_played_and_saved(simulator: Page) -> None:
    # the service plays transcripts in processes of their own, which other tests do
    simulator.route("**/simulator/transcripts", lambda route: route.fulfill(status=201, body=TRANSCRIPT))
    parts = [["same", "< CON "], ["gone", "Karibu"], ["new", "Welcome to"], ["same", " Soko!\n"]]
    simulator.route("**/transcripts/compare", lambda route: route.fulfill(json={"parts": parts}))
    saved: list[Any] = []

    def save(route: Any) -> None:
        saved.append(json.loads(route.request.post_data))
        route.fulfill(status=201, json={"path": "tests/transcripts/two_lines.txt"})

    simulator.route("**/transcripts/saved", save)
    simulator.route(
        "**/simulator/transcripts",
        lambda route: route.fulfill(json={"data": ["two"], "is_checkout": True}),
        times=1,
    )
    open_tab(simulator, "Transcripts")
    expect(simulator.locator(".from-tests")).to_be_visible()
    simulator.get_by_role("button", name="Record what was played").click()
    shown = simulator.locator(".transcript")
    expect(shown).to_have_text(TRANSCRIPT)
    with simulator.expect_download() as downloading:
        simulator.get_by_role("link", name="Download").click()
    assert downloading.value.suggested_filename == "recorded.txt"
    assert Path(downloading.value.path()).read_text() == TRANSCRIPT

    simulator.get_by_label("Save as a test called").fill("two_lines")
    simulator.get_by_role("button", name="Save").click()
    expect(simulator.locator(".transcript-said")).to_contain_text("tests/transcripts/two_lines.txt")
    assert saved == [{"name": "two_lines", "text": TRANSCRIPT}]

    simulator.get_by_label("Speed").select_option("five times")
    simulator.get_by_role("button", name="Play on the phones").click()
    acting = simulator.locator(".handset.acting")
    expect(acting).to_have_count(2)
    expect(simulator.locator("#artisan")).to_be_hidden()
    expect(acting.first.locator(".screen")).to_have_text("Karibu Soko!\n1. English")
    expect(simulator.locator(".performance")).to_contain_text("In the shop: order.placed K7P4")
    expect(acting.last.locator(".inbox .theirs")).to_have_text("Soko: thank you! Order K7P4.")
    expect(acting.last.locator(".inbox .mine")).to_have_text("TRACK K7P4")
    simulator.locator(".performance").get_by_role("button", name="Stop").click()
    expect(acting).to_have_count(0)
    expect(simulator.locator("#artisan")).to_be_visible()

    simulator.get_by_role("button", name="What would be answered today?").click()
    expect(shown.locator("del")).to_have_text("Karibu")
    expect(shown.locator("ins")).to_have_text("Welcome to")
    simulator.unroute_all()
