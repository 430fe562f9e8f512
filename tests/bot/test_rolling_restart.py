"""Web processes behind a load balancer are replaced while phones call: every hop gets its screen, at the first attempt.

`--full` also replaces whole servers, and does so several times.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

import pytest

from bot import server
from bot.db.engine import create_engine
from bot.providers import registry
from tests.balancer import LIMIT_S, balancing
from tests.bench import wire_load, wire_servers
from tests.chaos.processes import ServerProcess
from tests.http_client import HttpClient
from tests.runs import is_full
from tests.servers import free_port
from tests.web_process import FORM, USSD

PHONES = 4
FURTHER_CALLS = 2
"""How many calls each phone completes after each change of the servers. One of them began before it."""
DRAIN_S = 5
"""For whole servers: much longer than the balancer needs."""


@dataclass
class Phone:
    """Puts products on sale, one call after another, over a connection that it keeps open until an answer closes it."""

    number: int
    gateway: HttpClient
    sold: list[str] = field(default_factory=list)

    async def call_until(self, finish: asyncio.Event) -> None:
        """Make whole calls until `finish` is set. Raises an exception at the first hop that fails."""
        try:
            while not finish.is_set():
                call = len(self.sold)
                title = f"Pot {self.number} of {call}"
                await self._sell(f"ATUid_{self.number}_{call}", title)
                self.sold.append(title)
        finally:
            self.gateway.close()

    async def _sell(self, session: str, title: str) -> None:
        there_and_back = [("900", "How many do you have?"), ("0", "Price of one")] * 3
        steps = [
            ("", "Soko: Artisan"),
            ("1", "What are you selling?"),
            (title, "What kind of product"),
            ("6", "Price of one"),
            *there_and_back,
            ("900", "How many do you have?"),
            ("4", f"Sell 4 x {title} at"),
            ("1", f"END {title} is on sale"),
        ]
        typed = [answer for answer, _ in steps[1:]]
        for hop, (_, shown) in enumerate(steps):
            screen = await self._hop(session, typed[:hop])
            assert shown in screen, f"{session}: {'*'.join(typed[:hop])} led to {screen!r}"

    async def _hop(self, session: str, typed: Sequence[str]) -> str:
        fields = {"sessionId": session, "phoneNumber": wire_load.msisdn(self.number), "serviceCode": "*384*22#"}
        answer = await self.gateway.request("POST", USSD, urlencode({**fields, "text": "*".join(typed)}), FORM)
        assert answer.status == 200, answer
        return answer.text


@asynccontextmanager
async def calling(phones: Sequence[Phone]) -> AsyncIterator[None]:
    """The phones call until the block ends; then they complete their calls. The first failure ends the block."""
    finish = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for phone in phones:
            tasks.create_task(phone.call_until(finish))
        try:
            yield
        finally:
            finish.set()


async def until_called(phones: Sequence[Phone]) -> None:
    """Wait until each phone has completed `FURTHER_CALLS` calls."""
    wanted = [len(phone.sold) + FURTHER_CALLS for phone in phones]
    async with asyncio.timeout(LIMIT_S):
        while any(len(phone.sold) < number for phone, number in zip(phones, wanted, strict=True)):
            await asyncio.sleep(0.01)


class ReplaceableServer(Protocol):
    """A server that listens at `port`."""

    port: int

    def start(self) -> None: ...

    async def leave(self, noticed: Coroutine[None, None, None]) -> None:
        """Drain, and stop when the balancer has noticed it."""

    def kill(self) -> None:
        """End all processes of a server that a failed test leaves running."""


class WebServer:
    """Only the web processes of a server, as `bot.server` starts, drains and stops them."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()

    def start(self) -> None:
        self._process = server.KeptProcess(server.web(registry.make_settings(port=self.port)))
        self._running = asyncio.create_task(self._process.keep_running())

    async def leave(self, noticed: Coroutine[None, None, None]) -> None:
        enough = asyncio.Event()
        draining = asyncio.create_task(self._process.drain(LIMIT_S, enough))
        await noticed
        enough.set()
        await draining
        self.kill()
        with suppress(asyncio.CancelledError):
            await self._running

    def kill(self) -> None:
        self._running.cancel()


class WholeServer:
    """All of `script/server`, which drains for `DRAIN_S` when it is told to stop."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        environment = {"PORT": str(self.port), "DRAIN_SECONDS": str(DRAIN_S), "DEMO": "off"}
        self._process = ServerProcess(environment, folder / f"{self.port}.log")

    def start(self) -> None:
        self._process.start()

    async def leave(self, noticed: Coroutine[None, None, None]) -> None:
        stopping = asyncio.create_task(asyncio.to_thread(self._process.stop))
        await noticed
        assert await stopping == 0

    def kill(self) -> None:
        self._process.kill()


KINDS = [WebServer, WholeServer] if is_full() else [WebServer]
ROUNDS = 6 if is_full() else 1


@asynccontextmanager
async def started_servers(servers: Sequence[ReplaceableServer]) -> AsyncIterator[None]:
    for each in servers:
        each.start()
    try:
        yield
    finally:
        for each in servers:
            each.kill()


async def replace_servers(servers: Sequence[ReplaceableServer]) -> list[Phone]:
    """Replace one server after the other, `ROUNDS` times; the last one is not started again."""
    ports = {each.port for each in servers}
    started = list(servers)
    async with balancing(ports) as balancer, started_servers(servers):
        await balancer.until_ready(ports)
        phones = [Phone(number, HttpClient(balancer.port, LIMIT_S)) for number in range(PHONES)]
        async with calling(phones):
            await until_called(phones)
            for number in range(ROUNDS):
                leaving = started.pop(0)
                await leaving.leave(balancer.until_ready(ports - {leaving.port}))
                await until_called(phones)
                if number < ROUNDS - 1:
                    leaving.start()
                    started.append(leaving)
                    await balancer.until_ready(ports)
                    await until_called(phones)
        for each in started:
            await each.leave(balancer.until_ready(set()))
    return phones


@pytest.mark.parametrize("kind", KINDS)
def test_no_hop_fails_while_servers_are_replaced(
    kind: Callable[[Path], ReplaceableServer],
    migrated_postgres_url: str,
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", migrated_postgres_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    wire_servers.add_artisans(migrated_postgres_url)

    phones = asyncio.run(replace_servers([kind(tmp_path), kind(tmp_path)]))

    engine = create_engine(migrated_postgres_url)
    with engine.connect() as connection:
        stored = connection.exec_driver_sql("SELECT title FROM product").scalars().all()
    engine.dispose()
    assert sorted(stored) == sorted(title for phone in phones for title in phone.sold)
