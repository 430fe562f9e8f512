"""Simulates the part of Daraja by which buyers pay: M-PESA Express, payments to the paybill number, and reversals.

    POST /simulator/daraja/mpesa/stkpush/v1/processrequest
    {"Amount": "1500", "PhoneNumber": "254711000111", "CallBackURL": "https://…", …}
    200  {"CheckoutRequestID": "ws_CO_23112026…", "ResponseCode": "0", …}

`bot.simulator.buyers` decides what each buyer does. Shapes and codes follow Safaricom's documentation at
https://developer.safaricom.co.ke.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection

from bot.simulator import acts, buyers
from bot.simulator.buyers import PAID, BuyerScript, Collection
from bot.simulator.daraja import (
    MINOR_UNITS,
    NAIROBI,
    DarajaSimulator,
    acknowledgement,
    error,
    has_valid_token,
    new_conversation,
    result,
)

LARGEST_AMOUNT = 250_000
LONGEST_ACCOUNT, LONGEST_DESCRIPTION = 12, 13
SUCCESS = "Success. Request accepted for processing"
Answer = Response | tuple[Response, int]
SIMULATED_PASSKEY = "passkey-of-the-simulator"


@dataclass(frozen=True, slots=True)
class ExpressSimulator:
    """The simulated Daraja, and what the paybill number needs.

    `shortcode` is the paybill number with its `passkey`; `confirmation_url` gets a notice of each payment to it.
    With `pays_at_once`, buyers without a fate pay at once instead of waiting for a PIN.
    """

    daraja: DarajaSimulator
    shortcode: str
    passkey: str
    confirmation_url: str
    pays_at_once: bool = False

    def script_for(self, msisdn: str) -> BuyerScript:
        script = buyers.script_for(msisdn)
        return replace(script, code=PAID) if self.pays_at_once and script == BuyerScript() else script


def routes(simulator: ExpressSimulator) -> Blueprint:
    """The API, under the root `/simulator/daraja`, and the prompts on simulated phones."""
    blueprint = Blueprint("simulated_express", __name__, url_prefix="/simulator")
    for method, path, view in (
        ("POST", "/daraja/mpesa/stkpush/v1/processrequest", _prompt),
        ("POST", "/daraja/mpesa/stkpushquery/v1/query", _query),
        ("POST", "/daraja/mpesa/reversal/v1/request", _reverse),
        ("GET", "/prompts", _prompts),
        ("POST", "/prompts/<id>", _answer),
        ("POST", "/paybill", _pay_bill),
    ):
        blueprint.add_url_rule(path, view.__name__, partial(view, simulator), methods=[method])
    blueprint.before_request(partial(_refuse_without_token, simulator))
    return blueprint


def _refuse_without_token(simulator: ExpressSimulator) -> Answer | None:
    is_api = "/daraja/" in request.path
    if is_api and not has_valid_token(simulator.daraja):
        return error(404, "404.001.03", "Invalid Access Token")
    return None


# Prompts


def _prompt(simulator: ExpressSimulator) -> Answer:
    daraja = simulator.daraja
    body = request.get_json(force=True)
    if refused := _wrong_signature(simulator, body):
        return refused
    if field_name := _invalid_field(simulator, body):
        return error(400, "400.002.02", f"Bad Request - Invalid {field_name}")
    msisdn, now = f"+{body['PhoneNumber']}", daraja.clock()
    script = simulator.script_for(msisdn)
    if script.code == buyers.SAME_AGAIN:
        return error(500, "17", "Rule limited: the same payment within two minutes")
    id = f"ws_CO_{now.astimezone(NAIROBI):%d%m%Y%H%M%S}{daraja.new_id()[:9]}"
    amount = int(body["Amount"]) * MINOR_UNITS + script.extra
    receipt = buyers.receipt_of(id)
    prompt = Collection(id, msisdn, amount, body["AccountReference"], body["CallBackURL"], script.code, now, receipt)
    if script.asked:
        with daraja.transaction() as conn:
            if any(each.code is None for each in buyers.prompts(conn, msisdn, now)):
                return error(500, "500.001.1001", "Unable to lock subscriber, a transaction is already in process")
            buyers.record(conn, prompt)
        _post_callbacks(daraja, prompt, script)
    if script.http_status != 200:
        return error(script.http_status, "500.003.02", "System is busy. Please try again in few minutes.")
    return jsonify(
        MerchantRequestID=f"{daraja.new_id()[:5]}-{daraja.new_id()[:8]}-1",
        CheckoutRequestID=id,
        ResponseCode="0",
        ResponseDescription=SUCCESS,
        CustomerMessage=SUCCESS,
    )


def _wrong_signature(simulator: ExpressSimulator, body: Mapping[str, Any]) -> Answer | None:
    if body.get("BusinessShortCode") != simulator.shortcode:
        return error(500, "500.001.1001", "Merchant does not exist")
    try:
        password = b64decode(str(body.get("Password", ""))).decode()
    except ValueError:
        password = ""
    if password != f"{simulator.shortcode}{simulator.passkey}{body.get('Timestamp')}":
        return error(500, "500.001.1001", "Wrong credentials")
    return None


def _invalid_field(simulator: ExpressSimulator, body: Mapping[str, Any]) -> str | None:
    """The name of the first field that is missing or wrong."""
    amount, phone = str(body.get("Amount", "")), str(body.get("PhoneNumber", ""))
    checks = {
        "Timestamp": len(str(body.get("Timestamp", ""))) == len("20261123080000"),
        "TransactionType": body.get("TransactionType") == "CustomerPayBillOnline",
        "Amount": amount.isdecimal() and 1 <= int(amount) <= LARGEST_AMOUNT,
        "PhoneNumber": phone.isdecimal() and len(phone) == 12 and phone.startswith("254"),
        "PartyA": body.get("PartyA") == phone,
        "PartyB": body.get("PartyB") == simulator.shortcode,
        "CallBackURL": bool(body.get("CallBackURL")),
        "AccountReference": 1 <= len(str(body.get("AccountReference", ""))) <= LONGEST_ACCOUNT,
        "TransactionDesc": 1 <= len(str(body.get("TransactionDesc", ""))) <= LONGEST_DESCRIPTION,
    }
    return next((name for name, is_valid in checks.items() if not is_valid), None)


def _post_callbacks(daraja: DarajaSimulator, prompt: Collection, script: BuyerScript) -> None:
    """Post the outcome of a prompt that needs no answer."""
    if script.code is None:
        return
    if script.callback_before_answer:
        daraja.post(prompt.url, callback(prompt))
    for seconds in script.callbacks_after_s:
        daraja.post_later(prompt.url, callback(prompt), seconds)
    if script.paid_after_s is not None:
        daraja.post_later(prompt.url, callback(replace(prompt, code=PAID)), script.paid_after_s)


def answer_prompt(simulator: ExpressSimulator, id: str, pin: str | None) -> bool:
    """Let the buyer type a PIN, or cancel (None); False if the prompt does not wait for an answer."""
    with simulator.daraja.transaction() as conn:
        now = simulator.daraja.clock()
        prompt = buyers.answer_prompt(conn, id, pin, now)
        if prompt:
            acts.note(conn, now, prompt.msisdn, "pay" if prompt.code == PAID else "refuse")
    if prompt is None:
        return False
    simulator.daraja.post_later(prompt.url, callback(prompt), 1.0)
    return True


def _prompts(simulator: ExpressSimulator) -> Answer:
    """The prompts on the phones `msisdn`, of which there may be several."""
    phones, now = request.args.getlist("msisdn"), simulator.daraja.clock()
    with simulator.daraja.transaction() as conn:
        waiting = [prompt for phone in phones for prompt in buyers.prompts(conn, phone, now)]
    return jsonify(data=[_shown(prompt) for prompt in waiting])


def _shown(prompt: Collection) -> dict[str, Any]:
    amount = prompt.amount // MINOR_UNITS
    return {"id": prompt.id, "msisdn": prompt.msisdn, "amount": amount, "account": prompt.account}


def _answer(simulator: ExpressSimulator, id: str) -> Answer:
    """The buyer types `pin`, or cancels without one."""
    pin = request.get_json(force=True).get("pin")
    return jsonify(answered=answer_prompt(simulator, id, None if pin is None else str(pin)))


def callback(prompt: Collection) -> dict[str, Any]:
    """The body that is posted to the CallBackURL of an ended prompt."""
    code = prompt.code or buyers.UNREACHABLE
    told: dict[str, Any] = {
        "MerchantRequestID": f"{prompt.id[-5:]}-1",
        "CheckoutRequestID": prompt.id,
        "ResultCode": int(code),
        "ResultDesc": buyers.DESCRIPTIONS[code],
    }
    if code == PAID:
        told["CallbackMetadata"] = {
            "Item": [
                {"Name": "Amount", "Value": prompt.amount / MINOR_UNITS},
                {"Name": "MpesaReceiptNumber", "Value": prompt.receipt},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": int(f"{prompt.at.astimezone(NAIROBI):%Y%m%d%H%M%S}")},
                {"Name": "PhoneNumber", "Value": int(prompt.msisdn[1:])},
            ]
        }
    return {"Body": {"stkCallback": told}}


def _query(simulator: ExpressSimulator) -> Answer:
    daraja = simulator.daraja
    body = request.get_json(force=True)
    if refused := _wrong_signature(simulator, body):
        return refused
    with daraja.transaction() as conn:
        prompt = _as_of_now(simulator, conn, str(body.get("CheckoutRequestID", "")))
    if prompt is None:
        return error(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")
    if prompt.code is None:
        return error(500, "500.001.1001", "The transaction is being processed")
    return jsonify(
        ResponseCode="0",
        ResponseDescription="The service request has been accepted successsfully",
        MerchantRequestID=f"{prompt.id[-5:]}-1",
        CheckoutRequestID=prompt.id,
        ResultCode=prompt.code,
        ResultDesc=buyers.DESCRIPTIONS[prompt.code],
    )


def _as_of_now(simulator: ExpressSimulator, conn: Connection, id: str) -> Collection | None:
    """The prompt with this id; one that is paid late is paid once its time has come."""
    daraja = simulator.daraja
    prompt = buyers.find(conn, id, daraja.clock())
    late = simulator.script_for(prompt.msisdn).paid_after_s if prompt else None
    if prompt and late is not None and (daraja.clock() - prompt.at).total_seconds() >= late:
        return buyers.settle(conn, prompt, PAID)
    return prompt


# Reversals


def _reverse(simulator: ExpressSimulator) -> Answer:
    daraja = simulator.daraja
    body = request.get_json(force=True)
    if body.get("CommandID") != "TransactionReversal" or body.get("ReceiverParty") != simulator.shortcode:
        return error(400, "400.002.02", "Bad Request - Invalid ReceiverParty")
    id, conversation = f"{daraja.new_id()[:4]}-{daraja.new_id()[:7]}-1", new_conversation(daraja)
    receipt = buyers.receipt_of(conversation)
    with daraja.transaction() as conn:
        code, description = _reversed(simulator, conn, body, receipt)
    daraja.post_later(body["ResultURL"], result(code, description, id, conversation, receipt, None), 1.0)
    return acknowledgement(id, conversation)


def _reversed(
    simulator: ExpressSimulator, conn: Connection, body: Mapping[str, Any], receipt: str
) -> tuple[int | str, str]:
    """The result code and description of a reversal, which is made if they say so."""
    paid = buyers.find_by_receipt(conn, str(body.get("TransactionID", "")), simulator.daraja.clock())
    if paid is None or str(body.get("Amount")) != str(paid.amount // MINOR_UNITS):
        return "R000002", "The OriginalTransactionID is invalid."
    script = simulator.script_for(paid.msisdn)
    if script.reversal_code != "0":
        return int(script.reversal_code), buyers.DESCRIPTIONS[script.reversal_code]
    if not buyers.reverse(conn, paid, receipt):
        return "R000001", "The transaction has already been reversed."
    return 0, buyers.DESCRIPTIONS[PAID]


# Paybill


def _pay_bill(simulator: ExpressSimulator) -> Answer:
    """A buyer pays `amount` whole shillings to the paybill number, for an `account`, without a prompt."""
    body = request.get_json(force=True)
    amount = int(body["amount"]) * MINOR_UNITS
    return jsonify(receipt=pay_bill(simulator, str(body["msisdn"]), str(body["account"]), amount))


def pay_bill(simulator: ExpressSimulator, msisdn: str, account: str, amount: int) -> str:
    """Let a buyer pay minor units to the paybill number, for an account; returns the receipt."""
    daraja = simulator.daraja
    id = f"c2b_{daraja.new_id()}"
    paid = Collection(id, msisdn, amount, account, "", PAID, daraja.clock(), buyers.receipt_of(id))
    with daraja.transaction() as conn:
        buyers.record(conn, paid)
        acts.note(conn, paid.at, msisdn, "paybill", f"{amount // MINOR_UNITS} {account}")
    notice = {
        "TransactionType": "Pay Bill",
        "TransID": paid.receipt,
        "TransTime": f"{paid.at.astimezone(NAIROBI):%Y%m%d%H%M%S}",
        "TransAmount": f"{amount / MINOR_UNITS:.2f}",
        "BusinessShortCode": simulator.shortcode,
        "BillRefNumber": account,
        "InvoiceNumber": "",
        "OrgAccountBalance": "",
        "ThirdPartyTransID": "",
        "MSISDN": f"{msisdn[1:6]}****{msisdn[-3:]}",
        "FirstName": "SIMULATED",
        "MiddleName": "",
        "LastName": "PERSON",
    }
    daraja.post_later(simulator.confirmation_url, notice, 1.0)
    return paid.receipt
