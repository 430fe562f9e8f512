"""What Daraja's API serves, for the real client to talk to: OAuth, B2C v3 and Transaction Status, over the bank's book.

Results are posted to the ResultURL that a request names, as `Owed`; `bot.simulator.bank` says how a payment fares.
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

from bot.simulator.wallet import OPEN, WORDS, Fate, Transfer, enter, fate, find

MINOR = 100
LEAST, MOST = 10, 250_000
LIFE = timedelta(hours=1)
_NAIROBI = ZoneInfo("Africa/Nairobi")
_TOKEN = "simulated-"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Bank:
    """What the simulated Daraja needs of the world.

    `open` is a transaction on its book. `owe` notes that a body is to be posted to an address after so many seconds;
    `post` does so now. `new_id` gives 32 hexadecimal digits. `key` are consumer key and secret; None lets everybody in.
    """

    open: Callable[[], OPEN]
    owe: Callable[[str, dict[str, Any], float], None]
    post: Callable[[str, dict[str, Any]], None]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    fate: Callable[[str], Fate] = fate
    key: tuple[str, str] | None = None
    tokens: list[str] = field(default_factory=list)
    """Those handed out, oldest first."""


def routes(bank: Bank) -> Blueprint:
    """The API, under the root `/simulator/daraja`."""
    blueprint = Blueprint("simulated_daraja", __name__, url_prefix="/simulator/daraja")
    for method, path, view in (
        ("GET", "/oauth/v1/generate", _token),
        ("POST", "/mpesa/b2c/v3/paymentrequest", _pay),
        ("POST", "/mpesa/transactionstatus/v1/query", _ask),
    ):
        blueprint.add_url_rule(path, view.__name__, partial(view, bank), methods=[method])
    return blueprint


# The token


def _token(bank: Bank) -> Response | tuple[Response, int]:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Basic":
        return _error(400, "400.008.01", "Invalid Authentication passed")
    if request.args.get("grant_type") != "client_credentials":
        return _error(400, "400.008.02", "Invalid grant type passed")
    if bank.key and b64decode(sent).decode() != ":".join(bank.key):
        return Response(status=400), 400  # the real one, too, has no words for it
    token = f"{_TOKEN}{(bank.clock() + LIFE).timestamp():.0f}-{bank.new_id()}"
    bank.tokens.append(token)
    return jsonify(access_token=token, expires_in=str(int(LIFE.total_seconds()) - 1))


def _is_let_in(bank: Bank) -> bool:
    """Any process may have handed it out, so it says itself until when it is good."""
    token = request.headers.get("Authorization", "").removeprefix(f"Bearer {_TOKEN}")
    until = token.partition("-")[0]
    return until.isdecimal() and bank.clock().timestamp() < int(until)


# Payments


def _pay(bank: Bank) -> Response | tuple[Response, int]:
    if not _is_let_in(bank):
        return _error(404, "404.001.03", "Invalid Access Token")
    body = request.get_json(force=True)
    if wrong := _mistake(body):
        return _error(400, "400.002.02", f"Bad Request - Invalid {wrong}")
    fares = bank.fate(f"+{body['PartyB']}")
    if fares.status == 400:
        return _error(400, "400.002.02", "Bad Request - Invalid PartyB")
    transfer = Transfer(
        body["OriginatorConversationID"],
        _conversation(bank),
        f"+{body['PartyB']}",
        int(body["Amount"]) * MINOR,
        "KES",
        fares.code,
        bank.clock(),
    )
    if fares.taken and not _take(bank, transfer):
        return _error(500, "500.002.1001", "Duplicate OriginatorConversationID.")
    if fares.taken:
        _say(bank, body, transfer, fares)
    if fares.status != 200:
        return _error(fares.status, "500.003.02", "System is busy. Please try again in few minutes.")
    return _ack(transfer.id, transfer.conversation)


def _mistake(body: dict[str, Any]) -> str | None:
    """The first field that is not as it must be."""
    amount, phone = str(body.get("Amount", "")), str(body.get("PartyB", ""))
    checks = {
        "OriginatorConversationID": bool(body.get("OriginatorConversationID")),
        "InitiatorName": bool(body.get("InitiatorName")),
        "SecurityCredential": bool(body.get("SecurityCredential")),
        "CommandID": body.get("CommandID") in ("BusinessPayment", "SalaryPayment", "PromotionPayment"),
        "Amount": amount.isdecimal() and LEAST <= int(amount) <= MOST,
        "PartyA": str(body.get("PartyA", "")).isdecimal(),
        "PartyB": phone.isdecimal() and len(phone) == 12 and phone.startswith("254"),
        "Remarks": 2 <= len(str(body.get("Remarks", ""))) <= 100,
        "QueueTimeOutURL": bool(body.get("QueueTimeOutURL")),
        "ResultURL": bool(body.get("ResultURL")),
    }
    return next((name for name, is_right in checks.items() if not is_right), None)


def _take(bank: Bank, transfer: Transfer) -> bool:
    with bank.open() as conn:
        return enter(conn, transfer)


def _say(bank: Bank, body: dict[str, Any], transfer: Transfer, fares: Fate) -> None:
    result = _result(transfer, fares)
    if fares.early:
        bank.post(body["ResultURL"], result)
    if fares.late:
        bank.owe(body["QueueTimeOutURL"], body, 1.0)
    for seconds in fares.said_after:
        bank.owe(body["ResultURL"], result, seconds)


def _result(transfer: Transfer, fares: Fate) -> dict[str, Any]:
    said = fares.says or transfer.code
    parameters = {
        "TransactionAmount": (transfer.amount - fares.short_by) // MINOR,
        "TransactionReceipt": transfer.receipt,
        "ReceiverPartyPublicName": f"{transfer.msisdn[1:]} - SIMULATED PERSON",
        "TransactionCompletedDateTime": f"{transfer.at.astimezone(_NAIROBI):%d.%m.%Y %H:%M:%S}",
        "B2CUtilityAccountAvailableFunds": 8959269.6,
        "B2CWorkingAccountAvailableFunds": 1199371.0,
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": -1980.0,
    }
    return _envelope(
        int(said),
        WORDS[said],
        transfer.id,
        transfer.conversation,
        transfer.receipt,
        parameters if said == "0" else None,
    )


# Their status


def _ask(bank: Bank) -> Response | tuple[Response, int]:
    if not _is_let_in(bank):
        return _error(404, "404.001.03", "Invalid Access Token")
    body = request.get_json(force=True)
    wanted = str(body.get("OriginalConversationID", ""))
    if not wanted:
        return _error(400, "400.002.02", "Bad Request - Invalid OriginalConversationID")
    with bank.open() as conn:
        transfer = find(conn, wanted)
    fares = bank.fate(transfer.msisdn) if transfer else Fate()
    if fares.asked != 200:
        return _error(fares.asked, "500.003.02", "System is busy. Please try again in few minutes.")
    question, conversation = (
        f"{bank.new_id()[:4]}-{bank.new_id()[:7]}-1",
        _conversation(bank),
    )
    for seconds in fares.told_after:
        bank.owe(body["ResultURL"], _answer(transfer, question, conversation), seconds)
    return _ack(question, conversation)


def _answer(transfer: Transfer | None, question: str, conversation: str) -> dict[str, Any]:
    if transfer is None:
        words = "The transaction receipt number does not exist."
        return _envelope(2032, words, question, conversation, "MBN0000000", None)
    parameters = {
        "DebitPartyName": "600997 - Soko",
        "CreditPartyName": f"{transfer.msisdn[1:]} - SIMULATED PERSON",
        "OriginatorConversationID": transfer.id,
        "InitiatedTime": f"{transfer.at.astimezone(_NAIROBI):%Y%m%d%H%M%S}",
        "TransactionStatus": "Completed" if transfer.code == "0" else "Failed",
        "Amount": str(transfer.amount // MINOR),
        "ConversationID": transfer.conversation,
        "ReceiptNo": transfer.receipt,
    }
    return _envelope(0, WORDS["0"], question, conversation, "MBN0000000", parameters)


# Both


def _envelope(
    code: int | str, words: str, originator: str, conversation: str, receipt: str, parameters: dict[str, Any] | None
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": words,
        "OriginatorConversationID": originator,
        "ConversationID": conversation,
        "TransactionID": receipt,
        "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}},
    }
    if parameters is not None:
        items = [{"Key": key, "Value": value} for key, value in parameters.items()]
        result["ResultParameters"] = {"ResultParameter": items}
    return {"Result": result}


def _conversation(bank: Bank) -> str:
    return f"AG_{bank.clock():%Y%m%d}_{bank.new_id()[:20]}"


def _ack(originator: str, conversation: str) -> Response:
    return jsonify(
        ConversationID=conversation,
        OriginatorConversationID=originator,
        ResponseCode="0",
        ResponseDescription="Accept the service request successfully.",
    )


def _error(status: int, code: str, words: str) -> tuple[Response, int]:
    return jsonify(requestId="11728-2929992-1", errorCode=code, errorMessage=words), status
