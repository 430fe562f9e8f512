"""The panels for faults, networks and the whole wire, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

CALLER = "+254733000477"


@pytest.fixture
def simulator(page: Page, live_server: str) -> Page:
    page.goto(f"{live_server}/simulator")
    page.locator("main[data-ready]").wait_for()
    return page


def add_fault(simulator: Page, name: str, fault: str, **fields: str) -> None:
    panel = simulator.locator(".faults")
    if panel.locator("details:not([open])").count():
        panel.locator("summary").click()
    form = simulator.get_by_role("form", name="A new fault")
    form.get_by_label("Phone or provider").fill(name)
    form.get_by_label("Fault").select_option(fault)
    for label, value in fields.items():
        form.get_by_label(label).fill(value)
    form.get_by_role("button", name="Add").click()


def test_a_fault_strikes_until_it_is_ended_and_the_wire_shows_it(simulator: Page, live_server: str) -> None:
    add_fault(simulator, CALLER, "drop", Seed="7")
    rule = simulator.locator(".rules li", has_text=f"drop at {CALLER}, probability 1, seed 7, struck 0")
    expect(rule).to_be_visible()

    call = {"msisdn": CALLER, "session_id": "ATUid_fault", "code": "*384*22#"}
    dropped = simulator.request.post(f"{live_server}/simulator/dial", data=call).json()
    assert dropped["reply"] == ""
    simulator.locator(".whole-wire > details > summary").click()
    simulator.get_by_role("form", name="Show only").get_by_label("Phone").fill(CALLER)
    simulator.get_by_role("form", name="Show only").get_by_label("Phone").press("Enter")
    ended = simulator.locator(".exchanges li", has_text="the call ended: Incomplete")
    expect(ended).to_have_count(1)
    ended.locator("summary").click()
    expect(ended.locator("pre").first).to_contain_text("/webhooks/africastalking/***/ussd-events")
    ended.get_by_role("button", name="Send again").click()
    expect(simulator.locator(".wire-said")).to_have_text("Sent again: the service answered 200.")

    rule = simulator.locator(".rules li", has_text=f"drop at {CALLER}")
    rule.get_by_role("button", name="End").click()
    expect(rule).to_have_count(0)
    again = simulator.request.post(f"{live_server}/simulator/dial", data=call | {"session_id": "ATUid_again"})
    assert again.json()["reply"].startswith("CON ")


def test_a_phone_is_put_into_a_network(simulator: Page) -> None:
    simulator.locator(".faults summary").click()
    form = simulator.get_by_role("form", name="The network of a phone")
    form.get_by_label("Phone").fill("+254733000478")
    form.get_by_label("Network").select_option("airtel")
    form.get_by_role("button", name="Choose").click()
    expect(simulator.locator(".fault-said")).to_have_text("+254733000478 is in the network airtel.")
