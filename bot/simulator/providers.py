"""The simulator, for development: it stands where the providers stand.

It posts exactly what they post and serves exactly what their APIs serve, so the real webhooks and the real SDKs
are what is tried. Its own delivery reports wait in the outbox like everything that leaves, and a worker posts them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from sqlalchemy import Connection
from werkzeug.test import Client

from bot.providers.africastalking import AfricasTalking
from bot.providers.contracts import Sender
from bot.providers.twilio import Twilio
from bot.runtime.clock import MovableClock
from bot.simulator import carriers, daraja, inbox, media, page, wallet
from bot.simulator.carriers import Carried, Network
from bot.simulator.gateway import ACCOUNT_SID, ORIGIN, TWILIO_NUMBER, TWILIO_URL, Gateway, WsgiAdapter
from bot.web.shop_client import Storefront
from flows import gsm7
from state import outbox

if TYPE_CHECKING:
    from bot.services import Services

REPORT, RESULT = "simulated_report", "simulated_result"
REPORTED_AFTER = timedelta(seconds=1)
HEX_DIGITS = 32


def install(app: Flask, services: Services, own: Storefront, faults: list[int]) -> None:
    """Adds the carriers' APIs and the page. `faults` are HTTP statuses the carriers answer the next sends with."""
    clock = services.clock
    if not isinstance(clock, MovableClock):
        raise TypeError("the simulator needs a clock that can be moved")
    wire = page.Wire(app)
    app.register_blueprint(carriers.routes(_network(services, faults)))
    app.register_blueprint(daraja.routes(_bank(app, services)))
    app.register_blueprint(
        page.routes(
            _gateway(wire, services),
            wire,
            inbox=lambda msisdn: _read(services, msisdn),
            advance=clock.advance,
            place_order=own.place_order,
            new_key=lambda: services.ids.token(HEX_DIGITS),
            ussd_code=services.settings.ussd_code,
            short_code=services.settings.sms_short_code,
            timezone=services.settings.timezone,
        )
    )


def sender(app: Flask, services: Services) -> Sender:
    """The built-in provider: the real SDK, talking to the simulated carrier without a socket.

    Its messages are filed under the carrier's name, since that is who reports on them.
    """
    return AfricasTalking(
        "soko",
        "simulator",
        sender_id=services.settings.sms_short_code,
        base_url=f"{ORIGIN}/simulator/africastalking",
        session=_without_a_socket(app),
    )


def twilio(app: Flask, services: Services) -> Twilio:
    """The simulated Twilio, whose phones can send pictures."""
    token = services.settings.twilio_auth_token or ""
    return Twilio(ACCOUNT_SID, token, TWILIO_NUMBER, base_url=TWILIO_URL, session=_without_a_socket(app))


def _without_a_socket(app: Flask) -> requests.Session:
    session = requests.Session()
    session.mount(ORIGIN, WsgiAdapter(app))
    return session


def payer(services: Services) -> wallet.BuiltIn:
    """The built-in provider of mobile money."""
    return wallet.BuiltIn(lambda: _book(services), services.clock)


def posters(app: Flask, services: Services) -> Mapping[str, Callable[[Mapping[str, Any]], None]]:
    """What is still owed us by those that are simulated, by the kind of its job: delivery reports, and results."""
    gateway = _gateway(app, services)

    def report(owed: Mapping[str, Any]) -> None:
        gateway.report(owed["id"], owed["status"], msisdn=owed["msisdn"], reason=owed["reason"])

    def result(owed: Mapping[str, Any]) -> None:
        _post(app, owed["url"], owed["body"])

    return {REPORT: report, RESULT: result}


def _post(app: Flask, url: str, body: Mapping[str, Any]) -> None:
    """Straight into our own application, whatever address it is reached at."""
    Client(app, use_cookies=False).post(urlsplit(url).path, json=body)


@contextmanager
def _book(services: Services) -> Iterator[Connection]:
    with services.database.writing.begin() as session:
        yield session.connection()


def _bank(app: Flask, services: Services) -> daraja.Bank:
    def owe(url: str, body: Mapping[str, Any], seconds: float) -> None:
        with _book(services) as conn:
            now, owed = services.clock(), {"url": url, "body": body}
            key, due_at = f"result:{_hex(services)}", now + timedelta(seconds=seconds)
            outbox.add(conn, kind=RESULT, payload=owed, key=key, ordering_key=None, due_at=due_at, now=now)

    return daraja.Bank(
        lambda: _book(services), owe, lambda url, body: _post(app, url, body), services.clock, lambda: _hex(services)
    )


def _gateway(app: Any, services: Services) -> Gateway:
    return Gateway(app, services.settings, services.clock, lambda: _hex(services))


def _hex(services: Services) -> str:
    return "".join(services.ids.random.choices("0123456789abcdef", k=HEX_DIGITS))


def _network(services: Services, faults: list[int]) -> Network:
    def deliver(text: Carried) -> None:
        with services.database.writing.begin() as session:
            inbox.put(session.connection(), text, services.clock())

    def report(text: Carried, status: str, reason: str | None) -> None:
        with services.database.writing.begin() as session:
            _owe(session.connection(), text, status, reason, services.clock())

    def segments(text: str) -> int:
        return gsm7.segments(text).count

    pictures = partial(media.find, services.settings)
    return Network(deliver, report, services.clock, lambda: _hex(services), segments, pictures, faults=faults)


def _owe(conn: Any, text: Carried, status: str, reason: str | None, now: datetime) -> None:
    owed = {"id": text.id, "status": status, "msisdn": text.msisdn, "reason": reason}
    due_at = now + REPORTED_AFTER
    outbox.add(conn, kind=REPORT, payload=owed, key=f"report:{text.id}", ordering_key=None, due_at=due_at, now=now)


def _read(services: Services, msisdn: str) -> list[dict[str, Any]]:
    with services.database.reading() as session:
        return inbox.read(session.connection(), msisdn)
