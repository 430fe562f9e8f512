"""Money in the console: what waits for somebody, who owes, and whether the books balance."""

from __future__ import annotations

from tests.bot.fixtures import execute_sql, received_order
from tests.bot.web.operator.visitor import logged_in, words
from tests.service import Service


def test_what_waits_for_somebody_is_listed_with_the_reason(embedded: Service) -> None:
    visitor = logged_in(embedded, "read")
    assert "No payout is held, failed or unknown. No refund is waiting." in words(visitor.get("/operator/money"))
    order = received_order(embedded)
    execute_sql(embedded, "UPDATE payout SET status = 'held', hold = 'large'")
    said = words(visitor.get("/operator/money"))
    assert f"{order['code']} Akinyi Ouma KES 1,620" in said
    assert "held large: until the kiosk ships the order" in said
    assert "Cash of ours at kiosks Kiosk Town Cash Lakeside Kisumu KES 0" in said


def test_the_books_are_checked_now_and_what_is_wrong_is_said(embedded: Service) -> None:
    received_order(embedded)
    visitor = logged_in(embedded, "money")
    assert "They balance: every condition below holds." in words(visitor.get("/operator/money/books"))
    execute_sql(embedded, "UPDATE payout SET amount = amount + 1")
    said = words(visitor.get("/operator/money/books"))
    assert "They are wrong." in said
    assert "does not hold" in said
