"""What Daraja posts and answers about buyers' payments, body by body."""

from __future__ import annotations

import copy
import json
from typing import Any

from bot.providers.collector_contracts import (
    Asked,
    Captured,
    NotCaptured,
    NotCapturedReason,
    NotRefunded,
    NotRefundedReason,
    PaybillNotice,
    Refunded,
)
from bot.providers.errors import Reason
from bot.providers.mpesa_express import PROVIDER
from tests.providers.rows import daraja
from tests.providers.wire import JSON, LATER, UNKNOWN, AnswerRow, CallbackRow, Failed, WireTable

PHONE = "+254711000111"
RECEIPT = "SG632NMUAB"
TOKEN = "8k2m0q4z"
PAID = Captured(1500_00, "KES", RECEIPT, msisdn=PHONE)


# What it posts


def posted(path: str, body: object, *told: object, status: int = 200) -> CallbackRow:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CallbackRow(f"/webhooks/daraja/{{secret}}/{path}", raw, told, status, JSON)


def prompt(code: Any = 0, items: Any = None, **other: Any) -> dict[str, Any]:
    """The callback of a prompt; if the buyer paid, it has items."""
    callback = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": "ws_CO_191220191020363925",
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
    }
    if items is not None:
        callback["CallbackMetadata"] = {"Item": items}
    return {"Body": {"stkCallback": callback | other}}


ITEMS = [
    {"Name": "Amount", "Value": 1500.00},
    {"Name": "MpesaReceiptNumber", "Value": RECEIPT},
    {"Name": "Balance"},
    {"Name": "TransactionDate", "Value": 20261122120000},
    {"Name": "PhoneNumber", "Value": 254711000111},
]


def with_item(name: str, value: Any) -> list[dict[str, Any]]:
    items = copy.deepcopy(ITEMS)
    next(item for item in items if item["Name"] == name)["Value"] = value
    return items


def charge(body: dict[str, Any] | bytes, captured: Captured | None) -> CallbackRow:
    return posted(f"express/{TOKEN}", body, (TOKEN, captured))


def reversal(body: dict[str, Any], status: Refunded | NotRefunded | None) -> CallbackRow:
    return posted(f"reversal/{TOKEN}", body, (TOKEN, status))


CHARGE_CODES = {
    "1": NotCapturedReason.NO_BALANCE,
    "2": NotCapturedReason.DECLINED,
    "3": NotCapturedReason.DECLINED,
    "4": NotCapturedReason.DECLINED,
    "17": NotCapturedReason.TRY_LATER,
    "1001": NotCapturedReason.TRY_LATER,
    "1019": NotCapturedReason.EXPIRED,
    "1025": NotCapturedReason.UNREACHABLE,
    "1031": NotCapturedReason.CANCELLED,
    "1032": NotCapturedReason.CANCELLED,
    "1036": NotCapturedReason.UNREACHABLE,
    "1037": NotCapturedReason.UNREACHABLE,
    "2001": NotCapturedReason.WRONG_PIN,
    "2028": NotCapturedReason.MISCONFIGURED,
    "8006": NotCapturedReason.WRONG_PIN,
    "9999": NotCapturedReason.UNREACHABLE,
}
"""Of a query, which are not those of payouts: 2001 is the buyer's wrong PIN here, and our credential there."""
REFUND_CODES = {
    "1": NotRefundedReason.NO_FLOAT,
    "R000001": NotRefundedReason.ALREADY,
    "R000002": NotRefundedReason.NOT_POSSIBLE,
    "2032": NotRefundedReason.NOT_POSSIBLE,
    "11": NotRefundedReason.MISCONFIGURED,
    "18": NotRefundedReason.MISCONFIGURED,
    "20": NotRefundedReason.MISCONFIGURED,
    "21": NotRefundedReason.MISCONFIGURED,
    "22": NotRefundedReason.MISCONFIGURED,
    "24": NotRefundedReason.MISCONFIGURED,
    "25": NotRefundedReason.MISCONFIGURED,
    "29": NotRefundedReason.MISCONFIGURED,
    "2001": NotRefundedReason.MISCONFIGURED,
    "2006": NotRefundedReason.MISCONFIGURED,
    "2028": NotRefundedReason.MISCONFIGURED,
    "8006": NotRefundedReason.MISCONFIGURED,
}
PAYER = {"Key": "DebitPartyName", "Value": "254711000111 - JOY DOE"}


def status_of(transaction_status: str, *parties: dict[str, str]) -> dict[str, Any]:
    """The result of a query about a receipt."""
    parameters = [
        *(parties or (PAYER, {"Key": "CreditPartyName", "Value": "600638 - Soko"})),
        {"Key": "TransactionReason"},
        {"Key": "TransactionStatus", "Value": transaction_status},
        {"Key": "Amount", "Value": "1500.0"},
        {"Key": "ReceiptNo", "Value": RECEIPT},
    ]
    return daraja.result(0, parameters)


def receipt(body: dict[str, Any], captured: Captured | None) -> CallbackRow:
    return posted(f"receipt/{TOKEN}", body, (TOKEN, captured))


NOTICE = {
    "TransactionType": "Pay Bill",
    "TransID": RECEIPT,
    "TransTime": "20261122120000",
    "TransAmount": "1500.00",
    "BusinessShortCode": "600638",
    "BillRefNumber": "k7p4",
    "OrgAccountBalance": "",
    "MSISDN": "2547 ***** 111",
    "FirstName": "JOY",
    "MiddleName": "",
    "LastName": "DOE",
}


def paybill(*told: PaybillNotice, status: int = 200, **other: Any) -> CallbackRow:
    return posted("c2b/confirmation", NOTICE | other, *(("mpesa", each) for each in told), status=status)


CALLBACKS = [
    charge(prompt(0, ITEMS), PAID),
    charge(prompt("0", ITEMS[::-1]), PAID),
    charge(prompt(0, with_item("Amount", "1500")), PAID),
    charge(prompt(0, with_item("PhoneNumber", "2547****111")), Captured(1500_00, "KES", RECEIPT)),
    charge(prompt(0, with_item("Amount", "much")), Captured(None, "KES", RECEIPT, msisdn=PHONE)),
    charge(prompt(0, ITEMS[1]), Captured(None, "KES", RECEIPT)),
    charge(prompt(0, with_item("MpesaReceiptNumber", "SG632\x00NMUAB")), PAID),
    # without a receipt it is only a reason to query
    charge(prompt(0, with_item("MpesaReceiptNumber", "")), None),
    charge(prompt(0), None),
    charge(prompt(0, "?"), None),
    charge(prompt(1032, ITEMS), None),
    *(charge(prompt(code), None) for code in (1, 17, 1019, "1032", 1037, 2001, 424242)),
    *(posted(f"express/{TOKEN}", prompt(0, with_item("Amount", amount)), status=400) for amount in daraja.TOO_LARGE),
    posted(f"express/{TOKEN}", prompt(0, with_item("MpesaReceiptNumber", "S" * 201)), status=413),
    *(
        posted(f"express/{TOKEN}", body, status=400)
        for body in (b"", b"{", b"[]", b"null", {}, {"Body": []}, {"Body": {"stkCallback": {}}}, b"\xff\xfe")
    ),
    # reversals
    reversal(daraja.result(0, TransactionID="SGREVERSED"), Refunded("SGREVERSED")),
    reversal(daraja.result("0", TransactionID=""), None),
    *(reversal(daraja.result(code, ResultDesc=""), NotRefunded(why, code)) for code, why in REFUND_CODES.items()),
    reversal(daraja.result(26), None),
    reversal(daraja.result("R999999"), None),
    reversal(status_of("Reversed"), Refunded(RECEIPT)),
    reversal(status_of("Completed"), None),
    posted(f"reversal/{TOKEN}", {"Result": {}}, status=400),
    posted(f"unanswered/{TOKEN}", {"TransactionID": RECEIPT}, (TOKEN, None)),
    # the status of a receipt
    receipt(status_of("Completed"), Captured(1500_00, "KES", RECEIPT, msisdn=PHONE, name="JOY DOE")),
    receipt(status_of("Completed", {"Key": "DebitPartyName", "Value": "600638 - Soko"}, PAYER), None),
    receipt(status_of("Completed", PAYER, {"Key": "CreditPartyName", "Value": "600997 - Other"}), None),
    receipt(status_of("Completed", PAYER, {"Key": "CreditPartyName", "Value": "6006381 - Other"}), None),
    receipt(
        status_of("Completed", {"Key": "CreditPartyName", "Value": "600638 - Soko"}), Captured(1500_00, "KES", RECEIPT)
    ),
    receipt(status_of("Declined"), None),
    receipt(status_of("Reversed"), None),
    receipt(daraja.result(2032), None),
    # paybill
    paybill(PaybillNotice(RECEIPT, "k7p4", 1500_00, "JOY DOE")),
    paybill(PaybillNotice(RECEIPT, "7", None, None), BillRefNumber=7, TransAmount=[], FirstName=None, LastName=""),
    paybill(status=400, TransID=""),
    paybill(status=400, TransAmount="9" * 5000),
    paybill(status=413, BillRefNumber="K" * 201),
    posted("c2b/validation", NOTICE),
]


# What it answers to a request for a prompt


def answered(status: int | None, body: object, means: Asked | NotCaptured | Failed) -> AnswerRow:
    return AnswerRow(status, b"<html>" if body is None else json.dumps(body).encode(), means)


def refused(status: int, code: str, description: str, reason: NotCapturedReason) -> AnswerRow:
    body = {"errorCode": code, "errorMessage": description}
    return answered(status, body, NotCaptured(reason, f"{code} {description}"))


def open_after(status: int | None, detail: str, body: object = None) -> AnswerRow:
    """The buyer may have been asked."""
    return answered(status, body, Failed(detail, Reason.NO_ANSWER, UNKNOWN))


def put_back(status: int, body: dict[str, str], detail: str) -> AnswerRow:
    """The buyer was not asked, and may be asked later."""
    return answered(status, body, Failed(detail, Reason.THROTTLED, LATER))


ACCEPTED = {
    "MerchantRequestID": "29115-34620561-1",
    "CheckoutRequestID": "ws_CO_1",
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}
LOCKED = "Unable to lock subscriber, a transaction is already in process for the current subscriber"
INTERNAL = "500.001.1001"
ANSWERS = [
    answered(200, ACCEPTED, Asked("ws_CO_1")),
    put_back(500, {"errorCode": INTERNAL, "errorMessage": LOCKED}, f"{INTERNAL} {LOCKED}"),
    put_back(500, {"errorCode": "17", "errorMessage": "Rule limited"}, "17 Rule limited"),
    put_back(200, {"ResponseCode": "17", "ResponseDescription": "Rule limited"}, "17 Rule limited"),
    put_back(429, {"errorCode": "500.003.02", "errorMessage": "Spike arrest"}, "500.003.02 Spike arrest"),
    refused(500, INTERNAL, "Wrong credentials", NotCapturedReason.MISCONFIGURED),
    refused(500, INTERNAL, "Merchant does not exist", NotCapturedReason.MISCONFIGURED),
    refused(400, "400.002.02", "Bad Request - Invalid PhoneNumber", NotCapturedReason.INVALID_PHONE),
    refused(400, "400.002.02", "Bad Request - Invalid Amount", NotCapturedReason.DECLINED),
    refused(400, "400.002.02", "Bad Request - Invalid BusinessShortCode", NotCapturedReason.MISCONFIGURED),
    refused(404, "404.003.01", "Resource not found", NotCapturedReason.MISCONFIGURED),
    open_after(500, f"{INTERNAL} Internal", {"errorCode": INTERNAL, "errorMessage": "Internal"}),
    open_after(500, "500.003.02 System is busy.", {"errorCode": "500.003.02", "errorMessage": "System is busy."}),
    open_after(200, "0", {"ResponseCode": "0"}),
    open_after(200, "1 Odd", {"ResponseCode": "1", "ResponseDescription": "Odd"}),
    open_after(200, "200"),
    open_after(302, "302"),
    open_after(403, "403"),
    open_after(503, "503"),
    open_after(None, "no_answer"),
]

TABLE = WireTable(
    provider=PROVIDER,
    settings={
        "daraja_consumer_key": "consumer-key",
        "daraja_consumer_secret": "consumer-secret",
        "daraja_initiator": "testapi",
        "daraja_security_credential": "c3Jl",
        "daraja_express_shortcode": "600638",
        "daraja_express_passkey": "pass-key",
        "collectors": ["mpesa"],
        "daraja_base_url": "https://daraja.example",
    },
    base_url="daraja_base_url",
    callbacks=CALLBACKS,
    answers=ANSWERS,
    decides=("ResponseCode", "CheckoutRequestID", "errorCode", "errorMessage", "ResponseDescription"),
    secrets=["consumer-key", "consumer-secret", "c3Jl", "token-of-the-table", "pass-key"],
    prepared=daraja.TABLE.prepared,
)
