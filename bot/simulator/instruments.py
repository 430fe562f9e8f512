"""Builds what the simulated networks and providers share, from the services of a process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from wsgiref.types import WSGIApplication

from sqlalchemy import Connection
from twilio.request_validator import RequestValidator
from werkzeug.test import Client

from bot.providers import daraja_settings, mpesa_express, stripe_checkout, twilio
from bot.providers.secret_path import secret_paths
from bot.runtime.clock import system_clock
from bot.services import Services
from bot.simulator import stripe
from bot.simulator.faults import LARGEST_SEED, Faults
from bot.simulator.gateway import OF_SIMULATOR
from bot.simulator.masking import masked
from bot.simulator.network import AFRICASTALKING, Instruments, Network
from bot.simulator.wire import Exchange, Wire
from bot.webhooks.safe_http import Poster, PostError, PostResult
from state import outbox

LATE = "simulated_late"
"""The kind of the outbox jobs that post a request that a network delays."""
ID_DIGITS = 32
SHORTEST_SECRET = 8
"""A shorter one, as in development, would stand in too many words."""


def instruments(services: Services) -> Instruments:
    """The instruments, over the database of the services."""
    transaction = partial(open_transaction, services)
    secrets = [secret for secret in services.settings.secrets if len(secret) >= SHORTEST_SECRET]
    return Instruments(
        Faults(transaction, partial(new_id, services), lambda: services.ids.random.randrange(LARGEST_SEED)),
        Wire(transaction, services.clock, secrets, partial(masked, services)),
        transaction,
        partial(add_job, services, LATE),
    )


def network(app: WSGIApplication, services: Services) -> Network:
    """The networks of the simulated phones; `app` is the WSGI application to which they post."""
    return Network(app, services.settings, services.clock, partial(new_id, services), instruments(services))


def resender(app: WSGIApplication, services: Services, wire: Wire) -> Callable[[Mapping[str, Any]], tuple[int, str]]:
    """A function that posts a logged request of a provider again, with the present secret and a new signature."""

    def resend(logged: Mapping[str, Any]) -> tuple[int, str]:
        request, provider = logged["request"], logged["provider"]
        path, headers = _unmasked_path(services, provider, request["path"]), dict(request["headers"])
        body = request["body"]
        headers |= _signature(services, provider, path, body)
        own = {OF_SIMULATOR: True}
        answer = Client(app, use_cookies=False).post(path, data=body.encode(), headers=headers, environ_overrides=own)
        said = answer.get_data(as_text=True)
        summary = f"again: {logged['summary']}"
        wire.record(
            Exchange(
                *("in", logged["kind"], provider, logged["phone"], summary, "POST", request["path"]),
                headers=request["headers"],
                body=body,
                status=answer.status_code,
                answer=said,
            )
        )
        return answer.status_code, said

    return resend


def _unmasked_path(services: Services, provider: str, path: str) -> str:
    """The path with the secret in use; a path that is not ours stays as it is."""
    secrets = {
        AFRICASTALKING: services.settings.webhook_secrets,
        daraja_settings.NAME: daraja_secrets(services),
    }.get(provider)
    if not secrets or not path.startswith(f"/webhooks/{provider}/"):
        return path
    _, _, rest = path.removeprefix(f"/webhooks/{provider}/").partition("/")
    return f"{secret_paths(provider, secrets)[0]}/{rest}"


def daraja_secrets(services: Services) -> tuple[str, ...]:
    """The secrets of the callbacks of Daraja; the one in use first."""
    return mpesa_express.PROVIDER.own_settings(services.settings).callback_secrets


def _signature(services: Services, provider: str, path: str, body: str) -> Mapping[str, str]:
    if provider == twilio.NAME:
        validator = RequestValidator(twilio.PROVIDER.own_settings(services.settings).callback_token or "")
        fields = dict(parse_qsl(body, keep_blank_values=True))
        return {"X-Twilio-Signature": validator.compute_signature(services.settings.url + path, fields)}
    if provider == stripe_checkout.NAME:
        secrets = stripe_checkout.webhook_secrets(stripe_checkout.PROVIDER.own_settings(services.settings))
        return {"Stripe-Signature": stripe.sign(body.encode(), secrets[0], system_clock())} if secrets else {}
    return {}


@dataclass(frozen=True, slots=True)
class LoggedPoster(Poster):
    """Posts webhooks anywhere, and logs them."""

    wire: Wire | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostResult:
        """The answer, whatever its status; raises PostError if there is none."""
        try:
            answer = Poster.post(self, url, body, headers)
        except PostError as error:
            self._record(url, body, headers, 0, error.reason)
            raise
        self._record(url, body, headers, answer.status, "")
        return answer

    def _record(self, url: str, body: bytes, headers: Mapping[str, str], status: int, said: str) -> None:
        event = json.loads(body)
        summary = f"{event.get('type', 'event')} -> {said or f'HTTP {status}'}"
        if self.wire:
            self.wire.record(
                Exchange("out", "webhook", "", "", summary, "POST", url, headers, body.decode(), status, said)
            )


def poster(services: Services) -> Poster:
    """Posts webhooks, to addresses in our own network too."""
    return LoggedPoster(anywhere=True, wire=instruments(services).wire)


def own_path(services: Services, url: str) -> str:
    """The path and the query of an address of ours, below the path of the public URL."""
    parts = urlsplit(url)
    path = parts.path.removeprefix(urlsplit(services.settings.url).path)
    return f"{path}?{parts.query}" if parts.query else path


def add_job(services: Services, kind: str, payload: Mapping[str, Any], seconds: float) -> None:
    """Add a job that runs after a number of seconds."""
    with open_transaction(services) as conn:
        now, key = services.clock(), f"{kind}:{new_id(services)}"
        due_at = now + timedelta(seconds=seconds)
        outbox.add(conn, kind=kind, payload=payload, key=key, ordering_key=None, due_at=due_at, now=now)


def new_id(services: Services) -> str:
    """32 hexadecimal digits."""
    return "".join(services.ids.random.choices("0123456789abcdef", k=ID_DIGITS))


@contextmanager
def open_transaction(services: Services) -> Iterator[Connection]:
    """A write transaction on the database of the services."""
    with services.database.writing.begin() as session:
        yield session.connection()
