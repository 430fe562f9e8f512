"""What the users do, and their answers to the questions on their screens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

from tests.chaos.scenario import SORRY, Scenario


@dataclass(frozen=True, slots=True)
class AgentPhone:
    """The kiosk with this number, and the lock of its agent's only phone."""

    number: int
    lock: Lock = field(default_factory=Lock)

    @property
    def kiosk_name(self) -> str:
        return f"Kiosk {self.number}"

    @property
    def msisdn(self) -> str:
        return f"+25479999{self.number:04}"


AGENTS = tuple(AgentPhone(number) for number in range(1, 5))


@dataclass(frozen=True, slots=True)
class LoadUser:
    """Every user becomes an artisan, every second one by text, and every fifth sells a product."""

    number: int

    @property
    def msisdn(self) -> str:
        return f"+2547{self.number:08}"

    @property
    def name(self) -> str:
        return f"Person{self.number}"

    @property
    def agent(self) -> AgentPhone:
        return AGENTS[self.number % len(AGENTS)]

    @property
    def writes(self) -> bool:
        return self.number % 2 == 0

    @property
    def sells(self) -> bool:
        return self.number % 5 == 0

    @property
    def title(self) -> str:
        """The title of the user's product."""
        return f"Pot{self.number}"

    @property
    def reference(self) -> str:
        """The storefront's reference for the order of that product."""
        return f"ref-{self.number}"


def open_kiosks(scenario: Scenario) -> None:
    for agent in AGENTS:
        body = {"name": agent.kiosk_name, "town": "Kisumu", "agent": {"name": "Otieno", "phone": agent.msisdn}}
        scenario.api("POST", "/kiosks", body, key=f"kiosk-{agent.number}")


def act(scenario: Scenario, user: LoadUser) -> None:
    """Everything that one user does: join, and sell a product until its order is at the kiosk."""
    join(scenario, user)
    if user.sells:
        list_product(scenario, user)
        code = place_order(scenario, user)
        scenario.text(user.msisdn, f"YES {code}", f"yes-{user.number}")
        with user.agent.lock:
            receive_order(scenario, user.agent, code)


def join(scenario: Scenario, user: LoadUser) -> None:
    """Join by call or by text; then call to see the result, and join again if a fault has lost the conversation."""
    call_until(scenario, user.msisdn, "greet", {"Language": "1"}, until="Welcome to Soko")
    if user.writes:
        for step, said in enumerate((f"JOIN {user.name}", "1", str(user.agent.number), "1")):
            scenario.text(user.msisdn, said, f"sms-{user.number}-{step}")
    call_until(scenario, user.msisdn, "join", _joining(user), until=f"Soko: {user.name}")


def _joining(user: LoadUser) -> dict[str, str]:
    return {
        "Language": "1",
        "Welcome to Soko": "1",
        "What is your name?": user.name,
        "What is your craft?": "1",
        "Which kiosk": str(user.agent.number),
        "How do you want to be paid?": "1",
    }


def list_product(scenario: Scenario, user: LoadUser) -> None:
    answers = {
        "Soko: ": "1",
        "What are you selling?": user.title,
        "What kind of product": "6",
        "Price of one": "900",
        "How many do you have?": "4",
        "Sell 4 x": "1",
    }
    call_until(scenario, user.msisdn, "sell", answers, until=f"END {user.title} is on sale")


def place_order(scenario: Scenario, user: LoadUser) -> str:
    """A storefront orders the user's product; the order's code."""
    found = scenario.api("GET", f"/products?q={user.title}&limit=100")["data"]
    product = next(product for product in found if product["title"] == user.title)
    order = scenario.api("POST", "/orders", order_body(user, product["id"]), key=user.reference)
    scenario.orders[user.reference] = order
    return str(order["code"])


def order_body(user: LoadUser, product_id: str) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": f"+2541{user.number:08}", "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        "external_ref": user.reference,
    }


def receive_order(scenario: Scenario, agent: AgentPhone, code: str) -> None:
    answers = {
        "Language": "1",
        "Soko: ": "1",
        "What is the order's code?": code,
        "How many came?": "1",
        "Receive 1 x": "1",
    }
    call_until(scenario, agent.msisdn, f"receive-{code}", answers, until="END Received: 1 x")


def call_until(scenario: Scenario, msisdn: str, name: str, answers: Mapping[str, str], until: str) -> None:
    """Answer the questions until a screen has the words `until`, and dial again if the call ended before."""
    all_answers, numbers = {"Go on where you stopped?": "1", **answers}, count()

    def reach_end() -> bool | None:
        screen = _call(scenario, msisdn, f"ATUid_{msisdn}_{name}_{next(numbers)}", all_answers, until)
        expected = until in screen or screen == SORRY or screen.startswith("END Welcome to Soko")
        assert expected, f"{msisdn}, {name}: {screen!r}"
        return until in screen or None

    scenario.wait_for(reach_end, f"{msisdn} never read {until!r}")


def _call(scenario: Scenario, msisdn: str, session_id: str, answers: Mapping[str, str], until: str) -> str:
    """The last screen of one call. A screen whose question is not among the known ones fails the test."""
    typed: list[str] = []
    while until not in (screen := scenario.dial(msisdn, session_id, "*".join(typed))) and screen.startswith("CON"):
        answer = next((answer for words, answer in answers.items() if words in screen), None)
        assert answer, f"{session_id}: {'*'.join(typed)} led to {screen!r}"
        typed.append(answer)
    return screen
