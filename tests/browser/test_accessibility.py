"""Every page is clean under the default rules of axe-core, at the widths of phones and of desks.

A usual run tries a few pages, each at one width, and others with another seed; `--full` tries all at all widths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_ordering import PHONES, code_of, fill_in
from tests.browser.test_ordering import product as a_product
from tests.browser.test_simulator import Handset, open_menu
from tests.runs import is_full, seed

AXE = Path(__file__).parent / "axe/axe.min.js"
WIDTHS = {360: 740, 800: 1000, 1366: 768, 1440: 900}
"""The height of the window by its width."""
ARTISAN = "+254711000103"
LOG_INS: dict[str, Sequence[Any]] = {}
"""The cookies of the artisan who is logged in, by server."""
TRIED = 2
"""How many pages a usual run tries: each takes up to a second of processor time."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A tab in which axe may style what it measures, which the pages forbid."""
    context = browser.new_context(bypass_csp=True)
    yield context.new_page()
    context.close()


def simulator(page: Page, server: str) -> None:
    """A phone in a call, one with texts, and everything is open that opens."""
    page.goto(f"{server}/simulator")
    page.locator("main[data-ready]").wait_for()
    artisan, buyer = Handset(page, "artisan"), Handset(page, "buyer")
    artisan.insert_sim("+254733000431")
    open_menu(artisan)
    buyer.text("HELP")
    expect(buyer.root.locator(".inbox .theirs")).not_to_have_count(0)
    page.locator("details").evaluate_all("all => all.forEach(each => { each.open = true; })")
    page.locator(".exchanges summary").first.click()


def languages(page: Page, server: str) -> None:
    page.goto(f"{server}/simulator")
    page.locator("main[data-ready]").wait_for()
    open_menu(Handset(page, "artisan"))
    page.get_by_role("tab", name="Languages").click()
    expect(page.locator(".translation")).not_to_have_count(0)


def adding(page: Page, server: str) -> None:
    page.goto(f"{server}/simulator")
    page.locator("main[data-ready]").wait_for()
    page.get_by_role("button", name="Add a phone").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def camera(page: Page, server: str) -> None:
    """A phone with WhatsApp that is about to send a picture."""
    adding(page, server)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What phone").select_option("whatsapp")
    dialog.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Send a picture").last.click()
    expect(page.get_by_role("button", name="Pottery").last).to_be_visible()


def order(page: Page, server: str) -> None:
    fill_in(page, server, next(PHONES))
    page.get_by_role("button", name="Place order").click()
    page.wait_for_url("**/o/*")


def paying(page: Page, server: str) -> None:
    """The page of an order whose prompt failed, with the form that asks how to pay."""
    order(page, server)
    fails = {"order": code_of(page), "fate": "no_balance"}
    assert requests.post(f"{server}/simulator/pay", json=fails, timeout=20).status_code == 200
    expect(page.get_by_role("radio", name="Card")).to_be_visible()


def card(page: Page, server: str) -> None:
    paying(page, server)
    page.get_by_role("radio", name="Card").check()
    page.get_by_role("button", name="Pay KES").click()
    page.get_by_role("link", name="by card").click()
    expect(page.get_by_role("heading", name="Pay by card")).to_be_visible()


def once(opener: Callable[[Page, str], None]) -> Callable[[Page, str], None]:
    """Opens the page again by its address: at most 10 orders an hour are taken from one computer."""
    addresses: dict[str, str] = {}

    def open_page(page: Page, server: str) -> None:
        if server in addresses:
            page.goto(addresses[server])
        else:
            opener(page, server)
            addresses[server] = page.url

    return open_page


def at(path: str) -> Callable[[Page, str], None]:
    def open_page(page: Page, server: str) -> None:
        page.goto(server + path)

    return open_page


def one_product(page: Page, server: str) -> None:
    page.goto(f"{server}/products/{a_product(server)['code']}")


def artisans(path: str) -> Callable[[Page, str], None]:
    """A page of an artisan, who logs in once for each server: a phone gets five codes an hour."""

    def open_page(page: Page, server: str) -> None:
        if server not in LOG_INS:
            page.goto(f"{server}/me")
            page.locator("[name=phone]").fill(ARTISAN)
            page.locator("button").click()
            page.locator("[name=code]").fill(code_in_text(server, ARTISAN))
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("link", name="Put something on sale")).to_be_visible()
            LOG_INS[server] = page.context.cookies()
        page.context.add_cookies(LOG_INS[server])  # type: ignore[arg-type]
        page.goto(server + path)

    return open_page


def code_in_text(server: str, msisdn: str) -> str:
    """The newest code of six digits that was texted to a phone, within ten seconds."""
    for _ in range(100):
        texts = requests.get(f"{server}/simulator/messages", params={"msisdn": msisdn}, timeout=20).json()["data"]
        for text in texts:
            if found := re.search(r"\b\d{6}\b", text["text"]):
                return found[0]
        Event().wait(0.1)
    raise AssertionError("no code came")


PAGES: Mapping[str, Callable[[Page, str], None]] = {
    "simulator": simulator,
    "all languages": languages,
    "adding a phone": adding,
    "camera": camera,
    "card": once(card),
    "window": at("/"),
    "product": one_product,
    "order": once(order),
    "paying": once(paying),
    "privacy": at("/privacy"),
    "api docs": at("/api/v1/docs"),
    "artisans' log-in": at("/me"),
    "artisan": artisans("/me"),
    "something to sell": artisans("/me/new"),
}
ALL = list(product(PAGES, WIDTHS))
CASES = ALL if is_full() else Random(seed()).sample(ALL, TRIED)


@cache
def axe() -> str:
    return AXE.read_text(encoding="utf-8")


def violations(page: Page) -> list[str]:
    """What axe finds on the page: the rule, and each element that breaks it."""
    page.evaluate(axe())
    found: list[dict[str, Any]] = page.evaluate("axe.run().then(results => results.violations)")
    return [f"{rule['id']}: {node['html'][:200]} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("name", "width"), CASES)
def test_a_page_is_clean_at_this_width(page: Page, live_server: str, name: str, width: int) -> None:
    page.goto("about:blank")
    page.context.clear_cookies()
    page.set_viewport_size({"width": width, "height": WIDTHS[width]})
    PAGES[name](page, live_server)
    assert violations(page) == []
