"""The walk of README.md, pasted into bash as a newcomer does, on a server that has just been started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.marketplace.served import served
from tests.repository.pages import blocks, fresh_server, in_bash
from tests.service import OPERATOR_KEY, Service, serving

_START, WALK = blocks("README.md", "bash")
KEY = "soko_operator_development"
PATIENCE = "{1..80}"
WORKER_PACE_S = 0.3


def complaints(printed: str) -> list[str]:
    """What a reader would miss in the output of the walk."""
    expected = {
        "Amina joins": r"^END Welcome to Soko, Amina!",
        "her baskets are in the shop": r'^"kiondo basket is on sale at KSh 1,500',
        "the kiosk receives the basket": r"^END Received: 1 x kiondo basket",
        "Amina is paid": r'^"Soko sent you KSh 1,350',
        "the buyer's last text": r'^"Soko: your order \w+ was delivered\. Thank you',
    }
    found = [what for what, pattern in expected.items() if not re.search(pattern, printed, re.MULTILINE)]
    return found + re.findall(r"^Nothing with .*", printed, re.MULTILINE)


@contextmanager
def slow_worker(service: Service) -> Iterator[None]:
    """A worker that looks for work a few times a second, so that a text is never there at once."""
    stop = Event()

    def work() -> None:
        while not stop.wait(WORKER_PACE_S):
            service.work()

    thread = Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def follow(walk: str, folder: Path) -> list[str]:
    """The complaints of somebody who follows this walk in a shop that has another kiosk and a slow worker."""
    with serving(folder) as service, served(service.app) as url, slow_worker(service):
        service.kiosk()
        return complaints(in_bash(walk.replace(KEY, OPERATOR_KEY), url))


def test_the_walk_leads_from_a_new_kiosk_to_the_buyers_last_text(tmp_path):
    with fresh_server(tmp_path) as url:
        printed = in_bash(WALK, url)

    assert complaints(printed) == [], printed


def test_a_slow_worker_does_not_disturb_the_walk(tmp_path):
    assert follow(WALK, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("*Toi", "*1", "the kiosk receives the basket"),
        (PATIENCE, "first", "her baskets are in the shop"),
        (r"# 5\..*", "", "Amina is paid"),
    ],
    ids=["another kiosk", "reads at once", "ends at the order"],
)
def test_a_walk_with_a_fault_is_noticed(tmp_path, right, wrong, complaint):
    faulty = re.sub(right if right.startswith("#") else re.escape(right), wrong, WALK, flags=re.DOTALL)
    assert faulty != WALK

    assert complaint in follow(faulty.replace(PATIENCE, "{1..4}"), tmp_path)
