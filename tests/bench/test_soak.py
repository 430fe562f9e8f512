"""The soak counts what is wrong, lost or refused, and measures from when a request was due."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest

from tests.bench import soak_phones
from tests.bench.soak_phones import DIAL, StoryEndedError, Town
from tests.bench.soak_provider import CalmProvider
from tests.http_client import HttpClient, HttpReply
from tests.servers import free_port


class AlwaysAnswers(HttpClient):
    """A gateway whose server answers everything alike, at once."""

    def __init__(self, answer: HttpReply) -> None:
        super().__init__(0, 0)
        self._answer = answer

    async def request(
        self, method: str, path: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        return self._answer


def lived(gateway: HttpClient, late_s: float = 0.0) -> Town:
    """The town after one story that was due `late_s` ago."""

    async def live() -> Town:
        town = Town(gateway, CalmProvider(), Random(1))
        await town.live(1, asyncio.get_running_loop().time() - late_s)
        return town

    return asyncio.run(live())


@pytest.mark.parametrize(
    ("status", "screen", "problem"),
    [(200, "END Sorry, something went wrong.", "wrong"), (200, "CON What?", "wrong"), (503, "Later.", "failed")],
)
def test_a_story_that_goes_wrong_is_counted(status: int, screen: str, problem: str) -> None:
    measured = lived(AlwaysAnswers(HttpReply(status, screen))).measured

    assert (measured.begun, measured.done, dict(measured.problems)) == (1, 0, {problem: 1})


def test_a_server_that_refuses_connections_is_counted() -> None:
    assert dict(lived(HttpClient(free_port(), 10.0)).measured.problems) == {"failed": 1}


def test_a_request_that_was_due_earlier_counts_from_then() -> None:
    measured = lived(AlwaysAnswers(HttpReply(200, "END Sorry")), late_s=50.0).measured

    assert measured.seconds[DIAL][0] >= 50.0
    assert measured.late_s >= 50.0


def test_a_text_that_does_not_come_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_phones, "LOST_AFTER_S", 0.0)

    async def wait() -> None:
        town = Town(AlwaysAnswers(HttpReply(200, "")), CalmProvider(), Random(1))
        await town._wait("+254711000999", "new order", "text", asyncio.get_running_loop().time())

    with pytest.raises(StoryEndedError, match="lost: no text 'new order' came"):
        asyncio.run(wait())
