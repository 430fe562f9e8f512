"""The people of `script/bench --soak`: each story is one product, from the artisan's first call to the last text.

Every request has a time at which it is due: the arrival of its story, or the answer before it and the time to think.
What is measured counts from then, so that whatever waits, in the service or here, is part of it.
"""

from __future__ import annotations

import asyncio
import json
from array import array
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

from tests.bench.soak_provider import CalmProvider
from tests.http_client import BadAnswerError, HttpClient, HttpReply
from tests.web_process import FORM, USSD

KEY = "operator-key-of-the-soak"
TEXTS, REPORTS = "/webhooks/africastalking/dev/sms", "/webhooks/africastalking/dev/delivery"
KIOSKS = 200
THINKS_S, AGENT_THINKS_S, PAUSES_S = 2.0, 1.5, 3.0
"""How long people think about a screen, agents too, and how long between two things that they do; on average."""
LOST_AFTER_S = 90.0
"""A text that has not come after this time is lost."""
SLOW_S = {"text": 10.0, "": 1.0}
"""What is slow: for texts that are waited for, and for answers to requests."""
HOP, MENU_HOP, DIAL = "hop that does something", "hop in menus", "dial"


@dataclass
class Measured:
    """What came of the stories, and the seconds that each kind of request or text took."""

    seconds: defaultdict[str, array[float]] = field(default_factory=lambda: defaultdict(lambda: array("d")))
    begun: int = 0
    done: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    """How many stories ended early: `lost`, `wrong` or `failed`."""
    examples: list[str] = field(default_factory=list)
    late_s: float = 0.0
    """The most by which the load itself was late."""


class StoryEndedError(Exception):
    """A story cannot go on; `problem` is one of `lost`, `wrong`, `failed`."""

    def __init__(self, problem: str, what: str) -> None:
        super().__init__(f"{problem}: {what}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class StoryPeople:
    """The phones of story `number`, and its kiosk."""

    number: int

    @property
    def artisan(self) -> str:
        return f"+2547{self.number:08}"

    @property
    def buyer(self) -> str:
        return f"+2541{self.number:08}"

    @property
    def name(self) -> str:
        return f"Artisan{self.number}"

    @property
    def title(self) -> str:
        return f"Pot{self.number}"

    @property
    def kiosk(self) -> int:
        return self.number % KIOSKS


def agent(kiosk: int) -> str:
    return f"+25479999{kiosk:04}"


@dataclass
class Town:
    """Everybody who uses the service at `gateway`."""

    gateway: HttpClient
    provider: CalmProvider
    random: Random
    measured: Measured = field(default_factory=Measured)
    _counters: list[asyncio.Lock] = field(default_factory=lambda: [asyncio.Lock() for _ in range(KIOSKS)])
    """A kiosk serves one artisan at a time, because its agent has one phone."""
    _calls: int = 0

    async def open_kiosks(self) -> None:
        for number in range(KIOSKS):
            who = {"name": "Otieno", "phone": agent(number)}
            body = {"name": f"Market {number:04}", "town": f"Town {number:04}", "agent": who}
            await self._api("POST", "/kiosks", self._now(), body, f"kiosk-{number}")

    async def live(self, number: int, due: float) -> None:
        """A whole story that begins at `due`."""
        people, measured = StoryPeople(number), self.measured
        measured.begun += 1
        try:
            await self._story(people, due)
        except StoryEndedError as error:
            measured.problems[error.problem] += 1
            measured.examples += [f"story {number}: {error}"] if len(measured.examples) < 10 else []
        else:
            measured.done += 1
        for msisdn in (people.artisan, people.buyer):
            self.provider.forget(msisdn)

    async def _story(self, people: StoryPeople, due: float) -> None:
        await self._call(people.artisan, due, _joining(people), until="END Welcome to Soko, ")
        await self._call(
            people.artisan, self._after(PAUSES_S), _selling(people), until=f"END {people.title} is on sale"
        )
        code, paid_at = await self._order(people)
        await self._wait(people.artisan, f"new order {code}", "text: new order, since the payment", paid_at)
        await self._text(people.artisan, f"YES {code}", f"Order {code} is yours")
        await self._text(people.artisan, f"READY {code}", f"Order {code} is ready")
        async with self._counters[people.kiosk]:
            await self._at_kiosk(people, code)
        await self._text(people.buyer, f"RECEIVED {code}", f"order {code} has come")

    async def _order(self, people: StoryPeople) -> tuple[str, float]:
        """A storefront orders the product and its buyer pays: the code, and when the payment was answered."""
        found = await self._api("GET", f"/products?q={quote(people.title)}", self._after(PAUSES_S))
        product = next(product for product in found["data"] if product["title"] == people.title)
        body = {
            "product_id": product["id"],
            "quantity": 1,
            "buyer": {"name": "Joy", "phone": people.buyer, "locale": "en"},
            "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
            "payment": {"by": "mpesa", "phone": people.buyer},
            "external_ref": f"ref-{people.number}",
        }
        order = await self._api("POST", "/orders", self._now(), body, f"order-{people.number}")
        paying = json.dumps({"order": order["code"], "fate": "paid"})
        kind = {"Content-Type": "application/json"}
        await self._ask("pay", "POST", "/simulator/pay", self._after(PAUSES_S), paying, kind)
        return order["code"], self._now()

    async def _at_kiosk(self, people: StoryPeople, code: str) -> None:
        """The agent receives the product, the artisan is paid, and the agent ships it."""
        phone = agent(people.kiosk)
        await self._call(
            phone, self._after(PAUSES_S), _receiving(code), until="END Received: 1 x", thinks_s=AGENT_THINKS_S
        )
        received_at = self._now()
        await self._wait(people.artisan, f"for order {code}. Receipt", "text: paid, since the goods came", received_at)
        await self._call(
            phone, self._after(AGENT_THINKS_S), _shipping(code), f"END Order {code} is shipped", AGENT_THINKS_S
        )
        await self._wait(people.buyer, f"{code} is on its way", "text: shipped, since the agent's call", self._now())

    # -- what a phone does

    async def _call(
        self, msisdn: str, due: float, answers: Mapping[str, str], until: str, thinks_s: float = THINKS_S
    ) -> None:
        """Dial, and answer each question by what is known of it, until a screen has the words `until`."""
        self._calls += 1
        typed: list[str] = []
        while until not in (screen := await self._hop(f"ATUid_{self._calls:032x}", msisdn, typed, due, until)):
            answer = next((answer for words, answer in answers.items() if words in screen), None)
            if answer is None or not screen.startswith("CON "):
                raise StoryEndedError("wrong", f"{'*'.join(typed)} led to {screen!r}, before {until!r}")
            typed.append(answer)
            due = self._after(thinks_s)

    async def _hop(self, session: str, msisdn: str, typed: list[str], due: float, until: str) -> str:
        fields = {"sessionId": session, "phoneNumber": msisdn, "networkCode": "63902", "serviceCode": "*384*22#"}
        body = urlencode({**fields, "text": "*".join(typed)})
        # Africa's Talking brings back the metadata of our last answer
        metadata = {"at-ussd-hop-metadata": str(len("*".join(typed[:-1])))} if typed else {}
        kind = MENU_HOP if typed else DIAL
        answer, took = await self._timed("POST", USSD, due, body, {**FORM, **metadata})
        self.measured.seconds[HOP if until in answer.text else kind].append(took)
        return answer.text

    async def _text(self, msisdn: str, words: str, reply: str) -> None:
        """Text these words, and wait for the reply."""
        due = self._after(PAUSES_S)
        self._calls += 1
        fields = {
            "from": msisdn,
            "to": "22384",
            "text": words,
            "id": f"in-{self._calls}",
            "date": "2026-11-22 09:15:31",
        }
        waiting = asyncio.ensure_future(self._wait(msisdn, reply, "text: reply, since the text was due", due))
        try:
            await self._ask("text to us", "POST", TEXTS, due, urlencode(fields), FORM)
            await waiting
        finally:
            waiting.cancel()

    async def report(self, fields: dict[str, str]) -> None:
        """A delivery report; one that fails is counted, and belongs to no story."""
        try:
            await self._ask("delivery report", "POST", REPORTS, self._now(), urlencode(fields), FORM)
        except StoryEndedError as error:
            self.measured.problems[f"report {error.problem}"] += 1

    async def _wait(self, msisdn: str, words: str, what: str, since: float) -> None:
        """Wait for a text with these words."""
        try:
            async with asyncio.timeout_at(since + LOST_AFTER_S):
                came_at = await self.provider.text_with(msisdn, words)
        except TimeoutError:
            raise StoryEndedError("lost", f"no text {words!r} came to {msisdn}") from None
        self.measured.seconds[what].append(max(came_at - since, 0.0))

    # -- requests

    async def _api(self, method: str, path: str, due: float, body: Any = None, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        name = f"{method} {path.partition('?')[0]}"
        answer = await self._ask(name, method, f"/api/v1{path}", due, json.dumps(body) if body else "", headers)
        return json.loads(answer.text)

    async def _ask(
        self, name: str, method: str, path: str, due: float, body: str, headers: Mapping[str, str]
    ) -> HttpReply:
        answer, took = await self._timed(method, path, due, body, headers)
        self.measured.seconds[name].append(took)
        return answer

    async def _timed(
        self, method: str, path: str, due: float, body: str, headers: Mapping[str, str]
    ) -> tuple[HttpReply, float]:
        """Make a request when it is due; the answer, and how long it took from then."""
        await asyncio.sleep(due - self._now())
        self.measured.late_s = max(self.measured.late_s, self._now() - due)
        try:
            answer = await self.gateway.request(method, path, body, headers)
        except (OSError, EOFError, BadAnswerError) as error:
            raise StoryEndedError("failed", f"{method} {path}: {error!r}") from None
        if answer.status >= 300:
            raise StoryEndedError("failed", f"{method} {path}: {answer}")
        return answer, self._now() - due

    def _after(self, mean_s: float) -> float:
        """The time after a pause of random length."""
        return self._now() + self.random.expovariate(1 / mean_s)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _joining(people: StoryPeople) -> Mapping[str, str]:
    return {
        "Language": "1",
        "Welcome to Soko": "1",
        "What is your name?": people.name,
        "What is your craft?": "1",
        "Write its town or name": f"{people.kiosk:04}",
        "Write your kiosk": f"{people.kiosk:04}",
        "Which kiosk": "1",
        "How do you want to be paid?": "1",
    }


def _selling(people: StoryPeople) -> Mapping[str, str]:
    return {
        "Soko: ": "1",
        "What are you selling?": people.title,
        "What kind of product": "6",
        "Price of one": "900",
        "How many do you have?": "4",
        "Sell 4 x": "1",
    }


def _receiving(code: str) -> Mapping[str, str]:
    return {
        "Language": "1",
        "Soko: ": "1",
        "What is the order's code?": code,
        "How many came?": "1",
        "Receive 1 x": "1",
    }


def _shipping(code: str) -> Mapping[str, str]:
    return {
        "Soko: ": "3",
        "Which order": code,
        "Who carries it?": "Posta",
        "What is the tracking number?": f"RR{code}KE",
        f"Ship order {code} with": "1",
    }


@asynccontextmanager
async def arriving(town: Town, per_second: float, seconds: float) -> AsyncIterator[None]:
    """Begin stories at random times until so many seconds have passed or the block ends; then wait for their ends."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    async with asyncio.TaskGroup() as stories:

        async def begin() -> None:
            due, number = loop.time(), 0
            while (due := due + town.random.expovariate(per_second)) < ends_at:
                await asyncio.sleep(due - loop.time())
                number += 1
                stories.create_task(town.live(number, due))

        stories.create_task(begin())
        yield
