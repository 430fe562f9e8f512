"""Requests for a call back."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace_api import locks
from marketplace_api.events import events
from marketplace_api.models import ConsoleOperator, HelpRequest
from marketplace_api.refused import Refused
from marketplace_api.schemas.help_requests import HelpRequest as HelpRequestSchema
from marketplace_api.shop import Shop


def open_request(shop: Shop, msisdn: str) -> HelpRequest:
    """Create a request for a call to this phone; if one is already open, return that one."""
    existing = _waiting(shop, msisdn)
    if existing is not None:
        return existing
    request = HelpRequest(id=shop.ids.new_id("hlp"), msisdn=msisdn, created_at=shop.now, closed_at=None)
    try:
        with shop.session.begin_nested():
            shop.session.add(request)
    except IntegrityError:  # another transaction has just created one
        return _waiting(shop, msisdn) or open_request(shop, msisdn)
    events.record(shop, "help.requested", HelpRequestSchema.of(request))
    return request


def _waiting(shop: Shop, msisdn: str) -> HelpRequest | None:
    is_open = HelpRequest.msisdn == msisdn, HelpRequest.closed_at.is_(None)
    return shop.session.scalars(select(HelpRequest).where(*is_open)).one_or_none()


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
