"""The simulator's page, for development: phones, a storefront, a clock and a log of webhook requests.

The browser keeps the state of its calls (the session's id and all that was typed), so any process can answer the next
hop. Each answer contains the webhook requests that were posted for it, masked as in the wire log:

    POST /simulator/dial  {"msisdn": "+254711000111", "session_id": "ATUid_9c2f", "code": "*384*22#"}
    200  {"reply": "CON Soko…", "size": {"units": 61, …}, "wire": [{"method": "POST", "path": "/webhooks/…/ussd", …}]}
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, TypeVar

from flask import Blueprint, Response, jsonify, render_template, request
from pydantic import AfterValidator, BaseModel, StringConstraints, ValidationError

from bot.providers import forms
from bot.simulator import operators, sizes, wire
from bot.simulator.gateway import CallDroppedError, Gateway, TextChannel, TextProvider
from flows.msisdn import is_e164
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.fields import LateModel, LateRoot
from marketplace_api.idempotency import StoredAnswer

MOST_PICTURES = 10
"""Twilio sends no more with one message."""
Resource = dict[str, Any]
PlaceOrder = Callable[[Resource, str], StoredAnswer]
"""Takes the body of `POST /orders` and an idempotency key; returns the HTTP status and the JSON of the answer."""


def _e164(number: str) -> str:
    if not is_e164(number):
        raise ValueError("takes a number with its country code, such as +254711000111")
    return number


Msisdn = Annotated[str, AfterValidator(_e164)]


class HopRequest(LateModel):
    """A hop of a call: `text` is all that was typed since dialling, joined by `*`."""

    msisdn: Msisdn
    session_id: Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
    code: str
    text: str = ""


class TextRequest(LateModel):
    """A text that a phone sends, and the provider that posts it to us; WhatsApp always comes by Twilio."""

    msisdn: Msisdn
    text: str
    provider: TextProvider = "africastalking"
    channel: TextChannel = "sms"


class PictureRequest(LateModel):
    """The fields of a form with pictures that a phone sends by MMS or WhatsApp."""

    msisdn: Msisdn
    text: str = ""
    channel: TextChannel = "sms"


class OrderBody(LateRoot[Resource]):
    """The body of `POST /api/v1/orders`; the marketplace validates it."""


RequestModel = TypeVar("RequestModel", bound=BaseModel)


def _read(model: type[RequestModel]) -> RequestModel:
    """The request's body; raises ValidationError."""
    return model.model_validate_json(request.get_data())


def _refuse(error: ValidationError) -> tuple[Response, int]:
    details = [": ".join([*map(str, detail["loc"]), detail["msg"]]) for detail in error.errors(include_url=False)]
    return jsonify(detail="; ".join(details)), 400


def _posted(exchanges: Sequence[wire.Exchange]) -> list[dict[str, str | int]]:
    """What was posted to the service, each with its answer."""
    return [
        {"method": each.method, "path": each.path, "body": each.body, "status": each.status, "answer": each.answer}
        for each in exchanges
        if each.direction == "in"
    ]


def routes(
    gateway: Gateway,
    *,
    inbox: Callable[[str], list[Resource]],
    place_order: PlaceOrder | None,
    new_key: Callable[[], str],
    ussd_code: str,
    short_code: str,
    timezone: str,
    paybill: str,
) -> Blueprint:
    """The routes under `/simulator`. All parameters but the `gateway` come from the service.

    `place_order` is None before an application that has no shop of ours; then the page shows none.
    `paybill` is the number to which phones pay by M-PESA.
    """
    page = Blueprint(
        "simulator", __name__, url_prefix="/simulator", template_folder="templates", static_folder="static"
    )
    page.register_error_handler(ValidationError, _refuse)

    @page.get("")
    def show() -> str:
        return render_template(
            "simulator/page.html",
            has_shop=place_order is not None,
            ussd_code=ussd_code,
            short_code=short_code,
            timezone=timezone,
            paybill=paybill,
            crafts=CATEGORIES,
            call_cents=sizes.CALL_CENTS,
            call_ends_after_s=operators.CALL_ENDS_AFTER_S,
            idle_ends_after_s=operators.IDLE_ENDS_AFTER_S,
        )

    @page.post("/dial")
    @page.post("/answer")
    def hop() -> Response | tuple[Response, int]:
        call = _read(HopRequest)
        if not ussd_code:
            return jsonify(detail="USSD is switched off, so phones can only text."), 409
        with wire.noting() as exchanges:
            reply = ""  # if the network drops the call
            with suppress(CallDroppedError):
                reply = gateway.post_ussd(call.session_id, call.msisdn, call.code, call.text)
        return jsonify(reply=reply, size=sizes.of_screen(reply), wire=_posted(exchanges))

    @page.post("/hang-up")
    def hang_up() -> Response:
        call = _read(HopRequest)
        with wire.noting() as exchanges:
            gateway.post_end(call.session_id, call.msisdn, call.code, call.text)
        return jsonify(wire=_posted(exchanges))

    @page.post("/text")
    def text() -> Response:
        sms = _read(TextRequest)
        with wire.noting() as exchanges:
            gateway.text(sms.msisdn, sms.text, provider=sms.provider, channel=sms.channel)
        return jsonify(size=sizes.of_text(sms.text), wire=_posted(exchanges))

    @page.post("/picture")
    def picture() -> Response | tuple[Response, int]:
        sent = PictureRequest.model_validate(request.form.to_dict())
        pictures = [file.read() for file in request.files.getlist("picture")[:MOST_PICTURES]]
        if not pictures:
            return jsonify(detail="picture: is missing"), 400
        with wire.noting() as exchanges:
            gateway.picture(sent.msisdn, sent.text, *pictures, channel=sent.channel)
        return jsonify(size=sizes.of_text(sent.text), wire=_posted(exchanges))

    @page.get("/messages")
    def messages() -> Response:
        # an unescaped + in a query string is decoded as a space
        msisdn = "+" + forms.clean(request.args.get("msisdn", "")).strip(" +")
        return jsonify(data=inbox(msisdn))

    if place_order is not None:
        _add_orders(page, place_order, new_key)
    return page


def _add_orders(page: Blueprint, place_order: PlaceOrder, new_key: Callable[[], str]) -> None:
    @page.post("/orders")
    def order() -> Response:
        answer = place_order(_read(OrderBody).root, new_key())
        return Response(answer.body, answer.status, mimetype="application/json")
