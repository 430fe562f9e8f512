"""The simulator before an application of others: phones, carriers and payment networks at an address of their own.

Of our own service only the stores, the clock and the jobs are used, over a database that nothing else uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flask import Flask, redirect, url_for
from twilio.request_validator import RequestValidator

from bot.jobs.handlers import HandlerDispatcher, HandlerResult, with_payload
from bot.jobs.runner import JobRunner
from bot.providers import africastalking, mpesa_express, stripe_checkout, twilio
from bot.services import Services
from bot.simulator import providers
from bot.simulator.forwarding import Forward
from bot.simulator.providers import OtherApplication
from bot.web import security_headers
from state.outbox import Job

WEB = Path(security_headers.__file__).parent
"""Where the layout and the style of our pages are."""


def forward(services: Services, to: str, paths: Mapping[str, str]) -> Forward:
    """Passes callbacks on to the application at `to`, signed for the public URL of the services."""
    validator = RequestValidator(twilio.PROVIDER.own_settings(services.settings).callback_token or "")

    def sign(path: str, fields: Mapping[str, str]) -> str:
        return str(validator.compute_signature(services.settings.url + path, fields))

    return Forward(to, paths, sign)


def create(services: Services, target: Forward, url: str) -> Flask:
    """The simulator as a Flask application; `url` is its own address. Keys in the settings have to be in requests."""
    settings = services.settings
    mpesa = mpesa_express.PROVIDER.own_settings(settings)
    app = Flask("bot", root_path=str(WEB))
    app.after_request(security_headers.add_to_pages)
    other = OtherApplication(
        target,
        url,
        africastalking.PROVIDER.own_settings(settings).at_api_key,
        twilio.PROVIDER.own_settings(settings).twilio_auth_token,
        stripe_checkout.PROVIDER.own_settings(settings).stripe_api_key,
        (key, secret) if (key := mpesa.daraja_consumer_key) and (secret := mpesa.daraja_consumer_secret) else None,
    )
    providers.install(app, services, other=other)
    app.add_url_rule("/", "home", lambda: redirect(url_for("simulator.show")))
    return app


def runner(services: Services, target: Forward, pool: ThreadPoolExecutor) -> JobRunner[Job, HandlerResult]:
    """Posts what is posted later: delivery reports, results of payments, and requests that a network delays."""
    by_kind = {kind: with_payload(post) for kind, post in providers.job_handlers(target, services).items()}
    return JobRunner(HandlerDispatcher(services.clock, by_kind), services.database, services.clock, services.ids, pool)
