"""Faults and the wire log of the simulated providers: of the requests that we send them, and of their callbacks.

`watch` stands before and after every request of a simulated API. Before it, a request may be refused (`reject`,
`throttle`, `error`); after it, the answer may be lost (`hang`) or cut in half (`half`), and the provider has acted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, jsonify, request

from bot.providers.errors import PaymentError, Reason
from bot.providers.payment_contracts import Payment, PaymentStatus
from bot.simulator import wire
from bot.simulator.faults import PROVIDERS, Fault, FaultRule
from bot.simulator.gateway import IN_PROCESS, LOST_ANSWER
from bot.simulator.network import LATE_S, Instruments
from bot.simulator.wallet import SimulatorPayer

LONGEST_HANG_S = 8.0
"""For a request over a socket. A request inside the process does not wait: it gets the timeout error at once."""
_PREFIXES = {
    "africastalking": "/simulator/africastalking/",
    "twilio": "/simulator/twilio/",
    "daraja": "/simulator/daraja/mpesa/",
    "stripe": "/simulator/stripe/v1/",
}
"""Access tokens of Daraja are left out: they are fetched at other times in each process."""
_SHOWN_HEADERS = ("Content-Type", "Authorization", "apiKey", "Idempotency-Key")
PAID, NOT_PAID = 0, 1
_REASONS: Mapping[Fault, Reason] = {
    "reject": Reason.REFUSED,
    "throttle": Reason.THROTTLED,
    "error": Reason.PROVIDER_DOWN,
}

_STATUSES: Mapping[Fault, int] = {"reject": 400, "throttle": 429, "error": 500}
_WORDS: Mapping[str, Mapping[Fault, str]] = {
    "africastalking": {
        "reject": "Request is missing required form field 'to'",
        "throttle": "Please try again later",
        "error": "Please try again later",
    },
    "twilio": {
        "reject": "Message cannot be sent to this number",
        "throttle": "Too Many Requests",
        "error": "An internal server error has occurred",
    },
    "daraja": {
        "reject": "Bad Request - Invalid PartyB",
        "throttle": "Spike arrest violation",
        "error": "System is busy. Please try again in few minutes.",
    },
    "stripe": {
        "reject": "The request is refused.",
        "throttle": "Too many requests.",
        "error": "An unknown error occurred.",
    },
}
_TWILIO_CODES: Mapping[Fault, int] = {"reject": 21612, "throttle": 20429, "error": 20500}
_DARAJA_CODES: Mapping[Fault, str] = {"reject": "400.002.02", "throttle": "500.003.03", "error": "500.003.02"}
_STRIPE_TYPES: Mapping[Fault, str] = {
    "reject": "invalid_request_error",
    "throttle": "rate_limit_error",
    "error": "api_error",
}


def watch(blueprint: Blueprint, instruments: Instruments, sleep: Callable[[float], None]) -> Blueprint:
    """The blueprint with faults and the log around its requests to the API of a provider."""
    blueprint.before_request(partial(_before, instruments))
    blueprint.after_request(partial(_after, instruments, sleep))
    return blueprint


def _provider() -> str | None:
    return next((name for name in PROVIDERS if request.path.startswith(_PREFIXES[name])), None)


def _before(instruments: Instruments) -> Response | None:
    provider = _provider()
    if provider is None or request.method != "POST":
        return None
    body = request.get_data(as_text=True)
    phone = wire.phone_of("out", provider, body)
    g.fault = rule = instruments.faults.strike("request", provider, phone)
    return refused(provider, rule.fault) if rule and rule.fault in _STATUSES else None


def refused(provider: str, fault: Fault) -> Response:
    """The answer of a provider that refuses a request, in its own shape."""
    status, words = _STATUSES[fault], _WORDS[provider][fault]
    match provider:
        case "africastalking":
            return Response(words, status, content_type="text/plain; charset=utf-8")
        case "twilio":
            answer = jsonify(code=_TWILIO_CODES[fault], message=words, more_info="", status=status)
        case "daraja":
            answer = jsonify(requestId="11728-2929992-1", errorCode=_DARAJA_CODES[fault], errorMessage=words)
        case _:
            answer = jsonify(error={"type": _STRIPE_TYPES[fault], "message": words})
    answer.status_code = status
    return answer


def _after(instruments: Instruments, sleep: Callable[[float], None], answer: Response) -> Response:
    provider, rule = _provider(), g.pop("fault", None)
    if provider is None:
        return answer
    if rule and rule.fault == "half":
        answer.set_data(answer.get_data()[: len(answer.get_data()) // 2])
    is_lost = bool(rule and rule.fault == "hang")
    _record(instruments, provider, answer, is_lost=is_lost)
    if rule and is_lost:
        return _lost(rule, sleep)
    return answer


def _record(instruments: Instruments, provider: str, answer: Response, *, is_lost: bool) -> None:
    instruments.wire.record(
        wire.exchange(
            "out",
            provider,
            request.method,
            request.full_path.removesuffix("?"),
            request.get_data(as_text=True),
            status=0 if is_lost else answer.status_code,
            answer="" if is_lost else _written(answer),
            headers={name: request.headers[name] for name in _SHOWN_HEADERS if name in request.headers},
        )
    )


def _written(answer: Response) -> str:
    """The body of an answer, or what it is if it is no text."""
    if (answer.mimetype or "").startswith("image/"):
        return f"{answer.mimetype}, {len(answer.get_data())} bytes"
    return answer.get_data().decode(errors="replace")


def _lost(rule: FaultRule, sleep: Callable[[float], None]) -> Response:
    if IN_PROCESS not in request.environ:
        sleep(min(rule.wait(LONGEST_HANG_S), LONGEST_HANG_S))
    return Response(status=504, headers={LOST_ANSWER: "1"})


class WatchedPayer:
    """The payer called `simulator`, with the faults of `daraja` and the wire log around its requests."""

    name = SimulatorPayer.name

    def __init__(self, payer: SimulatorPayer, instruments: Instruments) -> None:
        self.payer, self.instruments = payer, instruments

    def pay(self, payment: Payment) -> PaymentStatus:
        """As the payer answers. Raises PaymentError if a fault strikes, before or after the money has moved."""
        rule = self.instruments.faults.strike("request", "daraja", payment.msisdn)
        if rule and rule.fault in _REASONS:
            raise self._fail(payment, _REASONS[rule.fault])
        status = self.payer.pay(payment)
        if rule:
            raise self._fail(payment, Reason.NO_ANSWER)
        self._record(payment, 200, type(status).__name__)
        return status

    def query(self, payment: Payment) -> PaymentStatus:
        """As the payer answers."""
        status = self.payer.query(payment)
        self._record(payment, 200, type(status).__name__)
        return status

    def _fail(self, payment: Payment, reason: Reason) -> PaymentError:
        self._record(payment, 0 if reason.outcome_unknown else 500, reason.word)
        return PaymentError(reason)

    def _record(self, payment: Payment, status: int, said: str) -> None:
        summary = f"{payment.amount} {payment.currency} for {payment.about} -> {said}"
        request = json.dumps({"id": payment.id, "amount": payment.amount, "currency": payment.currency})
        self.instruments.wire.record(
            wire.Exchange(
                *("out", "payout", self.name, payment.msisdn, summary, "POST", "/payouts"),
                body=request,
                status=status,
                answer=said,
            )
        )


# Callbacks


def post_callbacks(
    instruments: Instruments,
    provider: str,
    body: Mapping[str, Any],
    seconds: float,
    post_later: Callable[[Mapping[str, Any], float], None],
) -> None:
    """Post a callback with `post_later`, as the faults let it: in time, never, late, twice, or contradicted."""
    phone = wire.phone_of("in", provider, json.dumps(body))
    rule = instruments.faults.strike("callback", provider, phone)
    match rule and rule.fault:
        case "lose_report":
            return
        case "delay" | "reorder" if rule:
            post_later(body, seconds + rule.wait(LATE_S))
        case "repeat" | "contradict_report" if rule:
            post_later(body, seconds)
            other = body if rule.fault == "repeat" else contradicted(body)
            post_later(other, seconds + rule.wait(1.0))
        case _:
            post_later(body, seconds)


_OPPOSITE_EVENTS = {
    "checkout.session.completed": "checkout.session.expired",
    "checkout.session.expired": "checkout.session.completed",
    "refund.updated": "refund.failed",
    "refund.failed": "refund.updated",
}


def contradicted(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A callback that says the opposite about the same payment."""
    copy: dict[str, Any] = json.loads(json.dumps(body))
    if kind := copy.get("type"):
        return copy | {"id": f"{copy['id']}_again", "type": _OPPOSITE_EVENTS.get(kind, kind)}
    told = copy.get("Result") or copy.get("Body", {}).get("stkCallback") or {}
    was_paid = str(told.get("ResultCode")) == str(PAID)
    told |= {"ResultCode": NOT_PAID if was_paid else PAID, "ResultDesc": "contradicted by the simulator"}
    for parameters in ("ResultParameters", "CallbackMetadata"):
        told.pop(parameters, None)
    return copy
