"""Artisan, buyer and agent are told when an order that waits goes on by itself, or soon will."""

from __future__ import annotations

from tests.bot.fixtures import AKINYI, JOY, OTIENO, POT, accepted_order, received_order
from tests.service import Service

SHIP = {"carrier": "DHL", "tracking": "7"}


def run_for(service: Service, days: int) -> None:
    """Let days pass, with the periodic tasks of every eighth and of each of the last ones."""
    for step in [8] * (days // 8) + [1] * (days % 8):
        service.later(days=step)


def test_a_part_that_is_never_brought_is_given_up_and_told(embedded: Service) -> None:
    code = accepted_order(embedded)["code"]

    run_for(embedded, 24)

    assert f"Soko: order {code} was not brought in time, so we gave it up. Made it already? Reply CALL." in (
        embedded.inbox(AKINYI)
    )
    assert any(f"nobody can make your order {code}" in text for text in embedded.inbox(JOY))


def test_the_buyer_is_asked_whether_it_came_and_told_when_it_is_closed(embedded: Service) -> None:
    order = received_order(embedded)
    embedded.api("POST", f"/orders/{order['id']}/ship", SHIP)

    run_for(embedded, 50)

    code = order["code"]
    asked = f"Soko: did your order {code} come? If yes, reply RECEIVED {code}. If not, reply CALL."
    closed = f"Soko: you did not say whether your order {code} came, so we close it. It did not come? Reply CALL."
    assert [text for text in embedded.inbox(JOY) if text in (asked, closed)] in ([asked, closed], [closed, asked])
    by = {event["type"]: event["by"] for event in embedded.api("GET", "/events?limit=100")["data"]}
    assert (by["order.delivery_asked"], by["order.assumed_delivered"]) == ("job:orders.ask", "job:orders.close")


def test_the_agent_is_told_once_before_goods_that_were_not_shipped_end_with_their_order(embedded: Service) -> None:
    order = received_order(embedded, 2)

    run_for(embedded, 27)
    (kiosk,) = embedded.api("GET", "/kiosks")["data"]
    told = [
        f"Soko: order {order['code']}, 2 x {POT}, is still at {kiosk['name']}. Please ship it by 22 Dec. "
        "After that we cancel it."
    ]
    assert embedded.inbox(OTIENO) == told
    assert embedded.api("GET", f"/orders/{order['id']}")["status"] == "at_kiosk"

    run_for(embedded, 4)
    assert embedded.inbox(OTIENO) == told
    assert embedded.api("GET", f"/orders/{order['id']}")["status"] == "cancelled"
    by = {event["type"]: event["by"] for event in embedded.api("GET", "/events?limit=100")["data"]}
    assert by["order.shipping_reminded"] == "job:orders.remind_agents"


def test_the_artisan_is_told_that_a_voided_order_need_not_be_brought(embedded: Service) -> None:
    order = accepted_order(embedded)

    embedded.api("POST", f"/orders/{order['id']}/void", {"reason": "the buyer has died"})
    embedded.work()

    told = f"Soko: order {order['code']} is cancelled. You need not bring it. Questions? Reply CALL."
    assert told in embedded.inbox(AKINYI)
    assert any("is cancelled" in text for text in embedded.inbox(JOY))
