"""A town's people at their phones and its storefront at the API, while the service they speak to is killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import urllib3

from bot.messaging.dispatcher import LEASE
from bot.runtime.clock import MovableClock
from bot.services import VAR
from tests.chaos import processes
from tests.chaos.carrier import Carrier
from tests.chaos.processes import Server
from tests.servers import free_port

KEY = "operator-key-of-the-chaos-suite"
PAUSE_S = 0.1
"""Between two looks at something that is awaited."""
STEP_S = 30.0
"""By how much the clock is moved when all that is left waits for its time."""
DEAD_S = 300.0
"""Whoever has not answered for so long is dead, not slow."""
SORRY = "END Sorry, something went wrong on our side. Please dial again."
"""What a caller hears when a hop went wrong."""
MORNING_UTC = 7
"""Ten in Nairobi, far from the hours at which people are reminded and must not be disturbed."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], otherwise: str) -> Found:
    """What `look` finds as soon as it finds something."""
    give_up_at = time.monotonic() + DEAD_S
    while time.monotonic() < give_up_at:
        if (found := look()) is not None:
            return found
        time.sleep(PAUSE_S)
    raise AssertionError(otherwise)


@dataclass
class Storm:
    """Deals a blow whenever so many more asks were answered: each of them in turn, then any by chance."""

    blows: list[Callable[[], object]]
    chance: Random
    every: int
    dealt: list[str] = field(default_factory=list)
    _answered: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _striking: threading.Lock = field(default_factory=threading.Lock)

    def answered(self) -> None:
        with self._counting:
            self._answered += 1
            if self._answered % self.every:
                return
            turn = len(self.dealt)
            blow = self.blows[turn] if turn < len(self.blows) else self.chance.choice(self.blows)
            self.dealt.append(blow.__name__)
        with self._striking:  # while the others go on
            blow()


@dataclass
class Town:
    """Who lives there speaks to the service as their networks do: what is not answered is said again, word for word."""

    server: Server
    url: str
    carrier: Carrier
    clock: MovableClock
    chance: Random
    storm: Storm | None = None
    heard: list[str] = field(default_factory=list)
    """Ids of texts that the service has acknowledged."""
    orders: dict[str, Any] = field(default_factory=dict)
    """Orders as the service acknowledged them, by the storefront's own reference."""
    unlike: list[tuple[str, str]] = field(default_factory=list)
    """What one hop was answered when it was asked twice, where that differed."""
    _web: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32, retries=False))

    # -- by phone

    def text(self, msisdn: str, body: str, id: str) -> None:
        """Until it is acknowledged; and once more, maybe."""
        url = f"{self.url}/webhooks/africastalking/dev/sms"
        form = {"from": msisdn, "to": "22384", "text": body, "id": id, "date": "2026-11-22 09:15:31"}
        self._insist("POST", url, form=form)
        self.heard.append(id)
        self.carrier.maybe_repeat(url, form)

    def dial(self, msisdn: str, session_id: str, text: str) -> str:
        """One hop of a call, which some gateways ask twice."""
        url = f"{self.url}/webhooks/africastalking/dev/ussd"
        form = {"sessionId": session_id, "phoneNumber": msisdn, "serviceCode": "*384*22#", "text": text}
        screen = self._insist("POST", url, form=form).data.decode()
        if screen != SORRY and self.chance.random() < 0.1:
            again = self._insist("POST", url, form=form).data.decode()
            if again not in (screen, SORRY):
                self.unlike.append((screen, again))
        return screen

    # -- by HTTP

    def api(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        answer = self._insist(method, f"{self.url}/api/v1{path}", body=body, key=key)
        assert answer.status < 300, answer.data
        return answer.json()

    def _insist(
        self, method: str, url: str, *, form: dict[str, str] | None = None, body: Any = None, key: str = ""
    ) -> urllib3.BaseHTTPResponse:
        """Asks until there is an answer that does not say *later*."""
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Idempotency-Key": key} if key else {})
        content: dict[str, Any] = {"fields": form, "encode_multipart": False} if form else {"json": body}

        def ask() -> urllib3.BaseHTTPResponse | None:
            with suppress(urllib3.exceptions.HTTPError):
                answer = self._web.request(method, url, headers=headers, timeout=30, **content)
                if answer.status != 409 and answer.status < 500:  # 409: the request that a kill broke off is not over
                    return answer
            return None

        answer = eventually(ask, f"{method} {url} is not answered")
        if self.storm and answer.data != SORRY.encode():
            self.storm.answered()
        return answer

    # -- when the storm is over

    def settle(self) -> None:
        """Until nothing is left to do.

        A stopped server has given back what it held, so what is still held is held by the dead, whose leases run out.
        """
        self.storm = None
        self.carrier.calm.set()
        self._insist("GET", f"{self.url}/healthz")
        assert self.server.stop() == 0
        self.clock.advance(LEASE.total_seconds())
        self.server.start()
        while left := self._left():
            eventually(partial(self._goes_on, left), "something is never done")

    def _goes_on(self, left: float) -> bool | None:
        return self._left() != left or None

    def _left(self) -> float:
        """How much there is to do; the clock is moved when nothing of it can be done yet."""
        now = self._figure("soko_outbox_due_jobs") + self._figure("soko_events_untold") + self.carrier.owes
        later = self._figure("soko_outbox_jobs") + self._figure("soko_texts_unknown")
        if later and not now:
            self.clock.advance(STEP_S)
        return now + later

    def _figure(self, name: str) -> float:
        page = self._insist("GET", f"{self.url}/metrics").data.decode()
        return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"{name} "))


@contextmanager
def open_for_business(carrier: Carrier, folder: Path, chance: Random, **environment: str) -> Iterator[Town]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    carrier.reports_to = f"{url}/webhooks/africastalking/dev/delivery"
    settings = {
        "PORT": str(port),
        "DEMO": "off",
        "BOOTSTRAP_API_KEY": KEY,
        "SMS_PROVIDER": "africastalking",
        "AT_USERNAME": "soko",
        "AT_API_KEY": "key",
        "AT_BASE_URL": carrier.url,
        "HOURLY_CAP": "1000",
    }
    clock = MovableClock.of(environment["DATABASE_URL"], VAR)
    clock.advance(((clock().replace(hour=MORNING_UTC) - clock()) % timedelta(days=1)).total_seconds())
    with processes.running(settings | environment, folder / "server.log") as server:
        yield Town(server, url, carrier, clock, chance)
