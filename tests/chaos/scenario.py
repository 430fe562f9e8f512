"""The clients of a service under faults: phones and a storefront that use it while its processes are killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

import urllib3

from bot.messaging.dispatcher import LEASE
from bot.runtime.clock import MovableClock
from bot.services import VAR
from tests.chaos import processes
from tests.chaos.faulty_provider import FaultyProvider
from tests.servers import free_port

KEY = "operator-key-of-the-chaos-suite"
PAUSE_S = 0.1
"""The seconds between two checks of a condition that is awaited."""
STEP_S = 30.0
"""By how many seconds the clock is moved when all remaining work is not yet due."""
LIMIT_S = 180.0
"""A service that has not answered for so many seconds is dead, not slow."""
ANSWER_LIMIT_S = 30.0
SORRY = "END Sorry, something went wrong on our side. Please dial again."
"""What a caller reads when a hop fails."""
USSD = "/webhooks/africastalking/dev/ussd"
MORNING_UTC = 7
"""Ten o'clock in Nairobi, far from the hours of reminders and from the quiet hours."""

Found = TypeVar("Found")


class Server(Protocol):
    """What serves the scenario: the process tree of `script/server`, or several of them."""

    def start(self) -> None:
        """Start all processes."""
        ...

    def stop(self) -> int:
        """Ask all processes to end, wait for them, and return the exit status."""
        ...


class ScenarioAbortedError(Exception):
    """Another user has failed, so this one stops."""


@dataclass
class FaultInjector:
    """Injects a fault after every `requests_per_fault` answered requests: each fault once, then random ones."""

    faults: list[Callable[[], object]]
    random: Random
    requests_per_fault: int
    injected: list[str] = field(default_factory=list)
    """The names of the faults so far."""
    _answered: int = 0
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _injecting: threading.Lock = field(default_factory=threading.Lock)

    def count_answer(self) -> None:
        """Count an answered request, and inject a fault if it is time."""
        with self._counting:
            self._answered += 1
            if self._answered % self.requests_per_fault:
                return
            turn = len(self.injected)
            fault = self.faults[turn] if turn < len(self.faults) else self.random.choice(self.faults)
            self.injected.append(fault.__name__)
        with self._injecting:  # the other users continue meanwhile
            fault()


@dataclass
class Scenario:
    """A service, and how networks and the storefront speak to it: they repeat a request until it is answered."""

    server: Server
    url: str
    provider: FaultyProvider
    clock: MovableClock
    random: Random
    injector: FaultInjector | None = None
    aborted: threading.Event = field(default_factory=threading.Event)
    """Set when a user has failed; the others then stop waiting."""
    acknowledged_texts: list[str] = field(default_factory=list)
    """Ids of the inbound texts that the service has acknowledged."""
    orders: dict[str, Any] = field(default_factory=dict)
    """The orders that the service has acknowledged, by the storefront's reference."""
    differing_answers: list[tuple[str, str]] = field(default_factory=list)
    """The two answers to a hop that was posted twice, where they differ."""
    unanswered: list[tuple[str, str]] = field(default_factory=list)
    """Requests without an answer, or with an error of the server: the URL, and what came instead."""
    _web: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=32, retries=False))

    def wait_for(self, look: Callable[[], Found | None], otherwise: str) -> Found:
        """The first value of `look` that is not None; fails with the message `otherwise` after `LIMIT_S`."""
        give_up_at = time.monotonic() + LIMIT_S
        while time.monotonic() < give_up_at:
            if (found := look()) is not None:
                return found
            if self.aborted.wait(PAUSE_S):
                raise ScenarioAbortedError(otherwise)
        raise AssertionError(otherwise)

    # -- by phone

    def text(self, msisdn: str, body: str, id: str) -> None:
        """Post an inbound text until it is acknowledged, sometimes once more, and wait until it is answered.

        A text that meets a fault is acknowledged, and handled later.
        """
        url = f"{self.url}/webhooks/africastalking/dev/sms"
        form = {"from": msisdn, "to": "22384", "text": body, "id": id, "date": "2026-11-22 09:15:31"}
        self._repeat_until_answered("POST", url, form=form)
        self.acknowledged_texts.append(id)
        self.provider.maybe_repeat(url, form)
        self.wait_for(partial(self._is_answered, msisdn, id), f"the text {id} of {msisdn} is never answered")

    def _is_answered(self, msisdn: str, id: str) -> bool | None:
        sent = self.api("GET", f"/conversations/{msisdn}?direction=out&limit=100")["data"]
        return any(message["about"] == id for message in sent) or None

    def dial(self, msisdn: str, session_id: str, text: str) -> str:
        """The screen after one hop of a call, which some gateways post twice."""
        url = f"{self.url}{USSD}"
        form = {"sessionId": session_id, "phoneNumber": msisdn, "serviceCode": "*384*22#", "text": text}
        screen = self._repeat_until_answered("POST", url, form=form).data.decode()
        if screen != SORRY and self.random.random() < 0.1:
            again = self._repeat_until_answered("POST", url, form=form).data.decode()
            if again not in (screen, SORRY):
                self.differing_answers.append((screen, again))
        return screen

    # -- by HTTP

    def api(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """The JSON of an API answer, which must be no error; `key` is the idempotency key."""
        answer = self._repeat_until_answered(method, f"{self.url}/api/v1{path}", body=body, key=key)
        assert answer.status < 300, answer.data
        return answer.json()

    def _repeat_until_answered(
        self, method: str, url: str, *, form: dict[str, str] | None = None, body: Any = None, key: str = ""
    ) -> urllib3.BaseHTTPResponse:
        """Repeat a request until its answer is neither an error of the server nor a conflict with itself."""
        headers = {"Authorization": f"Bearer {KEY}"} | ({"Idempotency-Key": key} if key else {})
        content: dict[str, Any] = {"fields": form, "encode_multipart": False} if form else {"json": body}

        def ask() -> urllib3.BaseHTTPResponse | None:
            try:
                answer = self._web.request(method, url, headers=headers, timeout=ANSWER_LIMIT_S, **content)
            except urllib3.exceptions.HTTPError as error:
                self.unanswered.append((url, repr(error)))
                return None
            # 409: the request that a kill interrupted is not finished
            if answer.status != 409 and answer.status < 500:
                return answer
            self.unanswered.append((url, str(answer.status)))
            return None

        answer = self.wait_for(ask, f"{method} {url} is not answered")
        if self.injector and answer.data != SORRY.encode():
            self.injector.count_answer()
        return answer

    # -- when the faults are over

    def settle(self) -> None:
        """Wait until nothing is left to do.

        A stopped server has released its jobs. Other leases belong to killed processes, and expire when the clock is
        moved.
        """
        self.injector = None
        self.provider.calm.set()
        self._repeat_until_answered("GET", f"{self.url}/healthz")
        assert self.server.stop() == 0
        self.clock.advance(LEASE.total_seconds())
        self.server.start()
        while left := self._left():
            self.wait_for(partial(self._has_moved, left), "the remaining work is never done")

    def _has_moved(self, left: float) -> bool | None:
        return self._left() != left or None

    def _left(self) -> float:
        """The amount of remaining work; moves the clock if none of it is due.

        A text of which no report is expected any more stays unknown for ever, so it is no work.
        """
        now = self._metric("soko_outbox_due_jobs") + self._metric("soko_events_untold") + self.provider.pending
        unreported = self._metric("soko_texts_unknown") - self._metric("soko_texts_unconfirmed")
        later = self._metric("soko_outbox_jobs") + unreported
        if later and not now:
            self.clock.advance(STEP_S)
        return now + later

    def _metric(self, name: str) -> float:
        page = self._repeat_until_answered("GET", f"{self.url}/metrics").data.decode()
        return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"{name} "))


@contextmanager
def running(provider: FaultyProvider, folder: Path, random: Random, **environment: str) -> Iterator[Scenario]:
    """A service that sends through `provider`, and the scenario around it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings_for(provider, url) | {"PORT": str(port)}
    clock = morning(environment["DATABASE_URL"])
    with processes.running(settings | environment, folder / "server.log") as server:
        yield Scenario(server, url, provider, clock, random)


def settings_for(provider: FaultyProvider, url: str) -> dict[str, str]:
    """The settings of a service that is reached at this URL; the provider reports there too."""
    provider.reports_to = f"{url}/webhooks/africastalking/dev/delivery"
    return {
        "DEMO": "off",
        "BOOTSTRAP_API_KEY": KEY,
        "SMS_PROVIDER": "africastalking",
        "AT_USERNAME": "soko",
        "AT_API_KEY": "key",
        "AT_BASE_URL": provider.url,
        "HOURLY_CAP": "1000",
    }


def morning(database_url: str) -> MovableClock:
    """The clock of the service over this database, moved to the next morning."""
    clock = MovableClock.of(database_url, VAR)
    clock.advance(((clock().replace(hour=MORNING_UTC) - clock()) % timedelta(days=1)).total_seconds())
    return clock
