"""The simulator's page, for development: three handsets, a storefront, a clock and a wire log.

The browser keeps its calls (a session's id and all that was typed in it), so any process can
carry the next hop. What the carrier posted meanwhile, and what it heard, comes along:

    POST /simulator/dial  {"msisdn": "+254711000111", "session_id": "ATUid_9c2f", "code": "*384*22#"}
    200  {"reply": "CON Soko…", "wire": [{"method": "POST", "path": "/webhooks/…/ussd", …}]}
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from io import BytesIO
from typing import Annotated, Any, Literal, TypeVar
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Blueprint, Response, jsonify, render_template, request
from pydantic import AfterValidator, BaseModel, Field, RootModel, ValidationError
from werkzeug.wrappers import Request as WireRequest
from werkzeug.wrappers import Response as WireResponse

from bot.simulator.gateway import Gateway

Resource = dict[str, Any]
Exchange = dict[str, str | int]


class Wire:
    """WSGI middleware between the simulated carrier and the service; it notes what passes."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app
        self._heard: ContextVar[list[Exchange] | None] = ContextVar("heard", default=None)

    @contextmanager
    def listening(self) -> Iterator[list[Exchange]]:
        """What passes in this context (one request's thread) until the block ends, in order."""
        heard: list[Exchange] = []
        token = self._heard.set(heard)
        try:
            yield heard
        finally:
            self._heard.reset(token)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        heard = self._heard.get()
        if heard is None:
            return self._app(environ, start_response)
        sent = WireRequest(environ).get_data()
        environ["wsgi.input"] = BytesIO(sent)
        answer = WireResponse.from_app(self._app, environ, buffered=True)
        heard.append(
            {
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "body": sent.decode(errors="replace"),
                "status": answer.status_code,
                "answer": answer.get_data(as_text=True),
            }
        )
        return answer(environ, start_response)


def _e164(number: str) -> str:
    if not (number.startswith("+") and number[1:].isdecimal() and 8 <= len(number[1:]) <= 15):
        raise ValueError("takes a number with its country code, such as +254711000111")
    return number


Msisdn = Annotated[str, AfterValidator(_e164)]


class Call(BaseModel):
    """A hop of a call: `text` is all that was typed since dialling, joined by `*`."""

    msisdn: Msisdn
    session_id: str
    code: str
    text: str = ""


class Text(BaseModel):
    msisdn: Msisdn
    text: str
    provider: Literal["africastalking", "twilio"] = "africastalking"


class Step(BaseModel):
    advance_seconds: Annotated[int, Field(strict=True, ge=0, le=366 * 86_400)]


class Order(RootModel[Resource]):
    """The body of `POST /api/v1/orders`, which the API itself checks."""


Shape = TypeVar("Shape", bound=BaseModel)


def _read(shape: type[Shape]) -> Shape:
    return shape.model_validate_json(request.get_data())


def _refuse(error: ValidationError) -> tuple[Response, int]:
    flaws = [": ".join([*map(str, flaw["loc"]), flaw["msg"]]) for flaw in error.errors(include_url=False)]
    return jsonify(detail="; ".join(flaws)), 400


def routes(
    gateway: Gateway,
    wire: Wire,
    *,
    inbox: Callable[[str], list[Resource]],
    advance: Callable[[int], datetime],
    place_order: Callable[[Resource, str], tuple[int, Resource]],
    new_key: Callable[[], str],
    ussd_code: str,
    short_code: str,
    timezone: str,
) -> Blueprint:
    """Everything under `/simulator`. `gateway` posts through `wire`; the rest is the service's own."""
    page = Blueprint(
        "simulator", __name__, url_prefix="/simulator", template_folder="templates", static_folder="static"
    )
    page.register_error_handler(ValidationError, _refuse)

    @page.get("")
    def show() -> str:
        return render_template("simulator/page.html", ussd_code=ussd_code, short_code=short_code, timezone=timezone)

    @page.post("/dial")
    @page.post("/answer")
    def hop() -> Response:
        call = _read(Call)
        with wire.listening() as heard:
            reply = gateway.post_ussd(call.session_id, call.msisdn, call.code, call.text)
        return jsonify(reply=reply, wire=heard)

    @page.post("/hang-up")
    def hang_up() -> Response:
        call = _read(Call)
        with wire.listening() as heard:
            gateway.post_end(call.session_id, call.msisdn, call.code, call.text)
        return jsonify(wire=heard)

    @page.post("/text")
    def text() -> Response:
        sms = _read(Text)
        with wire.listening() as heard:
            gateway.text(sms.msisdn, sms.text, provider=sms.provider)
        return jsonify(wire=heard)

    @page.get("/messages")
    def messages() -> Response:
        # A bare + in an address reads as a space.
        msisdn = "+" + request.args.get("msisdn", "").strip(" +")
        return jsonify(data=inbox(msisdn))

    @page.post("/clock")
    def clock() -> Response:
        now = advance(_read(Step).advance_seconds)
        return jsonify(now=now.isoformat().replace("+00:00", "Z"))

    @page.post("/orders")
    def order() -> tuple[Response, int]:
        status, answer = place_order(_read(Order).root, new_key())
        return jsonify(answer), status

    return page
