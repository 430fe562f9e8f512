"""Requests of people to be called back."""

from __future__ import annotations

from sqlalchemy import select

from marketplace_api.events import events
from marketplace_api.models import HelpRequest
from marketplace_api.refused import Refused
from marketplace_api.schemas.help_requests import HelpRequest as HelpRequestSchema
from marketplace_api.shop import Shop


def open_request(shop: Shop, msisdn: str) -> HelpRequest:
    """Ask for a call to this phone. If a request is open already, that one is returned."""
    waiting = select(HelpRequest).where(HelpRequest.msisdn == msisdn, HelpRequest.closed_at.is_(None))
    known = shop.session.scalars(waiting.limit(1)).first()
    if known is not None:
        return known
    asked = HelpRequest(id=shop.ids.new_id("hlp"), msisdn=msisdn, created_at=shop.now, closed_at=None)
    shop.session.add(asked)
    shop.session.flush()
    events.record(shop, "help.requested", HelpRequestSchema.of(asked))
    return asked


def close(shop: Shop, request_id: str) -> HelpRequest:
    """The person was called. `Refused` with `unknown_help_request` or `help_request_closed`."""
    asked = shop.session.get(HelpRequest, request_id, with_for_update=True)
    if asked is None:
        raise Refused("unknown_help_request", 404)
    if asked.closed_at is not None:
        raise Refused("help_request_closed")
    asked.closed_at = shop.now
    shop.session.flush()
    return asked
