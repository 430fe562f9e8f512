"""What the town's people do, and what they say to the questions that they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Lock
from typing import Any

from tests.chaos.town import SORRY, Town, eventually


@dataclass(frozen=True, slots=True)
class Kiosk:
    """Where goods are received, by an agent who has one phone."""

    number: int
    phone: Lock = field(default_factory=Lock)

    @property
    def name(self) -> str:
        return f"Kiosk {self.number}"

    @property
    def agent_msisdn(self) -> str:
        return f"+25479999{self.number:04}"


KIOSKS = tuple(Kiosk(number) for number in range(1, 5))


@dataclass(frozen=True, slots=True)
class Person:
    """Everybody becomes an artisan, and every fifth of them sells a ware."""

    number: int

    @property
    def msisdn(self) -> str:
        return f"+2547{self.number:08}"

    @property
    def name(self) -> str:
        return f"Person{self.number}"

    @property
    def kiosk(self) -> Kiosk:
        return KIOSKS[self.number % len(KIOSKS)]

    @property
    def writes(self) -> bool:
        return self.number % 2 == 0

    @property
    def sells(self) -> bool:
        return self.number % 5 == 0

    @property
    def ware(self) -> str:
        return f"Pot{self.number}"

    @property
    def reference(self) -> str:
        """The storefront's own, for the order of her ware."""
        return f"ref-{self.number}"


def opens(there: Town) -> None:
    """The kiosks are there before anybody comes."""
    for kiosk in KIOSKS:
        agent = {"name": "Otieno", "phone": kiosk.agent_msisdn}
        there.api(
            "POST", "/kiosks", {"name": kiosk.name, "town": "Kisumu", "agent": agent}, key=f"kiosk-{kiosk.number}"
        )


def story(there: Town, person: Person) -> None:
    joins(there, person)
    if person.sells:
        sells(there, person)
        code = is_ordered(there, person)
        there.text(person.msisdn, f"YES {code}", f"yes-{person.number}")
        with person.kiosk.phone:
            receives(there, person.kiosk, code)


def joins(there: Town, person: Person) -> None:
    """By call, or by text; then she calls to see what came of it, and joins if it was forgotten as she spoke."""
    calls(there, person.msisdn, "greet", {"Language": "1"}, until="Welcome to Soko")
    if person.writes:
        for step, said in enumerate((f"JOIN {person.name}", "1", str(person.kiosk.number), "1")):
            there.text(person.msisdn, said, f"sms-{person.number}-{step}")
    calls(there, person.msisdn, "join", _joining(person), until=f"Soko: {person.name}")


def _joining(person: Person) -> dict[str, str]:
    return {
        "Language": "1",
        "Welcome to Soko": "1",
        "What is your name?": person.name,
        "What is your craft?": "1",
        "Which kiosk": str(person.kiosk.number),
        "How do you want to be paid?": "1",
    }


def sells(there: Town, person: Person) -> None:
    asked = {
        "Soko: ": "1",
        "What are you selling?": person.ware,
        "What kind of ware": "6",
        "Price of one": "900",
        "How many do you have?": "4",
        "Sell 4 x": "1",
    }
    calls(there, person.msisdn, "sell", asked, until=f"END {person.ware} is on sale")


def is_ordered(there: Town, person: Person) -> str:
    """A storefront orders what she sells; the order's code."""
    found = there.api("GET", f"/products?q={person.ware}&limit=100")["data"]
    product = next(product for product in found if product["title"] == person.ware)
    order = there.api("POST", "/orders", order_for(person, product["id"]), key=person.reference)
    there.orders[person.reference] = order
    return str(order["code"])


def order_for(person: Person, product_id: str) -> dict[str, Any]:
    return {
        "product_id": product_id,
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": f"+2541{person.number:08}", "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        "external_ref": person.reference,
    }


def receives(there: Town, kiosk: Kiosk, code: str) -> None:
    asked = {
        "Language": "1",
        "Soko kiosk": "1",
        "What is the order's code?": code,
        "How many came?": "1",
        "Receive 1 x": "1",
    }
    calls(there, kiosk.agent_msisdn, f"receive-{code}", asked, until="END Received: 1 x")


def calls(there: Town, msisdn: str, name: str, asked: Mapping[str, str], until: str) -> None:
    """Answers what she is asked until she reads `until`, and dials anew whenever a call ended before."""
    known, numbers = {"Your last call was cut off.": "1", **asked}, count()

    def comes_so_far() -> bool | None:
        read = _call(there, msisdn, f"ATUid_{msisdn}_{name}_{next(numbers)}", known, until)
        assert until in read or read == SORRY or read.startswith("END Welcome to Soko"), f"{msisdn}, {name}: {read!r}"
        return until in read or None

    eventually(comes_so_far, f"{msisdn} never read {until!r}")


def _call(there: Town, msisdn: str, session_id: str, known: Mapping[str, str], until: str) -> str:
    """One call; the last screen that she reads.

    One of which she knows nothing should not have been shown to her.
    """
    typed: list[str] = []
    while until not in (screen := there.dial(msisdn, session_id, "*".join(typed))) and screen.startswith("CON"):
        said = next((said for words, said in known.items() if words in screen), None)
        assert said, f"{session_id}: {'*'.join(typed)} led to {screen!r}"
        typed.append(said)
    return screen
