"""Simulates Daraja, Safaricom's M-Pesa API: OAuth, B2C v3 and Transaction Status, with the simulated wallet.

`bot.simulator.express` has the part by which buyers pay.

    POST /simulator/daraja/mpesa/b2c/v3/paymentrequest
    {"OriginatorConversationID": "pay_4k2", "Amount": 1500, "PartyB": "254711000111", "ResultURL": "https://…", …}
    200  {"ConversationID": "AG_20261123_3f0…", "ResponseCode": "0", …}

Results are posted to the `ResultURL` that a request names, now or later; `bot.simulator.wallet` decides the outcome
of each payment. Shapes and codes follow Safaricom's documentation at https://developer.safaricom.co.ke.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, jsonify, request

from bot.simulator import buyers
from bot.simulator.wallet import DESCRIPTIONS, PaymentScript, Transaction, Transfer, find, record, script_for

MINOR_UNITS = 100
"""Cents in a shilling: Daraja counts whole shillings."""
SMALLEST_AMOUNT, LARGEST_AMOUNT = 10, 250_000
NO_SUCH_RECEIPT = "The transaction receipt number does not exist."
TOKEN_LIFETIME = timedelta(hours=1)
NAIROBI = ZoneInfo("Africa/Nairobi")
_TOKEN = "simulated-"  # noqa: S105


@dataclass(frozen=True, slots=True)
class DarajaSimulator:
    """The functions and values that the simulated Daraja needs.

    `transaction` opens one on the database of the wallet. `post_later` posts a body to a URL after a number of seconds,
    `post` posts it now. `new_id` returns 32 hexadecimal digits. `key` is the consumer key and secret that are accepted;
    None accepts any.
    """

    transaction: Callable[[], Transaction]
    post_later: Callable[[str, dict[str, Any], float], None]
    post: Callable[[str, dict[str, Any]], None]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    script_for: Callable[[str], PaymentScript] = script_for
    key: tuple[str, str] | None = None
    tokens: list[str] = field(default_factory=list)
    """The access tokens that were issued, oldest first."""


def routes(simulator: DarajaSimulator) -> Blueprint:
    """The API, under the root `/simulator/daraja`."""
    blueprint = Blueprint("simulated_daraja", __name__, url_prefix="/simulator/daraja")
    for method, path, view in (
        ("GET", "/oauth/v1/generate", _issue_token),
        ("POST", "/mpesa/b2c/v3/paymentrequest", _request_payment),
        ("POST", "/mpesa/transactionstatus/v1/query", _query_status),
    ):
        blueprint.add_url_rule(path, view.__name__, partial(view, simulator), methods=[method])
    return blueprint


# Access tokens


def _issue_token(simulator: DarajaSimulator) -> Response | tuple[Response, int]:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return error(400, "400.008.01", "Invalid Authentication passed")
    if request.args.get("grant_type") != "client_credentials":
        return error(400, "400.008.02", "Invalid grant type passed")
    if simulator.key and b64decode(sent).decode() != ":".join(simulator.key):
        return Response(status=400), 400  # the real API answers with an empty body too
    token = f"{_TOKEN}{(simulator.clock() + TOKEN_LIFETIME).timestamp():.0f}-{simulator.new_id()}"
    simulator.tokens.append(token)
    return jsonify(access_token=token, expires_in=str(int(TOKEN_LIFETIME.total_seconds()) - 1))


def has_valid_token(simulator: DarajaSimulator) -> bool:
    """True if the token has not expired. It contains its expiry time, because any process may have issued it."""
    token = request.headers.get("Authorization", "").removeprefix(f"Bearer {_TOKEN}")
    expires_at = token.partition("-")[0]
    return expires_at.isdecimal() and simulator.clock().timestamp() < int(expires_at)


# Payments


def _request_payment(simulator: DarajaSimulator) -> Response | tuple[Response, int]:
    if not has_valid_token(simulator):
        return error(404, "404.001.03", "Invalid Access Token")
    body = request.get_json(force=True)
    if field_name := _invalid_field(body):
        return error(400, "400.002.02", f"Bad Request - Invalid {field_name}")
    script = simulator.script_for(f"+{body['PartyB']}")
    if script.http_status == 400:
        return error(400, "400.002.02", "Bad Request - Invalid PartyB")
    transfer = Transfer(
        body["OriginatorConversationID"],
        new_conversation(simulator),
        f"+{body['PartyB']}",
        int(body["Amount"]) * MINOR_UNITS,
        "KES",
        script.result_code,
        simulator.clock(),
    )
    if script.accepted and not _record(simulator, transfer):
        return error(500, "500.002.1001", "Duplicate OriginatorConversationID.")
    if script.accepted:
        _post_results(simulator, body, transfer, script)
    if script.http_status != 200:
        return error(script.http_status, "500.003.02", "System is busy. Please try again in few minutes.")
    return acknowledgement(transfer.id, transfer.conversation)


def _invalid_field(body: dict[str, Any]) -> str | None:
    """The name of the first field that is missing or wrong."""
    amount, phone = str(body.get("Amount", "")), str(body.get("PartyB", ""))
    checks = {
        "OriginatorConversationID": bool(body.get("OriginatorConversationID")),
        "InitiatorName": bool(body.get("InitiatorName")),
        "SecurityCredential": bool(body.get("SecurityCredential")),
        "CommandID": body.get("CommandID") in ("BusinessPayment", "SalaryPayment", "PromotionPayment"),
        "Amount": amount.isdecimal() and SMALLEST_AMOUNT <= int(amount) <= LARGEST_AMOUNT,
        "PartyA": str(body.get("PartyA", "")).isdecimal(),
        "PartyB": phone.isdecimal() and len(phone) == 12 and phone.startswith("254"),
        "Remarks": 2 <= len(str(body.get("Remarks", ""))) <= 100,
        "QueueTimeOutURL": bool(body.get("QueueTimeOutURL")),
        "ResultURL": bool(body.get("ResultURL")),
    }
    return next((name for name, is_valid in checks.items() if not is_valid), None)


def _record(simulator: DarajaSimulator, transfer: Transfer) -> bool:
    with simulator.transaction() as conn:
        return record(conn, transfer)


def _post_results(simulator: DarajaSimulator, body: dict[str, Any], transfer: Transfer, script: PaymentScript) -> None:
    result = _payment_result(transfer, script)
    if script.result_before_answer:
        simulator.post(body["ResultURL"], result)
    if script.timeout_notice:
        simulator.post_later(body["QueueTimeOutURL"], body, 1.0)
    for seconds in script.results_after_s:
        simulator.post_later(body["ResultURL"], result, seconds)


def _payment_result(transfer: Transfer, script: PaymentScript) -> dict[str, Any]:
    code = script.reported_code or transfer.code
    parameters = {
        "TransactionAmount": (transfer.amount - script.short_by) // MINOR_UNITS,
        "TransactionReceipt": transfer.receipt,
        "ReceiverPartyPublicName": f"{transfer.msisdn[1:]} - SIMULATED PERSON",
        "TransactionCompletedDateTime": f"{transfer.at.astimezone(NAIROBI):%d.%m.%Y %H:%M:%S}",
        "B2CUtilityAccountAvailableFunds": 8959269.6,
        "B2CWorkingAccountAvailableFunds": 1199371.0,
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": -1980.0,
    }
    return result(
        int(code),
        DESCRIPTIONS[code],
        transfer.id,
        transfer.conversation,
        transfer.receipt,
        parameters if code == "0" else None,
    )


# Transaction status


def _query_status(simulator: DarajaSimulator) -> Response | tuple[Response, int]:
    if not has_valid_token(simulator):
        return error(404, "404.001.03", "Invalid Access Token")
    body = request.get_json(force=True)
    payment_id, receipt = str(body.get("OriginalConversationID", "")), str(body.get("TransactionID", ""))
    if receipt:
        return _query_receipt(simulator, body, receipt)
    if not payment_id:
        return error(400, "400.002.02", "Bad Request - Invalid OriginalConversationID")
    with simulator.transaction() as conn:
        transfer = find(conn, payment_id)
    script = simulator.script_for(transfer.msisdn) if transfer else PaymentScript()
    if script.query_status != 200:
        return error(script.query_status, "500.003.02", "System is busy. Please try again in few minutes.")
    query_id, conversation = _query_ids(simulator)
    for seconds in script.query_answers_after_s:
        simulator.post_later(body["ResultURL"], _status_result(transfer, query_id, conversation), seconds)
    return acknowledgement(query_id, conversation)


def _query_ids(simulator: DarajaSimulator) -> tuple[str, str]:
    return f"{simulator.new_id()[:4]}-{simulator.new_id()[:7]}-1", new_conversation(simulator)


def _query_receipt(simulator: DarajaSimulator, body: dict[str, Any], receipt: str) -> Response:
    """Tell the status of what a buyer paid."""
    with simulator.transaction() as conn:
        paid = buyers.find_by_receipt(conn, receipt, simulator.clock())
    query_id, conversation = _query_ids(simulator)
    parameters = None
    if paid:
        parameters = {
            "DebitPartyName": f"{paid.msisdn[1:]} - SIMULATED PERSON",
            "CreditPartyName": f"{body.get('PartyA')} - Soko",
            "InitiatedTime": f"{paid.at.astimezone(NAIROBI):%Y%m%d%H%M%S}",
            "TransactionStatus": "Reversed" if paid.reversal else "Completed",
            "Amount": str(paid.amount // MINOR_UNITS),
            "ReceiptNo": paid.receipt,
        }
    code, description = (0, DESCRIPTIONS["0"]) if paid else (2032, NO_SUCH_RECEIPT)
    told = result(code, description, query_id, conversation, "MBN0000000", parameters)
    simulator.post_later(body["ResultURL"], told, 1.0)
    return acknowledgement(query_id, conversation)


def _status_result(transfer: Transfer | None, query_id: str, conversation: str) -> dict[str, Any]:
    if transfer is None:
        return result(2032, NO_SUCH_RECEIPT, query_id, conversation, "MBN0000000", None)
    parameters = {
        "DebitPartyName": "600997 - Soko",
        "CreditPartyName": f"{transfer.msisdn[1:]} - SIMULATED PERSON",
        "OriginatorConversationID": transfer.id,
        "InitiatedTime": f"{transfer.at.astimezone(NAIROBI):%Y%m%d%H%M%S}",
        "TransactionStatus": "Completed" if transfer.code == "0" else "Failed",
        "Amount": str(transfer.amount // MINOR_UNITS),
        "ConversationID": transfer.conversation,
        "ReceiptNo": transfer.receipt,
    }
    return result(0, DESCRIPTIONS["0"], query_id, conversation, "MBN0000000", parameters)


# Both


def result(
    code: int | str,
    description: str,
    originator: str,
    conversation: str,
    receipt: str,
    parameters: dict[str, Any] | None,
) -> dict[str, Any]:
    """The body of a result; a request that was refused has no parameters."""
    result: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": description,
        "OriginatorConversationID": originator,
        "ConversationID": conversation,
        "TransactionID": receipt,
        "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
    }
    if parameters is not None:
        items = [{"Key": key, "Value": value} for key, value in parameters.items()]
        result["ResultParameters"] = {"ResultParameter": items}
    return {"Result": result}


def new_conversation(simulator: DarajaSimulator) -> str:
    """A new id that Daraja gives to a request."""
    return f"AG_{simulator.clock():%Y%m%d}_{simulator.new_id()[:20]}"


def acknowledgement(originator: str, conversation: str) -> Response:
    """The answer to a request that is accepted; its result follows."""
    return jsonify(
        ConversationID=conversation,
        OriginatorConversationID=originator,
        ResponseCode="0",
        ResponseDescription="Accept the service request successfully.",
    )


def error(status: int, code: str, message: str) -> tuple[Response, int]:
    """The answer to a request that is not accepted."""
    return jsonify(requestId="11728-2929992-1", errorCode=code, errorMessage=message), status
