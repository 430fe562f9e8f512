"""PINs: what needs a PIN, that no PIN is stored in plain text, and how a PIN is reset."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

import pytest
from sqlalchemy import Connection, MetaData, event, select

from bot.conversation.session import hop_key
from bot.simulator.gateway import Gateway
from marketplace_api.accounts import artisans
from state import pins
from tests.actors import TESTER
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
from tests.bot.messaging.fakes import RETRYABLE, FakeProvider, deliver
from tests.bot.web.test_metrics import metrics_of
from tests.service import Service

PIN = "8642"
TO_PAYOUT = ("5", "4")
OTHER_PHONE = "+254722000111"


def payout_phone(service: Service) -> str | None:
    with service.services.database.reading() as session:
        akinyi = artisans.by_msisdn(service.services.shop(session, TESTER), AKINYI)
        assert akinyi
        return akinyi.payout_msisdn


def everything_stored(service: Service) -> str:
    """Every value of every table, and Akinyi's session in its store."""
    tables = MetaData()
    with service.services.engine.connect() as conn:
        tables.reflect(conn)
        rows = [row for table in tables.tables.values() for row in conn.execute(select(table))]
    stored = service.services.sessions.load(AKINYI, service.clock().timestamp())
    return repr((rows, stored))


def dial_ahead(service: Service, *answers: str, at: Gateway | None = None) -> str:
    """The screen of a call whose dialled code contains the answers that lead to the PIN, and these answers."""
    return (at or service.gateway).dial(AKINYI, f"*384*22*{'*'.join((*TO_PAYOUT, *answers))}#")


@pytest.fixture
def registered(service: Service) -> Service:
    """The shop, where Akinyi has chosen a language."""
    choose_language(service, "en", AKINYI)
    return service


def test_a_pin_typed_on_a_call_is_stored_nowhere(registered: Service, caplog: pytest.LogCaptureFixture) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    assert PIN not in everything_stored(registered)
    dial_ahead(registered, "1111", PIN)
    assert registered.gateway.answer(AKINYI, "2").startswith("CON Which phone")
    registered.gateway.answer(AKINYI, "0722000111")
    assert registered.gateway.answer(AKINYI, "1").startswith("END Changed.")
    assert PIN not in everything_stored(registered) + caplog.text
    assert payout_phone(registered) == OTHER_PHONE


def test_a_pin_sent_by_text_is_stored_nowhere(registered: Service, caplog: pytest.LogCaptureFixture) -> None:
    for body in ("MENU", "5", "4", f" {PIN[:2]} {PIN[2:]}", "2", "0722000111", "1", "MENU", "5", "4", f"{PIN}1", PIN):
        registered.gateway.text(AKINYI, body)
    kept = everything_stored(registered) + caplog.text
    assert PIN not in kept
    assert f"{PIN[:2]} {PIN[2:]}" not in kept
    assert payout_phone(registered) == OTHER_PHONE


def test_the_key_of_a_hop_depends_on_the_secret() -> None:
    assert hop_key(b"a secret", "AT", "ATUid_1", PIN) != hop_key(b"another", "AT", "ATUid_1", PIN)


def test_a_repeated_request_with_a_wrong_pin_is_counted_once(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    dial_ahead(registered)
    asked_again = registered.gateway.answer(AKINYI, "1111")
    assert [registered.gateway.repeat() for _ in range(5)] == [asked_again] * 5
    assert registered.gateway.answer(AKINYI, PIN).startswith("CON How do you want to be paid?")


def test_wrong_pins_and_cash_codes_are_shown_to_operators(
    registered: Service, caplog: pytest.LogCaptureFixture
) -> None:
    choose_language(registered, "en", OTIENO)
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    dial_ahead(registered, "1111", "2222")
    dial(registered, OTIENO, "2", "000000")

    counted = metrics_of(registered)
    assert (counted["soko_strangers_total[wrong_pin]"], counted["soko_strangers_total[wrong_cash_code]"]) == (2, 1)
    # a hop that starts again, to compute a hash, may log a failure twice
    failed = {(record.act, record.msisdn) for record in caplog.records if record.msg == "a credential failed"}
    assert failed == {("wrong_pin", AKINYI), ("wrong_cash_code", OTIENO)}


def test_a_wrong_pin_is_counted_although_the_hop_crashed_before_it_saved(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    for guess in ("1111", "2222"):
        assert dial_ahead(registered, guess, at=crashing_process(registered)).startswith("END Sorry")
    assert "locked" in dial_ahead(registered, "3333", at=crashing_process(registered))
    assert "locked" in dial_ahead(registered, PIN)


def test_a_session_lost_after_the_pin_does_not_ask_it_again(registered: Service) -> None:
    screen = ""
    for text in ["", *accumulate((*TO_PAYOUT, PIN, "2", "0722000111", "1"), "{}*{}".format)]:
        screen = registered.gateway.post_ussd("ATUid_1", AKINYI, registered.settings.ussd_code, text)
        delete_session(registered, AKINYI)
    assert screen.startswith("END Changed.")
    assert payout_phone(registered) == OTHER_PHONE
    assert PIN not in everything_stored(registered)


def test_a_changed_payout_phone_is_confirmed_to_the_artisans_own_phone(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN, "2", "0722000111", "1")
    registered.work()
    (text,) = notifications(registered)
    assert (text.msisdn, "0722000111" in text.text.replace(" ", "")) == (AKINYI, True)


# -- what a PIN is proof for

NO_PIN = "CON What is your PIN?\n0. Back\n00. Home"
CHANGED = "END Changed."


def test_a_pin_holds_in_its_call_however_long_that_takes(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    registered.later(hours=2)
    assert registered.gateway.answer(AKINYI, "2").startswith("CON Which phone")
    assert [registered.gateway.answer(AKINYI, typed) for typed in ("0722000111", "1")][-1].startswith(CHANGED)


@pytest.mark.parametrize("again", [("1", "3"), ("2", *TO_PAYOUT)], ids=["continued", "started again"])
def test_a_pin_given_in_a_call_that_dropped_is_asked_again(registered: Service, again: tuple[str, ...]) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    registered.gateway.hang_up(AKINYI)
    assert dial(registered, AKINYI, *again) == NO_PIN
    assert payout_phone(registered) == AKINYI


def test_a_pin_given_in_a_call_does_not_hold_where_the_call_is_continued_by_text(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    registered.gateway.hang_up(AKINYI)
    for body in ("MORE", "3"):
        registered.gateway.text(AKINYI, body)
    assert outgoing_messages(registered, AKINYI)[-1].text == "What is your PIN?"
    assert payout_phone(registered) == AKINYI


def test_a_pin_given_by_text_holds_in_its_conversation_alone(registered: Service) -> None:
    for body in ("MENU", "5", "4", PIN):
        registered.gateway.text(AKINYI, body)
    assert dial(registered, AKINYI, *TO_PAYOUT) == NO_PIN
    for body in ("HELP", "MENU", "5", "4"):
        registered.gateway.text(AKINYI, body)
    assert outgoing_messages(registered, AKINYI)[-1].text == "What is your PIN?"
    for body in (PIN, "2", "0722000111", "1"):
        registered.later(hours=1)
        registered.gateway.text(AKINYI, body)
    assert payout_phone(registered) == OTHER_PHONE


def test_another_pin_is_not_taken_for_the_right_one_whose_hop_crashed(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    assert dial_ahead(registered, PIN, at=crashing_process(registered)).startswith("END Sorry")
    assert dial_ahead(registered, "1111").startswith("CON That is not your PIN.")


def test_a_pin_is_no_proof_once_it_is_locked_elsewhere(registered: Service) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN)
    for body in ("MENU", "5", "4", "1111", "2222", "3333"):
        registered.gateway.text(AKINYI, body)
    assert registered.gateway.answer(AKINYI, "3") == NO_PIN
    assert payout_phone(registered) == AKINYI


# -- resetting a forgotten PIN

TO_RESET = ("5", "2")


def reset_code(service: Service) -> str:
    """The code in the last message to Akinyi, which the worker can read."""
    message = outgoing_messages(service, AKINYI)[-1]
    (code,) = re.findall(r"code: (\d{6})", service.services.seal.open(message.text, message.sealed))
    return str(code)


@pytest.fixture
def offered(registered: Service) -> Service:
    """Akinyi has a PIN, and the agent Otieno has asked to reset it."""
    choose_language(registered, "en", OTIENO)
    dial(registered, AKINYI, *TO_PAYOUT, PIN, "1")
    dial(registered, OTIENO, *TO_RESET, AKINYI)
    return registered


def test_the_code_that_only_the_artisan_was_sent_resets_the_pin(offered: Service) -> None:
    assert [text.msisdn for text in outgoing_messages(offered)] == [AKINYI]
    assert offered.gateway.answer(OTIENO, reset_code(offered)).startswith("END Done. Akinyi Ouma has no PIN now.")
    assert outgoing_messages(offered)[-1].text.startswith("Soko: your PIN was removed")
    assert dial(offered, AKINYI, *TO_PAYOUT).startswith("CON Choose a PIN")


def test_a_reset_code_is_stored_nowhere(offered: Service, caplog: pytest.LogCaptureFixture) -> None:
    code = reset_code(offered)
    offered.gateway.answer(OTIENO, code)
    assert code not in everything_stored(offered)
    assert code not in caplog.text


def test_a_repeated_request_for_a_reset_sends_one_code(offered: Service) -> None:
    asked = [offered.gateway.repeat() for _ in range(3)]
    assert len(set(asked)) == 1
    assert len(outgoing_messages(offered, AKINYI)) == 1


def test_a_repeated_request_with_a_wrong_code_is_counted_once(offered: Service) -> None:
    offered.gateway.answer(OTIENO, "000000")
    for _ in range(4):
        offered.gateway.repeat()
    assert offered.gateway.answer(OTIENO, reset_code(offered)).startswith("END Done. Akinyi Ouma has no PIN now.")


def test_an_agent_resets_only_the_pins_of_artisans_of_the_same_kiosk(registered: Service) -> None:
    choose_language(registered, "en", OTIENO)
    elsewhere = registered.kiosk("+254722000444", "Old Town", "Mombasa")
    add_artisan(registered, NEW_PHONE, "Fatuma", elsewhere["id"])
    for whose in (NEW_PHONE, "+254799000111", OTIENO):
        assert dial(registered, OTIENO, *TO_RESET, whose) == "END No artisan of your kiosk has that phone."
    assert outgoing_messages(registered) == []


def test_an_agent_who_is_an_artisan_cannot_reset_their_own_pin(registered: Service) -> None:
    """The code would be sent to the phone on which it is typed, which another person may hold."""
    (kiosk,) = registered.api("GET", "/kiosks")["data"]
    add_artisan(registered, OTIENO, "Otieno", kiosk["id"])
    choose_language(registered, "en", OTIENO)
    assert dial(registered, OTIENO, "2", *TO_RESET, OTIENO) == "END No artisan of your kiosk has that phone."


def test_a_code_that_could_not_be_sent_in_time_is_not_sent(offered: Service) -> None:
    provider = FakeProvider(offered.clock, [RETRYABLE])
    deliver(offered, provider)
    offered.clock.advance(30 * 60)
    deliver(offered, provider)

    (text,) = outgoing_messages(offered, AKINYI)
    assert (text.status, text.error) == ("suppressed", "stale")


def test_an_artisan_who_left_can_have_the_pin_reset_to_join_again(offered: Service) -> None:
    code = reset_code(offered)
    dial(offered, AKINYI, "5", "5", "1")
    assert dial(offered, AKINYI, "1", "Akinyi", "6", "1", "1").startswith("CON What is your PIN?")
    assert offered.gateway.answer(OTIENO, code).startswith("END Done. Akinyi Ouma has no PIN now.")
    assert dial(offered, AKINYI, "2", "1", "Akinyi", "6", "1", "1").startswith("END Welcome to Soko, Akinyi!")


# -- argon2 takes long, and holds back nobody else


class WatchedHasher:
    """The hasher of PINs, which notes how many write transactions are open each time that it works."""

    def __init__(self, service: Service) -> None:
        self.open_transactions: list[int] = []
        self._hasher, self._engine, self._open = pins._hasher, service.services.engine, set[int]()

    def hash(self, secret: bytes) -> str:
        self.open_transactions.append(len(self._open))
        return self._hasher.hash(secret)

    def verify(self, stored: str, secret: bytes) -> bool:
        self.open_transactions.append(len(self._open))
        return self._hasher.verify(stored, secret)

    def begun(self, conn: Connection) -> None:
        if not conn.get_execution_options().get("read_only"):
            self._open.add(id(conn))

    def ended(self, conn: Connection) -> None:
        self._open.discard(id(conn))


@pytest.fixture
def hasher(registered: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedHasher]:
    choose_language(registered, "en", OTIENO)
    hasher = WatchedHasher(registered)
    monkeypatch.setattr(pins, "_hasher", hasher)
    listeners = {"begin": hasher.begun, "commit": hasher.ended, "rollback": hasher.ended}
    for name, listener in listeners.items():
        event.listen(registered.services.engine, name, listener)
    yield hasher
    for name, listener in listeners.items():
        event.remove(registered.services.engine, name, listener)


def test_the_watch_sees_a_transaction(registered: Service, hasher: WatchedHasher) -> None:
    with registered.services.database.writing.begin() as session, registered.services.database.reading() as reading:
        session.connection(), reading.connection()
        hasher.hash(b"")
    hasher.hash(b"")
    assert hasher.open_transactions == [1, 0]


def test_no_pin_of_a_call_is_hashed_in_a_transaction(registered: Service, hasher: WatchedHasher) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN, "1")
    dial(registered, AKINYI, *TO_PAYOUT, "1111", PIN, "3")
    assert dial_ahead(registered, "1111", PIN, "2").startswith("CON Which phone")
    assert hasher.open_transactions == [0] * 5


def test_no_pin_of_a_text_is_hashed_in_a_transaction(registered: Service, hasher: WatchedHasher) -> None:
    for body in ("MENU", "5", "4", PIN, "1", "MENU", "5", "4", "1111", PIN, "2", "0722000111", "1"):
        registered.gateway.text(AKINYI, body)
    assert payout_phone(registered) == OTHER_PHONE
    assert hasher.open_transactions == [0] * 3
    assert len(outgoing_messages(registered, AKINYI)) == 13, "an attempt that is rolled back answers nothing"


@pytest.mark.parametrize("by_text", [False, True], ids=["call", "text"])
def test_no_code_is_hashed_in_a_transaction(registered: Service, hasher: WatchedHasher, by_text: bool) -> None:
    dial(registered, AKINYI, *TO_PAYOUT, PIN, "1")
    answers = (*TO_RESET, AKINYI, "000000")
    if by_text:
        for body in ("MENU", *answers):
            registered.gateway.text(OTIENO, body)
        registered.gateway.text(OTIENO, reset_code(registered))
    else:
        dial(registered, OTIENO, *answers)
        registered.gateway.answer(OTIENO, reset_code(registered))
    assert outgoing_messages(registered, AKINYI)[-1].text.startswith("Soko: your PIN was removed")
    assert hasher.open_transactions == [0] * 4


def test_a_pin_that_is_reset_while_it_is_compared_is_compared_with_nothing_old(
    registered: Service, hasher: WatchedHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison is made before the transaction; the transaction finds another PIN, and the hop starts again."""
    dial(registered, AKINYI, *TO_PAYOUT, PIN)

    def verify(stored: str, secret: bytes) -> bool:
        with registered.services.database.writing.begin() as session:
            pins.reset(session.connection(), AKINYI, registered.clock())
        return WatchedHasher.verify(hasher, stored, secret)

    monkeypatch.setattr(hasher, "verify", verify)
    assert dial(registered, AKINYI, "2", *TO_PAYOUT, "1111").startswith("CON How do you want to be paid?")
    monkeypatch.undo()
    assert dial(registered, AKINYI, "2", *TO_PAYOUT, PIN).startswith("CON That is not your PIN.")
