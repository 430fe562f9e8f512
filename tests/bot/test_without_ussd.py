"""With USSD_CODE empty nobody can dial, and nothing says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.messaging import rendering
from bot.notifications import agents, templates
from bot.providers import registry
from flows.kit import versions
from flows.kit.turn import SERVICE_CODE
from tests.bot.fixtures import AKINYI, NEW_PHONE, choose_language, outgoing_messages, seed_shop
from tests.service import Service, serving

DIALLING = re.compile(r"\b(dial|call again|press call|piga|tapez)\b|\*384|ይደውሉ", re.IGNORECASE)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, ussd_code="") as service:
        seed_shop(service)
        yield service


def test_an_empty_service_code_in_the_environment_switches_ussd_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USSD_CODE", raising=False)
    assert registry.make_settings().ussd_code == "*384*22#"
    monkeypatch.setenv("USSD_CODE", "")
    assert registry.make_settings().ussd_code == ""


@pytest.mark.parametrize("language", ["en", "sw", "fr", "am"])
def test_a_call_is_answered_by_one_sentence_in_the_callers_language(service: Service, language: str) -> None:
    choose_language(service, language, AKINYI)
    service.gateway.text(AKINYI, "MENU")
    screen = service.gateway.post_ussd("ATUid_1", AKINYI, "*384*22#", "")
    assert screen.startswith("END ")
    assert "MENU" in screen
    assert not DIALLING.search(screen)


@pytest.mark.parametrize("text", ["SELL", "MONEY", "JOIN", "HELP"])
@pytest.mark.parametrize("language", ["en", "sw", "fr", "am"])
def test_no_answer_says_to_dial(service: Service, text: str, language: str) -> None:
    choose_language(service, language, AKINYI, NEW_PHONE)
    for phone in (AKINYI, NEW_PHONE):
        service.gateway.text(phone, text)
        assert not DIALLING.search(outgoing_messages(service, phone)[-1].text)


def test_joining_by_text_ends_without_a_word_of_dialling(service: Service) -> None:
    for said in ("JOIN Amina", "1", "1", "1"):
        service.gateway.text(NEW_PHONE, said)
    welcome = "Welcome to Soko, Amina! To sell, text SELL to 22384."
    assert outgoing_messages(service, NEW_PHONE)[-1].text == welcome


def test_every_notification_can_be_worded_without_the_service_code() -> None:
    values = [*vars(templates).values(), *vars(agents).values()]
    wordings = [value for value in values if isinstance(value, str | tuple) and "Soko" in str(value)]
    naming = [wording for wording in wordings if SERVICE_CODE in str(wording)]
    assert naming
    assert [wording for wording in naming if all(SERVICE_CODE in one for one in versions(wording))] == []


def test_a_notification_leaves_out_the_versions_that_name_the_service_code() -> None:
    fields = {"amount": "KSh 900", "order": "K7P4", "phone": "0711000103", "ussd_code": ""}
    text = rendering.render_sms(rendering.words("en"), templates.ANOTHER_NUMBER, fields)
    assert text.endswith("Reply MENU, choose Settings, and say how else.")


def test_the_simulator_cannot_dial(service: Service) -> None:
    call = {"msisdn": AKINYI, "session_id": "ATUid_1", "code": "*384*22#"}
    for path in ("dial", "answer"):
        assert service.http.post(f"/simulator/{path}", json=call).status_code == 409
    page = service.http.get("/simulator").get_data(as_text=True)
    assert page.count('class="send" disabled') == 1  # in the template of every phone
    assert not DIALLING.search(re.sub(r"data-\w+=\S+|aria-\w+=\S+", "", page))


def test_the_shop_window_does_not_say_to_dial(service: Service) -> None:
    assert not DIALLING.search(service.http.get("/").get_data(as_text=True))
