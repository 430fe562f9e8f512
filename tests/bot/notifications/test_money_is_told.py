"""Buyers who paid us are told what came, what goes back and what was sent back; nobody else is told anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, get_args

import pytest

import locales
from bot.marketplace.wire import PurchaseNotice
from bot.messaging import rendering
from bot.notifications import holds, purchases
from flows import gsm7, kit
from marketplace_api.accounts import artisans
from marketplace_api.orders import orders, paying, receiving
from marketplace_api.payments import refunds
from marketplace_api.shop import Shop
from marketplace_api.statuses import HoldReason
from tests.actors import TESTER
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    OTIENO,
    POT,
    choose_language,
    notifications,
    outgoing_messages,
    pay,
    products_titled,
)
from tests.service import Service

OLD_PHONE, STOLEN = "+254711000555", "+254711000777"


def in_shop(service: Service, act: Callable[[Shop], Any]) -> Any:
    with service.services.database.writing.begin() as session:
        return act(service.services.shop(session, TESTER))


def unpaid_order(service: Service, quantity: int = 1) -> dict[str, Any]:
    """An order whose buyer is asked to pay by M-PESA."""
    (item,) = products_titled(service, POT)
    body = {
        "product_id": item["id"],
        "quantity": quantity,
        "buyer": {"name": "Joy", "phone": JOY, "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
        "payment": {"by": "mpesa", "phone": JOY},
    }
    made: dict[str, Any] = service.api("POST", "/orders", body, **{"Idempotency-Key": service.new_id()})
    return made


def paid_order(service: Service, quantity: int = 5) -> dict[str, Any]:
    """An order whose buyer has paid by M-PESA."""
    order = unpaid_order(service, quantity)
    assert order["status"] == "unpaid"
    pay(service, order["id"])
    service.work()
    return order


def receive(service: Service, order: Mapping[str, Any], count: int) -> None:
    def act(shop: Shop) -> None:
        part = next(part for part in orders.by_id(shop, order["id"]).assignments if part.status == "accepted")
        receiving.receive(shop, part.kiosk, part.id, count)

    in_shop(service, act)


def told(service: Service, msisdn: str = JOY) -> list[str]:
    service.work()
    return [text.text for text in notifications(service) if text.msisdn == msisdn]


def test_a_buyer_reads_the_receipt_before_the_order(embedded: Service) -> None:
    order = paid_order(embedded)
    received, placed = told(embedded)
    assert received == f"Soko: KSh 9,000 received, M-PESA receipt SG6RECEIPT. Order {order['code']}."
    assert placed.startswith(f"Soko: thank you! Your order {order['code']}")


def test_a_part_that_is_accepted_and_a_part_that_comes_say_what_goes_back(embedded: Service) -> None:
    order = paid_order(embedded)
    embedded.gateway.text(AKINYI, f"YES {order['code']} 4")
    receive(embedded, order, 3)

    assert told(embedded)[2:] == [
        f"Soko: Akinyi Ouma makes 4 of 5 x {POT} for your order {order['code']}. KSh 1,800 goes back to you.",
        f"Soko: 3 of 5 x {POT} came for your order {order['code']}. KSh 1,800 goes back to you.",
    ]


def test_what_was_sent_back_is_told_with_its_receipt(embedded: Service) -> None:
    order = paid_order(embedded)
    embedded.gateway.text(AKINYI, f"YES {order['code']} 4")

    def send_back(shop: Shop) -> None:
        (refund,) = orders.by_id(shop, order["id"]).payments[0].refunds
        refunds.begin_sending(shop, refund.id, "simulator")
        refunds.settle_done(shop, refund.id, "SG7BACK")

    in_shop(embedded, send_back)
    assert told(embedded)[-1] == f"Soko: KSh 1,800 was sent back to you for order {order['code']}. Receipt SG7BACK."


def test_what_a_bank_returns_after_it_was_sent_back_is_told(embedded: Service) -> None:
    order = paid_order(embedded)
    embedded.gateway.text(AKINYI, f"YES {order['code']} 4")

    def refund_id(shop: Shop) -> str:
        (refund,) = orders.by_id(shop, order["id"]).payments[0].refunds
        return refund.id

    def send_back(shop: Shop) -> None:
        refunds.begin_sending(shop, refund_id(shop), "simulator")
        refunds.settle_done(shop, refund_id(shop), "SG7BACK")

    in_shop(embedded, send_back)
    told(embedded)
    in_shop(embedded, lambda shop: refunds.come_back(shop, refund_id(shop), "expired_or_canceled_card"))
    assert told(embedded)[-1] == (
        f"Soko: your card's bank did not take KSh 1,800 for order {order['code']}. "
        "We have it, and will give it to you in another way."
    )
    count = len(told(embedded))
    embedded.clock.advance(60)
    in_shop(embedded, lambda shop: refunds.retry(shop, refund_id(shop)))
    in_shop(embedded, lambda shop: refunds.begin_sending(shop, refund_id(shop), "simulator"))
    in_shop(embedded, lambda shop: refunds.settle_failed(shop, refund_id(shop), "no"))
    assert len(told(embedded)) == count, "it has not come back a second time"


@pytest.mark.parametrize(("ending", "said"), [("NO", "nobody can make"), ("cancel", "is cancelled"), ("late", "took")])
def test_all_goes_back_when_an_order_ends(embedded: Service, ending: str, said: str) -> None:
    order = paid_order(embedded)
    if ending == "NO":
        embedded.gateway.text(AKINYI, f"NO {order['code']}")
    elif ending == "cancel":
        embedded.api("POST", f"/orders/{order['id']}/cancel")
    else:
        in_shop(embedded, lambda shop: orders.expire(shop, orders.by_id(shop, order["id"])))

    (text,) = told(embedded)[2:]
    assert said in text
    assert text.endswith("KSh 9,000 goes back to you.")


def test_a_buyer_who_cancels_reads_in_the_answer_what_goes_back(embedded: Service) -> None:
    order = paid_order(embedded)
    before = len(embedded.inbox(JOY))
    embedded.gateway.text(JOY, f"DROP {order['code']}")
    (answer,) = embedded.inbox(JOY)[before:]
    assert answer == f"You cancelled order {order['code']}. KSh 9,000 goes back to you."


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (9000_00, "Soko: order {code} is paid already. The other KSh 9,000 goes back to you."),
        (5000_00, "Soko: order {code} is paid already. The other KSh 5,000 goes back to you."),
    ],
)
def test_money_that_comes_a_second_time_goes_back(embedded: Service, amount: int, said: str) -> None:
    order = paid_order(embedded)
    pay_bill(embedded, order, amount)
    assert told(embedded)[2:] == [said.format(code=order["code"])]


def pay_bill(service: Service, order: Mapping[str, Any], amount: int) -> None:
    def act(shop: Shop) -> None:
        paying.capture_direct(
            shop, orders.by_id(shop, order["id"]), "simulator", amount, "SG9SECOND", msisdn=JOY, name=None
        )

    in_shop(service, act)


def test_another_amount_than_the_price_goes_back_and_the_price_is_told(embedded: Service) -> None:
    order = unpaid_order(embedded)
    pay_bill(embedded, order, 100_00)
    expected = f"Soko: order {order['code']} costs KSh 1,800, and you paid KSh 100. It goes back to you."
    assert told(embedded) == [expected]


def test_an_order_that_ended_before_money_came_says_that_it_came_too_late(embedded: Service) -> None:
    order = unpaid_order(embedded)
    embedded.api("POST", f"/orders/{order['id']}/cancel")
    pay_bill(embedded, order, 1800_00)
    assert told(embedded) == [f"Soko: your KSh 1,800 for order {order['code']} came too late. It goes back to you."]


def test_an_unpaid_order_says_how_to_pay_and_a_paid_one_what_is_paid(embedded: Service) -> None:
    order = unpaid_order(embedded)
    code = order["code"]
    assert track(embedded, code) == (
        f"Order {code}, 1 x {POT}: not paid yet. Pay KSh 1,800 by M-PESA: paybill 600638, account {code}."
    )
    pay(embedded, order["id"])
    assert track(embedded, code) == f"Order {code}, 1 x {POT}: waiting for the artisan. Total KSh 1,800, paid."
    embedded.gateway.text(AKINYI, f"NO {code}")
    assert track(embedded, code) == f"Order {code}, 1 x {POT}: declined by the artisan. KSh 1,800 goes back to you."


def track(service: Service, code: str) -> str:
    service.work()
    service.gateway.text(JOY, f"TRACK {code}")
    return service.inbox(JOY)[-1]


def test_a_disputed_payment_that_is_won_is_not_told_as_new_money(embedded: Service) -> None:
    order = paid_order(embedded)

    def dispute(shop: Shop) -> None:
        payment = orders.by_id(shop, order["id"]).payments[0]
        paying.dispute(shop, payment.id)
        shop.session.flush()

    def win(shop: Shop) -> None:
        paying.end_dispute(shop, orders.by_id(shop, order["id"]).payments[0].id, won=True)

    in_shop(embedded, dispute)
    embedded.clock.advance(60)
    in_shop(embedded, win)
    assert len(told(embedded)) == 2


# -- artisans


def another_phone(service: Service, phone: str | None, method: str = "mobile_money") -> None:
    def act(shop: Shop) -> None:
        row = artisans.by_msisdn(shop, AKINYI)
        assert row is not None
        artisans.set_payout_method(shop, row, method, phone)  # type: ignore[arg-type]

    in_shop(service, act)


def test_a_changed_phone_is_asked_about_on_the_old_one_and_on_hers(embedded: Service) -> None:
    another_phone(embedded, OLD_PHONE)
    embedded.clock.advance(4 * 24 * 3600)
    embedded.work()
    embedded.gateway.text(AKINYI, "STOP")
    embedded.gateway.text(OLD_PHONE, "STOP")
    another_phone(embedded, STOLEN)

    assert told(embedded, AKINYI)[-1] == (
        "Soko: from 30 Nov your money goes to phone 0711 000777. Not you? Reply CALL."
    )
    assert told(embedded, OLD_PHONE)[-1] == (
        "Soko: the money of Akinyi Ouma came to this phone. From 30 Nov it goes to ...777. Not right? Reply CALL."
    )
    assert all(STOLEN[-6:] not in text for text in told(embedded, OLD_PHONE))
    assert {text.status for text in outgoing_messages(embedded, OLD_PHONE)} <= {"sent", "delivered"}


def test_a_change_to_cash_is_told_to_the_phone_that_was_paid(embedded: Service) -> None:
    another_phone(embedded, OLD_PHONE)
    another_phone(embedded, None, "kiosk_cash")
    assert told(embedded, OLD_PHONE)[-1] == (
        "Soko: the money of Akinyi Ouma came to this phone. Now it is paid in cash at Lakeside. Not right? Reply CALL."
    )


def test_a_payout_to_a_new_phone_says_from_when_it_is_sent_and_money_shows_it(embedded: Service) -> None:
    order = paid_order(embedded, 1)
    embedded.gateway.text(AKINYI, f"YES {order['code']}")
    another_phone(embedded, OLD_PHONE)
    receive(embedded, order, 1)

    assert told(embedded, AKINYI)[-2:] == [
        f"Soko: order {order['code']}: the kiosk received 1 x {POT}. You are owed KSh 1,620. Not right? Reply CALL.",
        f"Soko: your KSh 1,620 for order {order['code']} is sent from 26 Nov on, because your payout phone is new.",
    ]
    embedded.gateway.text(AKINYI, "MONEY")
    assert embedded.inbox(AKINYI)[-1].startswith("We owe you KSh 1,620; KSh 1,620 of it waits, as we texted you.")
    embedded.gateway.text(AKINYI, "STATEMENT")
    assert f"{order['code']} KSh 1,620 owed, waits" in embedded.inbox(AKINYI)[-1]


def test_a_payout_that_is_released_in_cash_tells_the_code(embedded: Service) -> None:
    order = paid_order(embedded, 1)
    embedded.gateway.text(AKINYI, f"YES {order['code']}")
    another_phone(embedded, OLD_PHONE)
    receive(embedded, order, 1)
    another_phone(embedded, None, "kiosk_cash")

    (payout,) = embedded.api("GET", "/payouts")["data"]
    assert payout["status"] == "awaiting_collection"
    assert told(embedded, AKINYI)[-1].startswith(f"Soko: KSh 1,620 for order {order['code']} waits for you at Lakeside")


def test_an_agent_is_refused_her_own_goods_in_words(embedded: Service) -> None:
    order = paid_order(embedded, 1)
    embedded.gateway.text(AKINYI, f"YES {order['code']}")
    another_phone(embedded, OTIENO)
    choose_language(embedded, "en", OTIENO)
    screen = dial_receive(embedded, order["code"])
    assert "so you cannot receive them" in screen


def dial_receive(service: Service, code: str) -> str:
    """Otieno receives the order's one piece."""
    service.gateway.dial(OTIENO)
    screen = ""
    for answer in ("1", code, "1", "1"):
        screen = service.gateway.answer(OTIENO, answer)
    return screen


# -- words

WORDINGS: list[kit.Wording] = [
    value
    for module in (purchases, holds)
    for name, value in vars(module).items()
    if name.isupper() and isinstance(value, str | tuple) and "Soko:" in str(value)
]
FIELDS = {
    "code": "K7P4M2N8Q3",
    "order": "K7P4M2N8Q3",
    "amount": 44_550_000_00,
    "back": 44_550_000_00,
    "unpaid": 44_550_000_00,
    "reference": "SG61ABCD9Z",
    "title": "Handwoven sisal market basket, very big",
    "artisan": "Wilhelmina Nyokabi wa Kamau-Odhiambo III",
    "kiosk": "Kibuye market cooperative, second floor",
    "quantity": 998,
    "asked": 999,
    "due": "28 Nov",
    "until": "28 Nov",
    "phone": "0711 000 777",
    "masked": "...777",
}


@pytest.mark.parametrize(("language", "number"), list(product(locales.available(), range(len(WORDINGS)))))
def test_every_message_has_one_segment_whatever_it_names(language: str, number: int) -> None:
    words = rendering.words(language)
    is_money = ("amount", "back", "unpaid")
    fields = {name: words.money(value, "KES") if name in is_money else value for name, value in FIELDS.items()}  # type: ignore[arg-type]
    text = rendering.render_sms(words, WORDINGS[number], fields)
    assert gsm7.segments(text).count == 1, text
    assert text.endswith((".", "።")), text
    assert language == "am" or gsm7.segments(text).encoding == "GSM-7", text


def test_there_are_words_for_every_reason_of_a_hold() -> None:
    assert set(get_args(HoldReason)) == set(holds.HELD)
    assert holds.held("a newer reason") == holds.WAITS


def test_a_notice_of_an_older_shop_can_be_read_without_its_new_fields() -> None:
    notice = PurchaseNotice("K7P4", JOY, "en", "KES")
    assert (notice.unpaid, notice.back, notice.is_paid) == (0, 0, False)
