"""`/messages` and `/conversations/<msisdn>`: what was said to whom, what it cost, what was delivered.

They stand on the marketplace API because operators look there; the texts themselves are the hall's.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, Self

from apiflask import APIBlueprint
from babel.numbers import get_currency_precision
from pydantic import AfterValidator, BaseModel, Field

from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.fields import Limit
from marketplace_api.rest.lists import IdCursor, Page, as_page
from marketplace_api.shapes import Money
from state import messages
from state.messages import Direction, Status

blueprint = APIBlueprint("messages", __name__, tag="Messages")

_E164 = r"^\+[1-9][0-9]{4,14}$"
_COST = re.compile(r"([A-Z]{3}) ([0-9]+(?:\.[0-9]+)?)")


class Message(BaseModel):
    """A text, in or out; `cost` is what the provider said it costs, and null when it said nothing."""

    id: str
    direction: Direction
    msisdn: str
    channel: str
    text: str
    status: Status
    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    cost: Money | None
    provider: str | None
    provider_id: str | None
    error: str | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None

    @classmethod
    def of(cls, kept: messages.Message) -> Self:
        return cls.model_validate(asdict(kept) | {"cost": cost(kept.cost)})


class MessageQuery(BaseModel):
    """Which page, and of which texts."""

    limit: Limit = 20
    cursor: IdCursor | None = None
    direction: Direction | None = None
    status: Status | None = None


def _msisdn(value: str) -> str:
    if not re.fullmatch(_E164, value):
        raise ValueError("is not a number in E.164; write it like +254712345678")
    return value


class Phone(BaseModel):
    """Whose conversation, in E.164."""

    # any MSISDN: whoever wrote to us is kept, also from a number that could not be registered
    msisdn: Annotated[
        str,
        Field(json_schema_extra={"pattern": _E164, "examples": ["+254712345678"]}),
        AfterValidator(_msisdn),
    ]


@blueprint.get("/messages")
@requires("operator")
@blueprint.input(MessageQuery, location="query")
@blueprint.output(Page[Message])
def list_messages(query_data: MessageQuery) -> Page[Message]:
    """List texts, newest first."""
    return _page(query_data)


@blueprint.get("/conversations/<msisdn>")
@requires("operator")
@blueprint.input(MessageQuery, location="query")
@blueprint.input(Phone, location="path")
@blueprint.output(Page[Message])
def list_conversation(msisdn: str, query_data: MessageQuery, path_data: Phone) -> Page[Message]:
    """List the texts of one phone, newest first.

    The list is empty for a phone that never wrote and was never written to.
    """
    return _page(query_data, msisdn)


def _page(query: MessageQuery, msisdn: str | None = None) -> Page[Message]:
    (after,) = query.cursor or (None,)
    rows = messages.history(
        shop().session.connection(),
        msisdn,
        direction=query.direction,
        status=query.status,
        after=after,
        limit=query.limit + 1,
    )
    return as_page(rows, query.limit, Message.of, lambda row: (row.id,))


def cost(words: str | None) -> Money | None:
    """`KES 0.8000`, as providers write it, in minor units; a part of one counts as a whole.

    None for what names no currency: Africa's Talking writes `0` for a text it did not take.
    """
    said = _COST.fullmatch(words or "")
    if said is None:
        return None
    currency, number = said.groups()
    return Money(amount=math.ceil(Decimal(number).scaleb(get_currency_precision(currency))), currency=currency)
