"""Requests for a call back, and problems that buyers report."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api import locks
from marketplace_api.events import events
from marketplace_api.models import ConsoleOperator, HelpRequest, Order
from marketplace_api.refused import Refused
from marketplace_api.schemas.help_requests import HelpRequest as HelpRequestSchema
from marketplace_api.shop import Shop
from marketplace_api.statuses import OrderProblem


def open_request(shop: Shop, msisdn: str) -> HelpRequest:
    """Create a request for a call to this phone; if one is already open, return that one."""
    return _open_one(shop, HelpRequest(msisdn=msisdn))


def report(shop: Shop, order: Order, problem: OrderProblem, words: str) -> HelpRequest:
    """Note a problem with an order in the request of its buyer, which is created unless one is open.

    The same report again changes nothing. `Refused` with `problem_known` if the open request has another problem.
    """
    about = {"order_id": order.id, "problem": problem, "words": words}
    request = _open_one(shop, HelpRequest(msisdn=order.buyer_msisdn, **about))
    if request.problem is None:  # the buyer had asked for a call alone
        request = locks.take_one(shop, HelpRequest, HelpRequest.id == request.id) or request
    if request.problem is None and request.closed_at is None:
        request.order_id, request.problem, request.words = order.id, problem, words
        shop.session.flush()
    elif (request.order_id, request.problem, request.words) != (order.id, problem, words):
        raise Refused("problem_known")
    return request


def waiting(shop: Shop, msisdn: str) -> HelpRequest | None:
    """The open request of this phone; None if there is none."""
    is_open = HelpRequest.msisdn == msisdn, HelpRequest.closed_at.is_(None)
    return shop.session.scalars(select(HelpRequest).where(*is_open)).one_or_none()


def _open_one(shop: Shop, new: HelpRequest) -> HelpRequest:
    """The open request of the phone, which is `new` if there was none."""
    existing = waiting(shop, new.msisdn)
    if existing is not None:
        return existing
    new.id, new.created_at, new.closed_at = shop.ids.new_id("hlp"), shop.now, None
    try:
        with shop.session.begin_nested():
            shop.session.add(new)
    except IntegrityError:  # another transaction has just created one
        return waiting(shop, new.msisdn) or _open_one(shop, new)
    events.record(shop, "help.requested", HelpRequestSchema.of(new))
    return new


def hand_over(shop: Shop, request_id: str, operator_id: str) -> HelpRequest:
    """Give the request to this operator. Raises as `close`, and `Refused` with `unknown_operator`."""
    request = _open(shop, request_id)
    operator = shop.session.get(ConsoleOperator, operator_id)
    if operator is None or operator.revoked_at is not None:
        raise Refused("unknown_operator", 404, name=operator_id)
    request.handler_id = operator_id
    shop.session.flush()
    return request


def note_answer(shop: Shop, request_id: str, operator_id: str) -> HelpRequest:
    """Store that the person was answered, if it is the first time. Raises as `close`.

    A request that nobody has taken is this operator's then.
    """
    request = _open(shop, request_id)
    request.answered_at = request.answered_at or shop.now
    request.handler_id = request.handler_id or operator_id
    shop.session.flush()
    return request


def close(shop: Shop, request_id: str) -> HelpRequest:
    """Close the request: the person was called. `Refused` with `unknown_help_request` or `help_request_closed`."""
    request = _open(shop, request_id)
    request.closed_at = shop.now
    request.answered_at = request.answered_at or shop.now
    shop.session.flush()
    events.record(shop, "help.closed", HelpRequestSchema.of(request))
    return request


def _open(shop: Shop, request_id: str) -> HelpRequest:
    """The request, locked, if it is open."""
    request = locks.take_one(shop, HelpRequest, HelpRequest.id == request_id)
    if request is None:
        raise Refused("unknown_help_request", 404)
    if request.closed_at is not None:
        raise Refused("help_request_closed")
    return request
