"""A client of one server over HTTP that keeps connections open, as a provider's gateway does, and repeats nothing."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
IDLE_S = 3.0
"""A connection that has been idle for longer is not used again: the server may be closing it."""
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class BadAnswerError(Exception):
    """An answer that is not HTTP as our server speaks it."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    status: int
    text: str


@dataclass
class HttpClient:
    """Raises an OSError or EOFError if the server refuses or closes a connection, or does not answer in `limit_s`."""

    port: int
    limit_s: float
    _idle: list[tuple[float, Connection]] = field(default_factory=list)

    async def request(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        """The answer, over a connection that is idle or over a new one."""
        data = body.encode()
        lines = {"Host": "soko", "Content-Length": str(len(data)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        async with asyncio.timeout(self.limit_s):
            reader, writer = self._unused() or await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + data)
                answer, is_last = await _answer(reader)
            except BaseException:
                writer.close()
                raise
        if is_last:
            writer.close()
        else:
            self._idle.append((time.monotonic(), (reader, writer)))
        return answer

    def _unused(self) -> Connection | None:
        while self._idle:
            since, connection = self._idle.pop()
            if time.monotonic() - since < IDLE_S:
                return connection
            connection[1].close()
        return None

    def close(self) -> None:
        """Close the connections that are idle."""
        while self._idle:
            self._idle.pop()[1][1].close()


async def _answer(reader: asyncio.StreamReader) -> tuple[HttpReply, bool]:
    """The answer, and whether the server closes the connection after it."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 ") or length is None:
        raise BadAnswerError(head.decode(errors="replace"))
    body = await reader.readexactly(int(length[1]))
    return HttpReply(int(head[9:12]), body.decode()), b"connection: close" in head.lower()
