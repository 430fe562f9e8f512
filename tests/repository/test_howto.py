"""Each page of docs/howto is followed word for word in a copy of the project, and ends in a check that passes."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from babel.messages.pofile import read_po, write_po

from bot import server, worker
from bot.providers.registry import load_settings
from tests.repository.architecture import ROOT
from tests.repository.howto import Copy, NotFollowedError, pages
from tests.repository.pages import blocks, copy_project
from tests.runs import some_of
from tests.service import serving


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    copy_project(tmp_path)
    return Copy(tmp_path)


def add_a_setting(copy: Copy) -> None:
    copy.follow("add-a-setting.md")

    assert "SHOP_NAME=Soko" in (copy.root / ".env.example").read_text()


def forget_to_document_a_setting(copy: Copy) -> None:
    with pytest.raises(NotFollowedError, match="test_the_contract_names_every_setting"):
        copy.follow("add-a-setting.md", {"4. Check": lambda root: remove_lines(root / "docs/contract.md", "SHOP_NAME")})


def add_a_dialogue(copy: Copy) -> None:
    copy.follow("add-a-dialogue.md")

    transcript = (copy.root / "tests/transcripts/photo_tips.txt").read_text()
    assert "< Take your photo outside, in daylight." in transcript
    assert "< Weka bidhaa yako juu ya kitambaa" in transcript
    assert "<summary>photo_tips</summary>" in (copy.root / "docs/dialogues.md").read_text()


def add_a_language(copy: Copy) -> None:
    printed = copy.follow("add-a-language.md", {"3. Teach it what people write": translate})

    assert "2. Luganda" in printed


def add_a_provider(copy: Copy) -> None:
    assert "PIGEON_KEY is needed by the SMS provider that is set" in copy.follow("add-a-provider.md")


def add_a_payout_network(copy: Copy) -> None:
    assert "COWRIE_KEY is needed by the payout provider that is set" in copy.follow("add-a-payout-network.md")


def add_an_event(copy: Copy) -> None:
    copy.follow("add-an-event.md")


FOLLOWED = (
    *(add_a_setting, forget_to_document_a_setting, add_a_dialogue, add_a_language),
    *(add_a_provider, add_a_payout_network, add_an_event),
)
"""What readers do with the pages; a usual run does one of these, another with another seed."""


@pytest.mark.parametrize("follow", some_of(FOLLOWED), ids=lambda follow: follow.__name__)
def test_a_page_is_followed_to_its_end(copy: Copy, follow: Callable[[Copy], None]) -> None:
    follow(copy)


def test_the_settings_of_a_public_shop_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    (lines, *_) = blocks("docs/howto/go-live.md", "sh")
    for line in lines.splitlines():
        name, value = line.split("=", 1)
        own = sha256(name.encode()).hexdigest()
        monkeypatch.setenv(name, value.strip("'").replace("…", own))
    settings = load_settings()

    assert (settings.environment, settings.sms_provider, settings.payout_provider) == (
        *("production", "africastalking", "daraja"),
    )


@pytest.mark.parametrize("name", ["WEBHOOK_SECRET", "DARAJA_WEBHOOK_SECRET", "SECRET_KEY"])
def test_the_settings_while_a_secret_is_replaced_are_accepted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    page = (ROOT / "docs/howto/replace-a-secret.md").read_text()
    new, old = (sha256(value.encode()).hexdigest() for value in ("new", "old"))
    steps = re.findall(rf"`{name}=(.+?)`", page)
    for step in steps:
        monkeypatch.setenv(name, step.replace("NEW", new).replace("OLD", old))
        load_settings()

    assert steps == ["NEW,OLD", "NEW"]


def test_the_times_of_an_upgrade_are_those_of_the_code() -> None:
    page = (ROOT / "docs/howto/upgrade.md").read_text()
    finish, stop, drain, idle, check, checks, whole = map(
        int,
        [
            *re.findall(r"for up to\s+(\d+) seconds", page),
            *re.findall(r"^(\d+) is enough for the settings above", page, re.MULTILINE),
            *re.findall(r"Soko closes them after (\d+)", page),
            *re.findall(r"inter (\d+)s", page),
            *re.findall(r"fall (\d+)", page),
            *re.findall(r"(\d+) seconds for a `DRAIN_SECONDS` of 10", page),
        ],
    )

    assert (finish, stop, idle) == (server.FINISH_SECONDS, worker.STOPS_WITHIN_S, server.HEADER_MS / 1000)
    assert drain > idle + check * checks
    assert whole >= drain + server.GRACE_SECONDS


def test_every_callback_that_providers_are_told_is_there(tmp_path: Path) -> None:
    page = (ROOT / "docs/howto/go-live.md").read_text()
    paths = re.findall(r"`(/webhooks/[^`]+)`", page)
    with serving(tmp_path) as service:
        known = {rule.rule for rule in service.app.url_map.iter_rules() if "POST" in (rule.methods or ())}

    assert len(paths) > 5
    assert [path for path in paths if path.replace("<WEBHOOK_SECRET>", "<secret>") not in known] == []


def remove_lines(file: Path, word: str) -> None:
    """Removes every line with this word."""
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if word not in line))


def translate(root: Path) -> None:
    """Fills in the new catalogue as a translator does, with the English texts."""
    file = root / "locales/lg/LC_MESSAGES/messages.po"
    with file.open("rb") as source:
        catalogue = read_po(source, locale="lg")
    for message in catalogue:
        if message.id:
            message.string = message.id
    with file.open("wb") as target:
        write_po(target, catalogue, width=100)


def test_every_page_is_followed_by_a_test() -> None:
    tests = Path(__file__).read_text() + Path(__file__).with_name("test_walks.py").read_text()

    assert [page for page in pages() if page not in tests] == []
