"""The simulated page for card payments, in the whole service: it needs no script, and its events are signed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from bot.providers.collector_contracts import Asked, Captured, Charge
from bot.providers.stripe_checkout import StripeCheckout
from bot.simulator.gateway import ORIGIN
from bot.simulator.wsgi_adapter import WsgiAdapter
from tests.service import MONDAY, Service, serving

CHARGE = Charge(
    *("bpy_1", "t0ken", 34_50, "USD", "K7P4"),
    expires_at=MONDAY + timedelta(minutes=35),
    return_url="http://127.0.0.1:8000/o/t0ken",
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, stripe_api_key="sk_test_simulated", stripe_webhook_secret="whsec_new,whsec_old") as service:
        yield service


@pytest.fixture
def client(shop: Service) -> StripeCheckout:
    session = requests.Session()
    session.mount(ORIGIN, WsgiAdapter(shop.app))
    return StripeCheckout("sk_test_simulated", base_url=f"{ORIGIN}/simulator/stripe", session=session)


def listen(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the events that come from now on name."""
    names: list[str] = []
    handler = type(service.services.collector_callbacks)
    monkeypatch.setattr(handler, "on_hint", lambda _self, _collector, name, _event_id: names.append(name))
    return names


def page_of(client: StripeCheckout) -> tuple[str, str]:
    """The id of a new session, and the path of its page."""
    asked = client.ask(CHARGE)
    assert isinstance(asked, Asked)
    assert asked.url == f"http://127.0.0.1:8000/simulator/stripe/pay/{asked.provider_id}"
    return asked.provider_id, f"/simulator/stripe/pay/{asked.provider_id}"


def test_the_page_says_what_is_paid_and_needs_no_script(shop: Service, client: StripeCheckout) -> None:
    page = shop.http.get(page_of(client)[1])
    for shown in ("Soko K7P4", "3450 USD", ">Pay<", ">Decline<", ">Later<", 'href="http://127.0.0.1:8000/o/t0ken"'):
        assert shown in page.text
    assert "<script" not in page.text
    assert "Dispute" not in page.text


def test_who_has_paid_is_led_back_and_the_event_is_heard(
    shop: Service, client: StripeCheckout, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = listen(shop, monkeypatch)
    session_id, path = page_of(client)
    paid = shop.http.post(path, data={"act": "pay", "fate": ""})
    assert (paid.status_code, paid.location) == (303, f"{path}?leave=1")
    left = shop.http.get(paid.location)
    assert "It is paid." in left.text
    assert left.headers["Refresh"] == "1; url=http://127.0.0.1:8000/o/t0ken"
    assert isinstance(client.query(CHARGE, session_id), Captured)
    shop.later(seconds=1)
    assert heard == [session_id]


@pytest.mark.parametrize(
    ("acts", "shown"),
    [
        (["decline"], "The card was declined."),
        (["later"], "The bank is moving the money."),
        (["pay", "dispute"], "The buyer disputes it: open."),
        (["pay", "dispute", "win"], "The buyer disputes it: won."),
        (["pay", "dispute", "lose"], "The buyer disputes it: lost."),
        (["dispute", "win", "nonsense"], ">Pay<"),
    ],
)
def test_the_page_shows_what_happened(shop: Service, client: StripeCheckout, acts: list[str], shown: str) -> None:
    path = page_of(client)[1]
    for act in acts:
        shop.http.post(path, data={"act": act})
    page = shop.http.get(path)
    assert shown in page.text
    assert "Refresh" not in page.headers


def test_the_page_of_an_ended_session_cannot_be_paid(shop: Service, client: StripeCheckout) -> None:
    session_id, path = page_of(client)
    client.close(CHARGE, session_id)
    page = shop.http.get(path)
    assert "The time to pay is over." in page.text
    assert ">Pay<" not in page.text


def test_an_unknown_page_is_404(shop: Service) -> None:
    assert shop.http.get("/simulator/stripe/pay/cs_test_none").status_code == 404
    assert shop.http.post("/simulator/stripe/pay/cs_test_none", data={"act": "pay"}).status_code == 404


def test_without_a_webhook_secret_no_event_is_posted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path) as service:
        heard = listen(service, monkeypatch)
        session = requests.Session()
        session.mount(ORIGIN, WsgiAdapter(service.app))
        path = page_of(StripeCheckout("sk_test_any", base_url=f"{ORIGIN}/simulator/stripe", session=session))[1]
        service.http.post(path, data={"act": "pay"})
        service.later(seconds=1)
    assert heard == []
    assert "a stranger failed" not in caplog.text
