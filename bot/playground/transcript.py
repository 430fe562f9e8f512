"""Transcripts: files with the texts and screens of a conversation, played through the whole service.

    # Amina joins and sells.
    @ amina ussd             the next lines are this phone's: name, channel, and optionally a language chosen earlier
    > *384*22#               it sends
    < CON Karibu Soko!       it receives, exactly as on the wire
    ^ joy Your order …       another phone receives a text
    = order.placed K7P4      an event of the marketplace
    ! wait 2h                an action from outside

Only lines that begin with @, > and ! are played. The other lines are replaced by the results, so a change of
behaviour appears as a diff of a conversation. The actions are `drop`, `repeat`, `wait 90s|5m|2h|1d`, `provider 500`,
`picture WORDS` (the acting phone sends a picture through Twilio), `kiosk NAME, TOWN, AGENT`, `order BUYER 2 x TITLE`,
`brief BUYER 40 x TITLE, CATEGORY, PRICE, DAY`, `ship CODE CARRIER TRACKING`, `deliver CODE` and `cancel CODE`.

What was recorded in the simulator begins with `clock TIME`, `demo` (the demo data is there), `phone NAME NUMBER` and
`codes …` (the codes that are made first, in this order). `with NAME=VALUE` there is a setting for whoever opens the
harness: see `settings_of`. In what is sent, `{code of NAME}` is the last one-time code that this phone was texted, and
`\\n` begins a new line.

A storefront vouches for these orders. A buyer pays one of `order BUYER 2 x TITLE, by mpesa`: `pay BUYER` types the PIN
at the prompt, `refuse BUYER` cancels it, and `paybill BUYER AMOUNT CODE` pays without a prompt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any

from bot.playground.harness import Harness
from bot.simulator.recording import WRITTEN_SETTINGS
from state import people

PLAYED = frozenset("@>!")
KEPT = frozenset("#@>!")
BUYERS_PIN = "1234"
_ONE_TIME_CODE = re.compile(r"\b\d{6}\b")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class UnplayableLineError(ValueError):
    """A line of a transcript cannot be played; the message has its number and text."""


def settings_of(script: str) -> Mapping[str, str]:
    """The settings that a transcript wants, by their names in small letters. Raises UnplayableLineError."""
    named = {name.lower(): value for name, value in re.findall(r"^! with (\w+)=(.*)$", script, re.MULTILINE)}
    for name in named.keys() - set(WRITTEN_SETTINGS):
        raise UnplayableLineError(f"! with {name.upper()}: a transcript cannot set this")
    return named


@dataclass(slots=True)
class ScriptedPhone:
    """A phone in a transcript. `shown` counts how many of its texts were written into the transcript."""

    name: str
    msisdn: str
    channel: str = "ussd"
    shown: int = 0


@dataclass(slots=True)
class TranscriptPlayer:
    """Plays one transcript on a harness that nothing else uses."""

    harness: Harness
    phones: dict[str, ScriptedPhone] = field(default_factory=dict)
    acting: ScriptedPhone | None = None
    cursor: str = ""
    """Where the events begin that were not read yet; empty before the first."""
    told: int = 0
    """How many of them need no line, because the action itself says that they happened."""

    def play(self, script: str, *, leaves_out: bool = False) -> str:
        """The transcript with the results of this version.

        Raises UnplayableLineError, unless it `leaves_out` what cannot be played: then a comment says so.
        """
        lines: list[str] = []
        for number, line in enumerate(script.splitlines(), 1):
            if line and line[0] not in KEPT:
                continue
            lines.append(line)
            if line and line[0] in PLAYED:
                try:
                    lines += self._play_line(line[0], line[1:].strip())
                except (UnplayableLineError, LookupError, AssertionError) as error:
                    if leaves_out:
                        lines[-1] = f"# This could not be played: {line}"
                        continue
                    raise UnplayableLineError(f"line {number}: {line}: {error}") from error
        return "\n".join(lines) + "\n"

    def _play_line(self, mark: str, content: str) -> Iterator[str]:
        match mark:
            case "@":
                self._switch_phone(*content.split())
            case ">":
                yield from self._send(content)
            case _:
                yield from self._act(content)
        yield from self._results()

    # Phones

    def _switch_phone(self, name: str, channel: str, language: str | None = None) -> None:
        self.acting = self._phone(name)
        self.acting.channel = channel
        if language:
            with self.harness.services.database.writing.begin() as session:
                people.set_language(session.connection(), self.acting.msisdn, language, self.harness.clock())

    def _phone(self, name: str) -> ScriptedPhone:
        """The phone of this name; a new name gets the next number."""
        return self.phones.setdefault(name, ScriptedPhone(name, f"+2547110001{len(self.phones):02}"))

    def _send(self, text: str) -> Iterator[str]:
        phone, text = self._acting_phone(), self._typed(text)
        if phone.channel == "sms":
            self.harness.gateway.text(phone.msisdn, text)
        elif phone.channel == "twilio":
            self.harness.gateway.text(phone.msisdn, text, provider="twilio")
        elif text.startswith("*"):
            yield from _block("<", self.harness.gateway.dial(phone.msisdn, text))
        else:
            yield from _block("<", self.harness.gateway.answer(phone.msisdn, text))

    def _typed(self, written: str) -> str:
        typed = re.sub(r"\{code of (\w+)\}", lambda found: self._one_time_code(found[1]), written)
        return typed.replace("\\n", "\n")

    def _one_time_code(self, name: str) -> str:
        """The last one-time code in the texts to a phone; without one, what stands for it."""
        for text in reversed(self.harness.received(self._phone(name).msisdn)):
            if found := _ONE_TIME_CODE.search(text):
                return found[0]
        return f"{{code of {name}}}"

    def _acting_phone(self) -> ScriptedPhone:
        if self.acting is None:
            raise UnplayableLineError("no phone is chosen yet: begin with a line @")
        return self.acting

    # Actions

    def _act(self, action: str) -> Iterator[str]:
        verb, _, arguments = action.partition(" ")
        actions: dict[str, Callable[[str], Any]] = {
            "drop": lambda _: self._drop(),
            "wait": self._wait,
            "provider": lambda status: self.harness.fail_provider(int(status)),
            "picture": lambda words: self.harness.gateway.picture(self._acting_phone().msisdn, words, _picture()),
            "kiosk": self._kiosk,
            "order": self._order,
            "brief": self._brief,
            "ship": self._ship,
            "deliver": lambda code: self.harness.api("POST", f"/orders/{self._order_id(code)}/deliver"),
            "pay": lambda name: self.harness.answer_prompt(self._phone(name).msisdn, BUYERS_PIN),
            "refuse": lambda name: self.harness.answer_prompt(self._phone(name).msisdn, None),
            "paybill": self._pay_bill,
            "with": lambda _: None,
            "clock": lambda time: self.harness.begin_at(datetime.fromisoformat(time)),
            "demo": lambda _: self._add_demo(),
            "phone": self._name_phone,
            "codes": lambda codes: self.harness.ids.given.extend(codes.split()),
            "cancel": lambda code: self.harness.api("POST", f"/orders/{self._order_id(code)}/cancel"),
        }
        if verb == "repeat":
            answer = self.harness.gateway.repeat()
            yield from _block("<", answer) if answer else ()
        elif verb in actions:
            actions[verb](arguments)
        else:
            raise UnplayableLineError(f"there is no action {verb!r}")

    def _drop(self) -> None:
        with suppress(KeyError):  # the call has ended already
            self.harness.gateway.hang_up(self._acting_phone().msisdn)

    def _add_demo(self) -> None:
        self.harness.add_demo()
        self.told += len(self.harness.events())

    def _name_phone(self, arguments: str) -> None:
        """From now on its texts are shown; those of before, such as the demo's, are not."""
        name, msisdn = arguments.split()
        self.phones[name] = ScriptedPhone(name, msisdn, shown=len(self.harness.inbox(msisdn)))

    def _wait(self, time: str) -> None:
        self.harness.later(**{UNITS[time[-1]]: float(time[:-1])})

    def _kiosk(self, arguments: str) -> None:
        name, town, agent = (part.strip() for part in arguments.split(","))
        self.harness.kiosk(self._phone(agent).msisdn, name, town)
        self.told += 1

    def _order(self, arguments: str) -> None:
        parts = re.fullmatch(r"(\w+) (\d+) x (.+?)(, by mpesa)?", arguments)
        if parts is None:
            raise UnplayableLineError("takes BUYER 2 x TITLE, and perhaps: , by mpesa")
        name, quantity, title, by_mpesa = parts.groups()
        products = self.harness.api("GET", "/products?limit=100")["data"]
        product = next((each for each in products if title in (each["title"], each["code"])), None)
        if product is None:
            raise LookupError(f"there is no product {title}")
        buyer = self._phone(name).msisdn
        self.harness.order(product["id"], int(quantity), buyer, name=name.title(), by_mpesa=bool(by_mpesa))

    def _pay_bill(self, arguments: str) -> None:
        name, amount, code = arguments.split()
        self.harness.pay_bill(self._phone(name).msisdn, code, int(amount))

    def _brief(self, arguments: str) -> None:
        parts = re.fullmatch(r"(\w+) (\d+) x ([^,]+), (\w+), (\d+), ([\d-]+)", arguments)
        if parts is None:
            raise UnplayableLineError("takes BUYER 40 x TITLE, CATEGORY, PRICE, DAY")
        name, quantity, title, category, price, day = parts.groups()
        money = {"amount": int(price) * 100, "currency": self.harness.settings.currency}
        brief = {"title": title, "category": category, "unit_price": money, "quantity": int(quantity), "due_on": day}
        self.harness.brief(brief, self._phone(name).msisdn, name=name.title())

    def _ship(self, arguments: str) -> None:
        code, _, posted = arguments.partition(" ")
        carrier, _, tracking = posted.rpartition(" ")
        body = {"carrier": carrier, "tracking": tracking}
        self.harness.api("POST", f"/orders/{self._order_id(code)}/ship", body)

    def _order_id(self, code: str) -> str:
        orders = self.harness.api("GET", "/orders?limit=100")["data"]
        for order in orders:
            if order["code"] == code:
                return str(order["id"])
        raise LookupError(f"there is no order {code}")

    # Results

    def _results(self) -> Iterator[str]:
        """New events, then new texts; those of the acting phone come first."""
        self.harness.work()
        for event in self._new_events():
            yield f"= {event['type']} {event['data'].get('code') or event['data'].get('name') or ''}".rstrip()
        for phone in sorted(self.phones.values(), key=lambda phone: phone is not self.acting):
            texts = self.harness.received(phone.msisdn)
            for text in texts[phone.shown :]:
                yield from _block("<" if phone is self.acting else f"^ {phone.name}", text)
            phone.shown = len(texts)

    def _new_events(self) -> list[Any]:
        """The events that were not read yet and need a line, oldest first."""
        after = f"&cursor={self.cursor}" if self.cursor else ""
        page = self.harness.api("GET", f"/events?limit=100{after}")
        told, self.told = self.told, 0
        self.cursor = page["next_cursor"] or self.cursor
        return list(page["data"][told:])


def _picture() -> bytes:
    """A small black JPEG."""
    from PIL import Image

    file = BytesIO()
    Image.new("RGB", (320, 240)).save(file, "JPEG")
    return file.getvalue()


def _block(mark: str, text: str) -> Iterator[str]:
    """The lines of a text: the first after its mark, the others indented."""
    first, *others = text.splitlines() or [""]
    yield f"{mark} {first}".rstrip()
    yield from (f"  {line}".rstrip() for line in others)
