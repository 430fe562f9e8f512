"""Sets up the simulator in development: carriers for texts, a wallet for payouts, card payments, and phones.

The simulator posts the requests that a provider posts, and serves the API that a provider serves, so the real webhooks
and the real SDKs are used. Requests that it sends later, such as delivery reports, are jobs of the outbox.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask
from sqlalchemy import Connection
from werkzeug.test import Client

from bot.providers import daraja_settings, mpesa_express, stripe_checkout, twilio
from bot.providers.collector_contracts import Collector
from bot.providers.daraja_client import DarajaClient
from bot.providers.declaration import Provider
from bot.providers.mpesa_express import MpesaExpress
from bot.providers.secret_path import secret_paths
from bot.providers.stripe_checkout import StripeCheckout
from bot.runtime.clock import Clock, MovableClock
from bot.runtime.settings import SIMULATOR, Settings
from bot.services import Services
from bot.simulator import (
    carriers,
    counter,
    daraja,
    express,
    faults,
    faults_page,
    gallery_page,
    inbox,
    media,
    message_senders,
    ordering,
    page,
    page_data,
    paying,
    posting,
    provider_faults,
    resetting,
    shop_elsewhere,
    statements,
    stripe,
    stripe_page,
    tour_page,
    transcripts,
    wallet,
)
from bot.simulator.carriers import CarriedMessage, CarrierSimulator
from bot.simulator.daraja import DarajaSimulator
from bot.simulator.express import ExpressSimulator
from bot.simulator.gateway import ORIGIN, TWILIO_PATH
from bot.simulator.instruments import (
    ID_DIGITS,
    LATE,
    add_job,
    daraja_secrets,
    instruments,
    network,
    new_id,
    open_transaction,
    own_path,
    resender,
)
from bot.simulator.message_senders import session_without_socket
from bot.simulator.network import LATE_S
from bot.simulator.outside import OutsideRequests
from bot.simulator.page_data import PageData
from bot.simulator.paying import SimulatedPayments
from bot.simulator.provider_faults import WatchedPayer
from bot.simulator.stripe import StripeSimulator
from bot.simulator.wire import received
from flows import gsm7
from state import outbox

REPORT, RESULT, EVENT = "simulated_report", "simulated_result", "simulated_event"
"""The kinds of the outbox jobs that post a delivery report, a payment result and an event of Stripe's."""
OUTSIDE = "outside_requests"
"""The name of the extension of the app that notes the requests from outside."""
DELIVERY = "simulated_delivery"
"""The kind of the outbox jobs that deliver a text that the network delays."""
REPORTED_AFTER, CONTRADICTED_AFTER = timedelta(seconds=1), timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class OtherApplication:
    """An application of others, before which the simulator stands: callbacks are posted to `callbacks`.

    `url` is the address of the simulator. Keys that are not None have to be in requests to the simulated APIs.
    """

    callbacks: WSGIApplication
    url: str
    africastalking_key: str | None = None
    twilio_token: str | None = None
    stripe_key: str | None = None
    daraja_key: tuple[str, str] | None = None
    """The consumer key and secret."""


def install(
    app: Flask,
    services: Services,
    sleep: Callable[[float], None] = time.sleep,
    other: OtherApplication | None = None,
) -> None:
    """Add the carriers', the wallet's and the card payments' APIs and the pages to `app`.

    `sleep` keeps a request by a socket waiting, if a fault lets it hang. The callbacks are those of `app`, unless they
    are of an `other` application, which has no shop that the page knows. Raises TypeError if the clock of `services`
    cannot be moved.
    """
    clock = services.clock
    if not isinstance(clock, MovableClock):
        raise TypeError("the simulator needs a clock that can be moved")
    target = other.callbacks if other else app
    shared, phones = instruments(services), network(target, services)
    shop_elsewhere.watch(services, shared.wire)
    if other:
        phones.twilio_url = other.url + TWILIO_PATH
    mpesa, cards = simulated_buyers(target, services), _stripe(target, services)
    if other:
        mpesa = replace(mpesa, daraja=replace(mpesa.daraja, key=other.daraja_key))
        cards = replace(cards, url=other.url, key=other.stripe_key)
    for api in (
        carriers.routes(_carriers(services, other)),
        daraja.routes(mpesa.daraja),
        express.routes(mpesa),
        stripe.routes(cards),
    ):
        app.register_blueprint(provider_faults.watch(api, shared, sleep))
    if other is None:
        app.register_blueprint(paying.routes(_payments(app, services).pay))
    resend = resender(target, services, shared.wire)
    last_reset = partial(resetting.last_reset, services)
    app.extensions[OUTSIDE] = outside = OutsideRequests(shared.wire, clock, last_reset)
    app.register_blueprint(
        faults_page.routes(shared.faults, phones, shared.wire, outside.log, resend, services.settings.url)
    )
    app.register_blueprint(stripe_page.routes(cards))
    app.register_blueprint(statements.routes(partial(open_transaction, services), clock))
    app.register_blueprint(page_data.routes(PageData(services, clock)))
    app.register_blueprint(resetting.routes(services, clock, outside.forget))
    if other is None:
        app.register_blueprint(transcripts.routes(services))
        app.register_blueprint(counter.routes(services))
        tour_page.install(app, services)
        gallery_page.install(app, services)
    app.register_blueprint(
        page.routes(
            phones,
            inbox=partial(_inbox, services),
            place_order=None if other else partial(ordering.place, services, shared.wire),
            new_key=lambda: services.ids.token(ID_DIGITS),
            ussd_code=services.settings.ussd_code,
            short_code=services.settings.sms_short_code,
            timezone=services.settings.timezone,
            paybill=mpesa.shortcode,
        )
    )


def with_outside_requests(app: Flask, wsgi_app: WSGIApplication) -> WSGIApplication:
    """The WSGI application of `app`, of which the wire log also has the requests from outside."""
    outside: OutsideRequests = app.extensions[OUTSIDE]
    return outside.around(wsgi_app)


def _payments(app: Flask, services: Services) -> SimulatedPayments:
    def press(page: str, button: str) -> None:
        Client(app, use_cookies=False).post(own_path(services, page), data={"act": button})

    @cache
    def collector(method: str) -> Collector:
        return _cards(app) if method == "card" else _collector(app, services, services.clock)

    post = partial(posting.post, app, services, instruments(services).wire)
    return SimulatedPayments(services.collecting, collector, post, press)


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
        sender=lambda settings, _: message_senders.sms(app, settings),
        media_fetcher=(lambda *_: message_senders.whatsapp(app, own)) if keeps_pictures else None,
        payer=lambda _, clock: WatchedPayer(
            wallet.SimulatorPayer(partial(open_transaction, services), clock), instruments(services)
        ),
        collector=lambda _, clock: _collector(app, services, clock),
    )


def of_messages(app: Flask, services: Services) -> Sequence[Provider[Settings]]:
    """The providers called `simulator` of messages: `provider`, and in development one of WhatsApp."""
    own = twilio.PROVIDER.own_settings(services.settings)
    by_whatsapp = Provider(
        name=f"{SIMULATOR}_whatsapp",
        settings=Settings,
        sender=lambda *_: message_senders.whatsapp(app, own),
        carries_whatsapp=True,
    )
    return [provider(app, services), *([by_whatsapp] if own.development else [])]


def collecting(app: Flask, services: Services) -> Sequence[Provider[Settings]]:
    """The providers called `simulator` that collect: `provider`, and one of cards unless real ones are charged.

    The one of cards is Stripe's adapter, connected to the simulated Stripe. Its payments are stored under `stripe`,
    because events arrive under that name.
    """
    cards = Provider(name=SIMULATOR, settings=Settings, collector=lambda *_: _cards(app))
    are_real = stripe_checkout.NAME in services.settings.used_collectors
    return [provider(app, services), *([] if are_real else [cards])]


def _collector(app: Flask, services: Services, clock: Clock) -> MpesaExpress:
    """The real adapter of M-PESA Express, connected to the simulated Daraja without a socket."""
    session, simulated = session_without_socket(app), simulated_buyers(app, services)
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
    return StripeCheckout("sk_test_simulator", base_url=base_url, session=session_without_socket(app))


def job_handlers(app: WSGIApplication, services: Services) -> Mapping[str, Callable[[Mapping[str, Any]], None]]:
    """By kind of job, the function that posts a simulated provider's report or result to our webhooks."""
    shared, phones = instruments(services), network(app, services)

    def post_report(payload: Mapping[str, Any]) -> None:
        path = own_path(services, payload["to"]) if payload.get("to") else None
        phones.report(payload["id"], payload["status"], msisdn=payload["msisdn"], reason=payload["reason"], path=path)

    def post_result(payload: Mapping[str, Any]) -> None:
        posting.post(app, services, shared.wire, payload["url"], payload["body"])

    def deliver(payload: Mapping[str, Any]) -> None:
        with open_transaction(services) as conn:
            inbox.put(conn, CarriedMessage(**payload), services.clock())

    return {
        REPORT: post_report,
        RESULT: post_result,
        EVENT: partial(posting.post_event, app, services, shared.wire),
        DELIVERY: deliver,
        LATE: phones.post_late,
    }


# The simulated providers


def _carriers(services: Services, other: OtherApplication | None = None) -> CarrierSimulator:
    def deliver(message: CarriedMessage) -> None:
        with open_transaction(services) as conn:
            rule = faults.strike(conn, "delivery", message.provider, message.msisdn.removeprefix("whatsapp:"))
            if rule is None or rule.fault == "repeat":
                inbox.put(conn, message, services.clock())
            if rule and rule.fault == "repeat":
                inbox.put(conn, replace(message, id=f"{message.id}-again"), services.clock())
        if rule and rule.fault != "repeat":
            add_job(services, DELIVERY, asdict(message), rule.wait(LATE_S))

    def report(message: CarriedMessage, status: str, reason: str | None) -> None:
        with open_transaction(services) as conn:
            rule = faults.strike(conn, "report", message.provider, message.msisdn.removeprefix("whatsapp:"))
            if rule and rule.fault == "lose_report":
                return
            _schedule_report(conn, message, status, reason, services.clock() + REPORTED_AFTER)
            if rule:
                opposite = carriers.contradicted(status)
                _schedule_report(conn, message, *opposite, services.clock() + REPORTED_AFTER + CONTRADICTED_AFTER)

    return CarrierSimulator(
        deliver,
        report,
        services.clock,
        partial(new_id, services),
        lambda text: gsm7.segments(text).count,
        received=partial(received, instruments(services).wire),
        media=partial(media.find, services.settings),
        africastalking_key=other.africastalking_key if other else None,
        twilio_token=other.twilio_token if other else None,
    )


def _daraja(app: WSGIApplication, services: Services) -> DarajaSimulator:
    shared = instruments(services)

    def post_later(url: str, body: Mapping[str, Any], seconds: float) -> None:
        def add(told: Mapping[str, Any], after: float) -> None:
            add_job(services, RESULT, {"url": url, "body": told}, after)

        provider_faults.post_callbacks(shared, daraja_settings.NAME, body, seconds, add)

    return DarajaSimulator(
        partial(open_transaction, services),
        post_later,
        partial(posting.post, app, services, shared.wire),
        services.clock,
        partial(new_id, services),
    )


def simulated_buyers(app: WSGIApplication, services: Services) -> ExpressSimulator:
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
    return services.settings.url + secret_paths(daraja_settings.NAME, daraja_secrets(services))[0]


def _stripe(app: WSGIApplication, services: Services) -> StripeSimulator:
    shared = instruments(services)

    def post_later(event: Mapping[str, Any], seconds: float) -> None:
        add = partial(add_job, services, EVENT)
        provider_faults.post_callbacks(shared, stripe_checkout.NAME, event, seconds, add)

    return StripeSimulator(
        partial(open_transaction, services),
        post_later,
        partial(posting.post_event, app, services, shared.wire),
        services.clock,
        partial(new_id, services),
        services.settings.url,
    )


def _schedule_report(
    conn: Connection, message: CarriedMessage, status: str, reason: str | None, due_at: datetime
) -> None:
    payload = {"id": message.id, "status": status, "msisdn": message.msisdn, "reason": reason, "to": message.report_to}
    key = f"report:{message.id}:{status}"
    outbox.add(conn, kind=REPORT, payload=payload, key=key, ordering_key=None, due_at=due_at, now=due_at)


def _inbox(services: Services, msisdn: str) -> list[dict[str, Any]]:
    with services.database.reading() as session:
        return inbox.read(session.connection(), msisdn)
