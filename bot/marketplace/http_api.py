"""`/phones/…`: the endpoints through which a bot on another server uses the marketplace, for one phone at a time.

    GET  /phones/shop                         what is the same for all callers
    GET  /phones/news?after=7                 events, with all data for the messages about them
    GET  /phones/{msisdn}                     the caller's profile
    GET  /phones/{msisdn}/orders              … and other data that dialogues read
    POST /phones/{msisdn}/commands            {"type": "SetPrice", "code": "K7P4", "price": 150000}

The values are those of the dialogues (`flows/market.py`, `flows/commands.py`) and of `bot/marketplace/wire.py`, as
JSON. They are read by `bot/marketplace/remote.py`. Amounts are minor units of the shop's currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import msgspec
from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import AfterValidator, Field, StringConstraints
from werkzeug.exceptions import BadRequest

from bot.marketplace import events
from bot.marketplace.local import LocalSession
from bot.marketplace.wire import ArtisanContact, CallerProfile, CommandResult, RecentEvents, ShopFacts
from flows import commands, market
from flows.msisdn import E164, is_e164
from marketplace_api.actors import Actor
from marketplace_api.events import events as shop_events
from marketplace_api.fields import LateModel, Limit
from marketplace_api.problems import FieldError, Problem
from marketplace_api.rest import errors
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.idempotency import idempotent

blueprint = APIBlueprint("phones", __name__, tag="Phones")

SCHEMA_REF = "#/components/schemas/Phone{name}"
"""The place of a schema in the OpenAPI document. The prefix avoids a clash with REST resources."""

PHOTO_LINK = "PHOTO_LINK"
"""The name under which the Flask configuration holds the function that makes upload links."""

# Made at import: two threads that make msgspec's first decoder of a type at the same time crash the process.
msgspec.json.Decoder(commands.ShopCommand)

_answer_types: dict[str, Any] = {}
"""The type of the answer, by path."""


def _msisdn(value: str) -> str:
    if not is_e164(value):
        raise ValueError("is not a number in E.164; write it like +254712345678")
    return value


class PhonePath(LateModel):
    """A phone in a path, in E.164."""

    # any number in E.164, also one that cannot be registered, because messages from it are stored too
    msisdn: Annotated[
        str,
        Field(json_schema_extra={"pattern": E164, "examples": ["+254712345678"]}),
        AfterValidator(_msisdn),
    ]


class CodePath(PhonePath):
    """A phone, and the code of an order or product."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,20}$")]


class KioskArtisanPath(PhonePath):
    """The phone of an agent, and the phone of an artisan of the agent's kiosk."""

    neighbour: Annotated[str, StringConstraints(pattern=E164)]  # the name in the URL


class NewsQuery(LateModel):
    """The position to read from: `seq` of the last event that was read; 0 at first."""

    after: Annotated[int, Field(ge=0, le=2**53)] = 0
    limit: Limit = 100


def read_endpoint(
    path: str, answer_type: Any, path_type: type[PhonePath] = PhonePath, name: str | None = None
) -> Callable[[Callable[..., object]], Callable[..., Response]]:
    """Registers a view as a GET endpoint; the view gets the shop's session for the phone in the path.

    `name` is part of the operation id in the OpenAPI document; it stays, because generated clients use it.
    """

    def decorate(view: Callable[..., object]) -> Callable[..., Response]:
        @wraps(view)
        def endpoint(path_data: PhonePath, **_in_path: str) -> Response:
            session = _session(path_data.msisdn)
            return _answer(view(session, *path_data.model_dump(exclude={"msisdn"}).values()))

        _answer_types[re.sub(r"<(\w+)>", r"{\1}", path)] = answer_type
        guarded = requires("bridge", refusals=(422,))(blueprint.input(path_type, location="path")(endpoint))
        return blueprint.get(path, endpoint=name or view.__name__)(guarded)

    return decorate


@read_endpoint("/phones/<msisdn>", CallerProfile, name="speaker")
def caller(session: LocalSession) -> CallerProfile:
    """Read the profile of a phone.

    The profile of a phone that is not registered is empty; this is not an error.
    """
    return session.caller()


@read_endpoint("/phones/<msisdn>/products", list[market.ProductSummary])
def products(session: LocalSession) -> Sequence[market.ProductSummary]:
    """List what an artisan has on sale or sold out, newest first."""
    return session.products()


@read_endpoint("/phones/<msisdn>/orders", list[market.OrderSummary])
def orders(session: LocalSession) -> Sequence[market.OrderSummary]:
    """List the orders that an artisan has to answer or to bring, oldest first."""
    return session.orders()


@read_endpoint("/phones/<msisdn>/expected/<code>", list[market.OrderSummary], CodePath)
def expected(session: LocalSession, code: str) -> Sequence[market.OrderSummary]:
    """List the parts of an order that an agent's kiosk expects."""
    return session.expected(code)


@read_endpoint("/phones/<msisdn>/awaited", list[market.OrderSummary])
def awaited(session: LocalSession) -> Sequence[market.OrderSummary]:
    """List all parts that an agent's kiosk expects, oldest order first."""
    return session.awaited()


@read_endpoint("/phones/<msisdn>/to-ship", list[market.OrderSummary])
def to_ship(session: LocalSession) -> Sequence[market.OrderSummary]:
    """List the orders that an agent's kiosk has to ship."""
    return session.to_ship()


@read_endpoint("/phones/<msisdn>/bought/<code>", market.OrderSummary | None, CodePath)
def bought(session: LocalSession, code: str) -> market.OrderSummary | None:
    """Read an order that this phone placed, or null."""
    return session.bought(code)


@read_endpoint("/phones/<msisdn>/neighbours/<neighbour>", ArtisanContact | None, KioskArtisanPath, name="neighbour")
def artisan_of_kiosk(session: LocalSession, msisdn: str) -> ArtisanContact | None:
    """Read an artisan of an agent's kiosk, also one who left it; null when there is no such artisan."""
    return session.artisan_of_kiosk(msisdn)


@read_endpoint("/phones/<msisdn>/photo-link/<code>", str | None, CodePath)
def photo_link(session: LocalSession, code: str) -> str | None:
    """Read the URL where an artisan can upload pictures of a product; null when it is not the artisan's product."""
    return session.photo_link(code)


@read_endpoint("/phones/<msisdn>/earnings", market.Earnings)
def earnings(session: LocalSession) -> market.Earnings:
    """Read what an artisan is owed, what was paid, and the last payouts."""
    return session.earnings()


@read_endpoint("/phones/<msisdn>/cash", market.WaitingCash | None)
def cash(session: LocalSession) -> market.WaitingCash | None:
    """Read the cash that has waited longest for an artisan, with its code, or null.

    Only the artisan may be told the code.
    """
    return session.cash()


@read_endpoint("/phones/<msisdn>/day", market.KioskDaySummary)
def day(session: LocalSession) -> market.KioskDaySummary:
    """Read the day so far at an agent's kiosk."""
    return session.day()


@blueprint.get("/phones/shop")
@requires("bridge")
def facts() -> Response:
    """Read the facts that are the same for all callers."""
    session, terms = _session(""), shop().terms
    kiosks = [*session.kiosks()]
    return _answer(ShopFacts([*session.crafts()], kiosks, terms.commission_percent, shop_events.newest(shop())))


@blueprint.get("/phones/news")
@requires("bridge")
@blueprint.input(NewsQuery, location="query")
def recent(query_data: NewsQuery) -> Response:
    """List events, oldest first, with all data for the messages about them.

    This includes one-time codes for cash, which may be sent only to their artisan.
    """
    return _answer(RecentEvents([*events.since(shop(), query_data.after, query_data.limit)]))


@blueprint.post("/phones/<msisdn>/commands")
@requires("bridge")
@blueprint.input(PhonePath, location="path")
def perform(path_data: PhonePath, msisdn: str) -> Response:
    """Perform a command on behalf of a phone.

    A refusal is also an outcome: `rejected` with a `reason`. Only a command that cannot be read is an error.
    """
    try:
        command = _command(request.get_data())
    except msgspec.ValidationError as error:
        return _invalid(str(error))
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest from None
    return _perform(command, path_data.msisdn)


def _command(body: bytes) -> commands.Command:
    """The command in a request body. JSON has one type of number, so 5.0 is read as 5."""
    fields = msgspec.json.decode(body)
    if isinstance(fields, dict):
        fields = {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in fields.items()
        }
    command: commands.Command = msgspec.convert(fields, commands.ShopCommand)
    return command


@idempotent
def _perform(command: commands.Command, msisdn: str) -> Response:
    session = _session(msisdn)
    outcome = session.perform(command)
    return _answer(CommandResult(outcome, session.caller()), 201)


def _session(msisdn: str) -> LocalSession:
    by = Actor.with_phone("phone", msisdn)
    return LocalSession(lambda: shop().acting(by), msisdn, current_app.config[PHOTO_LINK])


def _answer(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, mimetype="application/json")


def _invalid(message: str) -> Response:
    """The problem for a message of msgspec, whose path `$.price` becomes the JSON pointer `#/price`."""
    detail, _, place = message.partition(" - at `$")
    pointer = "#" + "".join(f"/{step}" for step in place.rstrip("`").split(".") if step)
    field = FieldError(detail=detail, pointer=pointer)
    return errors.answer(Problem.of(422, "One field is not valid.", errors=[field]))


def add_schemas(complete: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that adds the schemas of these endpoints to the OpenAPI document, and then calls `complete` on it."""

    def process(document: dict[str, Any]) -> dict[str, Any]:
        reads = {"/phones/shop": ShopFacts, "/phones/news": RecentEvents, **_answer_types}
        schemas, components = msgspec.json.schema_components(
            [*reads.values(), CommandResult, commands.ShopCommand], ref_template=SCHEMA_REF
        )
        *answers, result, command = schemas
        document["components"]["schemas"] |= {f"Phone{name}": schema for name, schema in components.items()}
        for path, schema in zip(reads, answers, strict=True):
            document["paths"][path]["get"]["responses"] |= _response("200", schema)
        operation = document["paths"]["/phones/{msisdn}/commands"]["post"]
        operation["requestBody"] = {"content": _json(command)}
        del operation["responses"]["200"]
        operation["responses"] |= _response("201", result)
        return complete(document)

    return process


def _response(status: str, schema: object) -> dict[str, Any]:
    return {status: {"description": "Successful response", "content": _json(schema)}}


def _json(schema: object) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
