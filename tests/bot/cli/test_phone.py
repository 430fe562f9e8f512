"""`script/soko phone`: a phone in the terminal with the faults, the history and the times of the page."""

from __future__ import annotations

import re

import pytest

from bot.cli.terminal_phone import TerminalPhone, asked_for
from tests.bot.fixtures import AKINYI, NEW_PHONE
from tests.command_line import run_command
from tests.service import Service


def typed(service: Service, *lines: str, phone: str = AKINYI, colour: bool = False) -> str:
    """What is printed for these lines."""
    given = "".join(f"{line}\n" for line in lines)
    done = run_command(service.app, "phone", "--msisdn", phone, input=given, color=colour)
    assert done.exception is None, done.output
    return done.output


def test_a_screen_is_shown_with_its_size_and_an_empty_line_hangs_up(embedded: Service) -> None:
    printed = typed(embedded, "*384*22#", "1", "", "sms HELP")

    assert re.search(r"\d+/80 UCS-2 because of \S · hop 1", printed)
    assert re.search(r"\d+/160 GSM-7 · hop 2", printed)
    assert "(1 segment GSM-7, KES 0.80)" in printed
    assert printed.count("answer> ") == 2


def test_texts_come_in_the_time_zone_of_the_shop(embedded: Service) -> None:
    printed = typed(embedded, "sms HELP", "inbox")

    assert "[Mon 23 Nov, 11:00] 22384: Soko. To sell, dial *384*22#" in printed  # 8:00 in UTC


def test_a_new_text_is_announced_until_it_was_read(embedded: Service) -> None:
    terminal_phone = TerminalPhone(embedded.app, embedded.services, AKINYI)
    embedded.gateway.text(AKINYI, "HELP")
    embedded.work()
    assert terminal_phone.prompt == "phone (new texts: inbox)"
    terminal_phone.act("inbox")
    assert terminal_phone.prompt == "phone"


def test_the_history_has_calls_and_texts_in_both_directions(embedded: Service) -> None:
    printed = typed(embedded, "*384*22#", "", "sms HELP", "history")
    lines = re.findall(r"^\[Mon 23 Nov, 11:00\] (. \w+) (.*)$", printed, re.MULTILINE)

    assert ("→ hop", "dials -> CON") in [(kind, words[:12]) for kind, words in lines]
    assert ("→ text", "HELP") in lines
    assert any(kind == "← sms" and words.startswith("Soko. To sell") for kind, words in lines)


def test_faults_of_this_phone_and_of_providers_are_set_listed_and_ended(embedded: Service) -> None:
    printed = typed(embedded, "fault drop times=1 seed=7", "fault twilio error 0.5", "faults", "*384*22#", "*384*22#")

    assert f"drop at {AKINYI} probability=1.0 times=1 seed=7 struck=0" in printed
    assert "error at twilio probability=0.5" in printed
    dropped, answered = printed.index("Connection problem."), printed.index("· hop 1")
    assert dropped < answered
    (rule,) = re.findall(r"error at twilio, seed \d+. It ends with: end (flt_\w+)", printed)
    assert "No fault is on." in typed(embedded, f"end {rule}", "faults")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fault", "After fault comes one of drop"),
        ("fault drop often", "After fault comes one of drop"),
        ("fault explode", "drop"),
        ("fault drop 7", "less than or equal to 1"),
        ("end flt_1", "There is no such fault."),
        ("network moon", "A network is one of sandbox, safaricom"),
        ("sms", "Type what to text"),
        ("jump", "There is no command jump"),
    ],
)
def test_a_line_that_cannot_be_done_is_refused_in_words(embedded: Service, line: str, words: str) -> None:
    assert words.lower() in typed(embedded, line).lower()


def test_a_network_is_chosen_and_ends_a_call_that_is_left(embedded: Service) -> None:
    typed(embedded, "network safaricom", phone=NEW_PHONE)
    assert embedded.network.operator(NEW_PHONE).name == "safaricom"


def test_colours_are_those_of_a_terminal_only(embedded: Service) -> None:
    assert "\x1b[32m" in typed(embedded, "*384*22#", colour=True)
    assert "\x1b[" not in typed(embedded, "*384*22#")


def test_what_is_asked_for_is_read_in_any_order() -> None:
    fault = asked_for(["daraja", "hang", "0.25", "seed=3", "seconds=2"], AKINYI)
    assert (fault.target, fault.name, fault.fault, fault.probability) == ("provider", "daraja", "hang", 0.25)
    assert (fault.seed, fault.seconds) == (3, 2.0)
