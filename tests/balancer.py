"""A load balancer of TCP connections: it asks servers whether they are ready, and gives connections to those that are.

It repeats nothing: a connection that a server refuses or resets ends in the same way for the client.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from itertools import count

CHECK_S = 0.05
LIMIT_S = 180.0
PIECE = 65536
READY = b"GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n"


class Balancer:
    """Gives connections to the ready ones of the servers at these ports, in turns. Its own port is `port`."""

    def __init__(self, servers: Collection[int]) -> None:
        self.port = 0
        self.ready: set[int] = set()
        self.connections = Counter[int]()
        """How many are open, by the server's port."""
        self._servers, self._turns = tuple(servers), count()
        self._changed = asyncio.Condition()

    async def until_ready(self, servers: Collection[int]) -> None:
        """Wait until exactly these servers are ready, and no connection to any other is open."""

        def is_so() -> bool:
            return self.ready == set(servers) and not any(
                self.connections[port] for port in {*self._servers} - self.ready
            )

        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(is_so)

    async def check(self) -> None:
        """Ask the servers again and again."""
        while True:
            for port in self._servers:
                is_ready = await _is_ready(port)
                async with self._changed:
                    (self.ready.add if is_ready else self.ready.discard)(port)
                    self._changed.notify_all()
            await asyncio.sleep(CHECK_S)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on what a client and the server of its connection say to each other."""
        ready = sorted(self.ready)
        with suppress(OSError):
            if ready:
                await self._join(ready[next(self._turns) % len(ready)], reader, writer)
        writer.close()

    async def _join(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections[port] += 1
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
            copying = {asyncio.create_task(_copy(*pair)) for pair in ((reader, to_server), (from_server, writer))}
            _, others = await asyncio.wait(copying, return_when=asyncio.FIRST_COMPLETED)
            for task in others:
                task.cancel()
            to_server.close()
        finally:
            async with self._changed:
                self.connections[port] -= 1
                self._changed.notify_all()


@asynccontextmanager
async def balancing(servers: Collection[int]) -> AsyncIterator[Balancer]:
    """A running balancer for the servers at these ports."""
    balancer = Balancer(servers)
    listening = await asyncio.start_server(balancer.connect, "127.0.0.1", 0)
    balancer.port = listening.sockets[0].getsockname()[1]
    checking = asyncio.create_task(balancer.check())
    try:
        yield balancer
    finally:
        checking.cancel()
        listening.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()


async def _is_ready(port: int) -> bool:
    try:
        async with asyncio.timeout(LIMIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(READY)
            said = await reader.read(PIECE)
            writer.close()
    except OSError:
        return False
    return said.startswith(b"HTTP/1.1 200")
