"""People are told when a payment came back, and when goods were received by mistake."""

from __future__ import annotations

from sqlalchemy import select

from marketplace_api.models import Payout
from marketplace_api.orders import corrections
from marketplace_api.payments import returns
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, received_order
from tests.service import Service


def test_a_payment_that_came_back_is_told_and_nothing_is_sent_again(embedded: Service) -> None:
    received_order(embedded)
    embedded.later(minutes=10)
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        returns.give_back(shop, session.scalars(select(Payout.id)).one(), "the phone is closed")
    embedded.later(days=2)

    assert [payout["status"] for payout in embedded.api("GET", "/payouts")["data"]] == ["failed", "returned"]
    assert "was not paid to you after all. It stays owed to you" in " ".join(embedded.inbox(AKINYI))


def test_goods_received_by_mistake_are_told_to_artisan_and_buyer(embedded: Service) -> None:
    order = received_order(embedded)
    with embedded.services.database.writing.begin() as session:
        shop = embedded.services.shop(session, TESTER)
        key = f"earned:{session.scalars(select(Payout.assignment_id)).one()}"
        corrections.reverse(shop, key, "another order")
    embedded.later(days=1)

    assert [payout["status"] for payout in embedded.api("GET", "/payouts")["data"]] == ["cancelled"]
    assert f"order {order['code']}: the kiosk counted 1 x" in " ".join(embedded.inbox(AKINYI))
    told = f"Soko: your order {order['code']} is not complete at the kiosk yet. We text you when it is."
    assert told in embedded.inbox(JOY)
