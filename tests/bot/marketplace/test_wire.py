"""The JSON on `/phones/…`: its names stay, and each side reads what an older or newer other side sends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest
from msgspec.json import decode, encode

from bot.marketplace.event_details import (
    ArtisanData,
    OrderData,
    PartStatus,
    PayoutData,
    PayoutFault,
    TurnBackReason,
    read,
)
from bot.marketplace.wire import (
    ArtisanContact,
    CallerProfile,
    CashReceipt,
    CommandResult,
    EventRecord,
    PayoutNotice,
    RecentEvents,
    ShippingNotice,
    ShopFacts,
)
from flows.commands import Outcome
from flows.market import KioskSummary

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
AKINYI = ArtisanContact("art_1", "+254711000103", "Akinyi", "en", "Lakeside")
NOTICE = PayoutNotice(
    AKINYI, "K7P4", 1620_00, "KES", 0, "RB1", "135791", "+254711000103", CashReceipt("ksk_1", "+2", 5)
)
ORDER: dict[str, Any] = {
    "id": "ord_1",
    "code": "K7P4",
    "status": "accepted",
    "quantity": 2,
    "total": {"amount": 3600_00, "currency": "KES"},
    "buyer": {"name": "Joy", "phone": "+254733000333", "locale": "en"},
    "product": {"id": "prd_1", "title": "Clay water pot"},
    "brief": None,
    "assignments": [
        {
            "artisan": {"id": "art_1", "name": "Akinyi", "town": "Kisumu"},
            "quantity": 2,
            "earns": {"amount": 3240_00, "currency": "KES"},
            "status": "accepted",
            "reason": "",
            "refused": 0,
            "promised_on": "2026-12-20",
            "ready_at": None,
            "received_at": None,
            "reminded_at": "2026-11-23T08:00:00Z",
        }
    ],
    "shipment": None,
}


def record(type: str, data: dict[str, Any]) -> EventRecord:
    return EventRecord(7, "evt_1", type, AT, data, {"art_1": AKINYI})


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (
            CallerProfile("Akinyi", artisan=True, locale="sw"),
            b'{"name":"Akinyi","artisan":true,"agent":false,"kiosk":"","locale":"sw"}',
        ),
        (
            CommandResult(Outcome("done"), CallerProfile("Akinyi")),
            b'{"outcome":{"kind":"done","reason":"","values":{}},'
            b'"speaker":{"name":"Akinyi","artisan":false,"agent":false,"kiosk":"","locale":null}}',
        ),
        (
            ShopFacts([("pottery", "Pottery")], [KioskSummary("ksk_1", "Lakeside", "Kisumu")], 10, 7),
            b'{"crafts":[["pottery","Pottery"]],"kiosks":[{"id":"ksk_1","name":"Lakeside","town":"Kisumu"}],'
            b'"commission_percent":10,"newest":7}',
        ),
        (
            RecentEvents([record("order.placed", {"id": "ord_1"})]),
            b'{"data":[{"seq":7,"id":"evt_1","type":"order.placed","created_at":"2026-11-23T08:00:00Z",'
            b'"data":{"id":"ord_1"},"makers":{"art_1":{"id":"art_1","msisdn":"+254711000103","name":"Akinyi",'
            b'"language":"en","kiosk":"Lakeside"}},"due":null,"by":null,"shipping":null,"purchase":null}]}',
        ),
        (
            NOTICE,
            b'{"maker":{"id":"art_1","msisdn":"+254711000103","name":"Akinyi","language":"en","kiosk":"Lakeside"},'
            b'"order":"K7P4","amount":162000,"currency":"KES","owed":0,"reference":"RB1","cash_code":"135791",'
            b'"phone":"+254711000103","drawer":{"kiosk_id":"ksk_1","agent":"+2","paid_today":5},"hold":null,"held_until":null}',
        ),
        (
            ShippingNotice("ksk_1", "Lakeside", "+2", date(2026, 12, 22)),
            b'{"kiosk_id":"ksk_1","kiosk":"Lakeside","agent":"+2","ship_by":"2026-12-22"}',
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_has_these_bytes_and_is_read_from_them(value: msgspec.Struct, json: bytes) -> None:
    assert encode(value) == json
    assert decode(json, type=type(value)) == value


def test_an_order_is_read_from_its_events() -> None:
    details = read(record("order.reminded", ORDER))

    assert isinstance(details.data, OrderData)
    (part,) = details.data.assignments
    assert (details.type, details.data.title, part.promised_on) == (
        "order.reminded",
        "Clay water pot",
        date(2026, 12, 20),
    )
    assert part.reminded_at == details.created_at


def test_a_payout_and_an_artisan_are_read_from_their_events() -> None:
    payout = read(record("payout.failed", {"id": "pay_1", "status": "failed", "blame": "recipient", "order_id": None}))
    artisan = read(record("artisan.left", {"id": "art_1", "payout": {"method": "kiosk_cash", "phone": None}}))

    assert isinstance(payout.data, PayoutData)
    assert payout.data.fault is PayoutFault.RECIPIENT
    assert isinstance(artisan.data, ArtisanData)


def test_events_that_no_message_is_about_have_no_data() -> None:
    assert read(record("product.listed", {"id": "prd_1"})).data is None
    assert read(record("help.requested", {"id": "hlp_1"})).data is None


def test_an_event_of_a_type_that_only_a_newer_shop_knows_is_unknown() -> None:
    details = read(record("order.weighed", {"id": "ord_1"}))
    assert (details.seq, details.type, details.data) == (7, "unknown", None)


def test_words_and_fields_that_only_a_newer_shop_knows_are_no_error() -> None:
    part = ORDER["assignments"][0] | {"status": "postponed", "reason": "too heavy", "weight": 3}
    details = read(record("order.accepted", ORDER | {"assignments": [part], "insured": True}))

    assert isinstance(details.data, OrderData)
    (only,) = details.data.assignments
    assert (only.status, only.reason, only.is_taken) == (PartStatus.OTHER, TurnBackReason.OTHER, False)


def test_fields_that_an_older_shop_does_not_send_are_no_error() -> None:
    part = {name: ORDER["assignments"][0][name] for name in ("artisan", "quantity", "earns", "status")}
    details = read(record("order.accepted", ORDER | {"assignments": [part]}))

    assert isinstance(details.data, OrderData)
    assert details.data.assignments[0].promised_on is None


def test_an_order_without_its_buyer_cannot_be_read() -> None:
    with pytest.raises(msgspec.ValidationError):
        read(record("order.placed", {"id": "ord_1"}))
