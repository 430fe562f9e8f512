"""Random bodies for the callbacks: what providers post, changed in the ways that break programs."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from urllib.parse import quote_plus

FORM = "application/x-www-form-urlencoded"
CONTENT_TYPES = (
    *(FORM, FORM, FORM, f"{FORM}; charset=ISO-8859-1", f"{FORM}; charset=windows-1252", f"{FORM}; charset=utf-7"),
    *(f"{FORM}; charset=\x00", f'{FORM}; charset="', "multipart/form-data; boundary=b", "application/json", "", ";;"),
)
FRAGMENTS = (
    *("", " ", "0", "1", "2", "*", "#", "STOP", "START", "HELP", "yes K7P4", "SELL basket 1500", "\n", "\t", "\r\n"),
    *("\0", "\x1b", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "\ufffd", "\ufffe", "é", "አማ", "🧺", "e\u0301", "٣"),
    *("%", "%00", "%zz", "&", "=", "+", ";", "'", '"', "\\", "<b>", "{}", "9" * 30, "a" * 190),
    *("b" * 250, "c" * 2100),
)
RAW = (
    b"\x00",
    b"\xc9",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"%C9",
    b"%ED%A0%80",
    b"%",
    b"&",
    b"=",
)
TIMES = (
    *("2026-11-22 09:20:05", "2026-11-22T09:20:05Z", "2031-01-01T00:00:00+03:00", "0001-01-01T00:00:00+01:00"),
    *("9999-12-31T23:59:59-01:00", "1970-01-01", "0000-00-00 00:00:00", "2026-02-30", "20261122T092005,123456789"),
)
PHONES = ("+254711000101", "254711000102", "+14155550103", "0711000104", "MPESA", "22384", "whatsapp:+254711000105")
STATUSES = ("Success", "Sent", "Failed", "Rejected", "delivered", "undelivered", "queued", "Incomplete")
NUMBERS = (0, 1, -1, 1500, 10**13, 10**400, 1.5, float("inf"), float("nan"), "1500.00", "1e999999", "1e-999999", "NaN")

Fields = Mapping[str, Sequence[str]]
FIELDS: Mapping[str, Fields] = {
    "africastalking/{secret}/ussd": {
        "sessionId": ("s1", "s2"),
        "phoneNumber": PHONES,
        "serviceCode": ("*384*22#",),
        "text": ("", "1", "1*2", "1#"),
    },
    "africastalking/{secret}/ussd-events": {"sessionId": ("s1",), "phoneNumber": PHONES, "status": STATUSES},
    "africastalking/{secret}/sms": {"from": PHONES, "to": ("22384",), "id": ("m1", "m2"), "text": (), "date": TIMES},
    "africastalking/{secret}/delivery": {
        "id": ("m1", "m2"),
        "status": STATUSES,
        "failureReason": ("UserInBlackList", "Unknown"),
        "phoneNumber": PHONES,
    },
    "africastalking/{secret}/optout": {"phoneNumber": PHONES, "senderId": ("22384",)},
    "twilio/sms": {
        "MessageSid": ("SM1", "SM2"),
        "From": PHONES,
        "To": ("+15005550006",),
        "Body": (base64.b64encode(b"SELL a basket\0 for 1500, three of them, in red and green").decode(),),
        "MediaUrl0": ("https://api.twilio.com/x",),
        "OptOutType": ("STOP", "START", "HELP"),
    },
    "twilio/status": {
        "MessageSid": ("SM1", "SM2"),
        "MessageStatus": STATUSES,
        "To": PHONES,
        "ErrorCode": ("63016", "21610", "30003"),
    },
}
"""The fields of each callback that takes a form, and usual values of each."""
RESULTS = (
    *("daraja/{secret}/result", "daraja/{secret}/result/token", "daraja/{secret}/timeout"),
    *("daraja/{secret}/reversal/token", "daraja/{secret}/receipt/token"),
)
PROMPT, PAYBILL, EVENT = "daraja/{secret}/express/token", "daraja/{secret}/c2b/confirmation", "stripe"
CALLBACKS = (*FIELDS, *RESULTS, PROMPT, PAYBILL, EVENT)
"""Of these, the ones without `FIELDS` take JSON."""


def any_body(chance: Random, callback: str) -> tuple[bytes, str]:
    """A body for this callback, and its content type."""
    if callback in FIELDS:
        body = _form(chance, FIELDS[callback])
    else:
        make = {PROMPT: _prompt, PAYBILL: _paybill, EVENT: _event}.get(callback, _result)
        body = json.dumps(make(chance), ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    while chance.random() < 0.2:
        body = _changed(chance, body)
    return body, chance.choice(CONTENT_TYPES) if chance.random() < 0.3 else FORM


def _form(chance: Random, fields: Fields) -> bytes:
    parts = []
    for name, usual in fields.items():
        if chance.random() < 0.95:
            escape: Callable[[str], str] = quote_plus if chance.random() < 0.9 else str
            parts.append(f"{name}={escape(_text(chance, usual))}".encode("utf-8", "surrogatepass"))
    if chance.random() < 0.1:
        chance.shuffle(parts)
    return b"&".join(parts)


def _text(chance: Random, usual: Sequence[str]) -> str:
    if usual and chance.random() < 0.7:
        return chance.choice(usual) + (chance.choice(FRAGMENTS) if chance.random() < 0.1 else "")
    return "".join(chance.choices(FRAGMENTS, k=chance.randint(0, 4)))


def _event(chance: Random) -> object:
    named = {name: _value(chance) for name in ("id", "payment_intent") if chance.random() < 0.9}
    data = {"object": named} if chance.random() < 0.9 else _value(chance)
    types = ("checkout.session.completed", "refund.updated", "charge.dispute.created", "invoice.paid")
    event = {"id": _value(chance), "type": chance.choice(types), "data": data}
    return event if chance.random() < 0.9 else _value(chance)


def _result(chance: Random) -> object:
    names = ("OriginatorConversationID", "ConversationID", "ResultCode", "ResultDesc", "TransactionID")
    keys = ("TransactionAmount", "TransactionReceipt", "TransactionStatus", "Amount", "ReceiptNo", "ConversationID")
    items = [{"Key": key, "Value": _value(chance)} for key in keys if chance.random() < 0.7]
    result = {name: _value(chance) for name in names if chance.random() < 0.9}
    parameters: object = items[0] if items and chance.random() < 0.1 else items
    result["ResultParameters"] = {"ResultParameter": parameters} if chance.random() < 0.9 else _value(chance)
    if chance.random() < 0.7:
        result["ResultCode"] = 0
    return {"Result": result} if chance.random() < 0.9 else result


def _prompt(chance: Random) -> object:
    names = ("Amount", "MpesaReceiptNumber", "Balance", "TransactionDate", "PhoneNumber")
    items = [{"Name": name, "Value": _value(chance)} for name in names if chance.random() < 0.8]
    callback = {"CheckoutRequestID": _value(chance), "ResultCode": _value(chance), "ResultDesc": _value(chance)}
    callback["CallbackMetadata"] = {"Item": items} if chance.random() < 0.9 else _value(chance)
    if chance.random() < 0.7:
        callback["ResultCode"] = 0
    return {"Body": {"stkCallback": callback} if chance.random() < 0.9 else callback}


def _paybill(chance: Random) -> object:
    names = ("TransID", "TransAmount", "BillRefNumber", "MSISDN", "FirstName", "MiddleName", "LastName")
    return {name: _value(chance) for name in names if chance.random() < 0.9}


def _value(chance: Random) -> object:
    kinds: tuple[Callable[[], object], ...] = (
        lambda: _text(chance, ("pay_1", "AG_1", "SKT1", "Completed")),
        lambda: chance.choice(NUMBERS),
        lambda: chance.choice((None, True, [], {}, [{"Key": 1}], {"Key": "\ud800"})),
    )
    return chance.choices(kinds, (6, 3, 1))[0]()


def _changed(chance: Random, body: bytes) -> bytes:
    """The body with some bytes put in, left out or cut off at a random place."""
    place = chance.randint(0, len(body))
    match chance.randint(0, 3):
        case 0:
            return body[:place]
        case 1:
            return body[:place] + body[place + chance.randint(1, 3) :]
        case _:
            return body[:place] + chance.choice(RAW) + body[place:]
