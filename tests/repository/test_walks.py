"""The commands of README.md and of pages in docs, pasted into bash beside a fresh server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest

from tests.http_server import running_app
from tests.repository.architecture import ROOT
from tests.repository.pages import blocks, fresh_server, in_bash
from tests.runs import some_of
from tests.service import OPERATOR_KEY, Service, serving

_START, WALK = blocks("README.md", "bash")
KEY = "soko_operator_development"
TRIES = "{1..80}"
WORKER_PACE_S = 0.3


def missing_results(printed: str) -> list[str]:
    """The expected results that are not in the output of the walk."""
    expected = {
        "Amina joins": r"^END Welcome to Soko, Amina!",
        "the baskets are in the shop": r'^"kiondo basket is on sale at KSh 1,500',
        "the kiosk receives the basket": r"^END Received: 1 x kiondo basket",
        "Amina is paid": r'^"Soko sent you KSh 1,350',
        "the buyer's last text": r'^"Thank you! We noted that order \w+ has come',
    }
    found = [result for result, pattern in expected.items() if not re.search(pattern, printed, re.MULTILINE)]
    return found + re.findall(r"^Nothing with .*", printed, re.MULTILINE)


@contextmanager
def slow_worker(service: Service) -> Iterator[None]:
    """A worker that looks for work a few times a second, so that a text never arrives at once."""
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
    """The missing results of this walk in a shop that has another kiosk and a slow worker."""
    with serving(folder) as service, running_app(service.app) as url, slow_worker(service):
        service.kiosk()
        return missing_results(in_bash(walk.replace(KEY, OPERATOR_KEY), folder, url))


@dataclass(frozen=True, slots=True)
class Terminal:
    """A shell in a copy of the project whose server has just started for the first time."""

    folder: Path
    url: str

    def paste(self, script: str) -> str:
        """What the shell prints for this script."""
        return in_bash(script, self.folder, self.url)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("clone")
    with fresh_server(folder) as url:
        yield Terminal(folder, url)


def test_the_commands_of_the_readme_lead_from_a_new_kiosk_to_the_buyers_last_text(terminal):
    printed = terminal.paste(WALK)

    assert missing_results(printed) == [], printed


def see_the_data_behind_the_tutorial(terminal: Terminal, _folder: Path) -> None:
    _start, behind, transcript = blocks("docs/tutorial.md", "bash")
    printed = terminal.paste(behind)

    assert printed.count('{"object":"list"') == 2, printed
    assert "< CON" in terminal.paste(transcript)


def try_soko_in_the_terminal(terminal: Terminal, _folder: Path) -> None:
    *usual, bad_day, network, played = blocks("docs/howto/try-it.md", "bash")
    phone, inbox, clock = (terminal.paste(code) for code in usual)
    transcript = terminal.paste(played)
    answer = terminal.paste(bad_day + network)

    assert "2. Kiswahili" in phone
    assert "Which kiosk" in phone or "Soko. To sell, dial" in phone
    assert "Soko. To sell, dial" in inbox
    assert '"now":' in clock
    assert "= order.delivered" in transcript
    assert '"fault":"drop"' in answer
    assert '"operator":"safaricom"' in answer


def see_a_payout_by_daraja(_terminal: Terminal, folder: Path) -> None:
    start, receive = blocks("docs/payouts.md", "bash")
    walk = WALK.partition("# 5.")[0].replace("amina=+254711000999", "amina=+254711777202")
    assert "amina=+254711777202" in (ROOT / "docs/payouts.md").read_text()

    with fresh_server(folder, start) as url:
        printed = in_bash(walk + receive, folder, url)

    assert re.search(r'"status":"sending"', printed), printed
    assert re.search(r'^"Soko sent you KSh 1,350', printed, re.MULTILINE), printed


WALKS = (see_the_data_behind_the_tutorial, try_soko_in_the_terminal, see_a_payout_by_daraja)
"""What readers do with the other pages; a usual run does one of these, another with another seed."""


@pytest.mark.parametrize("walk", some_of(WALKS), ids=lambda walk: walk.__name__)
def test_the_commands_of_a_page_do_what_it_says(
    walk: Callable[[Terminal, Path], None], terminal: Terminal, tmp_path: Path
) -> None:
    walk(terminal, tmp_path)


def test_the_walk_succeeds_with_a_slow_worker(tmp_path):
    assert follow(WALK, tmp_path) == []


FAULTS = (
    pytest.param("*Toi", "*1", "the kiosk receives the basket", id="another kiosk"),
    pytest.param(TRIES, "first", "the baskets are in the shop", id="reads at once"),
    pytest.param(r"# 5\..*", "", "Amina is paid", id="ends at the order"),
)


@pytest.mark.parametrize(("right", "wrong", "complaint"), some_of(FAULTS))
def test_a_faulty_walk_is_noticed(tmp_path, right, wrong, complaint):
    faulty = re.sub(right if right.startswith("#") else re.escape(right), wrong, WALK, flags=re.DOTALL)
    assert faulty != WALK

    assert complaint in follow(faulty.replace(TRIES, "{1..4}"), tmp_path)
