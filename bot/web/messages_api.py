"""`/messages` and `/conversations/<msisdn>`: what was said to whom, what it cost, what was delivered.

They stand on the marketplace API because operators look there; the texts themselves are the hall's.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal, Self

from apiflask import APIBlueprint
from babel.numbers import get_currency_precision
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from bot.messaging import broadcasts, queue
from bot.messaging.broadcasts import Audience
from flows.msisdn import E164, is_e164
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.fields import Id, Limit, Line, Locale, Moment
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import IdCursor, Page, TextCursor, as_page
from marketplace_api.schemas.money import Money
from state import message_costs, messages
from state.messages import Direction, MessageStatus

blueprint = APIBlueprint("messages", __name__, tag="Messages")

Words = Annotated[str, StringConstraints(max_length=459, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
"""What fits three segments, at most."""

_COST = re.compile(r"([A-Z]{3}) ([0-9]+(?:\.[0-9]+)?)")


class Message(BaseModel):
    """A text, in or out; `cost` is what the provider said it costs, and null when it said nothing.

    `latency_ms` is from when it was written to when a provider took it; `repeats` how often it may have come once more.
    """

    id: str
    direction: Direction
    msisdn: str
    channel: str
    text: str
    status: MessageStatus
    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    cost: Money | None
    provider: str | None
    provider_id: str | None
    error: str | None
    topic: str | None
    about: str | None
    dialogue: str | None
    reported: str | None
    repeats: int
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    latency_ms: int | None

    @classmethod
    def of(cls, kept: messages.Message) -> Self:
        waited = kept.sent_at - kept.created_at if kept.sent_at and kept.direction == "out" else None
        latency_ms = None if waited is None else waited // timedelta(milliseconds=1)
        return cls.model_validate(asdict(kept) | {"cost": cost(kept.cost), "latency_ms": latency_ms})


class MessageQuery(BaseModel):
    """Which page, and of which texts."""

    limit: Limit = 20
    cursor: IdCursor | None = None
    direction: Direction | None = None
    status: MessageStatus | None = None


def _msisdn(value: str) -> str:
    if not is_e164(value):
        raise ValueError("is not a number in E.164; write it like +254712345678")
    return value


class PhonePath(BaseModel):
    """Whose conversation, in E.164."""

    # any MSISDN: whoever wrote to us is kept, also from a number that could not be registered
    msisdn: Annotated[
        str,
        Field(json_schema_extra={"pattern": E164, "examples": ["+254712345678"]}),
        AfterValidator(_msisdn),
    ]


@blueprint.get("/messages")
@requires("operator")
@blueprint.input(MessageQuery, location="query")
@blueprint.output(Page[Message])
def list_messages(query_data: MessageQuery) -> Page[Message]:
    """List texts, newest first."""
    return _page(query_data)


@blueprint.post("/messages/<id:message_id>/resend")
@requires("operator", refusals=(409,))
@blueprint.output(Message)
def resend_message(message_id: str) -> Message:
    """Send a failed or suppressed text again; whoever wants no texts gets none all the same."""
    return Message.of(queue.resend(shop(), message_id))


@blueprint.get("/conversations/<msisdn>")
@requires("operator")
@blueprint.input(MessageQuery, location="query")
@blueprint.input(PhonePath, location="path")
@blueprint.output(Page[Message])
def list_conversation(msisdn: str, query_data: MessageQuery, path_data: PhonePath) -> Page[Message]:
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


class SumQuery(BaseModel):
    """What texts are summed up by, and which; a day is one of UTC."""

    limit: Limit = 20
    cursor: TextCursor | None = None
    by: Literal["day", "dialogue", "order"] = "day"
    since: Moment | None = None
    until: Moment | None = None


class Sum(BaseModel):
    """The texts of a day, a dialogue or an order that left for one price's currency; null where none was named."""

    key: str
    texts: int
    segments: int
    cost: Money | None

    @classmethod
    def of(cls, summed: message_costs.CostTotal) -> Self:
        paid = f"{summed.currency} {summed.cost}" if summed.currency else None
        return cls(key=summed.key, texts=summed.texts, segments=summed.segments, cost=cost(paid))


@blueprint.get("/message-sums")
@requires("operator")
@blueprint.input(SumQuery, location="query")
@blueprint.output(Page[Sum])
def list_sums(query_data: SumQuery) -> Page[Sum]:
    """Sum up the texts that left, by day, by dialogue or by order; the last key first."""
    rows = message_costs.totals(
        shop().session.connection(),
        query_data.by,
        since=query_data.since,
        until=query_data.until,
        after=query_data.cursor,
        limit=query_data.limit + 1,
    )
    return as_page(rows, query_data.limit, Sum.of, lambda row: (row.key, row.currency))


class BroadcastIn(BaseModel):
    """The words, and which artisans; what is left out leaves that question open."""

    text: Words
    craft: Line | None = None
    kiosk_id: Id | None = None
    town: Line | None = None
    language: Locale | None = None


class Broadcast(BaseModel):
    """A broadcast that has begun; its texts are those `about` its id."""

    id: str
    text: str
    recipients: int
    created_at: datetime


@blueprint.post("/broadcasts")
@requires("operator")
@idempotent
@blueprint.input(BroadcastIn)
@blueprint.output(Broadcast, 201)
def send_broadcast(json_data: BroadcastIn) -> Broadcast:
    """Text all artisans, or some; quiet hours and opt-outs are heeded as each text leaves."""
    asked = json_data.model_dump(exclude={"text"})
    id, recipients = broadcasts.start(shop(), json_data.text, Audience(**asked))
    return Broadcast(id=id, text=json_data.text, recipients=recipients, created_at=shop().now)


def cost(words: str | None) -> Money | None:
    """`KES 0.8000`, as providers write it, in minor units; a part of one counts as a whole.

    None for what names no currency: Africa's Talking writes `0` for a text it did not take.
    """
    said = _COST.fullmatch(words or "")
    if said is None:
        return None
    currency, number = said.groups()
    return Money(amount=math.ceil(Decimal(number).scaleb(get_currency_precision(currency))), currency=currency)
