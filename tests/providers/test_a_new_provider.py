"""A provider is added by an adapter file, an entry of the registry and a table of wire rows, and by nothing else."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bot.providers import registry
from bot.providers.contracts import DeliveryReport, Inbound, Receipt
from bot.providers.errors import Reason
from tests.bot.fixtures import AKINYI
from tests.providers import wire
from tests.providers.stand_in import StandIn
from tests.providers.wire import FINAL, JSON, LATER, UNKNOWN, AnswerRow, CallbackRow, Failed, WireTable
from tests.service import Service, serving

# 1. The adapter file

ADAPTER = '''
"""Pigeon Post: messages in and out, delivery reports in.

    POST /webhooks/pigeon/<secret>/message    {"ring": "r1", "from": "+254711000111", "to": "22384", "letter": "HELP"}
    POST /send                                {"to": "+254711000111", "letter": "Hello"}
    200                                       {"ring": "r2"}
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

import requests
from flask import Blueprint, Response, abort, request

from bot.providers import forms
from bot.providers.contracts import DeliveryReport, Inbound, InboundHandler, OutgoingMessage, Receipt
from bot.providers.declaration import Provider
from bot.providers.errors import Reason, SendError
from bot.providers.forms import LONGEST_ID, LONGEST_TEXT, msisdn
from bot.providers.http import TIMEOUT_S, broken_off, pooled, refused
from bot.providers.secret_path import secret_blueprint
from bot.runtime.setting_types import BaseUrl
from bot.runtime.settings import Settings

NAME = "pigeon"
log = logging.getLogger(__name__)


class PigeonSettings(Settings):
    pigeon_key: str | None = None
    pigeon_url: BaseUrl = None


def routes(handler: InboundHandler, secrets: tuple[str, ...]) -> Blueprint:
    blueprint = secret_blueprint(NAME, secrets)
    for path, view in {"message": _message, "report": _report}.items():
        blueprint.add_url_rule(f"/{path}", path, partial(view, handler), methods=["POST"])
    return blueprint


def _field(name: str, longest: int = LONGEST_ID) -> str:
    value = forms.json_object(request).get(name) or abort(400, f"{name} is missing")
    return forms.bounded(name, str(value), longest)


def _message(handler: InboundHandler) -> Response:
    sender = msisdn(_field("from")) or abort(400, "from is no phone")
    handler.sms(Inbound("sms", NAME, _field("ring"), sender, _field("to"), _field("letter", LONGEST_TEXT)))
    return Response(status=204)


_LOST = {"hawk": Reason.REFUSED, "nobody home": Reason.INVALID_RECIPIENT}


def _report(handler: InboundHandler) -> Response:
    lost = forms.json_object(request).get("lost")
    reason = _LOST.get(lost, Reason.REFUSED) if lost else None
    handler.report(DeliveryReport(NAME, _field("ring"), "failed" if lost else "delivered", reason, lost))
    return Response(status=204)


class Pigeon:
    name = NAME

    def __init__(self, url: str, key: str, workers: int) -> None:
        self._url, self._key, self._session = url, key, pooled(workers)

    def send(self, sms: OutgoingMessage) -> Receipt:
        body, headers = {"to": sms.msisdn, "letter": sms.text}, {"X-Key": self._key}
        try:
            answer = self._session.post(f"{self._url}/send", json=body, headers=headers, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise SendError(broken_off(error)) from error
        if answer.status_code != 200:
            raise SendError(refused(answer.status_code), f"http_{answer.status_code}")
        return Receipt(answer.json()["ring"])


PROVIDER = Provider(
    name=NAME,
    settings=PigeonSettings,
    needs=("pigeon_key", "pigeon_url"),
    blueprint=lambda settings, handlers: routes(handlers.messages, settings.webhook_secrets),
    sender=lambda settings, workers: Pigeon(settings.pigeon_url or "", settings.pigeon_key or "", workers),
)
'''

# 2. The entry of the registry


@pytest.fixture
def pigeon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    name, file = "bot.providers.pigeon", tmp_path / "pigeon.py"
    file.write_text(ADAPTER)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(registry, "PROVIDERS", (*registry.PROVIDERS, module.PROVIDER))
    return module


# 3. The table of wire rows


def posted(path: str, body: object, *told: object, status: int = 204) -> CallbackRow:
    return CallbackRow(f"/webhooks/pigeon/{{secret}}/{path}", json.dumps(body), told, status, JSON)


LETTER = {"ring": "r1", "from": AKINYI, "to": "22384", "letter": "HELP"}
CALLBACKS = [
    posted("message", LETTER, Inbound("sms", "pigeon", "r1", AKINYI, "22384", "HELP")),
    posted("message", LETTER | {"from": "MPESA"}, status=400),
    posted("report", {"ring": "r2"}, DeliveryReport("pigeon", "r2", "delivered")),
    posted("report", {"ring": "r2", "lost": "hawk"}, DeliveryReport("pigeon", "r2", "failed", Reason.REFUSED, "hawk")),
]
ANSWERS = [
    AnswerRow(200, b'{"ring": "r2"}', Receipt("r2")),
    AnswerRow(403, b"", Failed("http_403", Reason.REFUSED, FINAL)),
    AnswerRow(429, b"", Failed("http_429", Reason.THROTTLED, LATER)),
    AnswerRow(None, b"", Failed("no_answer", Reason.NO_ANSWER, UNKNOWN)),
]


@pytest.fixture
def table(pigeon: ModuleType) -> WireTable:
    return WireTable(
        provider=pigeon.PROVIDER,
        settings={"pigeon_key": "coo-coo-secret"},
        base_url="pigeon_url",
        callbacks=CALLBACKS,
        answers=ANSWERS,
        secrets=["coo-coo-secret", AKINYI[1:]],
    )


@pytest.mark.parametrize("row", CALLBACKS)
def test_its_callbacks_are_understood(table: WireTable, row: CallbackRow, caplog: pytest.LogCaptureFixture) -> None:
    wire.check_callback(table, row, caplog)


@pytest.mark.parametrize("row", ANSWERS)
def test_its_answers_are_understood(
    table: WireTable, row: AnswerRow, api: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    wire.check_answer(table, row, api, caplog)


# Then the whole service knows it


@pytest.fixture
def service(pigeon: ModuleType, api: StandIn, tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, sms_provider="pigeon", pigeon_key="coo-coo-secret", pigeon_url=api.url) as service:
        yield service


def post(service: Service, path: str, body: object) -> int:
    return service.http.post(f"/webhooks/pigeon/{service.settings.webhook_secret}/{path}", json=body).status_code


def outgoing(service: Service) -> Any:
    (message,) = service.api("GET", "/messages?direction=out")["data"]
    return message


def test_a_message_from_it_is_answered_through_it_and_its_report_is_stored(service: Service, api: StandIn) -> None:
    api.answer(200, b'{"ring": "r2"}')
    assert post(service, "message", LETTER) == 204
    service.work()

    (sent,) = api.arrived
    assert (sent.path, sent.headers["x-key"]) == ("/send", "coo-coo-secret")
    assert json.loads(sent.body) == {"to": AKINYI, "letter": outgoing(service)["text"]}
    assert (outgoing(service)["provider"], outgoing(service)["status"]) == ("pigeon", "sent")

    assert post(service, "report", {"ring": "r2", "lost": "hawk"}) == 204
    assert (outgoing(service)["status"], outgoing(service)["error"]) == ("failed", "hawk")


def test_a_message_that_it_refuses_for_now_is_sent_again_later(service: Service, api: StandIn) -> None:
    api.answer(503)
    post(service, "message", LETTER)
    service.work()
    assert (outgoing(service)["status"], outgoing(service)["error"]) == ("queued", "http_503")
    api.answer(200, b'{"ring": "r2"}')
    service.later(minutes=2)
    assert outgoing(service)["status"] == "sent"


def test_its_settings_are_checked_when_a_process_starts(pigeon: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(**environment: str) -> str:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            registry.load_settings()
        return str(ended.value)

    assert "'simulator', 'africastalking', 'twilio' or 'pigeon'" in wrong(SMS_PROVIDER="carrier")
    assert wrong(SMS_PROVIDER="pigeon") == "PIGEON_KEY is needed by the SMS provider that is set"
    assert wrong(PIGEON_KEY="key", PIGEON_URL="loft").startswith("PIGEON_URL: what it got is wrong: takes an http://")
