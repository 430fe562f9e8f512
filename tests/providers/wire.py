"""Tables of wire rows, one for each provider, and the checks of every row.

A row is what travels on the wire, and what it means: what a callback tells the service, and what an answer of the
provider's API says of a message or a payment. The adapter is set up from its declaration, as the registry does it.
No row may bring a secret or a telephone number into the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from bot.providers import registry
from bot.providers.collector_contracts import Asked, Charge, NotCaptured
from bot.providers.contracts import OutgoingMessage, Receipt
from bot.providers.declaration import Handlers, Provider
from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason, SendError
from bot.providers.payment_contracts import NotPaid, Payment, Pending
from bot.runtime.clock import system_clock
from bot.runtime.settings import Settings
from tests.providers.recording import CallbackRecorder
from tests.providers.stand_in import StandIn

PUBLIC_URL = "https://bot.example.com"
WEBHOOK_SECRET = "s3cret-path"
SMS = OutgoingMessage("msg_1", "+254711000111", "Hello é €")
PAYMENT = Payment("pay_1", "+254711000111", 1500_00, "KES", "K7P4", "token")
CHARGE = Charge(
    *("bpy_1", "token", 1500_00, "KES", "K7P4"),
    datetime(2026, 11, 22, 9, 15, tzinfo=UTC),
    msisdn="+254711000111",
    return_url=f"{PUBLIC_URL}/o/token",
)
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

FINAL, LATER, UNKNOWN = (False, False), (True, False), (False, True)
"""Whether a failure is retryable, and whether its outcome is unknown."""


@dataclass(frozen=True, slots=True)
class CallbackRow:
    """The body that a provider posts to a path, and what the service is told. `{secret}` in a path is filled in."""

    path: str
    body: str | bytes
    told: tuple[object, ...]
    status: int = 200
    content_type: str = FORM


@dataclass(frozen=True, slots=True)
class Failed:
    """An error with this detail and reason; `kind` says again what the reason means, so that a mistake is noticed."""

    detail: str
    reason: Reason
    kind: tuple[bool, bool]
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer of the provider's API; without a status it hangs up. `means` is the expected result."""

    status: int | None
    body: bytes
    means: Receipt | Pending | NotPaid | Asked | NotCaptured | Failed
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class WireTable:
    """All rows of a provider. `base_url` names the setting that says where its API is."""

    provider: Provider[Any]
    settings: Mapping[str, object]
    base_url: str
    callbacks: Sequence[CallbackRow] = ()
    answers: Sequence[AnswerRow] = ()
    decides: Sequence[str] = ()
    """The fields of an answer that say what became of a message or payment. No other field may change that."""
    secrets: Sequence[str] = ()
    prepared: Mapping[str, bytes] = field(default_factory=dict)
    """What the API answers to other paths, such as the one for access tokens."""
    sign: Callable[[str, str | bytes], Mapping[str, str]] = lambda _url, _body: {}
    """The headers that the provider sends with a body to an address."""

    def made_settings(self, **more: object) -> Settings:
        own = {"secret_key": "signs-the-links", "bootstrap_api_key": "key-of-the-operator"}
        chosen = {"public_url": PUBLIC_URL, "webhook_secret": WEBHOOK_SECRET} | own | dict(self.settings) | more
        return self.provider.own_settings(registry.make_settings(**chosen))

    def applications(self, handler: CallbackRecorder) -> Iterator[WSGIApplication]:
        """An application with the provider's callbacks; and the same behind the provider's fast path, if it has one."""
        app, settings = Flask(__name__), self.made_settings()
        handlers = Handlers(messages=handler, payments=handler, collections=handler.collections)
        assert self.provider.blueprint
        app.register_blueprint(self.provider.blueprint(settings, handlers))
        yield app.wsgi_app
        if self.provider.fast_path:
            yield self.provider.fast_path(app.wsgi_app, settings, handlers)

    def post(self, app: WSGIApplication, row: CallbackRow) -> TestResponse:
        path = row.path.format(secret=WEBHOOK_SECRET)
        headers = dict(self.sign(PUBLIC_URL + path, row.body))
        return Client(app).post(path, data=row.body, content_type=row.content_type, headers=headers)

    def ask(self, api: StandIn, row: AnswerRow) -> object:
        """The adapter's result for the API's answer to a message, a payment or a charge."""
        return self.asker(api)(row)

    def asker(self, api: StandIn) -> Callable[[AnswerRow], object]:
        """`ask` for many answers, with one adapter."""
        api.prepared = dict(self.prepared)
        settings = self.made_settings(**{self.base_url: api.url})
        if self.provider.sender:
            request: Callable[[], object] = partial(self.provider.sender(settings, 1).send, SMS)
        elif self.provider.collector:
            request = partial(self.provider.collector(settings, system_clock).ask, CHARGE)
        else:
            assert self.provider.payer
            request = partial(self.provider.payer(settings, system_clock).pay, PAYMENT)

        def ask(row: AnswerRow) -> object:
            api.answer(row.status, row.body, row.content_type)
            try:
                return request()
            except (SendError, PaymentError) as error:
                kind = error.reason.retryable, error.reason.outcome_unknown
                return Failed(error.detail, error.reason, kind, duplicate=isinstance(error, DuplicatePaymentError))

        return ask

    def check_log(self, log: pytest.LogCaptureFixture) -> None:
        for secret in (*self.secrets, WEBHOOK_SECRET, SMS.msisdn.removeprefix("+")):
            assert secret not in log.text


def check_callback(table: WireTable, row: CallbackRow, log: pytest.LogCaptureFixture) -> None:
    """Checks that the service receives the values of the row, through Flask and through the fast path."""
    log.set_level("DEBUG")
    handler = CallbackRecorder()
    for app in table.applications(handler):
        handler.recorded.clear()
        answer = table.post(app, row)
        assert (answer.status_code, tuple(handler.recorded)) == (row.status, row.told)
    table.check_log(log)


def check_answer(table: WireTable, row: AnswerRow, api: StandIn, log: pytest.LogCaptureFixture) -> None:
    """Checks that the answer means what the row says, and that the API was asked once."""
    log.set_level("DEBUG")
    assert table.ask(api, row) == row.means
    assert len(api.arrived) == 1
    table.check_log(log)
