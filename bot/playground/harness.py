"""The whole service in one process, for transcripts and tests: real wire formats, and a clock that a test moves.

with open_harness(folder) as harness:
    harness.gateway.dial("+254711000111")      -> "CON Karibu Soko!…"
    harness.later(hours=2)
    harness.inbox("+254711000111")             -> ["Your order …"]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Engine

from bot.app import create_app
from bot.demo import seed
from bot.migrations import upgrade
from bot.providers import registry
from bot.runtime.clock import MovableClock
from bot.runtime.settings import Settings
from bot.services import build
from bot.simulator.faults import BY_STATUS, FaultRequest
from bot.simulator.gateway import Gateway
from bot.simulator.instruments import instruments
from bot.simulator.network import Network
from bot.worker import message_step, scheduler, webhook_step
from marketplace_api.codes import SHORTEST
from marketplace_api.shop import Ids
from state.tables import schedule

MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""The time at which the clock of every harness starts."""
OPERATOR_KEY = "operator-key-of-the-harness"
MPESA_CALLBACKS = 3
"""How many callbacks of the simulated M-PESA follow one another, at most, after a buyer has paid or cancelled."""
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}


@dataclass(frozen=True, slots=True)
class RepeatableIds(Ids):
    """The same ids in every run. Each kind of id, code and secret has a random source of its own.

    So an additional message changes no code that a person types, and no receipt. Ids sort in the order in which they
    were made, so that lists of what was made at one time have this order too.
    """

    sources: dict[str, Random] = field(default_factory=dict)
    made: Counter[str] = field(default_factory=Counter)
    given: list[str] = field(default_factory=list)
    """The codes to make first, in this order."""

    def new_id(self, prefix: str) -> str:
        self.made[prefix] += 1
        return f"{prefix}_{self.made[prefix]:05}{Ids(self._source(prefix)).token(15)}"

    def code(self, length: int = SHORTEST) -> str:
        if self.given:
            return self.given.pop(0)
        return Ids(self._source("code")).code(length)

    def one_time_code(self) -> str:
        return Ids(self._source("one-time code")).one_time_code()

    def _source(self, kind: str) -> Random:
        return self.sources.setdefault(kind, Random(kind))  # noqa: S311

    def secret(self) -> str:
        return Ids(self._source("secret")).secret()


class Harness:
    """A running service: its web application, its worker, and the simulated phones."""

    def __init__(
        self, settings: Settings, folder: Path, workers: ThreadPoolExecutor, engine: Engine | None = None
    ) -> None:
        self.settings = settings
        self.clock = MovableClock(folder / "clock", base=lambda: MONDAY)
        ids = RepeatableIds(Random(1), {"code": Random(2)})  # noqa: S311
        self.ids = ids
        self.services = build(settings, clock=self.clock, ids=ids, engine=engine)
        self.app = create_app(services=self.services)
        self.gateway = Gateway(self.app, settings, self.clock, self.new_id)
        self.network = Network(self.app, settings, self.clock, self.new_id, instruments(self.services))
        self.http = self.app.test_client()
        self._random = Random(3)  # noqa: S311
        self._step = message_step(self.app, self.services, workers)
        self._push_webhooks = webhook_step(self.services, workers)
        self._scheduler = scheduler(self.services)
        self._scheduler.run_due()  # no task is due yet; this stores the first time of each

    def new_id(self) -> str:
        """32 hexadecimal digits, different each time and the same in every run."""
        return f"{self._random.getrandbits(128):032x}"

    def work(self) -> None:
        """Let the worker perform everything that is due now."""
        self._scheduler.run_due()
        while self._step() or self._push_webhooks():
            pass

    def later(self, **time: float) -> None:
        """Move the clock forward and let the worker perform what is then due: `later(minutes=5)`."""
        self.clock.advance(sum(SECONDS[unit] * count for unit, count in time.items()))
        self.work()

    def begin_at(self, time: datetime) -> None:
        """Let the clock show this time, which may be earlier; periodic tasks are due after it."""
        self.clock.advance((time - self.clock()).total_seconds())
        with self.services.database.writing.begin() as session:
            session.execute(schedule.delete())
        self._scheduler.run_due()

    def add_demo(self) -> None:
        """Add the demo data without pictures, to a shop without kiosks."""
        with self.services.database.writing.begin() as session:
            seed.add(self.services, session)

    def fail_provider(self, status: int) -> None:
        """Let the next request to send texts fail. Raises KeyError for a status that is not simulated."""
        fault = FaultRequest(target="provider", name="africastalking", fault=BY_STATUS[status], times=1, seed=0)
        instruments(self.services).faults.add(fault)

    def network_log(self, kind: str = "", phone: str = "") -> list[dict[str, Any]]:
        """The newest exchanges of the wire log, oldest first."""
        return instruments(self.services).wire.read(phone=phone, kind=kind)

    def inbox(self, msisdn: str) -> list[str]:
        """The texts that a phone received, oldest first, after the worker has sent what is due."""
        self.work()
        return self.received(msisdn)

    def received(self, msisdn: str) -> list[str]:
        """The texts that a phone has received so far, oldest first."""
        answer = self.http.get("/simulator/messages", query_string={"msisdn": msisdn})
        return [text["text"] for text in reversed(answer.get_json()["data"])]

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Call the API as an operator; returns the JSON of the answer. Raises AssertionError if that is an error."""
        answer = self.http.open(
            f"/api/v1{path}", method=method, json=body, headers={"Authorization": f"Bearer {OPERATOR_KEY}", **headers}
        )
        assert answer.status_code < 400, answer.get_data(as_text=True)
        return answer.get_json()

    def events(self) -> list[str]:
        """The types of the first 100 events, oldest first."""
        return [event["type"] for event in self.api("GET", "/events?limit=100")["data"]]

    def kiosk(self, msisdn: str = "+254722000222", name: str = "Lakeside", town: str = "Kisumu") -> Any:
        """Open a kiosk whose agent has this phone."""
        return self.api("POST", "/kiosks", {"name": name, "town": town, "agent": {"name": "Otieno", "phone": msisdn}})

    def order(
        self,
        product_id: str,
        quantity: int,
        buyer: str,
        *,
        name: str = "Joy",
        locale: str = "en",
        by_mpesa: bool = False,
    ) -> Any:
        """Place an order for a product; `buyer` is the buyer's MSISDN.

        We vouch for it, unless its buyer is to pay it `by_mpesa`, by a prompt on the same phone.
        """
        item: dict[str, Any] = {"product_id": product_id, "quantity": quantity}
        if by_mpesa:
            item["payment"] = {"by": "mpesa", "phone": buyer}
        return self._order(buyer, name, locale, **item)

    def answer_prompt(self, msisdn: str, pin: str | None) -> None:
        """Type a PIN at the oldest M-PESA prompt on a phone, or cancel it (None); then let its callback arrive.

        Raises LookupError if there is no prompt.
        """
        prompts = self.http.get("/simulator/prompts", query_string={"msisdn": msisdn}).get_json()["data"]
        if not prompts:
            raise LookupError(f"no prompt is on the phone {msisdn}")
        self.http.post(f"/simulator/prompts/{prompts[0]['id']}", json={"pin": pin})
        self._await_mpesa()

    def pay_bill(self, msisdn: str, account: str, amount: int) -> None:
        """Pay whole shillings to the paybill number for an account; then let its notice arrive."""
        self.http.post("/simulator/paybill", json={"msisdn": msisdn, "account": account, "amount": amount})
        self._await_mpesa()

    def _await_mpesa(self) -> None:
        for _ in range(MPESA_CALLBACKS):
            self.later(seconds=2)

    def brief(self, brief: Any, buyer: str, *, name: str = "Joy", locale: str = "en") -> Any:
        """Place an order by brief; `brief` has the shape of the API."""
        return self._order(buyer, name, locale, brief=brief)

    def _order(self, buyer: str, name: str, locale: str, **item: Any) -> Any:
        body = {
            **item,
            "buyer": {"name": name, "phone": buyer, "locale": locale},
            "ship_to": {"name": name, "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        }
        return self.api("POST", "/orders", body, **{"Idempotency-Key": self.new_id()})


@contextmanager
def open_harness(
    folder: Path, *, with_demo: bool = False, engine: Engine | None = None, **settings: Any
) -> Iterator[Harness]:
    """A service over a fresh database: SQLite in `folder`, unless the setting `database_url` names another.

    `with_demo` fills it with the demo data. `engine` may be given for a database that already has its tables.
    """
    url = settings.pop("database_url", f"sqlite:///{folder}/soko.db")
    settings.setdefault("twilio_auth_token", "twilio-token-of-the-harness")
    settings.setdefault("photos_dir", str(folder / "photos"))
    chosen = registry.make_settings(database_url=url, bootstrap_api_key=OPERATOR_KEY, **settings)
    if engine is None:
        upgrade.upgrade(chosen)
    if with_demo:
        seed.seed(chosen)
    with ThreadPoolExecutor(max_workers=2) as workers:
        harness = Harness(chosen, folder, workers, engine)
        try:
            yield harness
        finally:
            harness.services.close()
