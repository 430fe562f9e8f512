"""What Daraja posts and answers, body by body."""

from __future__ import annotations

import copy
import json
from typing import Any

from bot.providers.daraja import PROVIDER
from bot.providers.errors import Reason
from bot.providers.payment_contracts import (
    FaultParty,
    NotFound,
    NotPaid,
    Paid,
    PaymentCallback,
    PaymentStatus,
    Pending,
)
from tests.providers.recording import Hint
from tests.providers.wire import JSON, LATER, UNKNOWN, AnswerRow, CallbackRow, Failed, WireTable

AMOUNT = {"Key": "TransactionAmount", "Value": 1500}
PAID = [
    AMOUNT,
    {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
    {"Key": "ReceiverPartyPublicName", "Value": "254711000111 - JANE DOE"},
]
STATUS = [
    {"Key": "DebitPartyName", "Value": "600997 - Soko"},
    {"Key": "DebitPartyName", "Value": "600997 - Soko"},
    {"Key": "OriginatorConversationID", "Value": "pay_1"},
    {"Key": "TransactionReason"},
    {"Key": "TransactionStatus", "Value": "Completed"},
    {"Key": "Amount", "Value": "1500"},
    {"Key": "ReceiptNo", "Value": "SG632NMUAB"},
]
PHONE = "+254711000111"
NAMES = ("pay_1", "AG_20261122_20106e9209f64bebd05b")
QUERY = {"OriginatorConversationID": "1236-7134259-1", "ConversationID": "AG_1234"}


# What it posts


def result(code: Any = 0, parameters: Any = None, **other: Any) -> dict[str, Any]:
    """A result; if the payment was made, it has parameters."""
    envelope = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": "pay_1",
        "ConversationID": "AG_20261122_20106e9209f64bebd05b",
        "TransactionID": "SG632NMUAB",
        "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": "https://internal.example/submit"}},
    }
    if parameters is not None:
        envelope["ResultParameters"] = {"ResultParameter": parameters}
    return {"Result": envelope | other}


def posted(path: str, body: object, *told: object, status: int = 200) -> CallbackRow:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CallbackRow(f"/webhooks/daraja/{{secret}}/{path}", raw, told, status, JSON)


def answer(body: object, callback: PaymentCallback) -> CallbackRow:
    """A result at an address with a token."""
    return posted("result/8k2m0q4z", body, ("8k2m0q4z", callback))


def payment_result(body: dict[str, Any], status: PaymentStatus | None) -> CallbackRow:
    return answer(body, PaymentCallback(NAMES, status, None))


def not_paid(code: Any, fault: FaultParty, *, try_tomorrow: bool = False) -> CallbackRow:
    return payment_result(result(code, ResultDesc=""), NotPaid(str(code), fault, try_tomorrow=try_tomorrow))


def query_result(transaction_status: str, status: PaymentStatus | None) -> CallbackRow:
    """Its parameters name the payment, and its envelope names the query."""
    parameters = copy.deepcopy(STATUS)
    parameters[4]["Value"] = transaction_status
    names = ("pay_1", *QUERY.values())
    return answer(result(0, parameters, **QUERY), PaymentCallback(names, status, status))


RESULT_CODES: dict[str, FaultParty] = {
    "1": "us",
    "2": "nobody",
    "3": "nobody",
    "8": "recipient",
    "11": "us",
    "18": "us",
    "20": "us",
    "21": "us",
    "22": "us",
    "24": "us",
    "25": "us",
    "29": "us",
    "2001": "us",
    "2006": "us",
    "2028": "us",
    "2040": "recipient",
    "8006": "us",
    "SFC_IC0003": "recipient",
}

PARTIES: tuple[tuple[Any, str | None], ...] = (
    ("0711000111 - JANE DOE", PHONE),
    ("+254111000111", "+254111000111"),
    ("2547****111 - JANE DOE", None),
    ("254711000*** - JANE DOE", None),
    ("2547110001112", None),
    ("600997 - Soko", None),
    ("JANE 254711000111", None),
    (254711000111, PHONE),
    ([], None),
)
"""Names of the party that was paid, and the phone in each."""


def paid_to(msisdn: str | None) -> Paid:
    return Paid("SG632NMUAB", 1500_00, msisdn)


LATIN_1_NAME = json.dumps(result(0, PAID)).encode().replace(b"JANE DOE", b"ZO\xcb DOE")
TOO_LARGE = ("1e999999", "1e99999", "-1e999999", "9" * 5000, 10**13)

CALLBACKS = [
    *(
        payment_result(result(0, [{"Key": "TransactionAmount", "Value": amount}]), Paid("SG632NMUAB", None))
        for amount in ("NaN", "-Infinity", "1e-999999", float("inf"))
    ),
    payment_result(result(0, PAID), Paid("SG632NMUAB", 1500_00, PHONE)),
    payment_result(result("0", PAID[::-1]), Paid("SG632NMUAB", 1500_00, PHONE)),
    payment_result(result(0, PAID[1:]), Paid("SG632NMUAB", None, PHONE)),
    *(
        payment_result(result(0, [AMOUNT, {"Key": "ReceiverPartyPublicName", "Value": name}]), paid_to(msisdn))
        for name, msisdn in PARTIES
    ),
    payment_result(result(0, PAID[0]), Paid("SG632NMUAB", 1500_00)),
    payment_result(result(0, [{"Key": "TransactionAmount", "Value": "1500.50"}]), Paid("SG632NMUAB", 1500_50)),
    payment_result(result(0, [{"Key": "TransactionAmount", "Value": "much"}]), Paid("SG632NMUAB", None)),
    payment_result(result(0, [AMOUNT], TransactionID=""), None),
    *(not_paid(code, fault) for code, fault in RESULT_CODES.items()),
    not_paid(4, "nobody", try_tomorrow=True),
    not_paid(8006, "us"),
    payment_result(result(2040, ResultDesc="No"), NotPaid("2040 No", "recipient")),
    payment_result(result(2, ResultDesc="no\x00t \ud800enough"), NotPaid("2 not enough", "nobody")),
    payment_result(result(15), None),
    payment_result(result(17), None),
    payment_result(result("26"), None),
    payment_result(result(424242), None),
    answer(result(2032, **QUERY), PaymentCallback(tuple(QUERY.values()), None, NotFound())),
    query_result("Completed", Paid("SG632NMUAB", 1500_00)),
    query_result("Failed", NotPaid("it is Failed")),
    query_result("Cancelled", NotPaid("it is Cancelled")),
    query_result("Declined", NotPaid("it is Declined")),
    query_result("Expired", NotPaid("it is Expired")),
    query_result("Rejected", NotPaid("it is Rejected")),
    query_result("Initiated", None),
    query_result("Authorized", None),
    # a time-out returns our request: of a payment, of a query, of nothing
    *(
        posted(path, {"OriginatorConversationID": "pay_1", "InitiatorName": "testapi"}, Hint(("pay_1",)))
        for path in ("timeout", "timeout/8k2m0q4z")
    ),
    # what is posted to the address that others may know is a hint
    posted("result", result(0, PAID), Hint(NAMES)),
    posted("result", result(2040), Hint(NAMES)),
    posted("result", result(0, STATUS, **QUERY), Hint(("pay_1", *QUERY.values()))),
    posted("result", result(2032, **QUERY), Hint(tuple(QUERY.values()))),
    posted("timeout", {"OriginalConversationID": "pay_2", "Initiator": "testapi"}),
    posted("timeout", {"Amount": "1500"}, status=400),
    # bytes that are no UTF-8, and a text that is too long
    answer(LATIN_1_NAME, PaymentCallback(NAMES, Paid("SG632NMUAB", 1500_00, PHONE), None)),
    posted("result", result(0, PAID[:1], TransactionID="S" * 201), status=413),
    posted("result", result(0, PAID, ConversationID="A" * 201), status=413),
    posted("timeout", {"OriginatorConversationID": "p" * 201}, status=413),
    # what cannot be read
    posted("result", b'{"Result":' + b"[" * 100_000, status=400),
    *(
        posted("result", body, status=400)
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'"Result"',
            b"{}",
            b"\xff\xfe",
            {"Result": []},
            {"Result": {"ResultDesc": "no code", "ConversationID": "AG_1"}},
            {"Result": {"ResultCode": 0}},
            result(0, PAID, OriginatorConversationID="\x00", ConversationID="\ud800"),
            *(result(0, [PAID[1], {"Key": "TransactionAmount", "Value": amount}]) for amount in TOO_LARGE),
        )
    ),
]


# What it answers to a request for a payment


def answered(status: int | None, body: object, means: Pending | NotPaid | Failed) -> AnswerRow:
    return AnswerRow(status, b"<html>" if body is None else json.dumps(body).encode(), means)


def open_after(status: int | None, detail: str, body: object = None) -> AnswerRow:
    """The request may have been accepted."""
    return answered(status, body, Failed(detail, Reason.NO_ANSWER, UNKNOWN))


def refused(status: int, code: str, description: str, fault: FaultParty) -> AnswerRow:
    body = {"errorCode": code, "errorMessage": description}
    return answered(status, body, NotPaid(f"{code} {description}", fault))


ACCEPTED = {"ConversationID": "AG_1", "OriginatorConversationID": "pay_1", "ResponseCode": "0"}
ANSWERS = [
    answered(200, ACCEPTED, Pending(("AG_1", "pay_1"))),
    answered(
        500,
        {"errorCode": "500.002.1001", "errorMessage": "Duplicate OriginatorConversationID."},
        Failed("duplicate", Reason.NO_ANSWER, UNKNOWN, duplicate=True),
    ),
    open_after(
        500,
        "500.002.1001 System internal error.",
        {"errorCode": "500.002.1001", "errorMessage": "System internal error."},
    ),
    open_after(500, "500.003.02 System is busy.", {"errorCode": "500.003.02", "errorMessage": "System is busy."}),
    open_after(503, "503"),
    open_after(200, "200"),
    open_after(200, "200", {"ResponseCode": "1"}),
    open_after(302, "302"),
    open_after(403, "403"),
    open_after(408, "408"),
    open_after(None, "no_answer"),
    answered(
        429,
        {"errorCode": "500.003.02", "errorMessage": "Spike arrest"},
        Failed("500.003.02 Spike arrest", Reason.THROTTLED, LATER),
    ),
    refused(400, "400.002.02", "Bad Request - Invalid Amount", "nobody"),
    refused(400, "400.002.02", "Bad Request - Invalid PartyB", "recipient"),
    refused(400, "400.002.02", "Bad Request - Invalid SecurityCredential", "us"),
    refused(400, "400.003.02", "own ShortCode", "us"),
    refused(404, "404.003.01", "Resource not found", "us"),
    refused(405, "405.001", "Method not allowed", "us"),
]

TABLE = WireTable(
    provider=PROVIDER,
    settings={
        "daraja_consumer_key": "consumer-key",
        "daraja_consumer_secret": "consumer-secret",
        "daraja_shortcode": "600997",
        "daraja_initiator": "testapi",
        "daraja_security_credential": "c3Jl",
    },
    base_url="daraja_base_url",
    callbacks=CALLBACKS,
    answers=ANSWERS,
    decides=("ResponseCode", "errorCode", "errorMessage"),
    secrets=["consumer-key", "consumer-secret", "c3Jl", "token-of-the-table"],
    prepared={"/oauth/v1/generate": json.dumps({"access_token": "token-of-the-table", "expires_in": "3599"}).encode()},
)
