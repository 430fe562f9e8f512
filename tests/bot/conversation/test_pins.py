"""A PIN in the whole service: what it guards, and that it stands nowhere once it was heard."""

from __future__ import annotations

import re
from itertools import accumulate

import pytest
from sqlalchemy import MetaData, select

from bot.conversation.session import hop_key
from bot.simulator.gateway import Gateway
from marketplace_api.accounts import artisans
from tests.bot.fixtures import (
    AKINYI,
    NEW_PHONE,
    OTIENO,
    add_artisan,
    choose_language,
    crashing_process,
    delete_session,
    dial,
    notifications,
    outgoing_messages,
)
from tests.service import Service

PIN = "8642"
TO_PAYOUT = ("5", "4")
OTHER_PHONE = "+254722000111"


def paid_on(service: Service) -> str | None:
    with service.services.database.reading() as session:
        akinyi = artisans.by_msisdn(service.services.shop(session), AKINYI)
        assert akinyi
        return akinyi.payout_msisdn


def everything_kept(service: Service) -> str:
    """Every value of every table, and her session wherever it is."""
    tables = MetaData()
    with service.services.engine.connect() as conn:
        tables.reflect(conn)
        rows = [row for table in tables.tables.values() for row in conn.execute(select(table))]
    stored = service.services.sessions.load(AKINYI, service.clock().timestamp())
    return repr((rows, stored))


def dialled_at_once(service: Service, *said: str, at: Gateway | None = None) -> str:
    """What is shown to a call that comes with all that is said."""
    return (at or service.gateway).dial(AKINYI, f"*384*22*{'*'.join((*TO_PAYOUT, *said))}#")


@pytest.fixture
def her(service: Service) -> Service:
    choose_language(service, "en", AKINYI)
    return service


def test_nothing_keeps_a_pin_that_was_dialled(her: Service, caplog: pytest.LogCaptureFixture) -> None:
    dial(her, AKINYI, *TO_PAYOUT, PIN)
    assert PIN not in everything_kept(her)
    dialled_at_once(her, "1111", PIN)
    assert her.gateway.answer(AKINYI, "2").startswith("CON Which phone")
    assert her.gateway.answer(AKINYI, "0722000111").startswith("END Changed.")
    assert PIN not in everything_kept(her) + caplog.text
    assert paid_on(her) == OTHER_PHONE


def test_nothing_keeps_a_pin_that_was_texted(her: Service, caplog: pytest.LogCaptureFixture) -> None:
    for said in ("MENU", "5", "4", f" {PIN[:2]} {PIN[2:]}", "2", "0722000111", "MENU", "5", "4", f"{PIN}1", PIN):
        her.gateway.text(AKINYI, said)
    kept = everything_kept(her) + caplog.text
    assert PIN not in kept
    assert f"{PIN[:2]} {PIN[2:]}" not in kept
    assert paid_on(her) == OTHER_PHONE


def test_what_was_typed_cannot_be_guessed_from_a_hops_name_without_the_secret() -> None:
    assert hop_key(b"a secret", "AT", "ATUid_1", PIN) != hop_key(b"another", "AT", "ATUid_1", PIN)


def test_a_hop_with_a_pin_that_is_posted_again_is_counted_once(her: Service) -> None:
    dial(her, AKINYI, *TO_PAYOUT, PIN)
    dialled_at_once(her)
    asked_again = her.gateway.answer(AKINYI, "1111")
    assert [her.gateway.repeat() for _ in range(5)] == [asked_again] * 5
    assert her.gateway.answer(AKINYI, PIN).startswith("CON How do you want to be paid?")


def test_a_wrong_pin_counts_although_the_hop_died_before_it_saved(her: Service) -> None:
    dial(her, AKINYI, *TO_PAYOUT, PIN)
    for guess in ("1111", "2222"):
        assert dialled_at_once(her, guess, at=crashing_process(her)).startswith("END Sorry")
    assert "locked" in dialled_at_once(her, "3333", at=crashing_process(her))
    assert "locked" in dialled_at_once(her, PIN)


def test_a_call_that_the_store_lost_behind_the_pin_goes_on_there(her: Service) -> None:
    screen = ""
    for text in ["", *accumulate((*TO_PAYOUT, PIN, "2", "0722000111"), "{}*{}".format)]:
        screen = her.gateway.post_ussd("ATUid_1", AKINYI, her.settings.ussd_code, text)
        delete_session(her, AKINYI)
    assert screen.startswith("END Changed.")
    assert paid_on(her) == OTHER_PHONE
    assert PIN not in everything_kept(her)


def test_a_change_is_confirmed_to_her_own_phone(her: Service) -> None:
    dial(her, AKINYI, *TO_PAYOUT, PIN, "2", "0722000111")
    her.work()
    (text,) = notifications(her)
    assert (text.msisdn, OTHER_PHONE in text.text) == (AKINYI, True)


def test_without_a_right_pin_a_moment_ago_nothing_is_changed(her: Service) -> None:
    dial(her, AKINYI, *TO_PAYOUT, PIN)
    her.later(minutes=10)
    assert her.gateway.answer(AKINYI, "3") == "CON What is your PIN?\n0. Back\n00. Home"
    assert paid_on(her) == AKINYI


# A PIN that was forgotten.

TO_RESET = ("5", "2")


def offered(service: Service) -> str:
    """The code that Akinyi was texted last."""
    (code,) = re.findall(r"code: (\d{6})", outgoing_messages(service, AKINYI)[-1].text)
    return str(code)


@pytest.fixture
def forgetful(her: Service) -> Service:
    """Akinyi has a PIN, and Otieno, her agent, has asked for a code to reset it."""
    choose_language(her, "en", OTIENO)
    dial(her, AKINYI, *TO_PAYOUT, PIN, "1")
    dial(her, OTIENO, *TO_RESET, AKINYI)
    return her


def test_a_code_that_only_she_was_texted_resets_her_pin(forgetful: Service) -> None:
    assert [text.msisdn for text in outgoing_messages(forgetful)] == [AKINYI]
    assert forgetful.gateway.answer(OTIENO, offered(forgetful)).startswith("END The PIN of Akinyi Ouma is gone.")
    assert outgoing_messages(forgetful)[-1].text.startswith("Soko: your PIN was reset")
    assert dial(forgetful, AKINYI, *TO_PAYOUT).startswith("CON Choose a PIN")


def test_a_code_to_reset_a_pin_is_kept_nowhere_but_in_its_text(
    forgetful: Service, caplog: pytest.LogCaptureFixture
) -> None:
    code = offered(forgetful)
    forgetful.gateway.answer(OTIENO, code)
    assert everything_kept(forgetful).count(code) == 1
    assert code not in caplog.text


def test_a_hop_that_offers_a_reset_texts_one_code_however_often_it_is_posted(forgetful: Service) -> None:
    asked = [forgetful.gateway.repeat() for _ in range(3)]
    assert len(set(asked)) == 1
    assert len(outgoing_messages(forgetful, AKINYI)) == 1


def test_a_wrong_code_that_is_posted_again_is_counted_once(forgetful: Service) -> None:
    forgetful.gateway.answer(OTIENO, "000000")
    for _ in range(4):
        forgetful.gateway.repeat()
    assert forgetful.gateway.answer(OTIENO, offered(forgetful)).startswith("END The PIN of")


def test_an_agent_resets_the_pins_of_his_own_artisans_alone(her: Service) -> None:
    choose_language(her, "en", OTIENO)
    elsewhere = her.kiosk("+254722000444", "Old Town", "Mombasa")
    add_artisan(her, NEW_PHONE, "Fatuma", elsewhere["id"])
    for whose in (NEW_PHONE, "+254799000111", OTIENO):
        assert dial(her, OTIENO, *TO_RESET, whose) == "END No artisan of your kiosk has that phone."
    assert outgoing_messages(her) == []


def test_who_is_agent_and_artisan_does_not_reset_her_own(her: Service) -> None:
    """Whoever found her phone would be texted the code on it."""
    (kiosk,) = her.api("GET", "/kiosks")["data"]
    add_artisan(her, OTIENO, "Otieno", kiosk["id"])
    choose_language(her, "en", OTIENO)
    assert dial(her, OTIENO, "2", *TO_RESET, OTIENO) == "END No artisan of your kiosk has that phone."


def test_who_left_with_a_pin_can_have_it_reset_to_come_back(forgetful: Service) -> None:
    code = offered(forgetful)
    dial(forgetful, AKINYI, "5", "5", "1")
    forgetful.later(minutes=10)
    assert dial(forgetful, AKINYI, "1", "Akinyi", "6", "1", "1").startswith("CON What is your PIN?")
    assert forgetful.gateway.answer(OTIENO, code).startswith("END The PIN of")
    assert dial(forgetful, AKINYI, "2", "1", "Akinyi", "6", "1", "1").startswith("END Welcome to Soko, Akinyi!")
