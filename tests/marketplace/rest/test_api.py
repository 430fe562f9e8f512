"""The paths of the API: answers, scopes and statuses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from marketplace_api.accounts import api_keys
from marketplace_api.catalogue import products
from marketplace_api.models import ApiKey, Order, Payout, Product
from marketplace_api.orders import orders
from marketplace_api.payments import balances, settlement
from marketplace_api.rest.app import MarketplaceApi
from marketplace_api.statuses import Scope
from tests.marketplace.conftest import STATIC_KEY, Sample, ShopDatabase, bring, client, order_body, place

KIOSK = {"name": "Soko Voi", "town": "Voi", "agent": {"name": "Jane", "phone": "0711 000 002"}}


@pytest.fixture
def accepted(database: ShopDatabase, sample: Sample) -> Order:
    with database.open() as shop:
        return orders.accept(shop, sample.artisan, place(shop, sample.product, 2).code).order


@pytest.fixture
def received(database: ShopDatabase, sample: Sample, accepted: Order) -> Order:
    with database.open() as shop:
        return bring(shop, sample.kiosk, accepted, 2).order


@pytest.fixture
def payout(database: ShopDatabase, sample: Sample, received: Order) -> Payout:
    with database.open() as shop:
        return balances.balance_of(shop, sample.artisan).last[0]


def test_the_catalogue_needs_no_key(anonymous: FlaskClient, sample: Sample) -> None:
    product = {
        "id": sample.product.id,
        "code": sample.product.code,
        "title": "Kiondo basket",
        "category": "baskets",
        "description": "",
        "price": {"amount": 150_000, "currency": "KES"},
        "artisan_earns": {"amount": 135_000, "currency": "KES"},
        "quantity": 3,
        "on_hand": 3,
        "reserved": 0,
        "status": "listed",
        "artisan": {"id": sample.artisan.id, "name": "Amina", "town": "Kisumu"},
        "photos": [],
        "created_at": "2026-11-22T09:00:00Z",
        "updated_at": "2026-11-22T09:00:00Z",
    }
    assert anonymous.get("/products").json == {
        "object": "list",
        "data": [product],
        "has_more": False,
        "next_cursor": None,
    }
    assert anonymous.get(f"/products/{sample.product.id}").json == product


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Clay pot", "Kiondo basket"]),
        ("category=baskets", ["Kiondo basket"]),
        ("category=leather", []),
        ("q=KIONDO", ["Kiondo basket"]),
        ("q=river", ["Clay pot"]),
        ("q=100%25", []),
        ("q=_", []),
        ("status=sold_out", ["Sisal bag"]),
        ("status=withdrawn", ["Beaded belt"]),
        ("artisan={artisan}", ["Clay pot", "Kiondo basket"]),
        ("artisan=art_nobody", []),
        ("category=pottery&q=basket", []),
    ],
)
def test_products_are_filtered(
    anonymous: FlaskClient, database: ShopDatabase, sample: Sample, query: str, found: list[str]
) -> None:
    database.advance(minutes=1)
    with database.open() as shop:
        for title, category, quantity in (("Clay pot", "pottery", 1), ("Sisal bag", "textiles", 0)):
            products.list_product(
                shop,
                sample.artisan,
                title=title,
                category=category,
                price=1,
                quantity=quantity,
                description="From the river",
            )
        belt = products.list_product(
            shop, sample.artisan, title="Beaded belt", category="beadwork", price=1, quantity=1
        )
        products.withdraw(shop, sample.artisan, belt.code)
    answer = anonymous.get("/products?" + query.format(artisan=sample.artisan.id))
    assert [product["title"] for product in answer.json["data"]] == found


def test_an_artisans_phone_is_for_operators_only(
    anonymous: FlaskClient, storefront: FlaskClient, operator: FlaskClient, sample: Sample
) -> None:
    public = {
        "id": sample.artisan.id,
        "name": "Amina",
        "town": "Kisumu",
        "craft": "baskets",
        "status": "active",
        "kiosk_id": sample.kiosk.id,
        "created_at": "2026-11-22T09:00:00Z",
    }
    private = {
        "phone": "+254712345678",
        "language": "sw",
        "payout": {"method": "mobile_money", "phone": "+254712345678"},
    }
    path = f"/artisans/{sample.artisan.id}"
    assert anonymous.get(path).json == public
    assert storefront.get(path).json == public
    assert operator.get(path).json == public | private
    assert operator.get("/artisans").json["data"] == [public | private]


def test_a_storefront_places_an_order(storefront: FlaskClient, sample: Sample) -> None:
    answer = storefront.post("/orders", json=order_body(sample.product, 2, external_ref="web-1"))
    assert answer.status_code == 201
    order = answer.json
    code = order.pop("code")
    assert order.pop("id").startswith("ord_")
    assert order == {
        "brief": None,
        "status": "placed",
        "payment_status": "vouched",
        "product": {
            "id": sample.product.id,
            "code": sample.product.code,
            "title": "Kiondo basket",
            "category": "baskets",
            "price": {"amount": 150_000, "currency": "KES"},
        },
        "quantity": 2,
        "buyer": {"name": "Ann", "phone": "+447400123456", "locale": "en"},
        "ship_to": {
            "name": "Ann Li",
            "line1": "1 High St",
            "line2": None,
            "city": "Leeds",
            "region": None,
            "postal_code": None,
            "country": "GB",
        },
        "note": None,
        "shipping": {"amount": 0, "currency": "KES"},
        "tax": {"amount": 0, "currency": "KES"},
        "total": {"amount": 300_000, "currency": "KES"},
        "payment": None,
        "commission": {"amount": 30_000, "currency": "KES"},
        "artisan_earns": {"amount": 270_000, "currency": "KES"},
        "assignments": [
            {
                "artisan": {"id": sample.artisan.id, "name": "Amina", "town": "Kisumu"},
                "quantity": 2,
                "earns": {"amount": 270_000, "currency": "KES"},
                "status": "offered",
                "reason": "",
                "refused": 0,
                "promised_on": None,
                "ready_at": None,
                "received_at": None,
                "reminded_at": None,
            }
        ],
        "timeline": [{"status": "placed", "at": "2026-11-22T09:00:00Z"}],
        "shipment": None,
        "created_at": "2026-11-22T09:00:00Z",
        "expires_at": "2026-11-24T09:00:00Z",
        "external_ref": "web-1",
    }
    assert code.isalnum()


def test_an_order_for_the_whole_stock_sells_the_product_out(storefront: FlaskClient, sample: Sample) -> None:
    storefront.post("/orders", json=order_body(sample.product, 3))
    assert storefront.get("/products").json["data"] == []
    assert storefront.get(f"/products/{sample.product.id}").json["status"] == "sold_out"
    refused = storefront.post("/orders", json=order_body(sample.product, 1))
    assert (refused.status_code, refused.json["reason"]) == (409, "not_enough_stock")


@pytest.mark.parametrize("total", [{"amount": 299_999, "currency": "KES"}, {"amount": 300_001, "currency": "KES"}])
def test_an_order_that_does_not_cost_what_was_expected_is_refused_and_reserves_nothing(
    storefront: FlaskClient, sample: Sample, total: dict[str, object]
) -> None:
    refused = storefront.post("/orders", json=order_body(sample.product, 2, expected_total=total))
    assert (refused.status_code, refused.json["reason"]) == (409, "price_changed")
    assert "300000" in refused.json["detail"]
    assert storefront.get(f"/products/{sample.product.id}").json["quantity"] == 3
    assert storefront.get("/orders").json["data"] == []

    expected = {"amount": 300_000, "currency": "KES"}
    assert storefront.post("/orders", json=order_body(sample.product, 2, expected_total=expected)).status_code == 201


def test_a_brief_that_does_not_cost_what_was_expected_is_refused(storefront: FlaskClient, sample: Sample) -> None:
    refused = storefront.post("/orders", json=brief_body() | {"expected_total": {"amount": 1, "currency": "KES"}})
    assert (refused.status_code, refused.json["reason"]) == (409, "price_changed")


def test_a_phone_in_national_form_is_shown_as_e164(storefront: FlaskClient, sample: Sample) -> None:
    body = order_body(sample.product)
    body["buyer"] = body["buyer"] | {"phone": "0712 345 678"}
    assert storefront.post("/orders", json=body).json["buyer"]["phone"] == "+254712345678"


def test_a_storefront_sees_only_the_orders_it_placed(
    api: MarketplaceApi, database: ShopDatabase, storefront: FlaskClient, operator: FlaskClient, sample: Sample
) -> None:
    other = client(api, database, "storefront")
    mine = storefront.post("/orders", json=order_body(sample.product)).json["id"]
    assert [order["id"] for order in storefront.get("/orders").json["data"]] == [mine]
    assert [order["id"] for order in operator.get("/orders").json["data"]] == [mine]
    assert other.get("/orders").json["data"] == []
    assert other.get(f"/orders/{mine}").status_code == 404
    assert other.post(f"/orders/{mine}/cancel").status_code == 404
    assert storefront.get(f"/orders/{mine}").json["status"] == "placed"


def test_an_order_is_cancelled_while_it_is_placed(storefront: FlaskClient, sample: Sample) -> None:
    order = storefront.post("/orders", json=order_body(sample.product)).json["id"]
    answer = storefront.post(f"/orders/{order}/cancel")
    assert (answer.status_code, answer.json["status"]) == (200, "cancelled")
    again = storefront.post(f"/orders/{order}/cancel")
    assert (again.status_code, again.json["reason"]) == (409, "order_not_open")
    assert storefront.get(f"/products/{sample.product.id}").json["quantity"] == 3


BRIEF = {
    "title": "Gift basket",
    "category": "baskets",
    "unit_price": {"amount": 100_000, "currency": "KES"},
    "quantity": 60,
    "due_on": "2026-12-20",
}


def brief_body(**other: object) -> dict[str, object]:
    body = {name: value for name, value in order_body(Product(id="")).items() if name in ("buyer", "ship_to")}
    return body | {"brief": BRIEF | other}


def test_a_storefront_orders_by_brief(storefront: FlaskClient, sample: Sample) -> None:
    answer = storefront.post("/orders", json=brief_body(kiosk_id=sample.kiosk.id))
    assert answer.status_code == 201
    order = answer.json
    assert (order["product"], order["brief"]) == (None, BRIEF | {"kiosk_id": sample.kiosk.id})
    assert (order["quantity"], order["total"]["amount"], order["artisan_earns"]["amount"]) == (60, 6_000_000, 5_400_000)
    assert [part["status"] for part in order["assignments"]] == ["offered"]
    assert storefront.get(f"/orders/{order['id']}").json == order


@pytest.mark.parametrize(
    ("other", "status", "what"),
    [
        ({"due_on": "2026-11-22"}, 409, "due_too_soon"),
        ({"category": "leather"}, 409, "nobody_to_ask"),
        ({"unit_price": {"amount": 100, "currency": "EUR"}}, 409, "other_currency"),
        ({"kiosk_id": "ksk_none"}, 404, "unknown_kiosk"),
        ({"category": "jam"}, 422, "#/brief/category"),
        ({"due_on": 20261220}, 422, "#/brief/due_on"),
        ({"unit_price": {"amount": 0, "currency": "KES"}}, 422, "#/brief/unit_price/amount"),
        ({"quantity": 0}, 422, "#/brief/quantity"),
    ],
)
def test_an_invalid_brief_is_refused_with_a_reason(
    storefront: FlaskClient, sample: Sample, other: dict[str, object], status: int, what: str
) -> None:
    answer = storefront.post("/orders", json=brief_body(**other))
    assert answer.status_code == status
    assert what in (answer.json.get("reason"), *(mistake["pointer"] for mistake in answer.json.get("errors", ())))


def test_an_order_is_of_a_product_or_by_brief_and_not_both(storefront: FlaskClient, sample: Sample) -> None:
    answer = storefront.post("/orders", json=order_body(sample.product) | brief_body())
    assert [mistake["pointer"] for mistake in answer.json["errors"]] == ["#/product_id", "#/quantity"]


def test_an_order_is_shipped_and_delivered(operator: FlaskClient, received: Order) -> None:
    path = f"/orders/{received.id}"
    shipment = {"carrier": "Posta", "tracking": "RR123KE"}
    early = operator.post(f"{path}/deliver")
    assert (early.status_code, early.json["reason"]) == (409, "order_not_shipped")
    shipped = operator.post(f"{path}/ship", json=shipment)
    assert (shipped.status_code, shipped.json["status"]) == (200, "shipped")
    assert shipped.json["shipment"] == shipment
    assert operator.post(f"{path}/deliver").json["status"] == "delivered"


def test_kiosks_are_opened_and_changed(operator: FlaskClient, database: ShopDatabase) -> None:
    opened = operator.post("/kiosks", json=KIOSK)
    assert opened.status_code == 201
    kiosk = opened.json
    assert kiosk["agent"] == {"name": "Jane", "phone": "+254711000002"}
    path = f"/kiosks/{kiosk['id']}"
    assert operator.get(path).json == kiosk
    changed = operator.patch(path, json={"town": "Taveta", "agent": {"name": "Joy"}})
    assert changed.status_code == 200
    assert changed.json == kiosk | {"town": "Taveta", "agent": kiosk["agent"] | {"name": "Joy"}}
    assert operator.get("/kiosks").json["data"] == [changed.json]


def test_a_product_is_corrected_by_one_event(operator: FlaskClient, database: ShopDatabase, sample: Sample) -> None:
    path, changes = f"/products/{sample.product.id}", {"title": "Kiondo of sisal", "description": "Dyed with bark"}
    price = {"amount": 1_750_00, "currency": "KES"}
    before = operator.get(path).get_json()
    answer = operator.patch(path, json=changes | {"price": price, "quantity": 3})

    assert answer.status_code == 200
    shown = operator.get(path).get_json()
    assert (
        answer.get_json() == shown == {**before, **shown, **changes, "price": price, "quantity": 3, "status": "listed"}
    )
    assert [product["id"] for product in operator.get("/products?q=bark").get_json()["data"]] == [sample.product.id]
    types = [event["type"] for event in operator.get("/events?limit=100").get_json()["data"]]
    assert types.count("product.updated") == 1
    assert operator.patch(path, json={"quantity": 0}).get_json()["status"] == "sold_out"
    assert operator.patch(path, json={"status": "withdrawn"}).get_json()["status"] == "withdrawn"
    assert operator.patch(path, json={"title": "Too late now"}).get_json()["reason"] == "product_withdrawn"


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"price": {"amount": 100, "currency": "USD"}}, 409, "other_currency"),
        ({"price": {"amount": 0, "currency": "KES"}}, 422, None),
        ({"quantity": -1}, 422, None),
        ({"title": "See www.example.com"}, 422, None),
        ({"status": "listed"}, 422, None),
        ({"category": "pottery"}, 422, None),
    ],
)
def test_a_wrong_correction_is_refused_and_nothing_changes(
    operator: FlaskClient, sample: Sample, changes: dict[str, Any], status: int, reason: str | None
) -> None:
    path = f"/products/{sample.product.id}"
    before = operator.get(path).get_json()
    answer = operator.patch(path, json={"description": "New"} | changes)

    assert (answer.status_code, answer.get_json().get("reason")) == (status, reason)
    assert operator.get(path).get_json() == before


def test_payouts_are_shown_to_operators(operator: FlaskClient, payout: Payout) -> None:
    shown = operator.get(f"/payouts/{payout.id}").json
    assert shown == {
        "id": payout.id,
        "code": payout.code,
        "artisan_id": payout.artisan_id,
        "amount": {"amount": 270_000, "currency": "KES"},
        "method": "mobile_money",
        "status": "pending",
        "provider_reference": None,
        "failure": None,
        "blame": None,
        "hold": None,
        "order_id": payout.order_id,
        "created_at": "2026-11-22T09:00:00Z",
        "paid_at": None,
    }
    assert operator.get("/payouts").json["data"] == [shown]


def test_only_a_failed_payout_is_retried(operator: FlaskClient, database: ShopDatabase, payout: Payout) -> None:
    path = f"/payouts/{payout.id}/retry"
    assert operator.post(path).status_code == 409
    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
    assert operator.post(path).status_code == 409
    with database.open() as shop:
        settlement.settle_failed(shop, payout.id, "no such subscriber")
    retried = operator.post(path)
    assert (retried.status_code, retried.json["status"]) == (200, "pending")
    with database.open() as shop:
        settlement.begin_sending(shop, payout.id)
        settlement.settle_paid(shop, payout.id, "SFF6")
    refused = operator.post(path)
    assert (refused.status_code, refused.json["reason"]) == (409, "payout_not_failed")


def test_events_are_listed_oldest_first_and_continue_at_the_cursor(
    operator: FlaskClient, database: ShopDatabase, sample: Sample
) -> None:
    first = operator.get("/events?limit=3").json
    assert first["has_more"] is True
    assert [(event["type"], event["data"]["id"]) for event in first["data"]][1:] == [
        ("kiosk.opened", sample.kiosk.id),
        ("artisan.registered", sample.artisan.id),
    ]
    second = operator.get("/events", query_string={"cursor": first["next_cursor"]}).json
    assert (second["has_more"], [event["type"] for event in second["data"]]) == (False, ["product.listed"])
    later = {"cursor": second["next_cursor"]}
    assert operator.get("/events", query_string=later).json["next_cursor"] is None
    with database.open() as shop:
        order = place(shop, sample.product)
    (event,) = operator.get("/events", query_string=later).json["data"]
    assert event["id"].startswith("evt_")
    assert (event["type"], event["created_at"]) == ("order.placed", "2026-11-22T09:00:00Z")
    assert event["data"] == operator.get(f"/orders/{order.id}").json


PUBLIC, STOREFRONT, OPERATOR = "public", "storefront", "operator"
SCOPES: list[tuple[str, str, Any, str]] = [
    ("GET", "/products", None, PUBLIC),
    ("GET", "/products/prd_1", None, PUBLIC),
    ("GET", "/artisans/art_1", None, PUBLIC),
    ("POST", "/orders", {}, STOREFRONT),
    ("GET", "/orders", None, STOREFRONT),
    ("GET", "/orders/ord_1", None, STOREFRONT),
    ("POST", "/orders/ord_1/cancel", None, STOREFRONT),
    ("POST", "/orders/ord_1/ship", {}, STOREFRONT),
    ("POST", "/orders/ord_1/deliver", None, STOREFRONT),
    ("GET", "/orders/ord_1/payments", None, STOREFRONT),
    ("POST", "/orders/ord_1/payments", {}, STOREFRONT),
    ("POST", "/orders/ord_1/payments/announce", {}, OPERATOR),
    ("GET", "/payments", None, STOREFRONT),
    ("GET", "/payments/bpy_1", None, STOREFRONT),
    ("POST", "/payments/bpy_1/refund", {}, OPERATOR),
    ("GET", "/refunds", None, STOREFRONT),
    ("GET", "/refunds/rfd_1", None, STOREFRONT),
    ("POST", "/refunds/rfd_1/retry", None, OPERATOR),
    ("GET", "/storefronts/key_1/terms", None, OPERATOR),
    ("PUT", "/storefronts/key_1/terms", {}, OPERATOR),
    ("GET", "/storefronts/key_1/statement", None, STOREFRONT),
    ("POST", "/storefronts/key_1/settlements", {}, OPERATOR),
    ("GET", "/artisans", None, OPERATOR),
    ("GET", "/kiosks", None, OPERATOR),
    ("POST", "/kiosks", {}, OPERATOR),
    ("GET", "/kiosks/ksk_1", None, OPERATOR),
    ("PATCH", "/kiosks/ksk_1", {}, OPERATOR),
    ("PATCH", "/products/prd_1", {}, OPERATOR),
    ("GET", "/kiosks/ksk_1/float", None, OPERATOR),
    ("POST", "/kiosks/ksk_1/float", {}, OPERATOR),
    ("GET", "/kiosks/ksk_1/days/2026-11-22", None, OPERATOR),
    ("GET", "/artisans/art_1/statement", None, OPERATOR),
    ("POST", "/payouts", {}, OPERATOR),
    ("GET", "/payouts", None, OPERATOR),
    ("GET", "/payouts/pay_1", None, OPERATOR),
    ("POST", "/payouts/pay_1/retry", None, OPERATOR),
    ("POST", "/payouts/pay_1/release", None, OPERATOR),
    ("POST", "/payouts/pay_1/return", {}, OPERATOR),
    ("POST", "/orders/ord_1/void", {}, OPERATOR),
    ("GET", "/ledger/check", None, OPERATOR),
    ("GET", "/help-requests", None, OPERATOR),
    ("POST", "/help-requests/hlp_1/close", None, OPERATOR),
    ("GET", "/events", None, OPERATOR),
    ("POST", "/webhook-endpoints", {}, STOREFRONT),
    ("GET", "/webhook-endpoints", None, STOREFRONT),
    ("GET", "/webhook-endpoints/whe_1", None, STOREFRONT),
    ("DELETE", "/webhook-endpoints/whe_1", None, STOREFRONT),
    ("POST", "/webhook-endpoints/whe_1/rotate-secret", None, STOREFRONT),
    ("POST", "/webhook-endpoints/whe_1/test", None, STOREFRONT),
    ("GET", "/webhook-endpoints/whe_1/deliveries", None, STOREFRONT),
    ("POST", "/webhook-endpoints/whe_1/deliveries/whd_1/replay", None, STOREFRONT),
]
ACCEPTED_STATUSES = (200, 404, 422)

WIDER_SCOPES = {
    "orders": r"/orders\b.*|/payments\b.*|/refunds\b.*",
    "kiosks": r"/kiosks\b.*|/artisans|/artisans/\w+",
    "money": r"/payouts\b.*|/payments\b.*|/refunds\b.*|/storefronts\b.*|/ledger/check|/artisans/\w+/statement",
    "bridge": r"/events",
}
"""The paths that each of these scopes opens, as a regular expression; `read` opens every GET."""


@pytest.mark.parametrize("scope", [*WIDER_SCOPES, "read"])
def test_a_scope_opens_its_paths_and_no_others(api: MarketplaceApi, database: ShopDatabase, scope: Scope) -> None:
    sender = client(api, database, scope)
    for method, path, body, needed in SCOPES:
        its_own = method == "GET" if scope == "read" else re.fullmatch(WIDER_SCOPES[scope], path)
        opens = needed == PUBLIC or its_own
        status = sender.open(path, method=method, json=body).status_code
        assert status in (ACCEPTED_STATUSES if opens else (403,)), (method, path)


def test_a_key_with_several_scopes_opens_what_each_of_them_opens(
    api: MarketplaceApi, database: ShopDatabase, sample: Sample
) -> None:
    sender = client(api, database, "storefront", "read")
    with database.open() as shop:
        order = place(shop, sample.product)
    assert [one["id"] for one in sender.get("/orders").json["data"]] == [order.id]
    assert sender.get("/payouts").status_code == 200
    assert sender.post(f"/orders/{order.id}/cancel").status_code == 404
    assert sender.post("/payouts/pay_1/retry").status_code == 403


def test_the_document_names_the_scopes_of_an_operation(api: MarketplaceApi) -> None:
    paths = api.spec["paths"]
    assert paths["/orders"]["get"]["security"] == [{"key": ["storefront", "orders", "read", "operator"]}]
    assert paths["/kiosks"]["post"]["security"] == [{"key": ["kiosks", "operator"]}]


@pytest.mark.parametrize(("method", "path", "body", "scope"), SCOPES)
def test_each_path_accepts_only_its_scopes(
    api: MarketplaceApi, database: ShopDatabase, method: str, path: str, body: Any, scope: str
) -> None:
    def status(sender: FlaskClient, **headers: str) -> int:
        return sender.open(path, method=method, json=body, headers=headers).status_code

    anonymous = api.test_client()
    assert status(client(api, database, "operator")) in ACCEPTED_STATUSES
    assert status(client(api, database, "storefront")) in ((403,) if scope == OPERATOR else ACCEPTED_STATUSES)
    assert status(anonymous) in (ACCEPTED_STATUSES if scope == PUBLIC else (401,))
    assert status(anonymous, Authorization="Bearer wrong") == 401
    assert status(anonymous, Authorization="Basic YTpi") == 401
    assert status(anonymous, Authorization=f"Bearer {STATIC_KEY}") in ACCEPTED_STATUSES


def test_the_table_of_scopes_names_every_path(api: MarketplaceApi) -> None:
    described = {
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, operations in api.spec["paths"].items()
        for method in operations
    }
    named = {"prd_1": "product_id", "art_1": "artisan_id", "ord_1": "order_id", "ksk_1": "kiosk_id"}
    named |= {"pay_1": "payout_id", "hlp_1": "request_id", "whe_1": "endpoint_id", "whd_1": "delivery_id"}
    named |= {"bpy_1": "payment_id", "rfd_1": "refund_id", "key_1": "key_id", "2026-11-22": "day"}
    assert described == {
        (method, "/".join(named.get(part, part) for part in path.split("/"))) for method, path, _, _ in SCOPES
    }


def test_a_key_is_kept_as_a_hash_only(database: ShopDatabase) -> None:
    with database.open() as shop:
        key = api_keys.create(shop, "Web shop", "storefront")
        row = shop.session.scalars(select(ApiKey)).one()
    assert key.startswith("soko_storefront_")
    assert key.startswith(row.prefix)
    assert len(key) - len(row.prefix) >= 32
    assert key not in str(vars(row))
