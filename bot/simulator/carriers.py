"""Simulates the Africa's Talking and Twilio APIs; the real SDKs send texts to them.

    POST /simulator/africastalking/version1/messaging    username=soko&to=%2B254711000111&message=Hello
    201  {"SMSMessageData": {"Message": "Sent to 1/1 …", "Recipients": [{"statusCode": 101, …}]}}

The last six digits of the receiving phone choose the outcome of a text:

              means                    Africa's Talking     Twilio
    …999403   not a phone number       code 403             400, code 21211
    …999404   switched off             AbsentSubscriber     undelivered, 30003
    …999405   our balance is empty     code 405             (as any other)
    …999406   opted out of all texts   code 406             400, code 21610
    …999429   too many requests        HTTP 429             HTTP 429, code 20429
    …999500   the provider is down     HTTP 500             HTTP 500, code 20500
    …999630   WhatsApp's window shut   (as any other)       undelivered, 63016, if by WhatsApp

Every other phone receives its text, and a delivery report says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from bot.simulator.gateway import WHATSAPP
from bot.simulator.sizes import SEGMENT_CENTS
from flows.msisdn import is_e164

_SWITCHED_OFF, _WINDOW_SHUT = "999404", "999630"


@dataclass(frozen=True, slots=True)
class CarriedMessage:
    """One text that a simulated carrier accepted."""

    id: str
    provider: str
    msisdn: str
    sender: str
    text: str
    report_to: str = ""
    """The address that the request has named for delivery reports."""


@dataclass(frozen=True, slots=True)
class CarrierSimulator:
    """The functions and values that the simulated carriers need.

    `deliver` puts a text into the inbox of its phone. `report` schedules a delivery report (message, status, reason)
    in the provider's words; it is called before the send request is answered, so it must not post the report itself.
    `new_id` returns 32 hexadecimal digits; `segments` counts the segments of a text.
    A key that is None accepts any.
    """

    deliver: Callable[[CarriedMessage], None]
    report: Callable[[CarriedMessage, str, str | None], None]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    segments: Callable[[str], int]
    received: Callable[[], Sequence[Mapping[str, str]]] = tuple
    """The fields of the texts that phones sent by Africa's Talking, oldest first."""
    media: Callable[[str], bytes | None] = lambda _id: None
    """The picture with this media id that a phone sent, or None."""
    africastalking_key: str | None = None
    twilio_token: str | None = None
    twilio_messages: dict[str, dict[str, Any]] = field(default_factory=dict)


def routes(simulator: CarrierSimulator) -> Blueprint:
    """Both APIs, each under the base URL for its SDK: `/simulator/africastalking` and `/simulator/twilio`."""
    blueprint = Blueprint("carriers", __name__, url_prefix="/simulator")
    account = "/twilio/2010-04-01/Accounts/<account>/Messages"
    for method, path, view in (
        ("POST", "/africastalking/version1/messaging", _africastalking_send),
        ("GET", "/africastalking/version1/messaging", _africastalking_fetch),
        ("POST", f"{account}.json", _twilio_send),
        ("GET", f"{account}.json", _twilio_list),
        ("GET", f"{account}/<sid>.json", _twilio_fetch),
        ("GET", f"{account}/<sid>/Media/<media>", _twilio_media),
    ):
        blueprint.add_url_rule(path, view.__name__, partial(view, simulator), methods=[method])
    return blueprint


# Africa's Talking

_AT_DOWN = {"999429": 429, "999500": 500}
_AT_REFUSED = {
    "999403": (403, "InvalidPhoneNumber"),
    "999405": (405, "InsufficientBalance"),
    "999406": (406, "UserInBlacklist"),
}
_AT_FETCHED = ("id", "from", "to", "text", "linkId", "date")
AT_PAGE = 100
"""How many texts one request fetches."""
_PRICE = SEGMENT_CENTS / 100
"""Shillings for one segment."""


def _africastalking_send(simulator: CarrierSimulator) -> Response:
    form = request.form
    if simulator.africastalking_key not in (None, request.headers.get("apiKey")):
        return _text(401, "The supplied authentication is invalid")
    for name in ("username", "to", "message"):
        if not form.get(name):
            return _text(400, f"Request is missing required form field '{name}'")
    if len(form.get("from", "")) > 11:
        return _at_answer("InvalidSenderId", [])
    numbers = form["to"].split(",")
    if status := next((_AT_DOWN[number[-6:]] for number in numbers if number[-6:] in _AT_DOWN), None):
        return _text(status, "Please try again later")
    return _at_sent([_at_recipient(simulator, number) for number in numbers])


def _at_recipient(simulator: CarrierSimulator, number: str) -> dict[str, Any]:
    form = request.form
    invalid = None if is_e164(number) else _AT_REFUSED["999403"]
    if refused := invalid or _AT_REFUSED.get(number[-6:]):
        code, status = refused
        return {"statusCode": code, "number": number, "status": status, "cost": "0", "messageId": "None"}
    parts = simulator.segments(form["message"])
    message = CarriedMessage(
        f"ATXid_{simulator.new_id()}",
        "africastalking",
        number,
        form.get("from") or "AFRICASTKNG",
        form["message"],
    )
    _carry(simulator, message, delivered=("Success", None), switched_off=("AbsentSubscriber", None))
    return {
        "statusCode": 101,
        "number": number,
        "status": "Success",
        "cost": f"KES {parts * _PRICE:.4f}",
        "messageId": message.id,
        "messageParts": parts,
    }


def _africastalking_fetch(simulator: CarrierSimulator) -> Response:
    """The first texts that came after the one with the id `lastReceivedId`, or after the beginning."""
    if simulator.africastalking_key not in (None, request.headers.get("apiKey")):
        return _text(401, "The supplied authentication is invalid")
    received, last = simulator.received(), request.args.get("lastReceivedId", "")
    after = next((number for number, text in enumerate(received, 1) if text["id"] == last), 0)
    messages = [{name: text.get(name, "") for name in _AT_FETCHED} for text in received[after : after + AT_PAGE]]
    return _json(200, {"SMSMessageData": {"Messages": messages}})


def _at_sent(recipients: list[dict[str, Any]]) -> Response:
    parts = [recipient["messageParts"] for recipient in recipients if "messageParts" in recipient]
    cost = f"KES {sum(parts) * _PRICE:.4f}" if parts else "0"
    return _at_answer(f"Sent to {len(parts)}/{len(recipients)} Total Cost: {cost}", recipients)


def _at_answer(message: str, recipients: list[dict[str, Any]]) -> Response:
    return _json(201, {"SMSMessageData": {"Message": message, "Recipients": recipients}})


# Twilio

_FILTERS = ("To", "From")
TWILIO_PAGE = 1000
"""The largest page of a list."""
_TWILIO_REQUIRED = {"To": 21604, "From": 21603, "Body": 21602}
_TWILIO_REFUSED = {
    "999403": (400, 21211, "Invalid 'To' Phone Number"),
    "999406": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "999429": (429, 20429, "Too Many Requests"),
    "999500": (500, 20500, "An internal server error has occurred"),
}


def _twilio_send(simulator: CarrierSimulator, account: str) -> Response:
    if refused := _twilio_refusal(simulator, account):
        return _twilio_error(*refused)
    form = request.form
    id, report_to = f"SM{simulator.new_id()}", form.get("StatusCallback", "")
    message = CarriedMessage(id, "twilio", form["To"], form["From"], form["Body"], report_to)
    resource = _twilio_resource(simulator, account, message)
    is_shut = message.msisdn.startswith(WHATSAPP) and message.msisdn.endswith(_WINDOW_SHUT)
    status, error = _carry(
        simulator,
        message,
        delivered=("undelivered", "63016") if is_shut else ("delivered", None),
        switched_off=("undelivered", "30003"),
        arrives=not is_shut,
    )
    simulator.twilio_messages[message.id] = resource | {"status": status, "error_code": error and int(error)}
    return _json(201, resource)


def _twilio_refusal(simulator: CarrierSimulator, account: str) -> tuple[int, int, str] | None:
    """HTTP status, error code and message with which the request is refused; None if it is accepted."""
    form = request.form
    if not _twilio_authenticates(simulator, account):
        return 401, 20003, "Authenticate"
    for name, code in _TWILIO_REQUIRED.items():
        if not form.get(name):
            return 400, code, f"A '{name}' is required."
    if len(form["Body"]) > 1600:
        return 400, 21617, "The concatenated message body exceeds the 1600 character limit"
    number = form["To"].removeprefix(WHATSAPP)
    return _TWILIO_REFUSED.get(number[-6:] if is_e164(number) else "999403")


def _twilio_authenticates(simulator: CarrierSimulator, account: str) -> bool:
    given = request.authorization
    is_account = given is not None and given.username == account
    return is_account and simulator.twilio_token in (None, given.password if given else None)


def _twilio_resource(simulator: CarrierSimulator, account: str, message: CarriedMessage) -> dict[str, Any]:
    """The message resource as the create request is answered: queued, without a price."""
    at = format_datetime(simulator.now())
    root = f"/2010-04-01/Accounts/{account}/Messages/{message.id}"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": message.text,
        "date_created": at,
        "date_sent": None,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": message.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(simulator.segments(message.text)),
        "price": None,
        "price_unit": "USD",
        "sid": message.id,
        "status": "queued",
        "subresource_uris": {"media": f"{root}/Media.json"},
        "to": message.msisdn,
        "uri": f"{root}.json",
    }


def _twilio_fetch(simulator: CarrierSimulator, account: str, sid: str) -> Response:
    resource = simulator.twilio_messages.get(sid)
    if not _twilio_authenticates(simulator, account):
        return _twilio_error(401, 20003, "Authenticate")
    if resource is None or resource["account_sid"] != account:
        return _twilio_error(404, 20404, "The requested resource was not found")
    return _json(200, resource)


def _twilio_list(simulator: CarrierSimulator, account: str) -> Response:
    """One page of the account's messages, the newest first; also only those to or from a number."""
    if not _twilio_authenticates(simulator, account):
        return _twilio_error(401, 20003, "Authenticate")
    filters = {name: request.args[name] for name in _FILTERS if name in request.args}
    wanted = {"account_sid": account, **{name.lower(): value for name, value in filters.items()}}
    found = [each for each in simulator.twilio_messages.values() if wanted.items() <= each.items()][::-1]
    size = min(max(request.args.get("PageSize", 50, int), 1), TWILIO_PAGE)
    number = max(request.args.get("Page", 0, int), 0)
    begin = number * size

    def uri(page: int) -> str:
        query = urlencode({**filters, "PageSize": size, "Page": page})
        return f"/2010-04-01/Accounts/{account}/Messages.json?{query}"

    page = {
        "messages": found[begin : begin + size],
        "page": number,
        "page_size": size,
        "start": begin,
        "end": max(min(begin + size, len(found)) - 1, 0),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if begin + size < len(found) else None,
        "previous_page_uri": uri(number - 1) if number else None,
    }
    return _json(200, page)


def _twilio_media(simulator: CarrierSimulator, account: str, sid: str, media: str) -> Response:
    """The picture itself; the real Twilio redirects to its file storage first. It asks for a key only if one is set."""
    needs_key = simulator.twilio_token is not None or request.authorization is not None
    if needs_key and not _twilio_authenticates(simulator, account):
        return _twilio_error(401, 20003, "Authenticate")
    picture = simulator.media(media)
    if picture is None:
        return _twilio_error(404, 20404, "The requested resource was not found")
    return Response(picture, content_type="image/jpeg")


def _twilio_error(status: int, code: int, message: str) -> Response:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return _json(status, {"code": code, "message": message, "more_info": more_info, "status": status})


# Both


def _carry(
    simulator: CarrierSimulator,
    message: CarriedMessage,
    *,
    delivered: tuple[str, str | None],
    switched_off: tuple[str, str | None],
    arrives: bool = True,
) -> tuple[str, str | None]:
    """Deliver a text if it `arrives` and its phone is on; returns the status and reason that are reported."""
    is_off = message.msisdn.endswith(_SWITCHED_OFF)
    if arrives and not is_off:
        simulator.deliver(message)
    reported = switched_off if is_off else delivered
    simulator.report(message, *reported)
    return reported


_CONTRARY: dict[str, tuple[str, str | None]] = {
    "Success": ("Failed", "DeliveryFailure"),
    "AbsentSubscriber": ("Success", None),
    "delivered": ("undelivered", "30003"),
    "undelivered": ("delivered", None),
}


def contradicted(status: str) -> tuple[str, str | None]:
    """The status and reason of a delivery report that says the opposite."""
    return _CONTRARY[status]


def _text(status: int, text: str) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


def _json(status: int, body: dict[str, Any]) -> Response:
    """A response of the type `application/json` without a charset: with one, Africa's Talking's SDK returns text."""
    response = jsonify(body)
    response.status_code = status
    return response
