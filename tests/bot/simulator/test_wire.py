"""The wire log: what is in it, what is masked, and what is sent again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.messaging import queue
from bot.messaging.queue import NewMessage
from bot.simulator import wire
from bot.simulator.instruments import instruments
from bot.simulator.tables import simulated_wire
from bot.simulator.wire import Exchange
from state import people
from tests.service import Service, serving

AMINA, JOY = "+254711000111", "+254733000333"
WEBHOOK_SECRET = "a-webhook-secret-of-32-characters"
FORM = "application/x-www-form-urlencoded"
STRIPE = {"stripe_api_key": "sk_test_simulated", "stripe_webhook_secret": "whsec_of_the_simulator"}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, webhook_secret=WEBHOOK_SECRET, **STRIPE) as service:
        with service.services.database.writing.begin() as session:
            for phone in (AMINA, JOY):
                people.set_language(session.connection(), phone, "en", service.clock())
        yield service


def read(service: Service, **query: str | int) -> list[dict[str, Any]]:
    answer = service.http.get("/simulator/wire", query_string=query)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.get_json()["data"]
    return data


def told(exchange: dict[str, Any]) -> tuple[str, str, str, str, str]:
    return tuple(exchange[name] for name in ("direction", "kind", "provider", "phone", "summary"))  # type: ignore[return-value]


def test_both_directions_are_in_the_log(service: Service) -> None:
    service.network.dial(AMINA)
    service.network.hang_up(AMINA)
    service.network.text(AMINA, "STOP")
    service.work()
    service.later(seconds=2)
    hop, end, text, sms, report = map(told, read(service))
    assert hop == (
        "in",
        "hop",
        "africastalking",
        AMINA,
        "dials -> CON Welcome to Soko, the shop for things made by hand.",
    )
    assert end == ("in", "end", "africastalking", AMINA, "the call ended: Incomplete")
    assert text == ("in", "text", "africastalking", AMINA, "STOP")
    assert sms[:4] == ("out", "sms", "africastalking", AMINA)
    assert sms[4].endswith("(GSM-7, 1 segment)")
    assert report == ("in", "report", "africastalking", AMINA, "Success")


def test_what_is_paid_is_in_the_log(service: Service) -> None:
    service.http.post("/simulator/paybill", json={"msisdn": JOY, "account": "K7P4", "amount": 10})
    service.later(seconds=2)
    (callback,) = read(service, kind="callback")
    assert told(callback)[:3] == ("in", "callback", "daraja")
    assert callback["response"]["status"] == 200


def test_an_order_of_the_page_and_the_webhooks_it_causes_are_in_the_log(service: Service) -> None:
    service.api("POST", "/webhook-endpoints", {"url": "http://127.0.0.1:9/soko"})
    service.kiosk()
    order = service.http.post("/simulator/orders", json={"buyer": {"phone": JOY}})
    assert order.status_code == 422
    service.work()
    assert told(read(service, kind="order")[0]) == ("in", "order", "simulator", JOY, "an order -> HTTP 422")
    assert told(read(service, kind="webhook")[0]) == ("out", "webhook", "", "", "kiosk.opened -> unreachable")


def test_calls_of_the_api_and_hops_from_outside_are_in_the_log(service: Service) -> None:
    endpoint = service.api("POST", "/webhook-endpoints", {"url": "http://127.0.0.1:9/soko"})
    service.http.get("/api/v1/products?limit=5")
    service.http.get("/api/v1/products?limit=100", headers={"Referer": f"{service.settings.url}/simulator"})
    hop = {"sessionId": "s1", "phoneNumber": AMINA, "serviceCode": service.settings.ussd_code, "text": ""}
    service.http.post(f"/webhooks/africastalking/{WEBHOOK_SECRET}/ussd", data=hop)
    service.http.post("/webhooks/africastalking/a-wrong-secret/ussd", data=hop)
    asked, listed, dialled, refused = read(service)
    assert told(asked) == ("in", "api", "api", "", "POST /api/v1/webhook-endpoints -> HTTP 201")
    assert asked["request"]["headers"]["Authorization"] == "***"
    assert endpoint["secret"] not in str(asked)
    assert listed["request"]["path"] == "/api/v1/products?limit=5"
    assert listed["response"]["body"].startswith('{"object":"list","data":[')
    assert told(dialled)[:4] == ("in", "hop", "africastalking", AMINA)
    assert dialled["summary"].startswith("dials -> CON ")
    assert (refused["summary"], "a-wrong-secret" in str(refused)) == ("dials -> HTTP 404", False)
    assert service.http.post(f"/simulator/wire/{asked['id']}/resend").status_code == 409
    assert service.http.post(f"/simulator/wire/{dialled['id']}/resend").status_code == 200


def test_a_request_from_outside_is_logged_at_its_own_time_and_once(service: Service) -> None:
    at = service.clock().isoformat().replace("+00:00", "Z")
    service.http.get("/api/v1/products")
    service.later(hours=1)
    assert [(each["at"], each["kind"]) for each in read(service)] == [(at, "api")]
    assert len(read(service)) == 1


def test_a_request_that_is_refused_before_the_application_is_in_the_log(service: Service) -> None:
    body = f"text={'x' * 20_000}"
    refused = service.http.post(f"/webhooks/africastalking/{WEBHOOK_SECRET}/sms", data=body, content_type=FORM)
    assert refused.status_code == 413
    (logged,) = read(service)
    assert (logged["kind"], logged["response"]) == ("text", {"status": 413, "body": "The request is too long.\n"})


def test_a_webhook_is_logged_with_its_signature(service: Service) -> None:
    service.api("POST", "/webhook-endpoints", {"url": "http://127.0.0.1:9/soko"})
    service.kiosk()
    service.work()
    (pushed,) = read(service, kind="webhook")
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} < set(pushed["request"]["headers"])


def test_a_pin_that_was_typed_is_not_in_the_log(service: Service) -> None:
    service.kiosk()
    for words in ("JOIN Amina", "1", "1", "1"):
        service.network.text(AMINA, words)
    service.network.dial(AMINA)
    for typed in ("5", "4"):
        screen = service.network.answer(AMINA, typed)
    assert "Choose a PIN of 4 digits" in screen
    service.network.answer(AMINA, "4071")
    service.network.answer(AMINA, "0")
    service.network.hang_up(AMINA)
    *_, home, asked, typed_pin, after, ended = read(service, phone=AMINA)
    assert "4071" not in str(read(service))
    assert [each["summary"].partition(" -> ")[0] for each in (home, asked, typed_pin, after)] == [
        *("5", "5*4", "5*4*xxxx", "5*4*xxxx*0")
    ]
    assert "input=5%2A4%2Axxxx%2A0" in ended["request"]["body"]
    for logged in (typed_pin, after, ended):
        assert service.http.post(f"/simulator/wire/{logged['id']}/resend").status_code == 409


def test_a_pin_in_a_text_and_one_of_a_call_that_is_forgotten_are_not_in_the_log(service: Service) -> None:
    service.kiosk()
    for words in ("JOIN Amina", "1", "1", "1", "MENU", "5", "4", "4072"):
        service.network.text(AMINA, words)
    hop = {"sessionId": "s1", "phoneNumber": AMINA, "serviceCode": service.settings.ussd_code, "text": "5*4*4073"}
    service.http.post(f"/webhooks/africastalking/{WEBHOOK_SECRET}/ussd", data=hop)
    service.network.dial(AMINA)
    assert read(service, kind="text")[-1]["summary"] == "****"
    assert "4072" not in str(read(service))
    assert "4073" not in str(read(service))


def test_a_one_time_code_is_not_in_the_log(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        message = NewMessage("1", AMINA, "Kodi: 012345.", "en", "reply")
        sealed = queue.without_codes(message, ["012345"], service.services.seal)
        queue.add(session.connection(), sealed, "msg_1", service.clock())
    assert service.inbox(AMINA) == ["Kodi: 012345."]
    (sms,) = read(service, kind="sms")
    assert sms["summary"] == "Kodi: ******. (GSM-7, 1 segment)"
    assert "012345" not in str(sms)


def test_the_log_is_filtered_and_continued(service: Service) -> None:
    for phone in (AMINA, JOY):
        service.network.text(phone, "HELP")
    service.clock.advance(60)
    service.network.dial(JOY)
    assert [each["phone"] for each in read(service, phone=JOY)] == [JOY, JOY]
    assert [each["kind"] for each in read(service, kind="text")] == ["text", "text"]
    first = read(service)[0]
    answer = service.http.get(f"/simulator/wire?since={first['id']}").get_json()
    assert [each["kind"] for each in answer["data"]] == ["text", "hop"]
    assert service.http.get(f"/simulator/wire?since={answer['next']}").get_json() == {
        "data": [],
        "next": answer["next"],
    }
    assert [each["kind"] for each in read(service, since="2026-11-23T08:00:30Z")] == ["hop"]


@pytest.mark.parametrize("since", ["yesterday", "2026-11-23T08:00:00", "-1", "١"])
def test_a_beginning_that_cannot_be_read_is_refused_in_words(service: Service, since: str) -> None:
    answer = service.http.get("/simulator/wire", query_string={"since": since})
    assert (answer.status_code, "since: takes an id" in answer.get_json()["detail"]) == (400, True)


def test_no_secret_is_in_the_log(service: Service) -> None:
    service.network.dial(AMINA)
    service.network.text(AMINA, "HELP")
    token = "token-of-a-test-that-nobody-may-see"
    body = '{"SecurityCredential": "of-a-test", "ResultURL": "https://s/webhooks/daraja/' + WEBHOOK_SECRET + '/result"}'
    headers = {"Authorization": f"Bearer {token}"}
    service.http.post("/simulator/daraja/mpesa/b2c/v3/paymentrequest", data=body, headers=headers)
    service.work()
    written = str(read(service))
    assert "/webhooks/africastalking/***/ussd" in written
    for secret in (WEBHOOK_SECRET, token, "of-a-test", *service.settings.secrets):
        assert secret not in written


def test_the_log_keeps_the_newest(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "KEPT", 50)
    log = instruments(service.services).wire
    for number in range(200):
        log.record(Exchange("in", "other", "", "", str(number), "GET", "/"))
    with service.services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(simulated_wire)) == 50
    assert [each["summary"] for each in read(service)][-1] == "199"


def test_a_request_is_copied_as_a_command(service: Service) -> None:
    service.network.text(AMINA, "it's 'mine'")
    (text,) = read(service, kind="text")
    command = shlex.split(text["curl"].replace("\\\n", " "))
    assert command[:4] == ["curl", "-X", "POST", f"{service.settings.url}/webhooks/africastalking/***/sms"]
    assert command[-1] == text["request"]["body"]
    assert "Content-Type: application/x-www-form-urlencoded" in command
    quoted = wire.curl({"method": "POST", "path": "/", "headers": {}, "body": "it's"}, "http://soko")
    assert shlex.split(quoted.replace("\\\n", " "))[-1] == "it's"
    elsewhere = wire.curl({"method": "POST", "path": "http://shop/hook", "headers": {}, "body": ""}, "http://soko")
    assert shlex.split(elsewhere) == ["curl", "-X", "POST", "http://shop/hook"]


@pytest.mark.parametrize("provider", ["africastalking", "twilio"])
def test_a_text_that_is_sent_again_is_verified_and_answered_once(service: Service, provider: Any) -> None:
    service.network.text(AMINA, "HELP", provider=provider)
    (text,) = read(service, kind="text")
    answer = service.http.post(f"/simulator/wire/{text['id']}/resend")
    assert (answer.status_code, answer.get_json()["status"]) == (200, 200)
    assert read(service, kind="text")[-1]["summary"] == "again: HELP"
    assert len(service.inbox(AMINA)) == 1


def test_only_what_a_provider_posted_is_sent_again(service: Service) -> None:
    service.network.text(AMINA, "HELP")
    service.work()
    (sms,) = read(service, kind="sms")
    assert service.http.post(f"/simulator/wire/{sms['id']}/resend").status_code == 409
    for unknown in (sms["id"] + 100, 2**70):
        assert service.http.post(f"/simulator/wire/{unknown}/resend").status_code == 404


def test_operators_are_listed_and_chosen(service: Service) -> None:
    listed = service.http.get("/simulator/operators", query_string={"msisdn": AMINA}).get_json()
    assert listed["phones"] == {AMINA: "sandbox"}
    assert {"safaricom", "airtel", "hurried", "last-answer"} < {operator["name"] for operator in listed["data"]}
    assert service.http.put(f"/simulator/phones/{AMINA}", json={"operator": "airtel"}).status_code == 200
    assert service.network.operator(AMINA).name == "airtel"
    refused = service.http.put(f"/simulator/phones/{AMINA}", json={"operator": "pigeon"})
    assert (refused.status_code, "an operator is one of" in refused.get_json()["detail"]) == (400, True)
    assert service.http.put("/simulator/phones/0711", json={"operator": "airtel"}).status_code == 400
