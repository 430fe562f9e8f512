"""`/messages`, `/conversations/<msisdn>`, `/message-sums` and `/broadcasts`, for operators.

    GET /messages?direction=out&status=failed
    {"object": "list", "data": [{"id": "msg_4k2…", "msisdn": "+254733000333", "text": "…", "cost": null, …}], …}

The marketplace API serves them, because operators use it; the messages belong to the bot.
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
from pydantic import StringConstraints

from bot.marketplace.http_api import PhonePath
from bot.messaging import broadcasts, queue
from bot.messaging.broadcasts import Audience
from bot.messaging.queue import NewMessage, Priority
from marketplace_api.fields import Body, Id, LateModel, Limit, Line, Locale, Moment, Msisdn
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.idempotency import idempotent
from marketplace_api.rest.lists import IdCursor, Page, TextCursor, as_page
from marketplace_api.schemas.money import Money
from state import lookups, message_costs, messages, people
from state.messages import Direction, MessageStatus

blueprint = APIBlueprint("messages", __name__, tag="Messages")

Words = Annotated[str, StringConstraints(max_length=459, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
"""At most three segments of GSM-7."""

_COST = re.compile(r"([A-Z]{3}) ([0-9]+(?:\.[0-9]+)?)")


class Message(LateModel):
    """A text, in or out; `cost` is null if the provider has not reported one.

    `latency_ms` is the time from queueing to sending. `repeats` counts the sends after one that may have delivered it.
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
    def of(cls, message: messages.Message) -> Self:
        waited = message.sent_at - message.created_at if message.sent_at and message.direction == "out" else None
        latency_ms = None if waited is None else waited // timedelta(milliseconds=1)
        return cls.model_validate(asdict(message) | {"cost": cost(message.cost), "latency_ms": latency_ms})


class MessageQuery(LateModel):
    """Page and filters of a list of texts."""

    limit: Limit = 20
    cursor: IdCursor | None = None
    direction: Direction | None = None
    status: MessageStatus | None = None


@blueprint.get("/messages")
@requires("operator")
@blueprint.input(MessageQuery, location="query")
@blueprint.output(Page[Message])
def list_messages(query_data: MessageQuery) -> Page[Message]:
    """List texts, newest first."""
    return _page(query_data)


class MessageIn(Body):
    """A text to one person."""

    msisdn: Msisdn
    text: Words


@blueprint.post("/messages")
@requires("operator")
@idempotent
@blueprint.input(MessageIn)
@blueprint.output(Message, 201)
def send_message(json_data: MessageIn) -> Message:
    """Send a text to one person, by SMS; one who has opted out gets nothing. `GET /messages` says what became of it."""
    conn, message_id = shop().session.connection(), shop().ids.new_id("msg")
    person = people.find(conn, json_data.msisdn)
    message = NewMessage(
        f"operator:{message_id}",
        json_data.msisdn,
        json_data.text,
        (person and person.language) or "",
        "operator",
        priority=Priority.REPLY,
    )
    queue.add(conn, message, message_id, shop().now)
    stored = messages.find(conn, message_id)
    if stored is None:
        raise RuntimeError("a text that was queued is not there")
    return Message.of(stored)


@blueprint.post("/messages/<id:message_id>/resend")
@requires("operator", refusals=(409,))
@blueprint.output(Message)
def resend_message(message_id: str) -> Message:
    """Send a failed or suppressed text again; a recipient who has opted out still gets nothing."""
    return Message.of(queue.resend(shop(), message_id))


@blueprint.get("/conversations/<msisdn>")
@requires("operator")
@blueprint.input(MessageQuery, location="query")
@blueprint.input(PhonePath, location="path")
@blueprint.output(Page[Message])
def list_conversation(msisdn: str, query_data: MessageQuery, path_data: PhonePath) -> Page[Message]:
    """List the texts of one phone, newest first. It is stored who asked.

    The list is empty for a phone that neither sent nor got a text.
    """
    lookups.record(shop().session.connection(), msisdn, "conversation", str(shop().by), shop().now)
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


class SumQuery(LateModel):
    """The grouping of the texts, and which texts are counted; days are days in UTC."""

    limit: Limit = 20
    cursor: TextCursor | None = None
    by: Literal["day", "dialogue", "order"] = "day"
    since: Moment | None = None
    until: Moment | None = None


class MessageSum(LateModel):
    """The sent texts of a day, a dialogue or an order, and their cost in one currency; null if no cost was reported."""

    key: str
    texts: int
    segments: int
    cost: Money | None

    @classmethod
    def of(cls, total: message_costs.CostTotal) -> Self:
        text = f"{total.currency} {total.cost}" if total.currency else None
        return cls(key=total.key, texts=total.texts, segments=total.segments, cost=cost(text))


@blueprint.get("/message-sums")
@requires("operator")
@blueprint.input(SumQuery, location="query")
@blueprint.output(Page[MessageSum])
def list_sums(query_data: SumQuery) -> Page[MessageSum]:
    """Sum up the sent texts by day, dialogue or order; the greatest key first."""
    rows = message_costs.totals(
        shop().session.connection(),
        query_data.by,
        since=query_data.since,
        until=query_data.until,
        after=query_data.cursor,
        limit=query_data.limit + 1,
    )
    return as_page(rows, query_data.limit, MessageSum.of, lambda row: (row.key, row.currency))


class BroadcastIn(Body):
    """The text, and which artisans get it; a field that is left out restricts nothing."""

    text: Words
    craft: Line | None = None
    kiosk_id: Id | None = None
    town: Line | None = None
    language: Locale | None = None


class Broadcast(LateModel):
    """A broadcast that has started; its texts are those whose `about` is its id."""

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
    """Send a text to all artisans, or to some. Quiet hours and opt-outs are checked when each text is sent."""
    audience = json_data.model_dump(exclude={"text"})
    id, recipients = broadcasts.start(shop(), json_data.text, Audience(**audience))
    return Broadcast(id=id, text=json_data.text, recipients=recipients, created_at=shop().now)


def cost(text: str | None) -> Money | None:
    """A cost such as `KES 0.8000`, as providers write it, in minor units, rounded up.

    None if it has no currency: Africa's Talking writes `0` for a text that it did not accept.
    """
    parsed = _COST.fullmatch(text or "")
    if parsed is None:
        return None
    currency, number = parsed.groups()
    return Money(amount=math.ceil(Decimal(number).scaleb(get_currency_precision(currency))), currency=currency)
