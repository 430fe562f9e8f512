"""The collectors under test, each with its simulated provider and buyers. A new one is one more entry of `RIGS`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any, Literal, Protocol

import requests
from requests.adapters import BaseAdapter
from sqlalchemy import Engine

from bot.providers import mpesa_callbacks
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    Collector,
    NotCaptured,
    Refunding,
    RefundPending,
    RefundStatus,
)
from bot.providers.daraja_client import DarajaClient
from bot.providers.mpesa_express import MpesaExpress
from bot.providers.stripe_checkout import StripeCheckout
from bot.simulator import buyers, express
from bot.simulator.express import ExpressSimulator
from bot.simulator.wsgi_adapter import WsgiAdapter
from tests.collectors import simulated_stripe
from tests.collectors.simulated_stripe import SimulatedStripe
from tests.providers.recording import CollectionRecorder
from tests.simulated_daraja import CALLBACKS, ROOT, SECRET, SimulatedDaraja

Buyer = Literal["waits", "pays", "cancels", "has no balance", "answer lost", "silent", "twice", "late"]
"""What becomes of a charge. Who waits answers when the test says so; an answer to the request may be lost; a callback
may not come, or come twice; money may come after the buyer seemed unreachable."""


class Rig(Protocol):
    """A collector, and control of its buyers and of time. `handler` records what the provider posts to us."""

    collector: Collector
    handler: CollectionRecorder

    def charge(self, buyer: Buyer, amount: int = 1500_00) -> Charge:
        """A new charge, of a buyer who does this."""
        ...

    def pay(self, provider_id: str) -> None:
        """The buyer who waits pays."""
        ...

    def cancel(self, provider_id: str) -> None:
        """The buyer who waits cancels or declines."""
        ...

    def advance(self, seconds: float) -> None:
        """Move the clock, and post the callbacks that are due."""
        ...

    def forge(self, charge: Charge, provider_id: str) -> int:
        """Post a callback that says *paid*, as somebody does who knows our addresses; returns the status."""
        ...

    def refund_outcome(self, refunding: Refunding) -> RefundStatus | None:
        """The outcome of a refund that is pending, which the provider posts or answers to a query."""
        ...

    def answer_all_with(self, status: int | None, body: bytes = b"<html>") -> None:
        """Let the provider answer everything with this; without a status it hangs up. 0 makes it well again."""
        ...

    def total_collected(self) -> int:
        """What the provider has collected for us and not given back, in minor units."""
        ...


class FailingAdapter(BaseAdapter):
    """A connection to the provider that can be made to fail."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner
        self.status: int | None = 0
        self.body = b""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if self.status == 0:
            return self._inner.send(request, *args, **options)
        if self.status is None:
            raise requests.ConnectionError("reset by peer")
        answer = requests.Response()
        answer.status_code, answer.raw = self.status, BytesIO(self.body)
        return answer

    def close(self) -> None:
        """Has nothing to close."""


# M-PESA Express

SHORTCODE, PASSKEY = "600638", "pass-key"
PHONES: Mapping[Buyer, str] = {
    "waits": "+254711000111",
    "pays": "+254711888203",
    "cancels": "+254711888032",
    "has no balance": "+254711888001",
    "answer lost": "+254711888500",
    "silent": "+254711888202",
    "twice": "+254711888222",
    "late": "+254711888300",
}


@dataclass
class MpesaRig(SimulatedDaraja):
    """The real client of M-PESA Express against the simulated API."""

    handler: CollectionRecorder = field(default_factory=CollectionRecorder)
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.daraja = self.make_daraja()
        self.simulator = ExpressSimulator(self.daraja, SHORTCODE, PASSKEY, f"{CALLBACKS}/c2b/confirmation")
        self.app.register_blueprint(express.routes(self.simulator))
        self.app.register_blueprint(mpesa_callbacks.routes(self.handler, (SECRET,), SHORTCODE, "mpesa"))
        self.connection = FailingAdapter(WsgiAdapter(self.app))
        self.collector = self.make_collector()

    def make_collector(self, *, passkey: str = PASSKEY, secret: str = "secret") -> MpesaExpress:
        session = requests.Session()
        session.mount(ROOT, self.connection)
        return MpesaExpress(
            DarajaClient(f"{ROOT}/simulator/daraja", "key", secret, clock=lambda: self.now, session=session),
            shortcode=SHORTCODE,
            passkey=passkey,
            initiator="testapi",
            credential="c3Jl",
            callbacks=CALLBACKS,
            clock=lambda: self.now,
        )

    def charge(self, buyer: Buyer, amount: int = 1500_00) -> Charge:
        number = next(self.numbers)
        expires_at = self.now + timedelta(minutes=15)
        return Charge(f"bpy_{number}", f"token{number}", amount, "KES", "K7P4", expires_at, PHONES[buyer])

    def pay(self, provider_id: str) -> None:
        assert express.answer_prompt(self.simulator, provider_id, "1234")

    def cancel(self, provider_id: str) -> None:
        assert express.answer_prompt(self.simulator, provider_id, None)

    def forge(self, charge: Charge, provider_id: str) -> int:
        with self.engine.begin() as conn:
            prompt = buyers.find(conn, provider_id, self.now)
        assert prompt is not None
        paid = express.callback(buyers.Collection(**{**fields_of(prompt), "code": buyers.PAID, "receipt": "FORGED"}))
        return self.post(f"{CALLBACKS}/express/guess", paid)

    def refund_outcome(self, refunding: Refunding) -> RefundStatus | None:
        before = len(self.handler.recorded)
        self.advance(2)
        outcomes = [told[1] for told in self.handler.recorded[before:] if told[0] == refunding.token]  # type: ignore[index]
        return outcomes[-1] if outcomes else None

    def answer_all_with(self, status: int | None, body: bytes = b"<html>") -> None:
        self.connection.status, self.connection.body = status, body

    def total_collected(self) -> int:
        with self.engine.begin() as conn:
            return buyers.total_collected(conn)


def fields_of(collection: buyers.Collection) -> dict[str, Any]:
    return {name: getattr(collection, name) for name in buyers.Collection.__slots__}


# Stripe

ACTS: Mapping[Buyer, tuple[str, str]] = {
    "pays": ("pay", "early"),
    "cancels": ("decline", ""),
    "has no balance": ("later", "declined"),
    "answer lost": ("pay", ""),
    "silent": ("pay", "silent"),
    "twice": ("pay", "twice"),
    "late": ("later", ""),
}
"""What each buyer does on the page as soon as it is there; who waits does nothing."""


@dataclass
class StripeRig:
    """The real client of Stripe against the simulated API, and buyers who act on its page."""

    engine: Engine
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    buyers: dict[str, Buyer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.account = SimulatedStripe(self.engine)
        self.handler = self.account.handler
        self.connection = FailingAdapter(WsgiAdapter(self.account.app))
        self.account.session.mount(simulated_stripe.ROOT, self.connection)
        self.collector = AskedAndActed(self)

    def charge(self, buyer: Buyer, amount: int = 1500_00) -> Charge:
        number = next(self.numbers)
        self.buyers[f"bpy_{number}"] = buyer
        return Charge(
            *(f"bpy_{number}", f"token{number}", amount if buyer != "answer lost" else 15_77_40, "KES", "K7P4"),
            self.account.now + timedelta(minutes=15),
            return_url="https://shop.example/o/token",
        )

    def pay(self, provider_id: str) -> None:
        self.account.act(provider_id, "pay")

    def cancel(self, provider_id: str) -> None:
        self.account.act(provider_id, "decline")

    def advance(self, seconds: float) -> None:
        self.account.advance(seconds)

    def forge(self, charge: Charge, provider_id: str) -> int:
        event = {"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {"id": provider_id}}}
        return self.account.app.test_client().post("/webhooks/stripe", json=event).status_code

    def refund_outcome(self, refunding: Refunding) -> RefundStatus | None:
        self.advance(61)
        answer = self.collector.query_refund(refunding)
        return None if isinstance(answer, RefundPending) else answer

    def answer_all_with(self, status: int | None, body: bytes = b"<html>") -> None:
        self.connection.status, self.connection.body = status, body

    def total_collected(self) -> int:
        return self.account.balance


class AskedAndActed(StripeCheckout):
    """The real client; a buyer acts before its answer is given."""

    def __init__(self, rig: StripeRig) -> None:
        root = f"{simulated_stripe.ROOT}/simulator/stripe"
        super().__init__(simulated_stripe.API_KEY, base_url=root, session=rig.account.session)
        self._rig = rig

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        answer = super().ask(charge)
        if isinstance(answer, Asked) and (act := ACTS.get(self._rig.buyers[charge.id])):
            self._rig.account.act(answer.provider_id, *act)
        return answer


RIGS: Mapping[str, Callable[[Engine], Rig]] = {"mpesa": MpesaRig, "stripe": StripeRig}
"""By the name of the collector."""


def captured_by(told: list[object]) -> list[Captured]:
    """The payments among the callbacks."""
    return [captured for _, captured in told if isinstance(captured, Captured)]  # type: ignore[misc,attr-defined]
