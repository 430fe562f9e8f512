"""The simulated page for card payments in a real browser without scripts."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import Page, expect

from bot.providers.collector_contracts import Asked, Captured, Charge, StillOpen
from bot.providers.stripe_checkout import StripeCheckout
from bot.runtime.clock import system_clock
from tests.browser.test_photo_page import fits, phone  # noqa: F401 - a fixture


def test_a_card_is_declined_and_another_one_paid_and_the_buyer_led_back(live_server: str, phone: Page) -> None:  # noqa: F811
    client = StripeCheckout("sk_test_simulated", base_url=f"{live_server}/simulator/stripe")
    expires_at = system_clock() + timedelta(minutes=35)
    charge = Charge("bpy_1", "t0ken", 34_50, "USD", "K7P4", expires_at, return_url=f"{live_server}/privacy")
    asked = client.ask(charge)
    assert isinstance(asked, Asked)
    assert asked.url
    phone.goto(asked.url)
    assert fits(phone)
    phone.get_by_role("button", name="Decline").click()
    expect(phone.get_by_role("status")).to_have_text("The card was declined. Try again, or go back.")
    assert client.query(charge, asked.provider_id) == StillOpen()
    phone.get_by_role("button", name="Pay").click()
    phone.wait_for_url(f"{live_server}/privacy")
    captured = client.query(charge, asked.provider_id)
    assert isinstance(captured, Captured)
    assert captured.amount == charge.amount
    phone.goto(asked.url)
    phone.get_by_role("button", name="Dispute").click()
    expect(phone.get_by_role("status")).to_have_text("It is paid. The buyer disputes it: open.")
