"""Sets up the simulator in development: carriers for texts, a wallet for payouts, card payments, and phones.

The simulator posts the requests that a provider posts, and serves the API that a provider serves, so the real webhooks
and the real SDKs are used. Requests that it sends later, such as delivery reports, are jobs of the outbox.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from flask import Flask
from sqlalchemy import Connection
from werkzeug.test import Client

from bot.providers import daraja_settings, mpesa_express, stripe_checkout, twilio
from bot.providers.africastalking import AfricasTalking
from bot.providers.collector_contracts import Collector
from bot.providers.contracts import Sender
from bot.providers.daraja_client import DarajaClient
from bot.providers.declaration import Provider
from bot.providers.mpesa_express import MpesaExpress
from bot.providers.secret_path import secret_paths
from bot.providers.stripe_checkout import StripeCheckout
from bot.providers.twilio import Twilio, TwilioSettings
from bot.runtime.clock import Clock, MovableClock, system_clock
from bot.runtime.settings import SIMULATOR, Settings
from bot.services import Services
from bot.simulator import (
    carriers,
    daraja,
    express,
    inbox,
    media,
    page,
    page_data,
    paying,
    statements,
    stripe,
    stripe_page,
    wallet,
)
from bot.simulator.carriers import CarriedMessage, CarrierSimulator
from bot.simulator.daraja import DarajaSimulator
from bot.simulator.express import ExpressSimulator
from bot.simulator.gateway import ACCOUNT_SID, ORIGIN, TWILIO_NUMBER, TWILIO_URL, Gateway, WsgiAdapter
from bot.simulator.page import WireLog
from bot.simulator.page_data import PageData
from bot.simulator.paying import SimulatedPayments
from bot.simulator.stripe import StripeSimulator
from flows import gsm7
from marketplace_api.actors import Actor
from marketplace_api.idempotency import StoredAnswer
from marketplace_api.orders import placing
from state import outbox

REPORT, RESULT, EVENT = "simulated_report", "simulated_result", "simulated_event"
"""The kinds of the outbox jobs that post a delivery report, a payment result and an event of Stripe's."""
REPORTED_AFTER = timedelta(seconds=1)
ID_DIGITS = 32


def install(app: Flask, services: Services, faults: list[int]) -> None:
    """Add the carriers', the wallet's and the card payments' APIs and the pages to `app`.

    `faults` are HTTP statuses with which the carriers answer the next send requests. Raises TypeError if the clock of
    `services` cannot be moved.
    """
    clock = services.clock
    if not isinstance(clock, MovableClock):
        raise TypeError("the simulator needs a clock that can be moved")
    wire = WireLog(app)
    app.register_blueprint(carriers.routes(_carriers(services, faults)))
    app.register_blueprint(daraja.routes(_daraja(app, services)))
    mpesa = simulated_buyers(app, services)
    app.register_blueprint(express.routes(mpesa))
    app.register_blueprint(paying.routes(_payments(app, services).pay))
    cards = _stripe(app, services)
    app.register_blueprint(stripe.routes(cards))
    app.register_blueprint(stripe_page.routes(cards))
    app.register_blueprint(statements.routes(partial(_transaction, services), clock))
    app.register_blueprint(page_data.routes(PageData(services, clock)))
    app.register_blueprint(
        page.routes(
            _gateway(wire, services),
            wire,
            inbox=partial(_inbox, services),
            advance=clock.advance,
            place_order=partial(_place_order, services),
            new_key=lambda: services.ids.token(ID_DIGITS),
            ussd_code=services.settings.ussd_code,
            short_code=services.settings.sms_short_code,
            timezone=services.settings.timezone,
            paybill=mpesa.shortcode,
        )
    )


def _payments(app: Flask, services: Services) -> SimulatedPayments:
    def press(page: str, button: str) -> None:
        Client(app, use_cookies=False).post(urlsplit(page).path, data={"act": button})

    by_method: dict[str, Collector] = {"mpesa": _collector(app, services, services.clock), "card": _cards(app)}
    return SimulatedPayments(services.collecting, by_method, partial(_post, app), press)


def _place_order(services: Services, body: Mapping[str, Any], idempotency_key: str) -> StoredAnswer:
    """Place an order as a storefront that vouches for it."""
    with services.database.writing.begin() as session:
        shop = services.shop(session, Actor("key", SIMULATOR))
        return placing.place_once(shop, SIMULATOR, idempotency_key, body)


# For the worker


def provider(app: Flask, services: Services) -> Provider[Settings]:
    """The provider called `simulator`, of messages, of payouts and of collecting by M-PESA.

    In development it also serves the pictures that simulated phones send, unless a real Twilio account is set.
    """
    own = twilio.PROVIDER.own_settings(services.settings)
    keeps_pictures = own.development and own.twilio_account_sid is None
    return Provider(
        name=SIMULATOR,
        settings=Settings,
        sender=lambda settings, _: _sender(app, settings),
        media_fetcher=(lambda *_: _twilio(app, own)) if keeps_pictures else None,
        payer=lambda _, clock: wallet.SimulatorPayer(partial(_transaction, services), clock),
        collector=lambda _, clock: _collector(app, services, clock),
    )


def collecting(app: Flask, services: Services) -> Sequence[Provider[Settings]]:
    """The providers called `simulator` that collect: `provider`, and one of cards unless real ones are charged.

    The one of cards is Stripe's adapter, connected to the simulated Stripe. Its payments are stored under `stripe`,
    because events arrive under that name.
    """
    cards = Provider(name=SIMULATOR, settings=Settings, collector=lambda *_: _cards(app))
    are_real = stripe_checkout.NAME in services.settings.used_collectors
    return [provider(app, services), *([] if are_real else [cards])]


def _sender(app: Flask, settings: Settings) -> Sender:
    """Africa's Talking's SDK, connected to the simulated carrier without a socket.

    Its messages are stored under `africastalking`, because delivery reports arrive under that name.
    """
    return AfricasTalking(
        "soko",
        "simulator",
        sender_id=settings.sms_short_code,
        base_url=f"{ORIGIN}/simulator/africastalking",
        session=_session_without_socket(app),
    )


def _collector(app: Flask, services: Services, clock: Clock) -> MpesaExpress:
    """The real adapter of M-PESA Express, connected to the simulated Daraja without a socket."""
    session, simulated = _session_without_socket(app), simulated_buyers(app, services)
    return MpesaExpress(
        DarajaClient(f"{ORIGIN}/simulator/daraja", "key", "secret", clock=clock, session=session),
        shortcode=simulated.shortcode,
        passkey=simulated.passkey,
        initiator="testapi",
        credential="simulated",
        callbacks=_daraja_callbacks(services),
        clock=clock,
        name=SIMULATOR,
    )


def _cards(app: Flask) -> StripeCheckout:
    """The real adapter of Stripe, connected to the simulated Stripe without a socket."""
    base_url = f"{ORIGIN}/simulator/stripe"
    return StripeCheckout("sk_test_simulator", base_url=base_url, session=_session_without_socket(app))


def _twilio(app: Flask, settings: TwilioSettings) -> Twilio:
    """The simulated Twilio; pictures that simulated phones send are fetched from it."""
    token = settings.twilio_auth_token or ""
    return Twilio(ACCOUNT_SID, token, TWILIO_NUMBER, base_url=TWILIO_URL, session=_session_without_socket(app))


def job_handlers(app: Flask, services: Services) -> Mapping[str, Callable[[Mapping[str, Any]], None]]:
    """By kind of job, the function that posts a simulated provider's report or result to our webhooks."""
    gateway = _gateway(app, services)

    def post_report(payload: Mapping[str, Any]) -> None:
        gateway.report(payload["id"], payload["status"], msisdn=payload["msisdn"], reason=payload["reason"])

    def post_result(payload: Mapping[str, Any]) -> None:
        _post(app, payload["url"], payload["body"])

    return {REPORT: post_report, RESULT: post_result, EVENT: partial(_post_event, app, services)}


# The simulated providers


def _carriers(services: Services, faults: list[int]) -> CarrierSimulator:
    def deliver(message: CarriedMessage) -> None:
        with _transaction(services) as conn:
            inbox.put(conn, message, services.clock())

    def report(message: CarriedMessage, status: str, reason: str | None) -> None:
        with _transaction(services) as conn:
            _schedule_report(conn, message, status, reason, services.clock())

    return CarrierSimulator(
        deliver,
        report,
        services.clock,
        partial(_new_id, services),
        lambda text: gsm7.segments(text).count,
        partial(media.find, services.settings),
        faults=faults,
    )


def _daraja(app: Flask, services: Services) -> DarajaSimulator:
    def post_later(url: str, body: Mapping[str, Any], seconds: float) -> None:
        _add_job(services, RESULT, {"url": url, "body": body}, seconds)

    return DarajaSimulator(
        partial(_transaction, services), post_later, partial(_post, app), services.clock, partial(_new_id, services)
    )


def simulated_buyers(app: Flask, services: Services) -> ExpressSimulator:
    """The simulated M-PESA of buyers, with the paybill number of the settings if they name one."""
    own = mpesa_express.PROVIDER.own_settings(services.settings)
    return ExpressSimulator(
        _daraja(app, services),
        own.daraja_express_shortcode or mpesa_express.SIMULATED_SHORTCODE,
        own.daraja_express_passkey or express.SIMULATED_PASSKEY,
        confirmation_url=f"{_daraja_callbacks(services)}/c2b/confirmation",
    )


def _daraja_callbacks(services: Services) -> str:
    """The public URL above the callbacks of Daraja, with the secret in use."""
    own = mpesa_express.PROVIDER.own_settings(services.settings)
    return own.url + secret_paths(daraja_settings.NAME, own.callback_secrets)[0]


def _stripe(app: Flask, services: Services) -> StripeSimulator:
    return StripeSimulator(
        partial(_transaction, services),
        partial(_add_job, services, EVENT),
        partial(_post_event, app, services),
        services.clock,
        partial(_new_id, services),
        services.settings.url,
    )


def _gateway(app: Any, services: Services) -> Gateway:
    return Gateway(app, services.settings, services.clock, partial(_new_id, services))


def _session_without_socket(app: Flask) -> requests.Session:
    session = requests.Session()
    session.mount(ORIGIN, WsgiAdapter(app))
    return session


def _post(app: Flask, url: str, body: Mapping[str, Any]) -> None:
    """Post to the path of `url` in our own application; the origin is ignored."""
    Client(app, use_cookies=False).post(urlsplit(url).path, json=body)


def _post_event(app: Flask, services: Services, event: Mapping[str, Any]) -> None:
    """Post an event, signed by the clock of this machine; without a secret nobody could verify it, so not at all."""
    secrets = stripe_checkout.webhook_secrets(stripe_checkout.PROVIDER.own_settings(services.settings))
    if secrets:
        body = json.dumps(event).encode()
        headers = {"Stripe-Signature": stripe.sign(body, secrets[0], system_clock())}
        Client(app, use_cookies=False).post(
            "/webhooks/stripe", data=body, content_type="application/json", headers=headers
        )


def _add_job(services: Services, kind: str, payload: Mapping[str, Any], seconds: float) -> None:
    """Add a job that runs after a number of seconds."""
    with _transaction(services) as conn:
        now, key = services.clock(), f"{kind}:{_new_id(services)}"
        due_at = now + timedelta(seconds=seconds)
        outbox.add(conn, kind=kind, payload=payload, key=key, ordering_key=None, due_at=due_at, now=now)


def _schedule_report(conn: Connection, message: CarriedMessage, status: str, reason: str | None, now: datetime) -> None:
    payload = {"id": message.id, "status": status, "msisdn": message.msisdn, "reason": reason}
    key, due_at = f"report:{message.id}", now + REPORTED_AFTER
    outbox.add(conn, kind=REPORT, payload=payload, key=key, ordering_key=None, due_at=due_at, now=now)


def _inbox(services: Services, msisdn: str) -> list[dict[str, Any]]:
    with services.database.reading() as session:
        return inbox.read(session.connection(), msisdn)


def _new_id(services: Services) -> str:
    return "".join(services.ids.random.choices("0123456789abcdef", k=ID_DIGITS))


@contextmanager
def _transaction(services: Services) -> Iterator[Connection]:
    with services.database.writing.begin() as session:
        yield session.connection()
