"""A whole shop in one process, for transcripts and tests: real rooms, real wire format, a clock moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from bot.app import create_app
from bot.demo import seed
from bot.jobs import scheduler
from bot.migrations import upgrade
from bot.runtime.clock import MovableClock
from bot.runtime.settings import Settings
from bot.services import build
from bot.simulator.gateway import Gateway
from bot.webhooks import dispatcher
from bot.worker import stepping
from marketplace_api.codes import SHORTEST, draw
from marketplace_api.shop import Ids

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
OPERATOR_KEY = "operator-key-of-a-world-of-its-own"
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}


@dataclass(frozen=True, slots=True)
class ExactIds(Ids):
    """The same ids every time; codes come from a chance of their own, so that a new id changes no code."""

    codes: Random

    def code(self, length: int = SHORTEST) -> str:
        return draw(self.codes, length)


class Harness:
    """A running shop and the people around it."""

    def __init__(self, settings: Settings, folder: Path, hands: ThreadPoolExecutor) -> None:
        self.settings = settings
        self.clock = MovableClock(folder / "clock", base=lambda: MONDAY)
        self.services = build(settings, clock=self.clock, ids=ExactIds(Random(1), Random(2)))  # noqa: S311
        self.faults: list[int] = []
        self.app = create_app(services=self.services, carrier_faults=self.faults)
        self.gateway = Gateway(self.app, settings, self.clock, self.new_id)
        self.http = self.app.test_client()
        self._chance = Random(3)  # noqa: S311
        self._step = stepping(self.app, self.services, hands)
        self._webhooks = dispatcher.build(self.services)
        self._chores = scheduler.build(self.services)
        self._chores.do_due()  # none is; from now on each has its hour

    def new_id(self) -> str:
        return f"{self._chance.getrandbits(128):032x}"

    def work(self) -> None:
        """Lets the worker do all that is due now."""
        self._chores.do_due()
        while self._step() or self._webhooks.step():
            pass

    def later(self, **time: float) -> None:
        """Moves the clock forward and lets the worker do what has come due: `later(minutes=5)`."""
        self.clock.advance(sum(SECONDS[unit] * count for unit, count in time.items()))
        self.work()

    def inbox(self, msisdn: str) -> list[str]:
        """The texts a phone got, oldest first."""
        self.work()
        answer = self.http.get("/simulator/messages", query_string={"msisdn": msisdn})
        return [text["text"] for text in reversed(answer.get_json()["data"])]

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """An operator's call; the JSON of the answer, which must not be an error."""
        answer = self.http.open(
            f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {OPERATOR_KEY}", **headers}
        )
        assert answer.status_code < 400, answer.get_data(as_text=True)
        return answer.get_json()

    def events(self) -> list[str]:
        return [event["type"] for event in self.api("GET", "/events?limit=100")["data"]]

    def kiosk(self, msisdn: str = "+254722000222", name: str = "Lakeside", town: str = "Kisumu") -> Any:
        return self.api("POST", "/kiosks", {"name": name, "town": town, "agent": {"name": "Otieno", "phone": msisdn}})

    def order(self, product_id: str, quantity: int, buyer: str, *, name: str = "Joy", locale: str = "en") -> Any:
        return self._order(buyer, name, locale, product_id=product_id, quantity=quantity)

    def brief(self, brief: Any, buyer: str, *, name: str = "Joy", locale: str = "en") -> Any:
        """A bulk order; `brief` as the API takes it."""
        return self._order(buyer, name, locale, brief=brief)

    def _order(self, buyer: str, name: str, locale: str, **what: Any) -> Any:
        body = {
            **what,
            "buyer": {"name": name, "phone": buyer, "locale": locale},
            "ship_to": {"name": name, "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        }
        return self.api("POST", "/orders", body, **{"Idempotency-Key": self.new_id()})


@contextmanager
def opened(folder: Path, *, filled: bool = False, migrated: bool = False, **settings: Any) -> Iterator[Harness]:
    """A shop over a fresh database; SQLite in `folder` unless `database_url` says otherwise.

    `filled`: with the demo in it. `migrated`: the database has its tables already.
    """
    url = settings.pop("database_url", f"sqlite:///{folder}/soko.db")
    settings.setdefault("twilio_auth_token", "a-token-of-a-world-of-its-own")
    settings.setdefault("photos_dir", str(folder / "photos"))
    chosen = Settings(database_url=url, bootstrap_api_key=OPERATOR_KEY, **settings)
    if not migrated:
        upgrade.upgrade(chosen)
    if filled:
        seed.seed(chosen)
    with ThreadPoolExecutor(max_workers=2) as hands:
        world = Harness(chosen, folder, hands)
        try:
            yield world
        finally:
            world.services.close()
