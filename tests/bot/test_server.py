"""The process tree keeps its children alive, and leaves none behind."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TextIO

import pytest

from bot import server
from bot.runtime.settings import Settings


@pytest.fixture
def pipe(tmp_path):
    """A child and all of its own hold it open: reading it to the end waits until the last of them is gone."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def child(pipe: Path, then: str) -> list[str]:
    return ["bash", "-c", f"exec 3>{pipe}; {then}"]


async def opened(pipe: Path) -> tuple[TextIO, int]:
    """The pipe of a child that has just started, and the process id that it says."""
    voice = await asyncio.to_thread(pipe.open)
    return voice, int(await asyncio.to_thread(voice.readline))


@asynccontextmanager
async def kept(command: list[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(server.keep_running(command))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def test_a_child_that_is_killed_is_started_again(pipe, monkeypatch):
    monkeypatch.setattr(server, "SHORTEST_PAUSE", 0)

    async def story() -> None:
        async with kept(child(pipe, "echo $$ >&3; exec sleep 600")):
            voice, first = await opened(pipe)
            os.kill(first, signal.SIGKILL)
            with voice:
                assert voice.read() == ""
            voice, second = await opened(pipe)
            assert first != second
        with voice:
            assert voice.read() == ""

    asyncio.run(story())


def test_a_child_that_will_not_stop_is_killed_with_all_of_its_own(pipe, monkeypatch):
    monkeypatch.setattr(server, "GRACE_SECONDS", 0)

    async def story() -> None:
        async with kept(child(pipe, "trap '' TERM; sleep 600 & echo $$ >&3; wait")):
            voice, _ = await opened(pipe)
        with voice:
            assert voice.read() == ""

    asyncio.run(story())


def test_a_port_in_use_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(server, "PORT_SECONDS", 0)
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]

        with pytest.raises(SystemExit, match=f"^PORT: cannot listen on 127.0.0.1:{port}: Address already in use$"):
            server.claim_port("127.0.0.1", port)


def test_a_newcomer_is_told_where_to_go():
    said = server.welcome(Settings(port=8123))

    assert "http://127.0.0.1:8123/simulator" in said
    assert Settings().operator_key in said
