"""The process tree keeps its children alive, and leaves none behind."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TextIO

import pytest

from bot import server
from bot.runtime.settings import Settings
from marketplace_api.backoff import Backoff


@pytest.fixture
def pipe(tmp_path):
    """A child and its descendants hold it open, so reading it to the end waits until all of them have ended."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def child(pipe: Path, then: str) -> list[str]:
    return ["bash", "-c", f"exec 3>{pipe}; {then}"]


async def opened(pipe: Path) -> tuple[TextIO, int]:
    """The pipe of a child that has just started, and the process id that it wrote."""
    output = await asyncio.to_thread(pipe.open)
    return output, int(await asyncio.to_thread(output.readline))


@asynccontextmanager
async def kept_running(command: list[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(server.KeptProcess(command).keep_running())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_a_child_that_is_killed_is_started_again(pipe, monkeypatch):
    monkeypatch.setattr(server, "RESTARTS", Backoff((timedelta(milliseconds=1),)))

    async def scenario() -> None:
        async with kept_running(child(pipe, "echo $$ >&3; exec sleep 600")):
            output, first = await opened(pipe)
            os.kill(first, signal.SIGKILL)
            with output:
                assert output.read() == ""
            output, second = await opened(pipe)
            assert first != second
        with output:
            assert output.read() == ""

    asyncio.run(scenario())


def test_a_child_that_does_not_stop_is_killed_with_its_descendants(pipe, monkeypatch):
    monkeypatch.setattr(server, "GRACE_SECONDS", 0)

    async def scenario() -> None:
        async with kept_running(child(pipe, "trap '' TERM; sleep 600 & echo $$ >&3; wait")):
            output, _ = await opened(pipe)
        with output:
            assert output.read() == ""

    asyncio.run(scenario())


def test_a_port_in_use_is_reported_in_one_line(monkeypatch):
    monkeypatch.setattr(server, "PORT_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        with pytest.raises(SystemExit, match=f"^PORT: cannot listen on 127.0.0.1:{port}: Address already in use$"):
            server.claim_port("127.0.0.1", port)


def test_the_welcome_text_names_the_simulator_and_the_operator_key():
    welcome = server.welcome(Settings(port=8123))

    assert "http://127.0.0.1:8123/simulator" in welcome
    assert Settings().operator_key in welcome
