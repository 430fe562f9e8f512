"""Seeded faults: the whole story under each fault ends well, and the same seed gives the same wire log."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from bot.simulator.faults import Fault, FaultRequest
from bot.simulator.gateway import CallDroppedError
from bot.simulator.instruments import instruments
from marketplace_api.orders import paying
from state import people
from tests import runs
from tests.actors import TESTER
from tests.service import Service, serving

AMINA, JOY, OTIENO = "+254711000111", "+254733000333", "+254722000222"
PATIENCE = 40
"""How often a person tries; under faults at half of all hops, hardly anybody needs ten."""
SCREENS = (
    (r"Go on where you stopped", "1"),
    (r"1\. Join as an artisan", "1"),
    (r"What is your name", "Amina"),
    (r"What is your craft", "1"),
    (r"Which kiosk", "1"),
    (r"How do you want to be paid", "1"),
    (r"1\. Sell something", "1"),
    (r"What are you selling", "Kiondo basket"),
    (r"What kind of product", "1"),
    (r"Price of one", "1500"),
    (r"How many do you have", "9"),
    (r"1\. Receive goods", "1"),
    (r"How many came", "2"),
    (r"1\. Yes", "1"),
)
"""What a person answers, by what the screen shows."""


def everywhere(fault: Fault, seed: int, probability: float = 0.4) -> list[FaultRequest]:
    """The fault at every provider that can have it."""
    without = {"twilio"} | ({"daraja", "stripe"} if fault == "drop" else set())
    names = [name for name in ("africastalking", "twilio", "daraja", "stripe") if name not in without]
    return [
        FaultRequest(target="provider", name=name, fault=fault, probability=probability, seed=seed) for name in names
    ]


class Story:
    """Amina joins and sells, Joy buys, Otieno receives: each tries again as people do."""

    def __init__(self, service: Service, rules: Sequence[FaultRequest]) -> None:
        self.service, self.faults = service, instruments(service.services).faults
        service.kiosk(OTIENO)
        with service.services.database.writing.begin() as session:
            for phone in (AMINA, JOY, OTIENO):
                people.set_language(session.connection(), phone, "en", service.clock())
        self.faults.replace_all(rules)

    def play(self) -> Any:
        """The order at the end."""
        self.call(AMINA, {}, lambda: bool(self.products()))
        order = self.paid_order()
        self.until(lambda: self.text(f"YES {order['code']}"), lambda: self.status() == "accepted")
        self.until(lambda: self.text(f"READY {order['code']}"), lambda: "order.ready" in self.service.events())
        self.call(OTIENO, {r"order's code": order["code"]}, lambda: self.status() == "at_kiosk")
        self.faults.replace_all([])
        self.service.later(hours=3)
        self.retry_payouts()
        return self.service.api("GET", f"/orders/{order['id']}")

    def paid_order(self) -> Any:
        """An order that is paid; ordered again if none of the money could be confirmed in time."""
        for _ in range(PATIENCE):
            order = self.service.order(self.products()[0]["id"], 2, JOY, by_mpesa=True)
            self.until(partial(self.pay, order["code"], order["total"]["amount"]), lambda: self.status() != "unpaid")
            if self.status() == "placed":
                return order
        raise AssertionError("no order was paid")

    def products(self) -> Any:
        return self.service.api("GET", "/products?limit=10")["data"]

    def status(self) -> str:
        return str(self.service.api("GET", "/orders?limit=1")["data"][0]["status"])

    def until(self, act: Callable[[], object], is_done: Callable[[], bool]) -> None:
        for _ in range(PATIENCE):
            if is_done():
                return
            act()
            self.service.later(minutes=1)
        raise AssertionError("it never happened")

    def text(self, words: str) -> None:
        self.service.network.text(AMINA, words)

    def pay(self, code: str, amount: int) -> None:
        """Type the PIN at the prompt, or pay to the paybill number if none came; nobody pays twice in a minute.

        An operator lets collecting go on when a refusal has paused it.
        """
        self.service.later(seconds=30)
        with self.service.services.database.writing.begin() as session:
            paying.resume_collecting(self.service.services.shop(session, TESTER), "simulator")
        try:
            self.service.answer_prompt(JOY, "1234")
        except LookupError:
            if self.status() == "unpaid" and not self.paid_by_bill(code):
                self.service.pay_bill(JOY, code, amount // 100)

    def paid_by_bill(self, code: str) -> bool:
        return code in self.service.http.get("/simulator/statements/mpesa").text

    def call(self, msisdn: str, answers: dict[str, str], is_done: Callable[[], bool]) -> None:
        """Call, and call again when the call drops, until it is done."""
        known = (*answers.items(), *SCREENS)

        def one_call() -> None:
            try:
                screen = self.service.network.dial(msisdn)
                while screen.startswith("CON ") and not is_done():
                    screen = self.service.network.answer(msisdn, reply_to(screen, known))
            except CallDroppedError:
                pass

        self.until(one_call, is_done)

    def retry_payouts(self) -> None:
        for payout in self.service.api("GET", "/payouts?limit=10")["data"]:
            if payout["status"] == "failed":
                self.service.api("POST", f"/payouts/{payout['id']}/retry")
        self.service.later(minutes=5)


def reply_to(screen: str, known: Sequence[tuple[str, str]]) -> str:
    return next(reply for shown, reply in known if re.search(shown, screen))


def assert_it_ended_well(service: Service, order: Any) -> None:
    """All that was paid is accounted for once, and whoever is owed money has it."""
    assert (order["status"], order["payment_status"]) == ("at_kiosk", "paid")
    (payout,) = service.api("GET", "/payouts?limit=10")["data"]
    assert (payout["status"], payout["amount"]["amount"]) == ("paid", 270_000)
    assert [product["quantity"] for product in service.api("GET", "/products?limit=10")["data"]] == [7]
    checked = service.api("GET", "/ledger/check")
    assert checked["ok"], checked
    events = service.events()
    once = ("artisan.registered", "product.listed", "order.placed", "order.accepted", "order.at_kiosk", "payout.paid")
    assert {name: events.count(name) for name in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize("fault", runs.some_of(get_args(Fault)))
def test_the_story_ends_well_under(fault: Fault, tmp_path: Path, seed: int) -> None:
    with serving(tmp_path) as service:
        order = Story(service, everywhere(fault, seed)).play()
        assert_it_ended_well(service, order)


def wire_log(folder: Path, seed: int) -> list[Any]:
    """What was said about each phone under several faults, without the ids that are made at random."""
    faults: tuple[Fault, ...] = ("drop", "repeat", "error", "hang", "lose_report")
    with serving(folder) as service:
        story = Story(service, [rule for fault in faults for rule in everywhere(fault, seed, 0.2)])
        story.call(AMINA, {}, lambda: bool(story.products()))
        story.text("ORDERS")
        service.later(minutes=10)
        log = service.network_log()
    named = [(each["phone"], each["at"], each["kind"], each["summary"], each["response"]["status"]) for each in log]
    return sorted(named, key=lambda each: each[0])


def test_the_same_seed_gives_the_same_wire_log_and_another_seed_another(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "again", "other")]
    for folder in folders:
        folder.mkdir()
    first, again, other = (wire_log(folder, seed) for folder, seed in zip(folders, (7, 7, 8), strict=True))
    assert first == again
    assert first != other
    assert {kind for _, _, kind, _, _ in first} >= {"hop", "end", "text", "sms", "report"}
