"""The whole service with the simulated M-PESA: an order is placed, paid on a phone, and given back."""

from __future__ import annotations

from typing import Any

from tests.bot.conftest import embedded  # noqa: F401 - a fixture
from tests.service import Service

BUYER = "+254733000333"


def place(service: Service) -> Any:
    product = next(each for each in service.api("GET", "/products")["data"])
    body = {
        "product_id": product["id"],
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": BUYER, "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 High St", "city": "Leeds", "country": "GB"},
        "payment": {"by": "mpesa", "phone": BUYER},
    }
    return service.api("POST", "/orders", body, **{"Idempotency-Key": "one"})


def status(service: Service, order: Any) -> str:
    return str(service.api("GET", f"/orders/{order['id']}")["status"])


def answer_prompt(service: Service, pin: str | None) -> None:
    [prompt] = service.http.get("/simulator/prompts", query_string={"msisdn": BUYER}).json["data"]
    assert service.http.post(f"/simulator/prompts/{prompt['id']}", json={"pin": pin}).json == {"answered": True}


def test_an_order_is_paid_on_the_buyers_phone_and_goes_back_when_it_is_cancelled(embedded: Service) -> None:  # noqa: F811
    service = embedded
    order = place(service)
    service.work()
    assert status(service, order) == "unpaid"
    answer_prompt(service, "1234")
    for _ in range(5):
        service.later(minutes=1)
    assert status(service, order) == "placed"
    service.api("POST", f"/orders/{order['id']}/cancel")
    for _ in range(5):
        service.later(minutes=2)
    assert "refund.done" in service.events()
    assert service.api("GET", "/ledger/check")["ok"]
