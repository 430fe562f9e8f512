"""`/phones/…`: the marketplace as a bot elsewhere asks for it, one person at a time.

    GET  /phones/shop                         what is the same for everybody
    GET  /phones/news?after=7                 what happened, with all that texts about it need
    GET  /phones/{msisdn}                     who speaks
    GET  /phones/{msisdn}/orders              … and what else dialogues ask
    POST /phones/{msisdn}/commands            {"type": "SetPrice", "code": "K7P4", "price": 150000}

The values are those of the dialogues themselves (`flows/market.py`, `flows/commands.py`) as JSON. They are read by
`bot/marketplace/remote.py`. Amounts are minor units of the shop's currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Annotated, Any

import msgspec
from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints
from werkzeug.exceptions import BadRequest

from bot.marketplace import events
from bot.marketplace.local import LocalSession
from bot.marketplace.port import ArtisanContact, CallerProfile, CommandResult, RecentEvents, ShopFacts
from flows import commands, market
from flows.msisdn import E164, is_e164
from marketplace_api.rest import problems
from marketplace_api.rest.access import requires, shop
from marketplace_api.rest.fields import Limit
from marketplace_api.rest.idempotency import idempotent

blueprint = APIBlueprint("phones", __name__, tag="Phones")

NAMED = "#/components/schemas/Phone{name}"
"""Where a value's schema stands in the document: its name is told from the resource's, which may be alike."""

PHOTO_LINK = "PHOTO_LINK"
"""Under this name the application's configuration holds how a link for pictures is made."""

# msgspec gets to know a type as it first reads one; two threads that make it do so at once crash the process
msgspec.json.Decoder(commands.ShopCommand)

_answers: dict[str, Any] = {}
"""By path, the type of what is answered there."""


def _msisdn(value: str) -> str:
    if not is_e164(value):
        raise ValueError("is not a number in E.164; write it like +254712345678")
    return value


class PhonePath(BaseModel):
    """A phone in a path, in E.164."""

    # any such number, also one that could not be registered: messages from it are stored too
    msisdn: Annotated[
        str,
        Field(json_schema_extra={"pattern": E164, "examples": ["+254712345678"]}),
        AfterValidator(_msisdn),
    ]


class CodePath(PhonePath):
    """Whose order or product, and which."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,20}$")]


class KioskArtisanPath(PhonePath):
    """Whose kiosk, and who brings her wares there."""

    neighbour: Annotated[str, StringConstraints(pattern=E164)]  # the name in the URL


class NewsQuery(BaseModel):
    """From where on to read: `seq` of the last one that was read, 0 at first."""

    after: Annotated[int, Field(ge=0, le=2**53)] = 0
    limit: Limit = 100


def asks(
    path: str, answers: Any, of: type[PhonePath] = PhonePath
) -> Callable[[Callable[..., object]], Callable[..., Response]]:
    """A read on behalf of whoever has the phone in the path."""

    def decorate(view: Callable[..., object]) -> Callable[..., Response]:
        @wraps(view)
        def asked(path_data: PhonePath, **_in_path: str) -> Response:
            session = _session(path_data.msisdn)
            return _answer(view(session, *path_data.model_dump(exclude={"msisdn"}).values()))

        _answers[re.sub(r"<(\w+)>", r"{\1}", path)] = answers
        guarded = requires("operator", refusals=(422,))(blueprint.input(of, location="path")(asked))
        return blueprint.get(path)(guarded)

    return decorate


@asks("/phones/<msisdn>", CallerProfile)
def caller(session: LocalSession) -> CallerProfile:
    """Read who speaks.

    A phone that nobody knows is nobody's: that is no error.
    """
    return session.caller()


@asks("/phones/<msisdn>/products", list[market.ProductSummary])
def products(session: LocalSession) -> Sequence[market.ProductSummary]:
    """List what an artisan has on sale or sold out, newest first."""
    return session.products()


@asks("/phones/<msisdn>/orders", list[market.OrderSummary])
def orders(session: LocalSession) -> Sequence[market.OrderSummary]:
    """List what waits for an artisan, to be answered or to be brought, oldest first."""
    return session.orders()


@asks("/phones/<msisdn>/expected/<code>", list[market.OrderSummary], CodePath)
def expected(session: LocalSession, code: str) -> Sequence[market.OrderSummary]:
    """List the parts of an order that are on their way to an agent's kiosk."""
    return session.expected(code)


@asks("/phones/<msisdn>/to-ship", list[market.OrderSummary])
def to_ship(session: LocalSession) -> Sequence[market.OrderSummary]:
    """List the orders that lie at an agent's kiosk."""
    return session.to_ship()


@asks("/phones/<msisdn>/bought/<code>", market.OrderSummary | None, CodePath)
def bought(session: LocalSession, code: str) -> market.OrderSummary | None:
    """Read an order that this phone placed, or null."""
    return session.bought(code)


@asks("/phones/<msisdn>/neighbours/<neighbour>", ArtisanContact | None, KioskArtisanPath)
def neighbour(session: LocalSession, msisdn: str) -> ArtisanContact | None:
    """Read an artisan who brings her wares to an agent's kiosk, or did until she left; null when there is no such."""
    return session.artisan_of_kiosk(msisdn)


@asks("/phones/<msisdn>/photo-link/<code>", str | None, CodePath)
def photo_link(session: LocalSession, code: str) -> str | None:
    """Read where an artisan can send pictures of a product from a browser, or null when she sells no such."""
    return session.photo_link(code)


@asks("/phones/<msisdn>/earnings", market.Earnings)
def earnings(session: LocalSession) -> market.Earnings:
    """Read what an artisan is owed, what she was paid, and the last payouts."""
    return session.earnings()


@asks("/phones/<msisdn>/day", market.KioskDaySummary)
def day(session: LocalSession) -> market.KioskDaySummary:
    """Read an agent's day at the kiosk."""
    return session.day()


@blueprint.get("/phones/shop")
@requires("operator")
def facts() -> Response:
    """Read what is the same for everybody."""
    session, terms = _session(""), shop().terms
    kiosks = [*session.kiosks()]
    return _answer(ShopFacts([*session.crafts()], kiosks, terms.commission_percent, events.newest(shop())))


@blueprint.get("/phones/news")
@requires("operator")
@blueprint.input(NewsQuery, location="query")
def recent(query_data: NewsQuery) -> Response:
    """List what happened, oldest first, with all that texts about it need.

    A code for cash is among it, which only its artisan may be told.
    """
    return _answer(RecentEvents([*events.since(shop(), query_data.after, query_data.limit)]))


@blueprint.post("/phones/<msisdn>/commands")
@requires("operator")
@blueprint.input(PhonePath, location="path")
def perform(path_data: PhonePath, msisdn: str) -> Response:
    """Have something done on behalf of a phone.

    That the shop refuses is an outcome too, `rejected` for a `reason`; only what cannot be read is an error.
    """
    try:
        command = _command(request.get_data())
    except msgspec.ValidationError as error:
        return _invalid(str(error))
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest from None
    return _perform(command, path_data.msisdn)


def _command(body: bytes) -> commands.Command:
    """JSON has one kind of number, so 5.0 is whole."""
    sent = msgspec.json.decode(body)
    if isinstance(sent, dict):
        sent = {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in sent.items()
        }
    command: commands.Command = msgspec.convert(sent, commands.ShopCommand)
    return command


@idempotent
def _perform(command: commands.Command, msisdn: str) -> Response:
    session = _session(msisdn)
    outcome = session.perform(command)
    return _answer(CommandResult(outcome, session.caller()), 201)


def _session(msisdn: str) -> LocalSession:
    return LocalSession(shop, msisdn, current_app.config[PHOTO_LINK])


def _answer(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, mimetype="application/json")


def _invalid(words: str) -> Response:
    """The library says where it is as `$.price`; a pointer says it as `#/price`."""
    detail, _, place = words.partition(" - at `$")
    pointer = "#" + "".join(f"/{step}" for step in place.rstrip("`").split(".") if step)
    return problems.answer(422, "One field is not valid.", errors=[{"detail": detail, "pointer": pointer}])


def described(complete: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What completes the document, after the values that are read and answered here were put into it."""

    def describe(document: dict[str, Any]) -> dict[str, Any]:
        reads = {"/phones/shop": ShopFacts, "/phones/news": RecentEvents, **_answers}
        shapes, components = msgspec.json.schema_components(
            [*reads.values(), CommandResult, commands.ShopCommand], ref_template=NAMED
        )
        *answered, performed, command = shapes
        document["components"]["schemas"] |= {f"Phone{name}": schema for name, schema in components.items()}
        for path, schema in zip(reads, answered, strict=True):
            document["paths"][path]["get"]["responses"] |= _response("200", schema)
        operation = document["paths"]["/phones/{msisdn}/commands"]["post"]
        operation["requestBody"] = {"content": _json(command)}
        del operation["responses"]["200"]
        operation["responses"] |= _response("201", performed)
        return complete(document)

    return describe


def _response(status: str, schema: object) -> dict[str, Any]:
    return {status: {"description": "Successful response", "content": _json(schema)}}


def _json(schema: object) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
