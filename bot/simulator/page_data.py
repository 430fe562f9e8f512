"""What the simulator's page asks while it is open: what is new, texts, a screen in all languages, who has a phone.

GET /simulator/news?msisdn=%2B254711000101     with an ETag: 304 as long as nothing is new
200  {"phones": {"+254711000101": {"texts": 7, "name": "Amina Yusuf", "roles": ["artisan"], …}}, "shop": 31, …}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from flask import Blueprint, Response, jsonify, request
from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from bot.conversation import session as sessions
from bot.providers import forms
from bot.runtime.clock import MovableClock
from bot.runtime.settings import SIMULATOR
from bot.services import Services
from bot.simulator import buyers, counter, in_languages, inbox, replies, resetting, sizes, wire
from bot.simulator.daraja import MINOR_UNITS
from flows.kit import Person
from marketplace_api.accounts import roles
from marketplace_api.actors import Actor
from marketplace_api.events import events
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Artisan
from marketplace_api.shop import Shop
from state import people

MOST_PHONES = 30
"""Of one request."""
MOST_PEOPLE = 100
"""Artisans to choose from, and as many agents."""


class PageData:
    """Reads for the page. Nothing is changed by it."""

    def __init__(self, services: Services, clock: MovableClock) -> None:
        self._services, self._clock = services, clock

    def news(self, msisdns: Sequence[str]) -> dict[str, Any]:
        """For each phone the number of its last text, who has it, and its prompt; the number of the last event.

        `clock` is as `resetting.shown` returns it, and `began` the time of the last reset. `wire` is the number of the
        last exchange in the wire log.
        """
        with self._services.database.reading() as session:
            shop, conn = self._services.shop(session, Actor("job", SIMULATOR)), session.connection()
            return {
                "phones": {msisdn: self._phone(shop, conn, msisdn) for msisdn in msisdns},
                "shop": events.newest(shop),
                "counter": counter.numbers(conn, shop.now),
                "clock": resetting.shown(self._clock),
                "began": resetting.began(conn),
                "wire": wire.newest(conn),
            }

    def _phone(self, shop: Shop, conn: Connection, msisdn: str) -> dict[str, Any]:
        prompts = buyers.prompts(conn, msisdn, shop.now)
        return {
            "texts": inbox.newest(conn, msisdn),
            "prompt": _prompt(prompts[0]) if prompts else None,
            **self._owner(shop, conn, msisdn),
        }

    def _owner(self, shop: Shop, conn: Connection, msisdn: str) -> dict[str, Any]:
        """Name, roles, kiosk and language of the person with this phone: from the shop, or from the last hop."""
        services = self._services
        if not services.marketplace.is_local:
            session = sessions.read(services.sessions.load(msisdn, shop.now.timestamp()))
            return _shown(session.person if session else Person(msisdn))
        found, record = roles.of_phone(shop, msisdn), people.find(conn, msisdn)
        known = record and (record.language or record.keyword_language)
        artisan, kiosk = found.artisan, found.kiosk
        return _shown(
            Person(
                msisdn,
                language=known or (artisan.language if artisan else None) or found.locale,
                name=artisan.name if artisan else kiosk.agent_name if kiosk else "",
                artisan=artisan is not None,
                agent=kiosk is not None,
                kiosk=kiosk.name if kiosk else "",
                locale=found.locale,
            )
        )

    def texts(self, msisdn: str, since: int) -> list[dict[str, Any]]:
        """The texts of a phone with a higher number than `since`, oldest first: with size, price and answers."""
        with self._services.database.reading() as session:
            received = inbox.since(session.connection(), msisdn, since)
        return [{**each, "size": sizes.of_text(each["text"]), "parts": self._parts(each["text"])} for each in received]

    def _parts(self, text: str) -> list[dict[str, str]]:
        runner = self._services.conversation.runner
        found = replies.parts(text, lambda words: runner.engine.match_keyword(words, runner.place) is not None)
        return [part._asdict() for part in found]

    def screens(self, msisdn: str, by: in_languages.By) -> list[dict[str, Any]]:
        return in_languages.screens(self._services, msisdn, by)

    def people(self) -> list[dict[str, Any]]:
        """Those who have a phone in our own shop: artisans by craft, then agents."""
        with self._services.database.reading() as session:
            shop = self._services.shop(session, Actor("job", SIMULATOR))
            return [*_artisans(session), *_agents(shop)]


def _artisans(session: Session) -> Iterator[dict[str, Any]]:
    active = (
        select(Artisan).where(Artisan.status == "active").order_by(Artisan.craft, Artisan.created_at, Artisan.msisdn)
    )
    for artisan in session.scalars(active.limit(MOST_PEOPLE)):
        yield {
            "msisdn": artisan.msisdn,
            "name": artisan.name,
            "role": "artisan",
            "craft": artisan.craft,
            "language": artisan.language,
        }


def _agents(shop: Shop) -> Iterator[dict[str, Any]]:
    for kiosk in kiosks.list_all(shop)[:MOST_PEOPLE]:
        yield {"msisdn": kiosk.agent_msisdn, "name": kiosk.agent_name, "role": "agent", "kiosk": kiosk.name}


def _prompt(prompt: buyers.Collection) -> dict[str, Any]:
    return {"id": prompt.id, "amount": prompt.amount // MINOR_UNITS, "account": prompt.account}


def _shown(person: Person) -> dict[str, Any]:
    is_role = {"artisan": person.artisan, "agent": person.agent, "buyer": person.locale is not None}
    return {
        "name": person.name,
        "roles": [role for role, is_theirs in is_role.items() if is_theirs],
        "kiosk": person.kiosk,
        "language": person.language,
    }


def routes(data: PageData) -> Blueprint:
    """`/simulator/news`, `…/texts`, `…/screens` and `…/people`."""
    blueprint = Blueprint("simulator_page_data", __name__, url_prefix="/simulator")

    @blueprint.get("/news")
    def news() -> Response:
        answer = jsonify(data.news([read_msisdn(each) for each in request.args.getlist("msisdn")[:MOST_PHONES]]))
        answer.add_etag()
        return answer.make_conditional(request)  # type: ignore[return-value]

    @blueprint.get("/texts")
    def texts() -> Response:
        return jsonify(data=data.texts(read_msisdn(request.args.get("msisdn", "")), request.args.get("since", 0, int)))

    @blueprint.get("/screens")
    def screens() -> Response | tuple[Response, int]:
        by = request.args.get("by", "call")
        if by not in get_args(in_languages.By):
            return jsonify(detail="by: takes call or text"), 400
        return jsonify(data=data.screens(read_msisdn(request.args.get("msisdn", "")), by))  # type: ignore[arg-type]

    @blueprint.get("/people")
    def people_with_phones() -> Response:
        return jsonify(data=data.people())

    return blueprint


def read_msisdn(written: str) -> str:
    """The number of a query string, in which an unescaped + is decoded as a space."""
    return "+" + forms.clean(written).strip(" +")
