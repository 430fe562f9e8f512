"""A service with the callbacks of two providers, and APIs for their adapters to talk to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from bot.providers import africastalking, twilio
from tests.providers.recording import CallbackRecorder
from tests.providers.stand_in import StandIn, free_address, serving_stand_in

SECRET = "s3cret-path"
TOKEN = "12345"
PUBLIC_URL = "https://bot.example.com"


@pytest.fixture
def handler() -> CallbackRecorder:
    return CallbackRecorder()


@pytest.fixture(params=["through Flask", "by the fast path"])
def app(request: pytest.FixtureRequest, handler: CallbackRecorder) -> Flask:
    """The application without and with the fast path, which must give the same answers."""
    app = Flask(__name__)
    app.register_blueprint(africastalking.routes(handler, (SECRET,)))
    app.register_blueprint(twilio.routes(handler, PUBLIC_URL, TOKEN))
    if request.param == "by the fast path":
        app.wsgi_app = africastalking.fast_path(app.wsgi_app, handler, (SECRET,))  # type: ignore[method-assign]
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def api() -> Iterator[StandIn]:
    with serving_stand_in() as stand_in:
        yield stand_in


@pytest.fixture
def unused_address() -> Iterator[str]:
    """An address at which nothing listens."""
    with free_address() as address:
        yield address
