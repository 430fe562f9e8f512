"""The provider of texts for `script/bench --soak`: it accepts every text at once, and reports it as delivered later."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from tests.chaos.faulty_provider import AcceptedText

REPORTED_AFTER_S = 1.0
Report = Callable[[dict[str, str]], Awaitable[object]]
"""Posts the form of a delivery report."""


@dataclass(slots=True)
class Inbox:
    """The texts that a phone got and has not looked for yet, and who waits for one."""

    texts: list[tuple[float, str]] = field(default_factory=list)
    """When each came, in seconds of the event loop's clock."""
    waiting: list[tuple[str, asyncio.Future[float]]] = field(default_factory=list)


@dataclass
class CalmProvider:
    """Accepts texts as Africa's Talking does, at `url`."""

    url: str = ""
    accepted: list[AcceptedText] = field(default_factory=list)
    _inboxes: defaultdict[str, Inbox] = field(default_factory=lambda: defaultdict(Inbox))
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    async def text_with(self, msisdn: str, words: str) -> float:
        """Wait until the phone gets a text with these words; when it came, by the event loop's clock."""
        inbox = self._inboxes[msisdn]
        for found in inbox.texts:
            if words in found[1]:
                inbox.texts.remove(found)
                return found[0]
        coming: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        inbox.waiting.append((words, coming))
        return await coming

    def forget(self, msisdn: str) -> None:
        """Forget the texts of a phone that waits for no more."""
        self._inboxes.pop(msisdn, None)

    async def until_reported(self) -> None:
        """Wait until all reports are posted."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    @asynccontextmanager
    async def running(self, report: Report) -> AsyncIterator[None]:
        """Serve the provider's API."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while True:
                    await self._answer(reader, writer, report)
            except (OSError, EOFError):  # the worker closes an idle connection
                writer.close()

        listening = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
        self.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            listening.close()
            for task in self._tasks:
                task.cancel()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, report: Report) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        form = parse_qs((await reader.readexactly(length)).decode())
        recipients = [self._accept(number, form["message"][0], report) for number in form["to"][0].split(",")]
        body = json.dumps({"SMSMessageData": {"Message": "Sent", "Recipients": recipients}}).encode()
        kind = "Content-Type: application/json\r\n"
        writer.write(f"HTTP/1.1 201 Created\r\n{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()

    def _accept(self, number: str, text: str, report: Report) -> dict[str, object]:
        accepted = AcceptedText(f"ATXid_{len(self.accepted)}", number, text)
        self.accepted.append(accepted)
        self._deliver(accepted)
        task: asyncio.Task[object] = asyncio.create_task(self._report_later(accepted, report))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        done = {"statusCode": 101, "status": "Success", "cost": "KES 0.8000"}
        return {**done, "number": number, "messageId": accepted.id}

    def _deliver(self, accepted: AcceptedText) -> None:
        inbox, now = self._inboxes[accepted.msisdn], asyncio.get_running_loop().time()
        for waiting in inbox.waiting:
            words, coming = waiting
            if words in accepted.text and not coming.done():
                inbox.waiting.remove(waiting)
                coming.set_result(now)
                return
        inbox.texts.append((now, accepted.text))

    async def _report_later(self, accepted: AcceptedText, report: Report) -> None:
        await asyncio.sleep(REPORTED_AFTER_S)
        fields = {"id": accepted.id, "status": "Success", "phoneNumber": accepted.msisdn, "networkCode": "63902"}
        await report(fields)
