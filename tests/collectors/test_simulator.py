"""The collector called `simulator`: the real adapter of M-PESA Express, with the simulated Daraja in process."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.providers import registry
from bot.providers.collector_contracts import Asked, Captured, Charge, Collector, StillOpen
from bot.simulator import providers
from tests.service import Service

BUYER = "+254711000333"


@pytest.fixture
def collector(embedded: Service) -> Collector:
    services = embedded.services
    (only,) = registry.collectors(services.settings, services.clock, [providers.provider(embedded.app, services)])
    return only


def test_in_development_buyers_pay_the_simulator(embedded: Service, collector: Collector) -> None:
    assert (collector.name, collector.method) == ("simulator", "mpesa")
    expires_at = embedded.clock() + timedelta(minutes=15)
    charge = Charge("bpy_1", "token", 1500_00, "KES", "K7P4", expires_at, BUYER)
    asked = collector.ask(charge)
    assert isinstance(asked, Asked)
    assert collector.query(charge, asked.provider_id) == StillOpen()

    (prompt,) = embedded.http.get("/simulator/prompts", query_string={"msisdn": BUYER}).get_json()["data"]
    assert (prompt["amount"], prompt["account"]) == (1500, "K7P4")
    assert embedded.http.post(f"/simulator/prompts/{prompt['id']}", json={"pin": "1234"}).get_json()["answered"]
    assert isinstance(collector.query(charge, asked.provider_id), Captured)


def test_the_callback_of_a_simulated_prompt_is_posted_by_the_worker(
    embedded: Service,
    collector: Collector,
    caplog: pytest.LogCaptureFixture,
) -> None:
    charge = Charge("bpy_1", "token", 1500_00, "KES", "K7P4", embedded.clock(), "+254711888222")
    assert isinstance(collector.ask(charge), Asked)
    embedded.later(seconds=3)
    assert caplog.text.count("a callback about a charge that is not ours") == 2


def test_other_collectors_are_made_from_their_settings(embedded: Service) -> None:
    settings = registry.make_settings(
        collectors=["mpesa"],
        daraja_base_url="https://daraja.example",
        daraja_consumer_key="key",
        daraja_consumer_secret="secret",
        daraja_initiator="testapi",
        daraja_security_credential="c3Jl",
        daraja_express_shortcode="600638",
        daraja_express_passkey="passkey",
    )
    simulator = providers.provider(embedded.app, replace(embedded.services, settings=settings))
    (only,) = registry.collectors(settings, embedded.clock, [simulator])
    assert only.name == "mpesa"
