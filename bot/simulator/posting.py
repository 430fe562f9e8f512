"""Posts the callbacks of simulated payment providers, and logs them with their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.test import Client

from bot.providers import daraja_settings, stripe_checkout
from bot.runtime.clock import system_clock
from bot.services import Services
from bot.simulator import stripe
from bot.simulator.gateway import OF_SIMULATOR, POSTED_TO
from bot.simulator.instruments import own_path
from bot.simulator.wire import Wire, exchange


def post(app: WSGIApplication, services: Services, log: Wire, url: str, body: Mapping[str, Any]) -> None:
    """Post to the path of `url` in `app`; the origin is ignored."""
    _post_logged(app, log, daraja_settings.NAME, own_path(services, url), json.dumps(body), {})


def post_event(app: WSGIApplication, services: Services, log: Wire, event: Mapping[str, Any]) -> None:
    """Post an event, signed by the clock of this machine; without a secret nobody could verify it, so not at all."""
    secrets = stripe_checkout.webhook_secrets(stripe_checkout.PROVIDER.own_settings(services.settings))
    if secrets:
        body = json.dumps(event)
        headers = {"Stripe-Signature": stripe.sign(body.encode(), secrets[0], system_clock())}
        _post_logged(app, log, stripe_checkout.NAME, "/webhooks/stripe", body, headers)


def _post_logged(
    app: WSGIApplication, log: Wire, provider: str, path: str, body: str, signature: Mapping[str, str]
) -> None:
    headers = {"Content-Type": "application/json", **signature}
    own = {OF_SIMULATOR: True}
    answer = Client(app, use_cookies=False).post(path, data=body.encode(), headers=headers, environ_overrides=own)
    said = answer.get_data(as_text=True)
    posted = exchange("in", provider, "POST", path, body, status=answer.status_code, answer=said, headers=headers)
    log.record(replace(posted, path=answer.headers.get(POSTED_TO, path)))
