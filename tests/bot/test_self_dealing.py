"""One person with one phone is the agent of a kiosk, sells goods that do not exist, and tries to be paid for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from marketplace_api.accounts import api_keys, artisans
from marketplace_api.models import LedgerAccount, Payout
from marketplace_api.payments import audit, ledger, storefronts
from tests.actors import TESTER
from tests.bot.fixtures import (
    JOY,
    OTIENO,
    add_artisan,
    add_product,
    choose_language,
    dial,
    order_status,
    products_titled,
    submit_form,
)
from tests.service import Service, serving

GOLD, POT = "Gold pot", "Small pot"
GOLD_PRICE, POT_PRICE, EARNED = 495_000_00, 1_800_00, 1_620_00
HONEST = "+254722000444"
"""The agent of another kiosk."""
AS_ARTISAN, AS_AGENT = "1", "2"


@pytest.fixture
def service(migrated_database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A shop in which Otieno is the agent of Lakeside and sells from there, and another kiosk."""
    with serving(tmp_path, database_url=migrated_database_url) as service:
        own = service.kiosk(OTIENO)
        service.kiosk(HONEST, "Hilltop", "Kisii")
        choose_language(service, "en", OTIENO, HONEST)
        add_artisan(service, OTIENO, "Otieno", own["id"])
        add_product(service, OTIENO, GOLD, GOLD_PRICE, 500)
        add_product(service, OTIENO, POT, POT_PRICE, 500)
        yield service


def call(service: Service, *answers: str) -> str:
    """The last screen of a new call of Otieno, who does not go on where the call before stopped."""
    screen = service.gateway.dial(OTIENO)
    if "Go on where you stopped?" in screen:
        screen = service.gateway.answer(OTIENO, "2")
    for answer in answers:
        screen = service.gateway.answer(OTIENO, answer)
    return screen


def receive(service: Service, code: str, count: int) -> str:
    """Otieno says at his own kiosk that all pieces of an order came."""
    return call(service, AS_AGENT, "1", code, str(count), "1")


def storefront(service: Service, *, may_vouch: bool, credit: int | None) -> str:
    """A new storefront key with these terms."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        key = api_keys.create(shop, "friend", "storefront")
        caller = api_keys.find(session, key, shop.now)
        assert caller
        storefronts.set_terms(shop, caller.id, may_vouch=may_vouch, credit=credit, settle_days=30)
        return key


def order_by_key(service: Service, key: str, title: str, quantity: int, **payment: Any) -> TestResponse:
    (product,) = products_titled(service, title)
    body = {
        "product_id": product["id"],
        "quantity": quantity,
        "buyer": {"name": "Joy", "phone": JOY, "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        **payment,
    }
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": service.new_id()}
    return service.http.post("/api/v1/orders", json=body, headers=headers)


def newest_order(service: Service) -> Any:
    return service.api("GET", "/orders?limit=1")["data"][0]


def check_unheard_of(service: Service, order: Any) -> None:
    """The order is unpaid: its artisan cannot accept it, and no kiosk waits for its goods."""
    assert order_status(service, order) == "unpaid"
    assert not any(order["code"] in text for text in service.inbox(OTIENO))
    service.gateway.text(OTIENO, f"YES {order['code']}")
    assert "is yours" not in service.inbox(OTIENO)[-1]
    assert "No order with that code is on its way" in call(service, AS_AGENT, "1", order["code"])


def check_nothing_left(service: Service) -> None:
    """Nobody was paid or is being paid: no provider and no kiosk gave money away, and the books hold."""
    with service.services.database.reading() as session:
        shop = service.services.shop(session, TESTER)
        paying = Payout.status.in_(("sending", "unknown", "paid", "collected"))
        assert session.scalars(select(Payout).where(paying)).all() == []
        names = session.scalars(select(LedgerAccount.name)).all()
        left = {name: ledger.balance(shop, name) for name in names if name.startswith(("provider:", "kiosk:"))}
        assert [name for name, amount in left.items() if amount] == []
        assert list(audit.inconsistencies(shop)) == []


@pytest.mark.every_store
def test_who_is_agent_artisan_and_buyer_at_once_is_paid_nothing(service: Service) -> None:
    _buy_in_the_shop_window(service)
    _buy_by_a_key(service)
    _pay_by_paybill(service)
    _receive_at_the_own_kiosk(service)
    _hand_out_the_own_cash(service)
    _reset_the_own_pin(service)
    _be_paid_on_another_phone(service)

    service.later(days=2)
    check_nothing_left(service)


def _buy_in_the_shop_window(service: Service) -> None:
    """His own phone is refused, M-PESA takes no such amount, and a card that nobody pays with offers nothing."""
    (gold,) = products_titled(service, GOLD)
    (pot,) = products_titled(service, POT)

    own_phone = submit_form(service, gold["code"], "own", **{"buyer.phone": OTIENO, "quantity": "100"})
    assert (own_phone.status_code, "An artisan cannot pay for what the artisan makes." in own_phone.text) == (403, True)
    own_prompt = submit_form(service, pot["code"], "prompt", **{"payment.phone": OTIENO})
    assert own_prompt.status_code == 403
    friend = submit_form(service, gold["code"], "friend", quantity="100")
    assert (friend.status_code, "M-PESA does not take so much at once" in friend.text) == (409, True)
    assert service.api("GET", "/orders")["data"] == []

    card = submit_form(service, gold["code"], "card", **{"quantity": "100", "payment.by": "card"})
    assert card.status_code == 303
    order = newest_order(service)
    check_unheard_of(service, order)
    service.later(minutes=40)
    assert order_status(service, order) == "expired"
    check_nothing_left(service)


def _buy_by_a_key(service: Service) -> None:
    """A key that may not vouch has to name who pays, and one that may has its limit."""
    key = storefront(service, may_vouch=False, credit=0)
    assert order_by_key(service, key, GOLD, 100).get_json()["reason"] == "payment_needed"
    by_himself = order_by_key(service, key, POT, 1, payment={"by": "mpesa", "phone": OTIENO})
    assert (by_himself.status_code, by_himself.get_json()["reason"]) == (403, "own_product")

    trusted = storefront(service, may_vouch=True, credit=10_000_00)
    beyond = order_by_key(service, trusted, GOLD, 100)
    assert (beyond.status_code, beyond.get_json()["reason"]) == (409, "credit_exhausted")
    check_nothing_left(service)


def _pay_by_paybill(service: Service) -> None:
    """Ten shillings do not pay for an order: they are kept for an operator, and the order ends unpaid."""
    (pot,) = products_titled(service, POT)
    assert submit_form(service, pot["code"], "paybill").status_code == 303
    order = newest_order(service)
    service.pay_bill(OTIENO, order["code"], 10)
    check_unheard_of(service, order)
    service.later(minutes=20)
    assert order_status(service, order) == "expired"
    check_nothing_left(service)


def _receive_at_the_own_kiosk(service: Service) -> None:
    """Somebody who may vouch without limit orders for KSh 49,500,000. Another person has to see the goods."""
    (gold,) = products_titled(service, GOLD)
    order = service.order(gold["id"], 100, JOY)
    assert "You earn KSh 44,550,000. Can you make it?" in service.inbox(OTIENO)[-1]
    service.gateway.text(OTIENO, f"YES {order['code']}")
    assert service.inbox(OTIENO)[-1].startswith(f"Order {order['code']} is yours")

    refusal = "END The money for these goods comes to you, so you cannot receive them."
    assert receive(service, order["code"], 100).startswith(refusal)
    assert order_status(service, order) == "accepted"
    check_nothing_left(service)


def _hand_out_the_own_cash(service: Service) -> None:
    """Cash for a pot that he made and another kiosk received: he cannot hand it to himself."""
    assert call(service, AS_ARTISAN, "5", "4", "2583", "2583", "3").startswith("END")
    _earn_honestly(service)
    code = _cash_code(service)

    assert call(service, AS_AGENT, "2", code, "1").startswith("END This money is yours, so you cannot hand it out.")
    check_nothing_left(service)


def _earn_honestly(service: Service) -> None:
    """Otieno makes a pot, and another kiosk receives it."""
    (pot,) = products_titled(service, POT)
    _bring_to(service, "Hilltop")
    order = service.order(pot["id"], 1, JOY)
    service.gateway.text(OTIENO, f"YES {order['code']}")
    assert dial(service, HONEST, "1", order["code"], "1", "1").startswith("END Received")
    _bring_to(service, "Lakeside")


def _bring_to(service: Service, kiosk: str) -> None:
    """Otieno brings his goods to this kiosk from now on."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        otieno = artisans.by_msisdn(shop, OTIENO)
        assert otieno
        (found,) = (each for each in service.api("GET", "/kiosks")["data"] if each["name"] == kiosk)
        artisans.set_kiosk(shop, otieno, found["id"])


def _cash_code(service: Service) -> str:
    """The newest code for cash that was texted to Otieno."""
    texts = [text for text in service.inbox(OTIENO) if "Show your code:" in text]
    return texts[-1].partition("Show your code: ")[2][:6]


def _reset_the_own_pin(service: Service) -> None:
    assert call(service, AS_AGENT, "5", "2", "0722000222") == "END No artisan of your kiosk has that phone."


def _be_paid_on_another_phone(service: Service) -> None:
    """What he has honestly earned is held when the phone for it was changed."""
    assert call(service, AS_ARTISAN, "5", "4", "2583", "2", "0799000999", "1").startswith("END")
    _earn_honestly(service)
    service.work()
    payouts = [
        (each["status"], each["hold"], each["amount"]["amount"]) for each in service.api("GET", "/payouts")["data"]
    ]
    assert payouts == [("held", "new_phone", EARNED), ("awaiting_collection", None, EARNED)]
