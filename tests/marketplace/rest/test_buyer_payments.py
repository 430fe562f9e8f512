"""Orders that buyers pay for, and what goes back: `/orders/{id}/payments`, `/payments` and `/refunds`."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from marketplace_api.orders import paying
from marketplace_api.payments import audit, buyer_payments, refunds
from marketplace_api.rest.app import MarketplaceApi
from tests.marketplace.conftest import Sample, ShopDatabase, client, key_id, order_body

BY_PHONE = {"by": "mpesa", "phone": "0722000111"}
BY_CARD = {"by": "card", "currency": "KES", "return_url": "https://shop.example/thanks"}


def money(amount: int, currency: str = "KES") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


@pytest.fixture
def unpaid(storefront: FlaskClient, sample: Sample) -> Any:
    """Ann's order of two baskets for 3,000 shillings; she is to pay from her phone."""
    answer = storefront.post("/orders", json=order_body(sample.product, 2, payment=BY_PHONE))
    assert answer.status_code == 201, answer.json
    return answer.json


def lapse(database: ShopDatabase, payment_id: str) -> None:
    with database.open() as shop:
        buyer_payments.begin_asking(shop, payment_id)
        buyer_payments.lapse(shop, payment_id)


def capture(database: ShopDatabase, payment_id: str, reference: str) -> None:
    with database.open() as shop:
        buyer_payments.begin_asking(shop, payment_id)
        paying.settle_captured(shop, payment_id, reference)


def capture_late(database: ShopDatabase, payment_id: str) -> None:
    with database.open() as shop:
        paying.settle_captured(shop, payment_id, "SFE-LATE")


def check_books(database: ShopDatabase) -> None:
    with database.open() as shop:
        assert list(audit.inconsistencies(shop)) == []


# Placing an order


def test_an_order_shows_how_its_buyer_is_to_pay_and_is_offered_to_nobody(
    storefront: FlaskClient, operator: FlaskClient, unpaid: Any
) -> None:
    payment = unpaid["payment"]
    assert (unpaid["status"], unpaid["payment_status"], unpaid["assignments"]) == ("unpaid", "unpaid", [])
    assert unpaid["expires_at"] == "2026-11-22T09:15:00Z"
    assert payment == {
        "id": payment["id"],
        "status": "created",
        "method": "mpesa",
        "amount": money(300_000),
        "url": None,
        "expires_at": "2026-11-22T09:03:00Z",
    }
    assert storefront.get(f"/orders/{unpaid['id']}").json == unpaid
    assert [event["type"] for event in operator.get("/events").json["data"] if "order" in event["type"]] == []


def test_a_card_payment_holds_the_pieces_longer(storefront: FlaskClient, sample: Sample) -> None:
    order = storefront.post("/orders", json=order_body(sample.product, payment=BY_CARD)).json
    assert (order["payment"]["method"], order["expires_at"]) == ("card", "2026-11-22T09:35:00Z")


def test_a_key_that_may_not_vouch_has_to_say_how_its_buyer_pays(
    storefront: FlaskClient, database: ShopDatabase, operator: FlaskClient, sample: Sample
) -> None:
    terms = {"may_vouch": False, "credit": None}
    assert operator.put(f"/storefronts/{key_id(database, storefront)}/terms", json=terms).status_code == 200
    for body in (order_body(sample.product), order_body(sample.product, payment={"by": "storefront"})):
        refused = storefront.post("/orders", json=body)
        assert (refused.status_code, refused.json["reason"]) == (422, "payment_needed")
    assert storefront.post("/orders", json=order_body(sample.product, payment=BY_PHONE)).status_code == 201


def test_a_changed_total_is_refused_with_the_new_one(storefront: FlaskClient, sample: Sample) -> None:
    body = order_body(sample.product, 2, expected_total=money(299_999))
    refused = storefront.post("/orders", json=body, headers={"Idempotency-Key": "one"})
    assert (refused.status_code, refused.json["reason"], refused.json["total"]) == (
        409,
        "price_changed",
        money(300_000),
    )
    again = storefront.post("/orders", json=body, headers={"Idempotency-Key": "one"})
    assert (again.status_code, again.json) == (409, refused.json)
    assert storefront.get("/orders").json["data"] == []


def test_a_reference_of_a_storefront_is_good_for_one_order(
    storefront: FlaskClient, api: MarketplaceApi, database: ShopDatabase, sample: Sample
) -> None:
    body = order_body(sample.product, external_ref="web-7")
    first = storefront.post("/orders", json=body).json
    refused = storefront.post("/orders", json=body)
    assert (refused.status_code, refused.json["reason"], refused.json["order_id"]) == (
        409,
        "external_ref_known",
        first["id"],
    )
    assert first["code"] in refused.json["detail"]
    assert client(api, database, "storefront").post("/orders", json=body).status_code == 201


@pytest.mark.parametrize(
    ("part", "pointer"),
    [
        ({"expected_totl": money(1)}, "#/expected_totl"),
        ({"payment": {"by": "mpesa", "phone": "0722000111", "pin": 1}}, "#/payment/pin"),
        ({"payment": {"by": "cheque"}}, "#/payment"),
        ({"payment": {"by": "card", "currency": "usd", "return_url": "https://shop.example/"}}, None),
        ({"payment": {"by": "card", "currency": "USD", "return_url": "javascript:alert(1)"}}, None),
        ({"ship_to": {"name": "Ann", "line1": "1 High St", "city": "Leeds", "country": "UK"}}, "#/ship_to/country"),
        ({"ship_to": {"name": "Ann", "line1": "1 High St", "city": "Leeds", "country": "gb"}}, "#/ship_to/country"),
    ],
)
def test_an_unknown_member_or_country_is_refused(
    storefront: FlaskClient, sample: Sample, part: dict[str, Any], pointer: str | None
) -> None:
    refused = storefront.post("/orders", json=order_body(sample.product, **part))
    assert refused.status_code == 422
    assert pointer in (None, *(error["pointer"] for error in refused.json["errors"]))


@pytest.mark.parametrize(
    ("locale", "shown"), [("sw", "sw"), ("sw-KE", "sw-KE"), ("EN_gb", "EN_gb"), ("de", "en"), ("xx-YY", "en")]
)
def test_english_stands_in_for_a_language_that_the_shop_does_not_speak(
    storefront: FlaskClient, sample: Sample, locale: str, shown: str
) -> None:
    buyer = {"name": "Ann", "phone": "+447400123456", "locale": locale}
    assert storefront.post("/orders", json=order_body(sample.product, buyer=buyer)).json["buyer"]["locale"] == shown


# Payments of an order


def test_another_payment_can_be_tried_after_one_that_lapsed(
    storefront: FlaskClient, database: ShopDatabase, unpaid: Any
) -> None:
    path = f"/orders/{unpaid['id']}/payments"
    refused = storefront.post(path, json=BY_PHONE)
    assert (refused.status_code, refused.json["reason"]) == (409, "payment_open")
    lapse(database, unpaid["payment"]["id"])
    first, again = (storefront.post(path, json=BY_CARD, headers={"Idempotency-Key": "2nd"}) for _ in range(2))
    assert (first.status_code, again.status_code, again.json) == (201, 201, first.json)
    assert (first.json["method"], first.json["status"], first.json["order_id"]) == ("card", "created", unpaid["id"])
    listed = storefront.get(path).json["data"]
    assert [(payment["method"], payment["status"]) for payment in listed] == [("card", "created"), ("mpesa", "lapsed")]
    assert storefront.get(f"/orders/{unpaid['id']}").json["payment"]["id"] == first.json["id"]


def test_a_storefront_vouches_after_its_buyer_could_not_pay(
    storefront: FlaskClient, operator: FlaskClient, database: ShopDatabase, unpaid: Any
) -> None:
    path, by_storefront = f"/orders/{unpaid['id']}/payments", {"by": "storefront"}
    refused = storefront.post(path, json=by_storefront)
    assert (refused.status_code, refused.json["reason"]) == (409, "payment_open")
    lapse(database, unpaid["payment"]["id"])
    first, again = (storefront.post(path, json=by_storefront, headers={"Idempotency-Key": "vouch"}) for _ in range(2))
    assert (first.status_code, again.json) == (201, first.json)
    payment = first.json
    assert (payment["method"], payment["status"], payment["is_kept"]) == ("storefront", "captured", True)
    assert (payment["amount"], payment["shop_amount"]) == (money(300_000), money(300_000))
    order = storefront.get(f"/orders/{unpaid['id']}").json
    assert (order["status"], order["payment_status"], order["payment"]) == ("placed", "vouched", None)
    assert [part["status"] for part in order["assignments"]] == ["offered"]
    owed = storefront.get(f"/storefronts/{key_id(database, storefront)}/statement").json["closing"]
    assert owed == money(300_000)
    back = operator.post(f"/payments/{payment['id']}/refund", json={"amount": money(100), "reason": "no"})
    assert (back.status_code, back.json["reason"], "vouched" in back.json["detail"]) == (
        409,
        "payment_not_captured",
        True,
    )
    capture_late(database, unpaid["payment"]["id"])
    assert storefront.get("/refunds").json["data"][0]["reason"] == "late"
    assert storefront.get(f"/orders/{unpaid['id']}").json["payment_status"] == "vouched"
    check_books(database)
    assert storefront.post(f"/orders/{unpaid['id']}/cancel").status_code == 200
    owed = storefront.get(f"/storefronts/{key_id(database, storefront)}/statement").json["closing"]
    assert owed == money(0)
    check_books(database)


@pytest.mark.parametrize(
    ("terms", "status", "reason"),
    [
        ({"may_vouch": False, "credit": None}, 422, "payment_needed"),
        ({"may_vouch": True, "credit": money(299_999)}, 409, "credit_exhausted"),
    ],
)
def test_a_storefront_that_may_not_vouch_for_so_much_is_refused_as_with_an_order(
    storefront: FlaskClient,
    operator: FlaskClient,
    database: ShopDatabase,
    unpaid: Any,
    terms: dict[str, Any],
    status: int,
    reason: str,
) -> None:
    lapse(database, unpaid["payment"]["id"])
    operator.put(f"/storefronts/{key_id(database, storefront)}/terms", json=terms)
    for caller in (storefront, operator):  # an operator's call is about the terms of the storefront too
        refused = caller.post(f"/orders/{unpaid['id']}/payments", json={"by": "storefront"})
        assert (refused.status_code, refused.json["reason"]) == (status, reason)
    order = storefront.get(f"/orders/{unpaid['id']}").json
    assert (order["status"], order["payment"]["status"]) == ("unpaid", "lapsed")
    check_books(database)


def test_a_paid_order_cannot_be_paid_again(storefront: FlaskClient, database: ShopDatabase, unpaid: Any) -> None:
    capture(database, unpaid["payment"]["id"], "SFE1")
    order = storefront.get(f"/orders/{unpaid['id']}").json
    assert (order["status"], order["payment_status"], order["payment"]) == ("placed", "paid", None)
    for body in (BY_PHONE, {"by": "storefront"}):
        refused = storefront.post(f"/orders/{unpaid['id']}/payments", json=body)
        assert (refused.status_code, refused.json["reason"]) == (409, "order_not_unpaid")
    check_books(database)


def test_an_operator_announces_what_arrived(
    storefront: FlaskClient, operator: FlaskClient, database: ShopDatabase, unpaid: Any
) -> None:
    path = f"/orders/{unpaid['id']}/payments/announce"
    body = {"amount": money(300_000), "reference": "BANK-7", "method": "bank"}
    assert storefront.post(path, json=body).status_code == 403
    wrong = operator.post(path, json=body | {"amount": money(299_999)})
    assert (wrong.status_code, wrong.json["reason"], wrong.json["total"]) == (422, "wrong_total", money(300_000))
    dollars = operator.post(path, json=body | {"amount": money(300_000, "USD")})
    assert (dollars.status_code, dollars.json["reason"]) == (409, "other_currency")
    done = operator.post(path, json=body)
    assert done.status_code == 201
    assert (done.json["status"], done.json["method"], done.json["reference"]) == ("captured", "operator", "BANK-7")
    assert (done.json["means"], done.json["failure"]) == ("bank", None)
    assert storefront.get(f"/payments/{done.json['id']}").json["means"] == "bank"
    assert storefront.get(f"/orders/{unpaid['id']}").json["status"] == "placed"
    assert operator.post(path, json=body).json["reason"] == "order_not_unpaid"
    check_books(database)


# What goes back


@pytest.fixture
def paid(storefront: FlaskClient, database: ShopDatabase, unpaid: Any) -> str:
    """The id of the captured payment of Ann's order."""
    payment_id: str = unpaid["payment"]["id"]
    capture(database, payment_id, "SFE1")
    return payment_id


def test_an_operator_gives_a_part_back_and_says_why(
    storefront: FlaskClient, operator: FlaskClient, database: ShopDatabase, unpaid: Any, paid: str
) -> None:
    path, body = f"/payments/{paid}/refund", {"amount": money(50_000), "reason": "a handle is loose"}
    assert storefront.post(path, json=body).status_code == 403
    first, again = (operator.post(path, json=body, headers={"Idempotency-Key": "r"}) for _ in range(2))
    assert (first.status_code, again.json) == (201, first.json)
    refund = first.json
    assert refund | {"id": "", "created_at": ""} == {
        "id": "",
        "payment_id": paid,
        "order_id": unpaid["id"],
        "amount": money(50_000),
        "shop_amount": money(50_000),
        "reason": "operator",
        "note": "a handle is loose",
        "status": "due",
        "reference": None,
        "failure": None,
        "created_at": "",
        "done_at": None,
        "returned_at": None,
    }
    assert storefront.get(f"/orders/{unpaid['id']}").json["payment_status"] == "part_refunded"
    assert storefront.get(f"/refunds/{refund['id']}").json == refund
    too_much = operator.post(path, json=body | {"amount": money(250_001)})
    assert (too_much.status_code, too_much.json["reason"]) == (409, "refund_too_large")
    check_books(database)


def test_a_failed_refund_is_tried_again(operator: FlaskClient, database: ShopDatabase, paid: str) -> None:
    refund = operator.post(f"/payments/{paid}/refund", json={"amount": money(100), "reason": "late"}).json
    path = f"/refunds/{refund['id']}/retry"
    assert operator.post(path).json["reason"] == "refund_not_failed"
    with database.open() as shop:
        refunds.begin_sending(shop, refund["id"], "simulator")
        refunds.settle_failed(shop, refund["id"], "the phone is closed")
    again = operator.post(path)
    assert (again.status_code, again.json["status"]) == (200, "due")
    check_books(database)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["captured"]),
        ("status=captured", ["captured"]),
        ("status=failed", []),
        ("order={order}", ["captured"]),
        ("order=ord_none", []),
    ],
)
def test_payments_are_filtered(
    storefront: FlaskClient, operator: FlaskClient, unpaid: Any, paid: str, query: str, found: list[str]
) -> None:
    for reader in (storefront, operator):
        listed = reader.get("/payments?" + query.format(order=unpaid["id"])).json["data"]
        assert [payment["status"] for payment in listed] == found


@pytest.mark.parametrize(
    ("query", "found"), [("", 1), ("status=due", 1), ("status=done", 0), ("order={order}", 1), ("order=ord_none", 0)]
)
def test_refunds_are_filtered(
    storefront: FlaskClient, operator: FlaskClient, unpaid: Any, paid: str, query: str, found: int
) -> None:
    operator.post(f"/payments/{paid}/refund", json={"amount": money(100), "reason": "late"})
    for reader in (storefront, operator):
        assert len(reader.get("/refunds?" + query.format(order=unpaid["id"])).json["data"]) == found


def test_another_storefront_sees_neither_payments_nor_refunds(
    api: MarketplaceApi, database: ShopDatabase, operator: FlaskClient, unpaid: Any, paid: str
) -> None:
    refund = operator.post(f"/payments/{paid}/refund", json={"amount": money(100), "reason": "late"}).json
    other = client(api, database, "storefront")
    for path in (f"/orders/{unpaid['id']}/payments", f"/payments/{paid}", f"/refunds/{refund['id']}"):
        assert (other.get(path).status_code, operator.get(path).status_code) == (404, 200)
    for path in ("/payments", "/refunds"):
        assert (other.get(path).json["data"], len(operator.get(path).json["data"])) == ([], 1)
    reader = client(api, database, "read")
    assert reader.get(f"/payments/{paid}").status_code == 200
    assert reader.post(f"/refunds/{refund['id']}/retry").status_code == 403
