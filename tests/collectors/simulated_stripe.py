"""The real Stripe client against the simulated API, with a handler that records its events."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import requests
from flask import Flask
from sqlalchemy import Engine

from bot.providers import stripe_checkout
from bot.providers.collector_contracts import Asked, Charge, ChargeStatus, Refunding
from bot.providers.stripe_checkout import StripeCheckout
from bot.simulator import cards, stripe, stripe_page
from bot.simulator.wsgi_adapter import WsgiAdapter
from tests.providers.recording import CollectionRecorder

ROOT = "http://stripe"
API_KEY, SECRET = "sk_test_simulated", "whsec_simulated"
MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CHARGE = Charge(
    *("bpy_1", "t0ken", 34_50, "USD", "K7P4"),
    expires_at=MORNING + timedelta(minutes=35),
    return_url="https://shop.example/o/t0ken",
)
REFUND = Refunding(
    *("rfd_1", "t0ken2", CHARGE.id),
    provider_id="",
    reference=None,
    amount=CHARGE.amount,
    currency=CHARGE.currency,
    whole=True,
    about="K7P4",
)


@dataclass
class SimulatedStripe:
    """The real client, the simulated API that it talks to, and the events that are not posted yet."""

    engine: Engine
    now: datetime = MORNING
    unposted: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    handler: CollectionRecorder = field(default_factory=CollectionRecorder)

    def __post_init__(self) -> None:
        self.random = Random(7)
        self.app = Flask("stripe")
        self.simulator = stripe.StripeSimulator(
            transaction=self.engine.begin,
            post_later=lambda event, seconds: self.unposted.append((self.now + timedelta(seconds=seconds), event)),
            post=self.post,
            clock=lambda: self.now,
            new_id=lambda: "".join(self.random.choices("0123456789abcdef", k=32)),
            url=ROOT,
            key=API_KEY,
        )
        self.app.register_blueprint(stripe.routes(self.simulator))
        self.app.register_blueprint(stripe_page.routes(self.simulator))
        self.app.register_blueprint(stripe_checkout.routes(self.handler, [SECRET], lambda: self.now))
        self.session = requests.Session()
        self.session.mount(ROOT, WsgiAdapter(self.app))
        self.client = self.make_client()

    def make_client(self, api_key: str = API_KEY) -> StripeCheckout:
        return StripeCheckout(api_key, base_url=f"{ROOT}/simulator/stripe", session=self.session)

    def ask(self, charge: Charge = CHARGE) -> str:
        """The id of the session that is made for a charge."""
        asked = self.client.ask(charge)
        assert isinstance(asked, Asked)
        return asked.provider_id

    def act(self, session_id: str, act: str, fate: str = "") -> None:
        """What the buyer does on the page."""
        path = f"/simulator/stripe/pay/{session_id}"
        answer = self.app.test_client().post(path, data={"act": act, "fate": fate})
        assert answer.status_code == 303

    def query(self, session_id: str) -> ChargeStatus:
        return self.client.query(CHARGE, session_id)

    def paid(self, amount: int = CHARGE.amount) -> str:
        """The id of a session that was made and paid."""
        session_id = self.ask(replace(CHARGE, amount=amount))
        self.act(session_id, "pay")
        return session_id

    def post(self, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        headers = {"Stripe-Signature": stripe.sign(body, SECRET, self.now)}
        assert self.app.test_client().post("/webhooks/stripe", data=body, headers=headers).status_code == 200

    def advance(self, seconds: float) -> None:
        """Moves the clock, and posts the events that are due."""
        self.now += timedelta(seconds=seconds)
        due = [event for at, event in sorted(self.unposted, key=lambda owed: owed[0]) if at <= self.now]
        self.unposted = [owed for owed in self.unposted if owed[0] > self.now]
        for event in due:
            self.post(event)

    @property
    def balance(self) -> int:
        with self.engine.begin() as conn:
            return cards.balance(conn)
