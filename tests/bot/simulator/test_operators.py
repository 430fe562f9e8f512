"""The whole story on the network of each operator, and what happens when a call outlasts its network's patience."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.playground.transcript import TranscriptPlayer
from bot.simulator.gateway import CallDroppedError
from bot.simulator.network import Network
from bot.simulator.operators import OPERATORS, Operator
from tests import runs
from tests.service import Service, serving

STORY = Path(__file__).parents[2] / "transcripts/the_whole_story.txt"
AMINA = "+254711000111"
CUMULATIVE = [operator for operator in OPERATORS.values() if operator.idle and not operator.sends_last_answer]
LAST_ONLY = [operator for operator in OPERATORS.values() if operator.sends_last_answer]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path) as service:
        service.kiosk()
        yield service


@pytest.fixture
def network(service: Service) -> Network:
    """The phone of Amina has a language."""
    service.gateway.text(AMINA, "LANG english")
    return service.network


@pytest.mark.parametrize("operator", [*runs.some_of(CUMULATIVE), *LAST_ONLY], ids=lambda operator: operator.name)
def test_the_whole_story_reads_the_same_on_the_network_of(operator: Operator, tmp_path: Path) -> None:
    script = STORY.read_text()
    with serving(tmp_path) as service:
        service.gateway = service.network
        service.network.default_operator = operator
        assert TranscriptPlayer(service).play(script) == script
        hops = service.network_log(kind="hop")
    texts = [hop["request"]["body"].rpartition("text=")[2] for hop in hops]
    assert ("Basket+3%2A4+inch" in texts) == operator.sends_last_answer
    assert all(f"networkCode={operator.network_code}" in hop["request"]["body"] for hop in hops)


@pytest.mark.parametrize("operator", runs.some_of(CUMULATIVE + LAST_ONLY), ids=lambda operator: operator.name)
def test_a_call_that_is_left_too_long_is_dropped_and_goes_on_at_the_next_dial(
    operator: Operator, service: Service, network: Network
) -> None:
    assert operator.idle
    network.choose(AMINA, operator.name)
    network.dial(AMINA)
    for answer in ("1", "Amina", "1"):
        service.clock.advance(operator.idle.total_seconds())
        network.answer(AMINA, answer)
    service.clock.advance(operator.idle.total_seconds() + 1)
    with pytest.raises(CallDroppedError):
        network.answer(AMINA, "1")

    assert service.network_log(kind="end")[-1]["summary"] == "the call ended: Incomplete"
    with pytest.raises(KeyError):
        network.answer(AMINA, "1")
    assert network.dial(AMINA).startswith("CON Go on where you stopped?")
    assert network.answer(AMINA, "1").startswith("CON Which kiosk")


def test_a_call_ends_with_its_session_however_quick_the_answers_are(service: Service, network: Network) -> None:
    network.choose(AMINA, "safaricom")
    network.dial(AMINA)
    for _ in range(6):
        service.clock.advance(29)
        network.answer(AMINA, "9")
    service.clock.advance(29)
    with pytest.raises(CallDroppedError):
        network.answer(AMINA, "9")


def test_a_phone_without_an_operator_is_never_dropped(service: Service, network: Network) -> None:
    network.dial(AMINA)
    service.clock.advance(3000)
    assert network.answer(AMINA, "1").startswith("CON Join Soko")


def test_a_screen_that_is_too_long_for_the_network_is_cut() -> None:
    safaricom = OPERATORS["safaricom"]
    assert safaricom.shown("a" * 170) == "a" * 160
    assert safaricom.shown("ሰ" * 81) == "ሰ" * 80
    assert OPERATORS["airtel"].shown("a" * 170) == "a" * 170


def on_last_answer_network(network: Network) -> None:
    network.choose(AMINA, "last-answer")
    network.dial(AMINA)
    network.answer(AMINA, "1")


def test_the_same_answer_twice_is_two_answers_where_only_the_last_is_sent(service: Service, network: Network) -> None:
    on_last_answer_network(network)
    network.answer(AMINA, "Amina")
    assert network.answer(AMINA, "1").startswith("CON Which kiosk")
    assert network.answer(AMINA, "1").startswith("CON How do you want to be paid?")


def test_a_hop_that_is_repeated_there_gets_the_same_screen(service: Service, network: Network) -> None:
    on_last_answer_network(network)
    network.answer(AMINA, "Amina")
    screen = network.answer(AMINA, "1")
    assert network.repeat() == screen
    assert network.answer(AMINA, "1").startswith("CON How do you want to be paid?")


def test_an_answer_there_to_a_call_that_is_lost_is_not_taken_for_a_choice_at_home(
    service: Service, network: Network
) -> None:
    on_last_answer_network(network)
    service.services.sessions.delete(AMINA)
    assert network.answer(AMINA, "3").startswith("CON Welcome to Soko")


def test_an_empty_answer_there_is_no_new_dial(service: Service, network: Network) -> None:
    on_last_answer_network(network)
    network.answer(AMINA, "Amina")
    screen = network.answer(AMINA, "")
    assert screen.startswith("CON Answer with a number.")
    assert network.answer(AMINA, "1").startswith("CON Which kiosk")
