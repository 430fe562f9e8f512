"""The service as processes of its own, and the people who use it while its processes are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from bot.delivery import LEASE
from tests.chaos.carrier import HANGS_S, Carrier
from tests.servers import free_port

KEY = "operator-key-of-the-chaos-suite"
PATIENCE_S = 90.0
OPERATOR = {"Authorization": f"Bearer {KEY}"}


class Server:
    """`script/server`'s process tree, which is started again when it is killed as a whole."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = {**os.environ, **environment}
        self._log = log

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot.server"],
                env=self._environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """All of it at once, as when the power fails."""
        family = descendants(self._process.pid)
        for pid in [self._process.pid, *family]:  # the parent first, who would start the others again
            _kill(pid)
        self._process.wait()

    def stop(self) -> float:
        """Asks it to end; how many seconds that took."""
        begun = time.monotonic()
        self._process.terminate()
        self._process.wait()
        return time.monotonic() - begun

    def kill_one(self, running: str) -> bool:
        """One process of the tree whose command line holds `running`; whether there was one."""
        found = [pid for pid in descendants(self._process.pid) if running in _command(pid)]
        if found:
            _kill(found[-1])
        return bool(found)


def descendants(pid: int) -> list[int]:
    """Children, and theirs; the youngest generation last."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return children + [grandchild for child in children for grandchild in descendants(child)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@dataclass
class Town:
    """Who lives there speaks to the service as their networks do: what is not answered is said again, word for word."""

    url: str
    carrier: Carrier
    heard: list[str] = field(default_factory=list)
    """Ids of texts that the service has acknowledged."""
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.mount("http://", HTTPAdapter(pool_maxsize=32))

    def insist(self, ask: Callable[[], requests.Response]) -> requests.Response:
        """Asks until there is an answer that is no 5xx."""
        give_up_at = time.monotonic() + PATIENCE_S
        while time.monotonic() < give_up_at:
            with suppress(requests.RequestException):
                answer = ask()
                if answer.status_code not in (404, 409) and answer.status_code < 500:
                    return answer
            time.sleep(0.1)
        raise AssertionError("the service did not come back")

    def text(self, msisdn: str, body: str, id: str) -> None:
        form = {"from": msisdn, "to": "22384", "text": body, "id": id, "date": "2026-11-22 09:15:31"}
        url = f"{self.url}/webhooks/africastalking/dev/sms"
        answer = self.insist(lambda: self.session.post(url, data=form, timeout=15))
        assert answer.status_code == 200, answer.text
        self.heard.append(id)

    def dial(self, msisdn: str, session_id: str, text: str) -> str:
        form = {"sessionId": session_id, "phoneNumber": msisdn, "serviceCode": "*384*22#", "text": text}
        url = f"{self.url}/webhooks/africastalking/dev/ussd"
        return self.insist(lambda: self.session.post(url, data=form, timeout=15)).text

    def api(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        headers = OPERATOR | ({"Idempotency-Key": key} if key else {})
        url = f"{self.url}/api/v1{path}"
        answer = self.insist(lambda: self.session.request(method, url, json=body, headers=headers, timeout=15))
        assert answer.status_code < 300, answer.text
        return answer.json()

    def figure(self, name: str) -> float:
        page = self.insist(lambda: self.session.get(f"{self.url}/metrics", timeout=15)).text
        return next(float(line.split()[1]) for line in page.splitlines() if line.startswith(f"{name} "))

    def later(self, seconds: int) -> None:
        self.insist(
            lambda: self.session.post(f"{self.url}/simulator/clock", json={"advance_seconds": seconds}, timeout=15)
        )

    def settle(self) -> None:
        """Waits until nothing is due, moves the clock to what is due next, and so on until nothing is left.

        What stays due for longer than any provider may hang is held by a dead worker, whose lease must run out.
        """
        give_up_at, due, since = time.monotonic() + 2 * PATIENCE_S, 0.0, time.monotonic()
        while time.monotonic() < give_up_at:
            before, due = due, self.figure("soko_outbox_due_jobs")
            since = since if due == before else time.monotonic()
            if due and time.monotonic() - since > HANGS_S:
                self.later(int(LEASE.total_seconds()))
                since = time.monotonic()
            elif due or self.carrier.owes:
                time.sleep(0.2)
            elif self.figure("soko_outbox_jobs") or self.figure("soko_texts_unknown"):
                self.later(30)
                time.sleep(0.2)
            else:
                return
        raise AssertionError("something is never done")


@contextmanager
def storm(blows: list[Callable[[], object]], chance: Random, pause_s: float, most: int) -> Iterator[list[str]]:
    """Deals up to `most` blows in a thread of its own: each of them, then any by chance; the names of those dealt."""
    over, dealt = threading.Event(), list[str]()

    def rage() -> None:
        while len(dealt) < most and not over.wait(pause_s * (0.5 + chance.random())):
            blow = blows[len(dealt)] if len(dealt) < len(blows) else chance.choice(blows)
            blow()
            dealt.append(blow.__name__)

    thread = threading.Thread(target=rage)
    thread.start()
    try:
        yield dealt
    finally:
        over.set()
        thread.join()


@contextmanager
def open_for_business(carrier: Carrier, folder: Path, **environment: str) -> Iterator[tuple[Server, Town]]:
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
    server = Server(settings | environment, folder / "server.log")
    server.start()
    town = Town(url, carrier)
    try:
        yield server, town
    finally:
        server.kill()
        town.session.close()
