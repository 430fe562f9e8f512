"""The simulator before an application that is not ours: the example of docs/simulator.md, and others' callbacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, NoReturn

import pytest
import requests
from flask import Flask, request
from twilio.request_validator import RequestValidator
from werkzeug.test import Client as WsgiClient

from bot.cli import simulator as command
from bot.migrations import upgrade
from bot.providers import registry
from bot.runtime.settings import Settings
from bot.simulator.forwarding import Forward, callback
from tests.command_line import run_command
from tests.databases import migrated_sqlite
from tests.http_server import running_app
from tests.providers.stand_in import free_address
from tests.repository.architecture import ROOT
from tests.repository.pages import blocks
from tests.servers import free_port
from tests.service import serving

ADDRESS = "http://127.0.0.1:9000"
"""The simulator's, on the page."""
AMINA, TOKEN = "+254711000111", "token of the other application"
CALL = {"msisdn": AMINA, "session_id": "ATUid_1", "code": "*384*22#"}
TRIES, PAUSE_S = 200, 0.05


@dataclass
class Before:
    """The simulator at `url`, before an application."""

    url: str
    http: requests.Session

    def dial(self, *typed: str) -> str:
        return str(self.ask("POST", "/simulator/answer", CALL | {"text": "*".join(typed)})["reply"])

    def inbox(self) -> list[str]:
        return [text["text"] for text in self.ask("GET", f"/simulator/messages?msisdn={AMINA[1:]}")["data"]]

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = self.http.request(method, self.url + path, json=body)
        assert answer.ok, answer.text
        return answer.json()

    def logged(self, kind: str, provider: str) -> list[dict[str, Any]]:
        """The exchanges of this kind, as soon as there is one."""
        for _ in range(TRIES):
            logged = self.ask("GET", f"/simulator/wire?kind={kind}")["data"]
            found = [exchange for exchange in logged if exchange["provider"] == provider]
            if found:
                break
            Event().wait(PAUSE_S)
        return found


def other_application(address: str) -> tuple[Flask, list[tuple[str, dict[str, str]]]]:
    """The example of the page, with callbacks of the other providers; and what was posted to these."""
    (code,) = [block for block in blocks("docs/simulator.md", "python") if "africastalking" in block]
    names: dict[str, Any] = {"__name__": "hello"}
    exec(code.replace(ADDRESS, address), names)
    app: Flask = names["app"]
    posted: list[tuple[str, dict[str, str]]] = []

    @app.post("/twilio")
    @app.post("/reports/<id>")
    @app.post("/mpesa/result")
    def note(id: str = "") -> tuple[str, int]:
        fields = request.get_json() if request.is_json else request.form.to_dict()
        posted.append((request.full_path.removesuffix("?"), fields))
        if request.is_json:
            return "", 200
        signature = request.headers["X-Twilio-Signature"]
        return "", 200 if RequestValidator(TOKEN).validate(request.url, request.form, signature) else 403

    return app, posted


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Before, list[tuple[str, dict[str, str]]]]]:
    folder, port = tmp_path_factory.mktemp("simulator"), free_port()
    url = f"http://127.0.0.1:{port}"
    app, posted = other_application(url)
    migrated_sqlite(folder / "simulator.db")
    with pytest.MonkeyPatch.context() as patch, running_app(app) as to:
        patch.setattr(upgrade, "upgrade", lambda _: None)
        settings = command.settings_for(registry.make_settings(twilio_auth_token=TOKEN), folder, to)
        paths = {name: path for name, (_, path, _) in command.CALLBACKS.items()} | {"twilio/sms": "/twilio"}
        with (
            command.running(settings, folder, to, paths, url) as simulator,
            running_app(simulator, port),
            requests.Session() as http,
        ):
            yield Before(url, http), posted


def test_the_example_of_the_page_is_called_and_texts_by_its_sdk(before) -> None:
    simulator, _ = before

    assert simulator.dial() == "CON What is your name?"
    assert simulator.dial("Amina") == "END Look at your texts."
    assert "Welcome, Amina!" in simulator.inbox()


def test_faults_strike_there_too(before) -> None:
    simulator, _ = before
    fault = {"target": "phone", "name": AMINA, "fault": "drop", "times": 1}
    simulator.ask("POST", "/simulator/faults", fault)

    assert [simulator.dial(), simulator.dial()] == ["", "CON What is your name?"]


def test_a_text_by_twilio_is_signed_for_the_address_that_it_is_posted_to(before) -> None:
    simulator, posted = before
    text = {"msisdn": AMINA, "text": "HELLO", "provider": "twilio"}
    wire = simulator.ask("POST", "/simulator/text", text)["wire"]

    assert [(exchange["status"], exchange["path"]) for exchange in wire] == [(200, "/twilio")]
    assert ("/twilio", "HELLO") in [(path, fields.get("Body")) for path, fields in posted]


def test_the_application_can_fetch_a_picture_that_a_phone_sent(before) -> None:
    simulator, posted = before
    sent = {"msisdn": AMINA, "text": "my basket", "channel": "whatsapp"}
    pictures = {"picture": ("basket.jpg", b"the picture", "image/jpeg")}
    assert simulator.http.post(f"{simulator.url}/simulator/picture", data=sent, files=pictures).ok

    (url,) = [fields["MediaUrl0"] for _, fields in posted if fields.get("Body") == "my basket"]
    account = url.partition("/Accounts/")[2].partition("/")[0]
    assert requests.get(url).status_code == 401
    assert requests.get(url, auth=(account, TOKEN)).content == b"the picture"


def test_twilios_report_comes_to_the_address_that_the_request_named(before) -> None:
    from twilio.rest import Client  # it takes long to import

    simulator, posted = before
    client = Client("AC1", TOKEN)
    client.api.base_url = f"{simulator.url}/simulator/twilio"
    to = "https://other.example/reports/7?shop=1"
    client.messages.create(to=AMINA, from_="+15005550006", body="Hello", status_callback=to)

    (report,) = simulator.logged("report", "twilio")
    assert report["response"]["status"] == 200
    assert report["request"]["path"] == "/reports/7?shop=1"
    assert ("/reports/7?shop=1", "delivered") in [(path, fields.get("MessageStatus")) for path, fields in posted]
    again = simulator.ask("POST", f"/simulator/wire/{report['id']}/resend")
    assert again["status"] == 200


def test_a_result_of_daraja_comes_to_the_path_that_the_request_named(before) -> None:
    simulator, posted = before
    root = f"{simulator.url}/simulator/daraja"
    token = requests.get(f"{root}/oauth/v1/generate?grant_type=client_credentials", auth=("key", "secret")).json()
    payment = {
        "OriginatorConversationID": "pay-1",
        "InitiatorName": "testapi",
        "SecurityCredential": "credential",
        "CommandID": "BusinessPayment",
        "Amount": 100,
        "PartyA": "600000",
        "PartyB": AMINA[1:],
        "Remarks": "wages",
        "QueueTimeOutURL": "https://other.example/mpesa/timeout",
        "ResultURL": "https://other.example/mpesa/result?of=1",
    }
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    accepted = requests.post(f"{root}/mpesa/b2c/v3/paymentrequest", json=payment, headers=bearer)

    assert accepted.json()["ResponseCode"] == "0"
    (result,) = simulator.logged("callback", "daraja")
    assert result["request"]["path"] == "/mpesa/result?of=1"
    assert [path for path, fields in posted if "Result" in fields] == ["/mpesa/result?of=1"]


def test_what_the_application_has_no_path_for_is_not_posted(before) -> None:
    simulator, posted = before
    before_it = len(posted)
    wire = simulator.ask("POST", "/simulator/hang-up", CALL)["wire"]

    assert [(exchange["status"], "not posted" in exchange["answer"]) for exchange in wire] == [(404, True)]
    assert len(posted) == before_it


def test_its_page_has_phones_and_no_shop(before) -> None:
    simulator, _ = before
    page = simulator.http.get(simulator.url).text

    assert 'class="handsets"' in page
    assert not [part for part in ("storefront", "Shop window", "village", "Languages") if part in page]
    assert simulator.http.post(f"{simulator.url}/simulator/orders", json={}).status_code == 404


def test_an_application_that_is_away_gives_a_phone_no_screen() -> None:
    with free_address() as nobody:
        away = Forward(nobody, {"africastalking/ussd": "/ussd"}, lambda *_: "")
        answer = WsgiClient(away).post("/webhooks/africastalking/dev/ussd")

    assert answer.status_code == 504
    assert "does not answer" in answer.text


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/webhooks/africastalking/dev/ussd-events", "africastalking/ussd-events"),
        ("/webhooks/daraja/dev/c2b/confirmation", "daraja/c2b/confirmation"),
        ("/webhooks/twilio/sms", "twilio/sms"),
        ("/webhooks/stripe", "stripe"),
        ("/mpesa/result", None),
    ],
)
def test_a_callback_of_ours_is_known_by_its_name(path: str, name: str | None) -> None:
    assert callback(path) == name


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, str]] = []

    @contextmanager
    def running(settings: Settings, _: Path, to: str, paths: Mapping[str, str], url: str) -> Iterator[Flask]:
        asked.append({"to": to, "signed for": settings.url, "at": url, **paths})
        yield Flask("unused")

    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "running", running)
    monkeypatch.setattr(command, "make_server", interrupted)
    with serving(tmp_path) as service:
        options = ["--to", "http://127.0.0.1:5000/", "--twilio-sms", "/sms/twilio", "--public-url", "https://a.example"]
        printed = run_command(service.app, "simulator", *options).output

    assert "Phones            http://127.0.0.1:9000/simulator" in printed
    addresses = {"to": "http://127.0.0.1:5000", "signed for": "https://a.example", "at": ADDRESS}
    paths = {name: path for name, (_, path, _) in command.CALLBACKS.items()} | {"twilio/sms": "/sms/twilio"}
    assert asked == [addresses | paths]


def test_the_command_says_where_sdks_find_it_and_the_page_lists_its_options() -> None:
    page = (ROOT / "docs/simulator.md").read_text()
    listed = re.findall(r"^\| `(--[\w-]+)` \| (?:`(.*?)`|not posted) \|", page, re.MULTILINE)

    assert listed == [(option, path) for option, path, _ in command.CALLBACKS.values()]
    for address in re.findall(r"http\S+", command.welcome(ADDRESS, "http://127.0.0.1:5000"))[1:]:
        assert address in page
