"""One-time codes, for cash and PIN resets: the recipient reads them; no table, session or API answer has them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from bot.persons import traces
from bot.simulator.tables import metadata as simulator_tables
from marketplace_api.accounts import artisans
from marketplace_api.models import Payout
from marketplace_api.payments import cash_codes
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, OTIENO, POT, choose_language, dial, outgoing_messages, products_titled
from tests.bot.messaging.fakes import FINAL, FakeProvider, deliver
from tests.service import Service

CODE = re.compile(r"(?i)code:? (\d{6})\b")


@pytest.fixture
def waiting(service: Service) -> Service:
    """Cash waits for Akinyi at the kiosk; the text about it is not sent yet."""
    choose_language(service, "en", AKINYI, OTIENO)
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        akinyi = artisans.by_msisdn(shop, AKINYI)
        assert akinyi
        artisans.set_payout_method(shop, akinyi, "kiosk_cash")
    receive(service)
    return service


def receive(service: Service) -> None:
    """The kiosk receives an order that Akinyi made."""
    (product,) = products_titled(service, POT)
    order = service.order(product["id"], 1, "+254733000333")
    service.gateway.text(AKINYI, f"YES {order['code']}")
    dial(service, OTIENO, "1", order["code"], "1", "1")


def queue_notifications(service: Service) -> None:
    while service.services.notification_consumer.consume():
        pass


def code_in(text: str) -> str:
    found = CODE.search(text)
    assert found, text
    return found[1]


def places(service: Service, code: str) -> Iterator[str]:
    """Where the database, the session store and the API show a code."""
    with service.services.engine.connect() as conn:
        for table in traces.tables(conn):
            if table.name not in simulator_tables.tables and code in str(conn.execute(select(table)).all()):
                yield table.name
    for msisdn in (AKINYI, OTIENO):
        if code.encode() in (service.services.sessions.load(msisdn, service.clock().timestamp()) or b""):
            yield f"session of {msisdn}"
        if code in str(service.api("GET", f"/conversations/{msisdn}?limit=100")):
            yield f"conversation with {msisdn}"
    for path in ("/messages?limit=100", "/events?limit=100", "/payouts?limit=100"):
        if code in str(service.api("GET", path)):
            yield path


def test_the_code_for_cash_is_read_by_its_artisan_and_stored_nowhere(
    waiting: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with waiting.services.database.reading() as session:
        payout = session.scalars(select(Payout)).one()
        code = cash_codes.present(waiting.services.shop(session, TESTER), payout)
    assert code
    assert list(places(waiting, code)) == []
    queue_notifications(waiting)
    assert "Show your code: ******." in [each.text[-23:] for each in outgoing_messages(waiting, AKINYI)]
    assert list(places(waiting, code)) == []

    assert code_in(waiting.inbox(AKINYI)[-1]) == code
    assert list(places(waiting, code)) == []
    assert [each.sealed for each in outgoing_messages(waiting, AKINYI) if "******" in each.text] == [""]

    assert dial(waiting, OTIENO, "2", code).startswith("CON Pay KSh 1,620 to Akinyi Ouma?")
    assert list(places(waiting, code)) == []
    waiting.gateway.answer(OTIENO, "1")
    assert list(places(waiting, code)) == []
    assert code not in caplog.text


def test_money_by_text_tells_a_new_code_and_voids_the_one_before(waiting: Service) -> None:
    first = code_in(waiting.inbox(AKINYI)[-1])
    waiting.gateway.text(AKINYI, "MONEY")
    (*_, stored) = outgoing_messages(waiting, AKINYI)
    assert "Show your code: ******." in stored.text
    told = waiting.inbox(AKINYI)[-1]
    second = code_in(told)
    assert "Older codes for it no longer work. We owe you KSh 1,620." in told
    assert list(places(waiting, second)) == []

    assert dial(waiting, OTIENO, "2", first).startswith("END No cash waits here")
    assert dial(waiting, OTIENO, "2", second, "1").startswith("END Paid: KSh 1,620")
    waiting.gateway.text(AKINYI, "MONEY")
    assert any(text.startswith("We owe you") for text in waiting.inbox(AKINYI))


def test_money_on_a_call_shows_a_new_code_and_a_repeated_request_the_same_one(waiting: Service) -> None:
    waiting.work()
    screen = dial(waiting, AKINYI, "4")
    code = code_in(screen)
    assert waiting.gateway.repeat() == screen
    assert list(places(waiting, code)) == []
    figures = waiting.gateway.answer(AKINYI, "1")
    assert figures.startswith("CON We owe you KSh 1,620.")
    assert code_in(waiting.gateway.answer(AKINYI, "0")) == code  # back tells it again, and makes no other

    waiting.gateway.hang_up(AKINYI)
    assert waiting.gateway.dial(AKINYI).startswith("CON Soko: Akinyi")  # it was only read: nothing is continued
    assert dial(waiting, OTIENO, "2", code, "1").startswith("END Paid: KSh 1,620")


def test_a_text_that_waits_with_an_older_code_is_not_sent(waiting: Service) -> None:
    queue_notifications(waiting)
    (cash,) = [each for each in outgoing_messages(waiting, AKINYI) if each.topic == "payout.created"]
    code = code_in(dial(waiting, AKINYI, "4"))
    assert not [text for text in waiting.inbox(AKINYI) if "Show your code" in text]
    (cash,) = [each for each in outgoing_messages(waiting, AKINYI) if each.topic == "payout.created"]
    assert (cash.status, cash.error, cash.sealed) == ("suppressed", "stale", "")
    assert dial(waiting, OTIENO, "2", code, "1").startswith("END Paid: KSh 1,620")


def test_after_five_codes_in_a_day_the_last_one_is_told_again(waiting: Service) -> None:
    waiting.work()
    codes = []
    for _ in range(7):
        waiting.gateway.text(AKINYI, "MONEY")
        codes.append(code_in(waiting.inbox(AKINYI)[-1]))
        waiting.later(minutes=20)
    assert len(set(codes)) == 5
    assert len(set(codes[4:])) == 1
    waiting.later(days=1)
    waiting.gateway.text(AKINYI, "MONEY")
    assert code_in(waiting.inbox(AKINYI)[-1]) not in codes


def test_a_text_that_is_posted_twice_makes_one_code(waiting: Service) -> None:
    waiting.work()
    waiting.gateway.text(AKINYI, "MONEY")
    before = outgoing_messages(waiting, AKINYI)
    waiting.gateway.repeat()
    assert outgoing_messages(waiting, AKINYI) == before
    code = code_in(waiting.inbox(AKINYI)[-1])
    assert dial(waiting, OTIENO, "2", code, "1").startswith("END Paid: KSh 1,620")


def test_of_a_late_event_the_text_says_how_to_get_the_code(waiting: Service) -> None:
    waiting.clock.advance(86_400)
    assert waiting.inbox(AKINYI)[-1].endswith("waits for you at Lakeside. To get your code, text MONEY.")


def test_the_code_of_a_pin_reset_is_read_by_the_artisan_and_stored_nowhere(service: Service) -> None:
    choose_language(service, "en", AKINYI, OTIENO)
    dial(service, OTIENO, "5", "2", "0711000103")
    (*_, stored) = outgoing_messages(service, AKINYI)
    assert "Tell your agent this code: ******." in stored.text
    code = code_in(service.inbox(AKINYI)[-1])
    assert list(places(service, code)) == []
    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert service.gateway.answer(OTIENO, wrong).startswith("CON That is not the code.")
    assert service.gateway.answer(OTIENO, code).startswith("END Done.")
    assert list(places(service, code)) == []


def test_a_text_whose_code_is_erased_is_not_resent(waiting: Service) -> None:
    queue_notifications(waiting)
    deliver(waiting, FakeProvider(waiting.clock, [FINAL] * 9), minutes=4)
    (failed,) = [each for each in outgoing_messages(waiting, AKINYI) if each.topic == "payout.created"]
    assert (failed.status, failed.sealed) == ("failed", "")
    answer = waiting.http.post(
        f"/api/v1/messages/{failed.id}/resend", headers={"Authorization": "Bearer operator-key-of-the-harness"}
    )
    assert (answer.status_code, answer.get_json()["reason"]) == (409, "code_erased")
