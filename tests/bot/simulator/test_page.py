"""The requests of the simulator's page, with the real gateway posting to a stand-in for the service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

import bot
from bot.providers import registry
from bot.simulator import page
from bot.simulator.gateway import Gateway
from marketplace_api.idempotency import StoredAnswer

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AMINA = "+254711000111"
CALL = {"msisdn": AMINA, "session_id": "ATUid_1", "code": "*384*22#"}
MESSAGE = {"id": "msg_1", "from": "22384", "text": "Karibu", "at": "2026-11-23T12:00:00Z"}


def service() -> Flask:
    """Answers hops with what was posted."""
    app = Flask("stand-in", root_path=str(Path(bot.__file__).parent / "web"))

    @app.post("/webhooks/africastalking/dev/ussd")
    def ussd() -> str:
        return f"CON {request.form['phoneNumber']} said {request.form['text']}"

    return app


@pytest.fixture
def placed() -> list[tuple[dict[str, Any], str]]:
    """Every order that was placed, with its idempotency key."""
    return []


@pytest.fixture
def client(placed: list[tuple[dict[str, Any], str]]) -> FlaskClient:
    def place(body: dict[str, Any], key: str) -> StoredAnswer:
        placed.append((body, key))
        return StoredAnswer(422, '{"detail": "No such product."}')

    app = service()
    simulator = page.routes(
        Gateway(app.wsgi_app, registry.make_settings(), lambda: NOON, lambda: "0" * 32),
        inbox=lambda msisdn: [MESSAGE] if msisdn == AMINA else [],
        place_order=place,
        new_key=lambda: "key_1",
        ussd_code="*384*22#",
        short_code="22384",
        paybill="600999",
        timezone="Africa/Nairobi",
    )
    app.register_blueprint(simulator)
    return app.test_client()


def test_the_page_shows_the_code_to_dial(client: FlaskClient) -> None:
    shown = client.get("/simulator").text
    assert 'data-ussd-code="*384*22#"' in shown
    assert "<style" not in shown
    assert "style=" not in shown


@pytest.mark.parametrize(("path", "text"), [("dial", ""), ("answer", "1*Amina")])
def test_a_hop_returns_the_reply(client: FlaskClient, path: str, text: str) -> None:
    answer = client.post(f"/simulator/{path}", json={**CALL, "text": text}).get_json()
    assert answer["reply"] == f"CON {AMINA} said {text}"


@pytest.mark.parametrize("msisdn", ["%2B254711000111", "+254711000111", "254711000111"])
def test_the_inbox_is_found_however_the_plus_is_written(client: FlaskClient, msisdn: str) -> None:
    assert client.get(f"/simulator/messages?msisdn={msisdn}").get_json() == {"data": [MESSAGE]}


def test_an_order_is_placed_under_a_new_key_and_its_answer_returned(
    client: FlaskClient, placed: list[tuple[dict[str, Any], str]]
) -> None:
    answer = client.post("/simulator/orders", json={"product_id": "prd_1"})
    assert placed == [({"product_id": "prd_1"}, "key_1")]
    assert (answer.status_code, answer.get_json()) == (422, {"detail": "No such product."})


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("dial", "{", "Invalid JSON"),
        ("dial", "{}", "msisdn: Field required"),
        ("dial", '{"msisdn": "0711", "session_id": "1", "code": "*1#"}', "such as +254711000111"),
        ("text", '{"msisdn": "+254711000111"}', "text: Field required"),
        (
            "text",
            '{"msisdn": "+254711000111", "text": "", "provider": "pigeon"}',
            "'africastalking' or 'twilio'",
        ),
        ("orders", "[]", "should be an object"),
    ],
)
def test_a_body_that_is_not_valid_is_explained(client: FlaskClient, path: str, body: str, words: str) -> None:
    answer = client.post(f"/simulator/{path}", data=body)
    assert answer.status_code == 400
    assert words in answer.get_json()["detail"]
