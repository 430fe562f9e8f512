"""The console in a real browser: a passkey, parts that refresh themselves, every page without scripts and under axe."""

from __future__ import annotations

import json
import urllib.request
from itertools import product

import pyotp
from playwright.sync_api import Browser, Page, expect

from bot import services
from bot.providers import registry
from bot.web.operator import app as console_app
from marketplace_api.accounts import operators
from tests.actors import TESTER
from tests.browser.test_accessibility import WIDTHS, violations
from tests.runs import seed, some_of

PHONE = "+254711000556"


def invitation(database: str, name: str) -> str:
    """The path of a link for the first log-in."""
    built = services.build(registry.make_settings(database_url=database))
    with built.database.writing.begin() as session:
        token = operators.invite(built.shop(session, TESTER), name, "all")
    built.close()
    return f"/operator/invitation/{token}"


def text(server: str, msisdn: str, words: str) -> None:
    """A text from a simulated phone."""
    body = json.dumps({"msisdn": msisdn, "text": words}).encode()
    request = urllib.request.Request(f"{server}/simulator/text", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200


def test_an_operator_sets_up_a_passkey_and_sees_who_asks_for_help(
    live_server: str, live_database: str, page: Page
) -> None:
    server = live_server.replace("127.0.0.1", "localhost")  # a passkey belongs to a name, not to a number
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    has = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True, **has}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.clock.install()
    page.goto(server + invitation(live_database, "Grace"))
    page.get_by_role("button", name="Set up a passkey").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in with a passkey").click()

    waiting = page.get_by_role("region", name="Help").locator("dd").first
    before = int(waiting.inner_text())
    text(live_server, PHONE, "CALL")
    page.clock.fast_forward(20_000)
    expect(waiting).to_have_text(str(before + 1))

    page.goto(f"{server}/operator/desk")
    page.get_by_role("link", name="somebody new").last.click()
    page.get_by_label("Text, in English").fill("Habari ✓ " + "a" * 70)
    page.clock.fast_forward(1000)
    expect(page.get_by_text("Without ✓ it would be 1.")).to_be_visible()
    devtools.detach()


def test_without_scripts_one_time_codes_log_in_and_every_page_can_be_reached(
    live_server: str, live_database: str, browser: Browser
) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(live_server + invitation(live_database, "Amos"))
    expect(page.get_by_role("button", name="Set up a passkey")).to_be_hidden()
    page.get_by_label("One-time code").fill(pyotp.TOTP(page.locator("#secret").inner_text()).now())
    page.get_by_role("button", name="Set up one-time codes").click()
    names = [name for _, name in console_app.PAGES]
    assert {"Today", "Desk", "Orders", "Money", "Broadcasts", "Log"} <= set(names)
    for name in names:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, exact=True, level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
    context.close()


def test_axe_finds_nothing_on_the_pages_of_the_console(live_server: str, live_database: str, browser: Browser) -> None:
    """A usual run tries a few pages at one width, others with another seed."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(live_server + invitation(live_database, f"Wanjiru {seed()}"))
    page.get_by_label("One-time code").fill(pyotp.TOTP(page.locator("#secret").inner_text()).now())
    page.get_by_role("button", name="Set up one-time codes").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    for name, width in some_of(product([name for _, name in console_app.PAGES], (360, 1440)), least=2):
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_role("heading", name=name, exact=True, level=1)).to_be_visible()
        assert violations(page) == [], (name, width)
    context.close()
