"""A session is logged by its shape, without anybody's words, and can be played again."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from bot.conversation import heard
from bot.playground.from_log import transcript_of
from bot.playground.transcript import TranscriptPlayer
from bot.runtime import logs
from tests.bot.fixtures import AKINYI, NEW_PHONE, OTIENO, seed_shop
from tests.bot.runtime.test_logs import capture_log
from tests.service import Service, serving

PIN = "7391"
SAID = ("Beatrice", "Lantern", "4321", "K7P4", PIN, NEW_PHONE[4:], AKINYI[4:])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "real").mkdir()
    with serving(tmp_path / "real", log_dialogues=True) as service:
        seed_shop(service)
        yield service


@pytest.fixture
def log(service: Service) -> StringIO:
    """The log as in production."""
    logs.configure(as_json=True)
    return capture_log()


def say_much(service: Service) -> None:
    gateway = service.gateway
    gateway.dial(NEW_PHONE)
    for answer in ("1", "1", "Beatrice Atieno", "1"):
        gateway.answer(NEW_PHONE, answer)
    gateway.hang_up(NEW_PHONE)
    gateway.dial(NEW_PHONE)
    for answer in ("1", "1", "3"):
        gateway.answer(NEW_PHONE, answer)
    gateway.text(NEW_PHONE, "SELL Lantern 4321 x3")
    for answer in ("3", "ndiyo", "TRACK K7P4", "STOP"):
        gateway.text(NEW_PHONE, answer)
    gateway.text(AKINYI, "MENU")
    gateway.dial(OTIENO, "*384*22*1#")


def test_nothing_that_was_said_is_in_the_log_and_the_session_is_played_again(
    service: Service, log: StringIO, tmp_path: Path
) -> None:
    say_much(service)
    logged = log.getvalue()
    assert [words for words in SAID if words in logged] == []
    assert logged.count('"logger": "bot.conversation.heard"') == 17

    script = transcript_of(logged.splitlines())
    lines = script.splitlines()
    assert "# at join.name\n> Xxxxxxxx Xxxxxx\n" in script
    assert "> SELL Xxxxxxx 9999 x9" in lines
    for line in ("! drop", "> ndiyo", "> STOP", "> MENU", "> *384*22*1#", "> TRACK X9X9"):
        assert line in lines
    phones = dict(line.split()[2:4] for line in lines if line.startswith("! phone "))
    assert phones == {"caller": "+254711000900", "caller2": "+254711000101", "caller3": "+254722000222"}

    (tmp_path / "again").mkdir()
    with serving(tmp_path / "again") as again:
        played = TranscriptPlayer(again).play(script)
    assert "= artisan.registered Xxxxxxxx Xxxxxx" in played
    assert "= product.listed" in played


def test_one_caller_can_be_chosen_and_a_log_without_dialogues_is_refused(service: Service, log: StringIO) -> None:
    say_much(service)
    lines = log.getvalue().splitlines()
    assert "SELL" not in transcript_of(lines, "+25471***103")
    with pytest.raises(ValueError, match="LOG_DIALOGUES"):
        transcript_of(lines, "+25479***000")
    with pytest.raises(ValueError, match="LOG_DIALOGUES"):
        transcript_of(["2026 [info] a call ended", '{"event": "a call ended"}', "[]"])


def test_nothing_is_logged_unless_it_is_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path) as service:
        assert not heard.is_on()
        logs.configure(as_json=True)
        log = capture_log()
        service.gateway.dial(NEW_PHONE)
        service.gateway.text(NEW_PHONE, "HELP")
        assert heard.__name__ not in log.getvalue()


@pytest.mark.parametrize(
    ("said", "kept", "shape"),
    [
        ("Beatrice Atieno", "numbers", "Xxxxxxxx Xxxxxx"),
        ("12", "numbers", "12"),
        ("12", "nothing", "99"),
        (PIN, "numbers", "9999"),
        ("yes", "words", "yes"),
        ("yes", "numbers", "xxx"),
        ("አዎ", "words", "አዎ"),
        ("ሰላም ፍቅር ፪", "numbers", "xxx xxx 9"),
        ("12 Hill Road", "nothing", "99 Xxxx Xxxx"),
    ],
)
def test_what_was_said_is_kept_only_as_its_shape(said: str, kept: heard.Kept, shape: str) -> None:
    assert heard.shape(said, kept) == shape
