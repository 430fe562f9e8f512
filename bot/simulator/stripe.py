"""Simulates Stripe's API: Checkout sessions, refunds and disputes, and the signature of its events.

    POST /simulator/stripe/v1/checkout/sessions     Idempotency-Key: bpy_4k2…
    mode=payment&line_items[0][price_data][unit_amount]=3450&…
    200  {"id": "cs_test_3f0…", "url": "http://127.0.0.1:8000/simulator/stripe/pay/cs_test_3f0…", …}

`bot.simulator.stripe_page` is the page, and `bot.simulator.cards` decides the outcome of each payment. A request that
is repeated under its key gets the first answer, with other parameters an error. Shapes follow
https://docs.stripe.com/api.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection

from bot.providers import forms
from bot.simulator import cards
from bot.simulator.cards import BANK_TAKES, CardRefund, CardSession
from bot.simulator.tables import simulated_request
from bot.simulator.wallet import Transaction
from state.tables import insert_new

Fields = dict[str, Any]
SHORTEST, LONGEST = timedelta(minutes=30), timedelta(hours=24)
"""How long a session may live."""
SOON_S = 1.0
USUAL_LIMIT, LARGEST_LIMIT = 10, 100
"""How many objects a page of a list has."""


@dataclass(frozen=True, slots=True)
class StripeSimulator:
    """The functions and values that the simulated Stripe needs.

    `transaction` opens one on the database. `post_later` posts an event after a number of seconds, `post` posts it now.
    `new_id` returns 32 hexadecimal digits. `url` is the public URL of the service. `key` is the API key that is
    accepted; None accepts any.
    """

    transaction: Callable[[], Transaction]
    post_later: Callable[[Fields, float], None]
    post: Callable[[Fields], None]
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    url: str
    key: str | None = None


class _RefusalError(Exception):
    """A request that is refused with the fields of an error of the API."""

    def __init__(self, message: str, *, status: int = 400, type: str = "invalid_request_error", **more: str) -> None:
        self.status, self.fields = status, {"message": message, "type": type} | more
        super().__init__(message)


def sign(body: bytes, secret: str, at: datetime) -> str:
    """The `Stripe-Signature` of a body."""
    time = int(at.timestamp())
    return f"t={time},v1={hmac.new(secret.encode(), f'{time}.'.encode() + body, 'sha256').hexdigest()}"


def routes(simulator: StripeSimulator) -> Blueprint:
    """The API, under the root `/simulator/stripe`."""
    blueprint = Blueprint("simulated_stripe", __name__, url_prefix="/simulator/stripe")
    blueprint.register_error_handler(_RefusalError, _refuse)
    for method, path, view in (
        ("POST", "/v1/checkout/sessions", _create_session),
        ("GET", "/v1/checkout/sessions", _list_sessions),
        ("GET", "/v1/checkout/sessions/<id>", _retrieve_session),
        ("POST", "/v1/checkout/sessions/<id>/expire", _expire_session),
        ("POST", "/v1/refunds", _create_refund),
        ("GET", "/v1/refunds", _list_refunds),
        ("GET", "/v1/disputes", _list_disputes),
    ):
        blueprint.add_url_rule(path, view.__name__, partial(view, simulator), methods=[method])
    return blueprint


def _refuse(error: _RefusalError) -> tuple[Response, int]:
    return jsonify(error=error.fields), error.status


# Requests


def _authenticate(simulator: StripeSimulator) -> None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or not key or key != (simulator.key or key):
        raise _RefusalError("Invalid API Key provided.", status=401)


def _answer_once(
    simulator: StripeSimulator, perform: Callable[[Connection], Fields], *, lost: Callable[[], bool] = lambda: False
) -> Response:
    """The answer to a request, the first one if its key was used before. With `lost`, the first one is not sent."""
    _authenticate(simulator)
    key = request.headers.get("Idempotency-Key") or simulator.new_id()
    written = json.dumps([request.path, sorted(request.form.items())])
    parameters = hashlib.sha256(written.encode()).hexdigest()
    with simulator.transaction() as conn:
        is_first = insert_new(conn, simulated_request, key=key, parameters=parameters, answer="")
        stored = simulated_request.c.key == key
        if is_first:
            answer = json.dumps(perform(conn))
            conn.execute(simulated_request.update().where(stored).values(answer=answer))
        else:
            known, answer = conn.execute(simulated_request.select().where(stored)).one()[1:]
            if known != parameters:
                words = "Keys for idempotent requests can only be used with the same parameters."
                raise _RefusalError(words, type="idempotency_error")
    if is_first and lost():
        return Response("<html>504 Gateway Time-out</html>", 504, content_type="text/html")
    return Response(answer, content_type="application/json")


def _found(session: CardSession | None) -> CardSession:
    if session is None:
        raise _RefusalError("No such object.", status=404, code="resource_missing")
    return session


def _ends_lost(name: str) -> bool:
    return cards.ending(_number(name)) == cards.ACKNOWLEDGEMENT_LOST


def _field(name: str) -> str:
    """A field of the form, empty if it is missing."""
    return forms.clean(request.form.get(name, ""))


def _argument(name: str) -> str:
    """An argument of the address, empty if it is missing."""
    return forms.clean(request.args.get(name, ""))


def _number(name: str) -> int:
    value = _field(name)
    if not value.isdecimal() or int(value) < 1:
        raise _RefusalError(f"Invalid integer: {value}", param=name, code="parameter_invalid_integer")
    return int(value)


# Sessions

_PRICE = "line_items[0][price_data]"


def _create_session(simulator: StripeSimulator) -> Response:
    def perform(conn: Connection) -> Fields:
        session = _new_session(simulator)
        cards.add_session(conn, session)
        return session_fields(simulator, session)

    return _answer_once(simulator, perform, lost=partial(_ends_lost, f"{_PRICE}[unit_amount]"))


def _new_session(simulator: StripeSimulator) -> CardSession:
    """The session that the form asks for. Raises _RefusalError."""
    now = simulator.clock()
    for name in ("success_url", "cancel_url"):
        if not _field(name).startswith(("http://", "https://")):
            raise _RefusalError("Not a valid URL", param=name, code="url_invalid")
    expires_at = now + LONGEST
    if "expires_at" in request.form:
        expires_at = datetime.fromtimestamp(_number("expires_at"), now.tzinfo)
        if not SHORTEST <= expires_at - now <= LONGEST:
            raise _RefusalError("The timestamp must be 30 minutes to 24 hours in the future.", param="expires_at")
    return CardSession(
        f"cs_test_{simulator.new_id()}",
        f"pi_{simulator.new_id()}",
        _field("client_reference_id"),
        _field(f"{_PRICE}[product_data][name]"),
        _field(f"{_PRICE}[currency]"),
        _number(f"{_PRICE}[unit_amount]"),
        _field("success_url"),
        _field("cancel_url"),
        created_at=now,
        expires_at=expires_at,
    )


def _retrieve_session(simulator: StripeSimulator, id: str) -> Response:
    _authenticate(simulator)
    with simulator.transaction() as conn:
        session = _found(cards.find_session(conn, id))
    return jsonify(
        session_fields(simulator, session, is_expanded=any(name.startswith("expand") for name in request.args))
    )


def _list_sessions(simulator: StripeSimulator) -> Response:
    _authenticate(simulator)
    with simulator.transaction() as conn:
        sessions = cards.all_sessions(conn)
    return _listed([session_fields(simulator, session) for session in sessions], request.path)


def _expire_session(simulator: StripeSimulator, id: str) -> Response:
    def perform(conn: Connection) -> Fields:
        session = _found(cards.find_session(conn, id, get_lock=True))
        if session.status_at(simulator.clock()) != "open":
            raise _RefusalError("Only Checkout Sessions with a status in [open] can be expired.")
        cards.change_session(conn, session.id, status="expired")
        return session_fields(simulator, replace(session, status="expired"), is_expanded=True)

    answer = _answer_once(simulator, perform)
    simulator.post_later(event(simulator, "checkout.session.expired", answer.get_json()), SOON_S)
    return answer


def session_fields(simulator: StripeSimulator, session: CardSession, *, is_expanded: bool = False) -> Fields:
    """The session as the API shows it. Before the buyer has tried to pay, it has no payment intent."""
    now = simulator.clock()
    status, is_paid = session.status_at(now), session.is_paid(now)
    intent = _intent(session, now) if is_expanded else session.intent
    return {
        "id": session.id,
        "object": "checkout.session",
        "amount_total": session.paid if is_paid else session.amount,
        "cancel_url": session.cancel_url,
        "client_reference_id": session.charge,
        "created": int(session.created_at.timestamp()),
        "currency": session.currency,
        "customer_details": {"email": "joy@example.com", "name": "Joy Wambui"} if status == "complete" else None,
        "expires_at": int(session.expires_at.timestamp()),
        "livemode": False,
        "mode": "payment",
        "payment_intent": intent if session.declined or status == "complete" else None,
        "payment_status": "paid" if is_paid else "unpaid",
        "status": status,
        "success_url": session.success_url,
        "url": f"{simulator.url}/simulator/stripe/pay/{session.id}" if status == "open" else None,
    }


def _intent(session: CardSession, now: datetime) -> Fields:
    is_paid, is_coming = session.is_paid(now), session.paid_at is not None
    status = "succeeded" if is_paid else "processing" if is_coming else "requires_payment_method"
    declined = {"code": "card_declined", "decline_code": "generic_decline", "type": "card_error"}
    charge_id = session.intent.replace("pi_", "ch_")
    settled = {
        "id": session.intent.replace("pi_", "txn_"),
        "object": "balance_transaction",
        "amount": session.paid,
        "currency": session.currency,
        "fee": session.fee,
        "net": session.paid - session.fee,
    }
    return {
        "id": session.intent,
        "object": "payment_intent",
        "last_payment_error": declined if session.declined and not is_coming else None,
        "latest_charge": {"id": charge_id, "object": "charge", "balance_transaction": settled} if is_paid else None,
        "status": status,
    }


# Refunds and disputes

_REFUNDS = {
    cards.REFUND_PENDING: ("pending", "succeeded", BANK_TAKES),
    cards.REFUND_FAILS: ("pending", "failed", BANK_TAKES),
    cards.REFUND_RETURNED: ("succeeded", "failed", BANK_TAKES),
}
"""The first and the last status of a refund, and the time between them, by the last digits of its amount."""


def _create_refund(simulator: StripeSimulator) -> Response:
    made: list[CardRefund] = []

    def perform(conn: Connection) -> Fields:
        session = _found(cards.find_session(conn, _field("payment_intent"), get_lock=True))
        refund = _new_refund(simulator, session, cards.find_refunds(conn, session.intent))
        cards.add_refund(conn, refund)
        made.append(refund)
        return _refund(refund, simulator.clock())

    answer = _answer_once(simulator, perform, lost=partial(_ends_lost, "amount"))
    for refund in made:
        _post_refund(simulator, refund)
    return answer


def _new_refund(simulator: StripeSimulator, session: CardSession, earlier: list[CardRefund]) -> CardRefund:
    """The refund that the form asks for. Raises _RefusalError."""
    now, amount = simulator.clock(), _number("amount")
    left = session.paid - sum(refund.amount for refund in earlier if refund.status_at(now) != "failed")
    if not session.is_paid(now):
        raise _RefusalError("This PaymentIntent does not have a successful charge to refund.")
    if session.dispute == "open":
        raise _RefusalError("The charge is disputed.", code="charge_disputed")
    if not left:
        raise _RefusalError("The charge has already been refunded.", code="charge_already_refunded")
    if amount > left:
        raise _RefusalError("The amount is greater than the unrefunded amount on the charge.", param="amount")
    fate = cards.ending(amount)
    if fate == cards.REFUND_REFUSED:
        raise _RefusalError("Insufficient funds in your Stripe balance.", code="balance_insufficient")
    first, outcome, takes = _REFUNDS.get(fate, ("succeeded", "succeeded", timedelta()))
    return CardRefund(
        *(f"re_{simulator.new_id()}", session.intent, amount, _field("metadata[refund]"), first, outcome),
        created_at=now,
        settled_at=now + takes,
    )


def _post_refund(simulator: StripeSimulator, refund: CardRefund) -> None:
    charge = {"id": refund.intent.replace("pi_", "ch_"), "object": "charge", "payment_intent": refund.intent}
    simulator.post_later(event(simulator, "charge.refunded", charge), SOON_S)
    if refund.settled_at > refund.created_at:
        settled = _refund(refund, refund.settled_at)
        kind = "refund.failed" if refund.outcome == "failed" else "refund.updated"
        simulator.post_later(event(simulator, kind, settled), BANK_TAKES.total_seconds() + SOON_S)


def _refund(refund: CardRefund, now: datetime) -> Fields:
    status = refund.status_at(now)
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "created": int(refund.created_at.timestamp()),
        "metadata": {"refund": refund.refund},
        "payment_intent": refund.intent,
        "status": status,
    } | ({"failure_reason": "expired_or_canceled_card"} if status == "failed" else {})


def _list_refunds(simulator: StripeSimulator) -> Response:
    _authenticate(simulator)
    with simulator.transaction() as conn:
        refunds = cards.find_refunds(conn, _argument("payment_intent"))
    return _listed([_refund(refund, simulator.clock()) for refund in refunds], request.path)


def _list_disputes(simulator: StripeSimulator) -> Response:
    _authenticate(simulator)
    with simulator.transaction() as conn:
        session = cards.find_session(conn, _argument("payment_intent"))
    return _listed([dispute_fields(session)] if session and session.dispute else [], request.path)


def dispute_fields(session: CardSession) -> Fields:
    status = "needs_response" if session.dispute == "open" else session.dispute
    dispute_id = session.intent.replace("pi_", "du_")
    return {"id": dispute_id, "object": "dispute", "payment_intent": session.intent, "status": status}


def _listed(data: list[Fields], path: str) -> Response:
    """The page of a list that the request asks for: `limit` objects, those that follow `starting_after`."""
    after = _argument("starting_after")
    places = {each["id"]: number for number, each in enumerate(data, 1)}
    if after and after not in places:
        raise _RefusalError(f"No such object: '{after}'", param="starting_after", code="resource_missing")
    first = places.get(after, 0)
    last = first + min(max(request.args.get("limit", USUAL_LIMIT, int), 1), LARGEST_LIMIT)
    url = path.removeprefix("/simulator/stripe")
    return jsonify(object="list", data=data[first:last], has_more=last < len(data), url=url)


def event(simulator: StripeSimulator, kind: str, named: Fields) -> Fields:
    return {
        "id": f"evt_{simulator.new_id()}",
        "object": "event",
        "created": int(simulator.clock().timestamp()),
        "data": {"object": named},
        "livemode": False,
        "type": kind,
    }
