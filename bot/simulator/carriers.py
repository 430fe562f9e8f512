"""What the providers' APIs serve, for the real SDKs to talk to: texts are taken over and reported.

How a text fares is chosen by the last six digits of the phone it is for:

              means               Africa's Talking     Twilio
    …999403   no phone at all     code 403             400, code 21211
    …999404   switched off        AbsentSubscriber     undelivered, 30003
    …999405   our money is gone   code 405             (as any other)
    …999406   wants no texts      code 406             400, code 21610
    …999429   too many at once    HTTP 429             HTTP 429, code 20429
    …999500   they are down       HTTP 500             HTTP 500, code 20500

Every other phone gets its text, and its carrier says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request

_PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
_ABSENT = "999404"


@dataclass(frozen=True, slots=True)
class Carried:
    """One text that a simulated carrier took over."""

    id: str
    provider: str
    msisdn: str
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Network:
    """What the carriers need of the world.

    `deliver` puts a text on its phone. `report` says how it fared, as (text, status, reason) in the
    provider's words; it is called while the send still waits for its answer, so it must only note
    what is to be posted. `new_id` gives 32 hexadecimal digits; `segments` counts a text's parts.
    A key that is None lets everybody in.
    """

    deliver: Callable[[Carried], None]
    report: Callable[[Carried, str, str | None], None]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    segments: Callable[[str], int]
    media: Callable[[str], bytes | None] = lambda _id: None
    """A picture that a phone sent, by the id of it."""
    africastalking_key: str | None = None
    twilio_token: str | None = None
    twilio_messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[int] = field(default_factory=list)
    """HTTP statuses that the next sends are answered with, whoever they are for."""


def routes(network: Network) -> Blueprint:
    """Both APIs, each under the root to give its SDK: `/simulator/africastalking`, `/simulator/twilio`."""
    blueprint = Blueprint("carriers", __name__, url_prefix="/simulator")
    account = "/twilio/2010-04-01/Accounts/<account>/Messages"
    for method, path, view in (
        ("POST", "/africastalking/version1/messaging", _africastalking_send),
        ("POST", f"{account}.json", _twilio_send),
        ("GET", f"{account}.json", _twilio_list),
        ("GET", f"{account}/<sid>.json", _twilio_fetch),
        ("GET", f"{account}/<sid>/Media/<media>", _twilio_media),
    ):
        blueprint.add_url_rule(path, view.__name__, partial(view, network), methods=[method])
    return blueprint


# Africa's Talking

_AT_DOWN = {"999429": 429, "999500": 500}
_AT_REFUSED = {
    "999403": (403, "InvalidPhoneNumber"),
    "999405": (405, "InsufficientBalance"),
    "999406": (406, "UserInBlacklist"),
}
_PRICE = 0.8


def _africastalking_send(network: Network) -> Response:
    form = request.form
    if network.africastalking_key not in (None, request.headers.get("apiKey")):
        return _words(401, "The supplied authentication is invalid")
    if network.faults:
        return _words(network.faults.pop(0), "Please try again later")
    for name in ("username", "to", "message"):
        if not form.get(name):
            return _words(400, f"Request is missing required form field '{name}'")
    if len(form.get("from", "")) > 11:
        return _at_answer("InvalidSenderId", [])
    numbers = form["to"].split(",")
    if down := next((_AT_DOWN[number[-6:]] for number in numbers if number[-6:] in _AT_DOWN), None):
        return _words(down, "Please try again later")
    return _at_sent([_at_recipient(network, number) for number in numbers])


def _at_recipient(network: Network, number: str) -> dict[str, Any]:
    form = request.form
    invalid = None if _PHONE.fullmatch(number) else _AT_REFUSED["999403"]
    if refused := invalid or _AT_REFUSED.get(number[-6:]):
        code, status = refused
        return {"statusCode": code, "number": number, "status": status, "cost": "0", "messageId": "None"}
    parts = network.segments(form["message"])
    text = Carried(
        f"ATXid_{network.new_id()}",
        "africastalking",
        number,
        form.get("from") or "AFRICASTKNG",
        form["message"],
    )
    _carry(network, text, read=("Success", None), absent=("AbsentSubscriber", None))
    return {
        "statusCode": 101,
        "number": number,
        "status": "Success",
        "cost": f"KES {parts * _PRICE:.4f}",
        "messageId": text.id,
        "messageParts": parts,
    }


def _at_sent(recipients: list[dict[str, Any]]) -> Response:
    parts = [recipient["messageParts"] for recipient in recipients if "messageParts" in recipient]
    cost = f"KES {sum(parts) * _PRICE:.4f}" if parts else "0"
    return _at_answer(f"Sent to {len(parts)}/{len(recipients)} Total Cost: {cost}", recipients)


def _at_answer(message: str, recipients: list[dict[str, Any]]) -> Response:
    return _json(201, {"SMSMessageData": {"Message": message, "Recipients": recipients}})


# Twilio

_TWILIO_REQUIRED = {"To": 21604, "From": 21603, "Body": 21602}
_TWILIO_REFUSED = {
    "999403": (400, 21211, "Invalid 'To' Phone Number"),
    "999406": (400, 21610, "Attempt to send to unsubscribed recipient"),
    "999429": (429, 20429, "Too Many Requests"),
    "999500": (500, 20500, "An internal server error has occurred"),
}


def _twilio_send(network: Network, account: str) -> Response:
    if refused := _twilio_refusal(network, account):
        return _twilio_error(*refused)
    form = request.form
    text = Carried(f"SM{network.new_id()}", "twilio", form["To"], form["From"], form["Body"])
    message = _twilio_message(network, account, text)
    status, error = _carry(network, text, read=("delivered", None), absent=("undelivered", "30003"))
    network.twilio_messages[text.id] = message | {"status": status, "error_code": error and int(error)}
    return _json(201, message)


def _twilio_refusal(network: Network, account: str) -> tuple[int, int, str] | None:
    form = request.form
    if not _twilio_knows(network, account):
        return 401, 20003, "Authenticate"
    if network.faults:
        return network.faults.pop(0), 20500, "Please try again later"
    for name, code in _TWILIO_REQUIRED.items():
        if not form.get(name):
            return 400, code, f"A '{name}' is required."
    if len(form["Body"]) > 1600:
        return 400, 21617, "The concatenated message body exceeds the 1600 character limit"
    number = form["To"].removeprefix("whatsapp:")
    return _TWILIO_REFUSED.get(number[-6:] if _PHONE.fullmatch(number) else "999403")


def _twilio_knows(network: Network, account: str) -> bool:
    given = request.authorization
    known = given is not None and given.username == account
    return known and network.twilio_token in (None, given.password if given else None)


def _twilio_message(network: Network, account: str, text: Carried) -> dict[str, Any]:
    """The message resource as creation answers it: queued, not yet priced."""
    at = format_datetime(network.now())
    root = f"/2010-04-01/Accounts/{account}/Messages/{text.id}"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": text.text,
        "date_created": at,
        "date_sent": None,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": text.sender,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(network.segments(text.text)),
        "price": None,
        "price_unit": "USD",
        "sid": text.id,
        "status": "queued",
        "subresource_uris": {"media": f"{root}/Media.json"},
        "to": text.msisdn,
        "uri": f"{root}.json",
    }


def _twilio_fetch(network: Network, account: str, sid: str) -> Response:
    message = network.twilio_messages.get(sid)
    if not _twilio_knows(network, account):
        return _twilio_error(401, 20003, "Authenticate")
    if message is None or message["account_sid"] != account:
        return _twilio_error(404, 20404, "The requested resource was not found")
    return _json(200, message)


def _twilio_list(network: Network, account: str) -> Response:
    """The newest messages, in one page."""
    if not _twilio_knows(network, account):
        return _twilio_error(401, 20003, "Authenticate")
    size = request.args.get("PageSize", 50, int)
    mine = [message for message in network.twilio_messages.values() if message["account_sid"] == account]
    messages = mine[::-1][:size]
    uri = f"/2010-04-01/Accounts/{account}/Messages.json?PageSize={size}&Page=0"
    page = {
        "messages": messages,
        "page": 0,
        "page_size": size,
        "start": 0,
        "end": max(len(messages) - 1, 0),
        "uri": uri,
        "first_page_uri": uri,
        "next_page_uri": None,
        "previous_page_uri": None,
    }
    return _json(200, page)


def _twilio_media(network: Network, account: str, sid: str, media: str) -> Response:
    """The picture itself. Twilio sends on to a storage of its own; that much is left out."""
    if not _twilio_knows(network, account):
        return _twilio_error(401, 20003, "Authenticate")
    picture = network.media(media)
    if picture is None:
        return _twilio_error(404, 20404, "The requested resource was not found")
    return Response(picture, content_type="image/jpeg")


def _twilio_error(status: int, code: int, message: str) -> Response:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return _json(status, {"code": code, "message": message, "more_info": more_info, "status": status})


# Both


def _carry(
    network: Network, text: Carried, *, read: tuple[str, str | None], absent: tuple[str, str | None]
) -> tuple[str, str | None]:
    """Let a text reach its phone, or not; what is reported of it, and now true."""
    off = text.msisdn.endswith(_ABSENT)
    if not off:
        network.deliver(text)
    said = absent if off else read
    network.report(text, *said)
    return said


def _words(status: int, text: str) -> Response:
    return Response(text, status, content_type="text/plain; charset=utf-8")


def _json(status: int, body: dict[str, Any]) -> Response:
    """Exactly `application/json`: with a charset beside it one SDK would not decode the body."""
    response = jsonify(body)
    response.status_code = status
    return response
