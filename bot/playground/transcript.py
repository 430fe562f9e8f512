"""Transcripts: what people sent and got, as anybody can read it, played through the whole service.

    # Amina joins and sells.
    @ amina ussd             this phone speaks from here on: name, channel, perhaps the language it chose before
    > *384*22#               it sends
    < CON Karibu Soko!       it gets, exactly as on the wire
    ^ joy Your order …       a text that another phone gets
    = order.placed K7P4      an event of the shop
    ! wait 2h                what the world does

Only lines that begin with @, > and ! are played. The others are written anew, so that what changed reads as a
diff of a conversation. The world can: `drop`, `repeat`, `wait 90s|5m|2h|1d`, `provider 500`,
`picture WORDS` (the speaker sends one over Twilio), `kiosk NAME, TOWN, AGENT`, `order BUYER 2 x TITLE`,
`brief BUYER 40 x TITLE, CATEGORY, PRICE, DAY`, `ship CODE CARRIER TRACKING`, `deliver CODE`, `cancel CODE`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from bot.playground.harness import Harness
from state import people

PLAYED = frozenset("@>!")
KEPT = frozenset("#@>!")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Unplayable(ValueError):  # noqa: N818 - said of a line, with its number
    """A line of a transcript makes no sense."""


@dataclass(slots=True)
class Phone:
    name: str
    msisdn: str
    channel: str = "ussd"
    read: int = 0
    """How many of its texts were shown."""


@dataclass(slots=True)
class Player:
    """Plays one transcript in a world of its own."""

    world: Harness
    phones: dict[str, Phone] = field(default_factory=dict)
    speaker: Phone | None = None
    told: int = 0

    def play(self, script: str) -> str:
        """The transcript as it reads now."""
        lines: list[str] = []
        for number, line in enumerate(script.splitlines(), 1):
            if line and line[0] not in KEPT:
                continue
            lines.append(line)
            if line and line[0] in PLAYED:
                try:
                    lines += self._played(line[0], line[1:].strip())
                except (Unplayable, KeyError, LookupError) as error:
                    raise Unplayable(f"line {number}: {line}: {error}") from error
        return "\n".join(lines) + "\n"

    def _played(self, mark: str, rest: str) -> Iterator[str]:
        match mark:
            case "@":
                self._turn_to(*rest.split())
            case ">":
                yield from self._say(rest)
            case _:
                yield from self._happen(rest)
        yield from self._news()

    # -- people

    def _turn_to(self, name: str, channel: str, language: str | None = None) -> None:
        self.speaker = self._phone(name)
        self.speaker.channel = channel
        if language:
            with self.world.services.database.writing.begin() as session:
                people.set_language(session.connection(), self.speaker.msisdn, language, self.world.clock())

    def _phone(self, name: str) -> Phone:
        """Everybody has a phone; numbers go by the order in which people come into the story."""
        return self.phones.setdefault(name, Phone(name, f"+2547110001{len(self.phones):02}"))

    def _say(self, said: str) -> Iterator[str]:
        phone = self._speaking()
        if phone.channel == "sms":
            self.world.gateway.text(phone.msisdn, said)
        elif phone.channel == "twilio":
            self.world.gateway.text(phone.msisdn, said, provider="twilio")
        elif said.startswith("*"):
            yield from _block("<", self.world.gateway.dial(phone.msisdn, said))
        else:
            yield from _block("<", self.world.gateway.answer(phone.msisdn, said))

    def _speaking(self) -> Phone:
        if self.speaker is None:
            raise Unplayable("nobody speaks yet")
        return self.speaker

    # -- the world

    def _happen(self, what: str) -> Iterator[str]:
        verb, _, rest = what.partition(" ")
        deeds: dict[str, Callable[[str], Any]] = {
            "drop": lambda _: self.world.gateway.hang_up(self._speaking().msisdn),
            "wait": self._wait,
            "provider": lambda status: self.world.faults.append(int(status)),
            "picture": lambda words: self.world.gateway.picture(self._speaking().msisdn, words, _picture()),
            "kiosk": self._kiosk,
            "order": self._order,
            "brief": self._brief,
            "ship": self._ship,
            "deliver": lambda code: self.world.api("POST", f"/orders/{self._order_id(code)}/deliver"),
            "cancel": lambda code: self.world.api("POST", f"/orders/{self._order_id(code)}/cancel"),
        }
        if verb == "repeat":
            answer = self.world.gateway.repeat()
            yield from _block("<", answer) if answer else ()
        elif verb in deeds:
            deeds[verb](rest)
        else:
            raise Unplayable(f"the world cannot {verb!r}")

    def _wait(self, time: str) -> None:
        self.world.later(**{UNITS[time[-1]]: float(time[:-1])})

    def _kiosk(self, rest: str) -> None:
        name, town, agent = (part.strip() for part in rest.split(","))
        self.world.kiosk(self._phone(agent).msisdn, name, town)

    def _order(self, rest: str) -> None:
        asked = re.fullmatch(r"(\w+) (\d+) x (.+)", rest)
        if asked is None:
            raise Unplayable("takes BUYER 2 x TITLE")
        name, quantity, title = asked.groups()
        products = self.world.api("GET", "/products?limit=100")["data"]
        product = next(product for product in products if product["title"] == title)
        self.world.order(product["id"], int(quantity), self._phone(name).msisdn, name=name.title())

    def _brief(self, rest: str) -> None:
        asked = re.fullmatch(r"(\w+) (\d+) x ([^,]+), (\w+), (\d+), ([\d-]+)", rest)
        if asked is None:
            raise Unplayable("takes BUYER 40 x TITLE, CATEGORY, PRICE, DAY")
        name, quantity, title, category, price, day = asked.groups()
        money = {"amount": int(price) * 100, "currency": self.world.settings.currency}
        what = {"title": title, "category": category, "unit_price": money, "quantity": int(quantity), "due_on": day}
        self.world.brief(what, self._phone(name).msisdn, name=name.title())

    def _ship(self, rest: str) -> None:
        code, carrier, tracking = rest.split()
        body = {"carrier": carrier, "tracking": tracking}
        self.world.api("POST", f"/orders/{self._order_id(code)}/ship", body)

    def _order_id(self, code: str) -> str:
        orders = self.world.api("GET", "/orders?limit=100")["data"]
        return str(next(order["id"] for order in orders if order["code"] == code))

    # -- what came of it

    def _news(self) -> Iterator[str]:
        """Events of the shop, then texts, the speaker's own first."""
        self.world.work()
        events = self.world.api("GET", "/events?limit=100")["data"]
        for event in events[self.told :]:
            yield f"= {event['type']} {event['data'].get('code') or event['data'].get('name') or ''}".rstrip()
        self.told = len(events)
        for phone in sorted(self.phones.values(), key=lambda phone: phone is not self.speaker):
            texts = self.world.inbox(phone.msisdn)
            for text in texts[phone.read :]:
                yield from _block("<" if phone is self.speaker else f"^ {phone.name}", text)
            phone.read = len(texts)


def _picture() -> bytes:
    """As the simplest of cameras takes it, in the dark."""
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (320, 240)).save(file, "JPEG")
    return file.getvalue()


def _block(mark: str, text: str) -> Iterator[str]:
    """A text with its mark; further lines of it stand indented."""
    first, *others = text.splitlines() or [""]
    yield f"{mark} {first}".rstrip()
    yield from (f"  {line}".rstrip() for line in others)
