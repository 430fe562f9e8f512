"""Orders in the console: found, told as they happened, and changed after it was said what that does to money."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from bot.web.operator.order_pages import CHANGED
from marketplace_api.models import LedgerEntry, OperatorAct
from marketplace_api.orders.orders import OFFER_STANDS
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    POT,
    accepted_order,
    execute_sql,
    order_status,
    place_order,
    products_titled,
    received_order,
)
from tests.bot.web.operator.visitor import Visitor, logged_in, words
from tests.service import Service

ORDERS = "/operator/orders"


def listed(visitor: Visitor, **asked: str) -> str:
    return words(visitor.client.get(ORDERS, query_string=asked))


def entries(service: Service) -> int:
    with service.services.database.reading() as session:
        return len(session.scalars(select(LedgerEntry.id)).all())


def acts(service: Service) -> list[OperatorAct]:
    with service.services.database.reading() as session:
        return list(session.scalars(select(OperatorAct).where(OperatorAct.act.startswith("order."))))


def test_orders_are_found_by_code_phone_name_storefront_and_status(embedded: Service) -> None:
    first, second = place_order(embedded), accepted_order(embedded)
    visitor = logged_in(embedded, "read")
    both = [first["code"], second["code"]]
    for asked in ("", JOY, "0733 000333", AKINYI, "joy", "Jo"):
        assert all(code in listed(visitor, q=asked) for code in both), asked
    assert second["code"] not in listed(visitor, q=first["code"].lower())
    assert first["code"] not in listed(visitor, status="accepted")
    assert "No order is like that" in listed(visitor, q="Wanjiru")
    assert "No order is like that" in listed(visitor, q="%")
    assert JOY not in visitor.get(ORDERS).text


def test_older_orders_follow_on_the_next_page(embedded: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.web.operator.order_pages.A_PAGE", 1)
    first, second = place_order(embedded), place_order(embedded)
    visitor = logged_in(embedded)
    assert second["code"] in listed(visitor)
    assert first["code"] in listed(visitor, after=second["id"])
    assert second["code"] not in listed(visitor, after=second["id"])


def test_an_order_tells_what_happened_and_by_whom(embedded: Service) -> None:
    order = received_order(embedded)
    embedded.work()
    said = words(logged_in(embedded, "read").get(f"{ORDERS}/{order['id']}"))
    for happened in (
        "The order is placed by key:bootstrap",
        "The order is accepted by phone:+25471***103",
        "1 of Akinyi Ouma came to Lakeside",
        "The order is at kiosk by agent:+25472***222",
        "KES 1,620 for Akinyi Ouma was paid",
        "A text to Akinyi Ouma: sent",
    ):
        assert happened in said
    assert AKINYI not in said
    assert JOY not in said
    assert "Mark as shipped" not in said


def test_what_an_act_does_to_money_is_said_and_nothing_is_done_before(service: Service) -> None:
    order, before = place_order(service), entries(service)
    visitor = logged_in(service)
    page = visitor.get(f"{ORDERS}/{order['id']}/cancel")
    assert "now placed, is cancelled then" in words(page)
    assert "KES 1,800 less is owed by the storefront" in words(page)
    assert (order_status(service, order), entries(service)) == ("placed", before)

    assert visitor.submit("/cancel").status_code == 303
    assert (order_status(service, order), entries(service)) == ("cancelled", before + 1)
    (act,) = acts(service)
    assert (act.by, act.act, act.about) == ("operator:Grace", "order.cancel", order["id"])
    assert act.before is not None
    assert act.before["status"] == "placed"
    assert act.after is not None
    assert act.after["status"] == "cancelled"
    assert act.after["money"] == ["KES\xa01,800 less is owed by the storefront that ordered: a credit note."]
    assert "The order is cancelled by operator:Grace" in words(visitor.get(f"{ORDERS}/{order['id']}"))


def test_money_of_a_buyer_goes_back_and_a_held_payout_is_let_go(embedded: Service) -> None:
    visitor = logged_in(embedded, "money")
    (pot,) = products_titled(embedded, POT)
    paid = embedded.order(pot["id"], 1, JOY, by_mpesa=True)
    embedded.work()
    embedded.answer_prompt(JOY, "1234")
    embedded.work()
    assert "KES 1,800 goes back to the buyer." in words(visitor.get(f"{ORDERS}/{paid['id']}/cancel"))
    assert visitor.submit("/cancel").status_code == 303
    assert "KES 1,800 is to go back to the buyer" in words(visitor.get(f"{ORDERS}/{paid['id']}"))

    made = received_order(embedded)
    execute_sql(embedded, "UPDATE payout SET status = 'held', hold = 'large'")
    assert "KES 1,620 is paid out now to the artisan." in words(visitor.get(f"{ORDERS}/{made['id']}/ship"))
    assert embedded.api("GET", f"/payouts?order={made['id']}")["data"][0]["status"] == "held"


def test_an_act_that_does_something_else_by_now_is_not_done(embedded: Service) -> None:
    order, visitor = accepted_order(embedded, 2), logged_in(embedded)
    visitor.get(f"{ORDERS}/{order['id']}/void")
    embedded.api("POST", f"/orders/{order['id']}/void", {"reason": "lost"})
    answer = visitor.submit("/void", reason="never brought")
    assert answer.status_code == 409
    assert acts(embedded) == []

    other = place_order(embedded)
    visitor.get(f"{ORDERS}/{other['id']}/cancel")
    assert visitor.page
    token = visitor.token()
    changed = visitor.client.post(f"{ORDERS}/{other['id']}/cancel", data={"csrf_token": token, "seen": "another"})
    assert changed.status_code == 409
    assert CHANGED in words(changed)
    assert order_status(embedded, other) == "placed"


def test_an_order_is_shipped_with_carrier_and_number_and_then_delivered(embedded: Service) -> None:
    order, visitor = received_order(embedded), logged_in(embedded)
    visitor.get(f"{ORDERS}/{order['id']}/ship")
    assert visitor.submit("/ship", carrier="G4S", tracking="").status_code == 422
    assert visitor.submit("/ship", carrier="G4S", tracking="T-1").status_code == 303
    assert embedded.api("GET", f"/orders/{order['id']}")["shipment"] == {"carrier": "G4S", "tracking": "T-1"}
    assert "No money moves" in words(visitor.get(f"{ORDERS}/{order['id']}/deliver"))
    assert visitor.submit("/deliver").status_code == 303
    assert order_status(embedded, order) == "delivered"
    assert "order is delivered" in words(visitor.get(f"{ORDERS}/{order['id']}/deliver"))


def test_more_time_moves_the_end_of_an_offer(embedded: Service) -> None:
    order, visitor = place_order(embedded), logged_in(embedded, "desk")
    visitor.get(f"{ORDERS}/{order['id']}/extend")
    embedded.clock.advance(60)
    assert visitor.submit("/extend").headers["Location"] == f"{ORDERS}/{order['id']}"
    ends_at = datetime.fromisoformat(embedded.api("GET", f"/orders/{order['id']}")["expires_at"])
    assert ends_at - datetime.fromisoformat(order["expires_at"]) == OFFER_STANDS


def test_money_is_moved_by_roles_of_money_and_the_rest_by_the_desk(embedded: Service) -> None:
    order = place_order(embedded)
    desk, money = logged_in(embedded, "desk", "Amos"), logged_in(embedded, "money", "Mary")
    refused = desk.get(f"{ORDERS}/{order['id']}/cancel")
    assert refused.status_code == 403
    assert "because money moves" in words(refused)
    assert desk.send(f"{ORDERS}/{order['id']}/cancel").status_code == 403
    assert money.get(f"{ORDERS}/{order['id']}/extend").status_code == 403
    money.get(f"{ORDERS}/{order['id']}/cancel")
    assert money.submit("/cancel").status_code == 303


def test_an_unknown_order_or_act_is_404(embedded: Service) -> None:
    visitor = logged_in(embedded)
    assert visitor.get(f"{ORDERS}/ord_none").status_code == 404
    assert visitor.get(f"{ORDERS}/{place_order(embedded)['id']}/burn").status_code == 404
