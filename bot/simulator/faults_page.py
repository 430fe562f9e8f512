"""The routes under which faults are set, operators chosen, and the wire log is read. In development only.

POST   /simulator/faults        one more rule: 201 with it, its id and its seed
PUT    /simulator/faults        these rules instead of all others
GET    /simulator/faults        the rules that hold
DELETE /simulator/faults/<id>   ends one
GET    /simulator/operators     the operators, and those of phones: PUT /simulator/phones/<msisdn> {"operator": …}
GET    /simulator/wire          the log; POST /simulator/wire/<id>/resend sends one again
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request
from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError, field_validator

from bot.providers import forms
from bot.simulator import faults, wire
from bot.simulator.faults import Faults, TooManyFaultsError
from bot.simulator.network import Network
from bot.simulator.operators import OPERATORS, Operator
from bot.simulator.wire import Wire
from flows.msisdn import is_e164
from marketplace_api import problems

Answer = Response | tuple[Response, int]
Resend = Callable[[dict[str, Any]], tuple[int, str]]
"""Posts a logged request of a provider again; returns the HTTP status and the body of the answer."""
LARGEST_ID = 2**63 - 1


class FaultRequests(RootModel[Annotated[list[faults.FaultRequest], Field(max_length=faults.MOST_RULES)]]):
    """The body of `PUT /simulator/faults`."""


class OperatorChoice(BaseModel):
    """The operator of a phone."""

    model_config = ConfigDict(extra="forbid")

    operator: str

    @field_validator("operator")
    @classmethod
    def is_known(cls, name: str) -> str:
        if name not in OPERATORS:
            raise ValueError(f"an operator is one of {', '.join(OPERATORS)}")
        return name


def routes(
    rules: Faults, network: Network, log: Wire, log_waiting: Callable[[], None], resend: Resend, root: str
) -> Blueprint:
    """The routes. `log_waiting` adds to the log what waits to be logged.

    `root` is the public URL of the service, for commands that are copied.
    """
    blueprint = Blueprint("simulated_faults", __name__, url_prefix="/simulator")
    blueprint.register_error_handler(ValidationError, _refuse)
    blueprint.register_error_handler(TooManyFaultsError, _refuse_more)
    _add_faults(blueprint, rules)
    _add_operators(blueprint, network)
    _add_wire(blueprint, log, log_waiting, resend, root)
    return blueprint


def _refuse(error: ValidationError) -> Answer:
    found = problems.not_valid(error.errors(), 400)
    named = [(each.pointer.removeprefix("#").removeprefix("/"), each.detail) for each in found.errors or ()]
    return _refusal(400, ". ".join(f"{name}: {detail}" if name else detail for name, detail in named))


def _refuse_more(_error: TooManyFaultsError) -> Answer:
    return _refusal(409, f"There are {faults.MOST_RULES} faults already. End some first.")


def _refusal(status: int, words: str) -> Answer:
    return jsonify(detail=words), status


def _add_faults(blueprint: Blueprint, rules: Faults) -> None:
    @blueprint.post("/faults")
    def add() -> Answer:
        return jsonify(faults.shown(rules.add(faults.FaultRequest.model_validate_json(request.get_data())))), 201

    @blueprint.put("/faults")
    def replace() -> Answer:
        asked = FaultRequests.model_validate_json(request.get_data()).root
        return jsonify(data=[faults.shown(rule) for rule in rules.replace_all(asked)])

    @blueprint.get("/faults")
    def show() -> Answer:
        return jsonify(data=[faults.shown(rule) for rule in rules.all()])

    @blueprint.delete("/faults/<id>")
    def end(id: str) -> Answer:
        return (Response(), 204) if rules.end(forms.clean(id)) else _refusal(404, "There is no such fault.")


def _add_operators(blueprint: Blueprint, network: Network) -> None:
    @blueprint.get("/operators")
    def operators() -> Answer:
        chosen = {phone: network.operator(phone).name for phone in map(_number, request.args.getlist("msisdn"))}
        return jsonify(data=[_shown(operator) for operator in OPERATORS.values()], phones=chosen)

    @blueprint.put("/phones/<msisdn>")
    def choose(msisdn: str) -> Answer:
        choice = OperatorChoice.model_validate_json(request.get_data())
        if not is_e164(msisdn):
            return _refusal(400, "A phone is a number with its country code, such as +254711000111.")
        network.choose(msisdn, choice.operator)
        return jsonify(msisdn=msisdn, operator=choice.operator)


def _shown(operator: Operator) -> dict[str, Any]:
    return {
        "name": operator.name,
        "title": operator.title,
        "network_code": operator.network_code,
        "session_seconds": operator.session and int(operator.session.total_seconds()),
        "idle_seconds": operator.idle and int(operator.idle.total_seconds()),
        "screen_characters": operator.screen_chars,
        "answer_characters": operator.input_chars,
        "sends_last_answer": operator.sends_last_answer,
    }


def _number(written: str) -> str:
    # an unescaped + in a query string is decoded as a space
    return "+" + forms.clean(written).strip(" +")


def _add_wire(blueprint: Blueprint, log: Wire, log_waiting: Callable[[], None], resend: Resend, root: str) -> None:
    @blueprint.get("/wire")
    def read() -> Answer:
        try:
            since = _since(request.args.get("since", ""))
        except ValueError:
            return _refusal(400, "since: takes an id, or a time such as 2026-11-23T08:00:00Z.")
        log_waiting()
        phone = request.args.get("phone", "")
        found = log.read(since, _number(phone) if phone else "", forms.clean(request.args.get("kind", "")))
        for exchange in found:
            exchange["curl"] = wire.curl(exchange["request"], root)
        last = found[-1]["id"] if found else since if isinstance(since, int) else 0
        return jsonify(data=found, next=last)

    @blueprint.post("/wire/<int:id>/resend")
    def send_again(id: int) -> Answer:
        exchange = log.find(id) if id <= LARGEST_ID else None
        if exchange is None:
            return _refusal(404, "This exchange is not in the log, or not any more.")
        if exchange["direction"] != "in" or exchange["kind"] in ("order", "api"):
            return _refusal(409, "Only what a provider posted can be sent again.")
        if exchange["request"].get("masked"):
            return _refusal(409, "It holds a PIN or a code, which the log does not keep.")
        status, answer = resend(exchange)
        return jsonify(status=status, answer=answer)


def _since(written: str) -> int | datetime | None:
    """An id or a time; None if it is empty. Raises ValueError."""
    if not written:
        return None
    if written.isascii() and written.isdecimal():
        return min(int(written), LARGEST_ID)
    at = datetime.fromisoformat(written)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at
