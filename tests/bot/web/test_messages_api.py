"""Messages, conversations and help requests in the API, for operators only."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from bot.web.messages_api import cost
from marketplace_api.accounts import api_keys
from marketplace_api.schemas.money import Money
from state import lookups
from tests.actors import TESTER
from tests.bot.fixtures import AKINYI, JOY, NEW_PHONE, place_order
from tests.bot.messaging.fakes import FINAL, FakeProvider, deliver, outbox_depth, queue_message
from tests.service import OPERATOR_KEY, Service
from tests.threads import together

CLOSE_PATH = "/help-requests/hlp_1/close"
MESSAGE_FIELDS = (
    *("id", "direction", "msisdn", "channel", "text", "status", "encoding", "segments", "cost"),
    *("provider", "provider_id", "error", "created_at", "sent_at", "delivered_at", "latency_ms"),
    *("topic", "about", "dialogue", "reported", "repeats"),
)


def request_as(service: Service, path: str, key: str | None = OPERATOR_KEY, method: str = "GET") -> TestResponse:
    """The answer to a request with this key; None sends no key."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return service.http.open(f"/api/v1{path}", method=method, headers=headers)


def listed(service: Service, path: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = service.api("GET", path)["data"]
    return data


def last(service: Service, msisdn: str) -> dict[str, Any]:
    return listed(service, f"/conversations/{msisdn}")[0]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/messages"),
        ("GET", f"/conversations/{JOY}"),
        ("GET", f"/conversations/{NEW_PHONE}"),
        ("POST", "/messages/msg_1/resend"),
        ("POST", "/messages"),
        ("PATCH", "/artisans/art_1"),
    ],
)
def test_only_an_operator_key_is_accepted(embedded: Service, method: str, path: str) -> None:
    with embedded.services.database.writing.begin() as session:
        storefront = api_keys.create(embedded.services.shop(session, TESTER), "bead shop", "storefront")

    assert request_as(embedded, path, None, method).status_code == 401
    assert request_as(embedded, path, "wrong", method).status_code == 401
    assert request_as(embedded, path, storefront, method).status_code == 403


# Messages


def test_a_text_and_its_answer_are_listed_newest_first(service: Service) -> None:
    service.gateway.text(JOY, "HELP")
    service.work()
    answer, question = listed(service, "/messages")

    assert tuple(sorted(answer)) == tuple(sorted(question)) == tuple(sorted(MESSAGE_FIELDS))
    assert (question["direction"], question["text"], question["status"], question["cost"]) == (
        *("in", "HELP", "delivered", None),
    )
    assert (answer["direction"], answer["msisdn"], answer["channel"]) == ("out", JOY, "sms")
    assert (answer["encoding"], answer["segments"], answer["provider"]) == ("GSM-7", 1, "africastalking")
    assert answer["cost"] == {"amount": 80, "currency": "KES"}
    assert answer["created_at"] == "2026-11-23T08:00:00Z"


def test_an_operator_texts_one_person_once(service: Service) -> None:
    sent = [
        service.api("POST", "/messages", {"msisdn": JOY, "text": "We call you at 3."}, **{"Idempotency-Key": "one"})
        for _ in range(2)
    ]
    service.work()

    assert sent[0] == sent[1]
    assert (sent[0]["direction"], sent[0]["topic"], sent[0]["status"]) == ("out", "operator", "queued")
    assert [(text["text"], text["status"]) for text in listed(service, f"/conversations/{JOY}")] == [
        ("We call you at 3.", "sent")
    ]


def test_a_person_who_has_opted_out_gets_no_text_of_an_operator(service: Service) -> None:
    service.gateway.text(JOY, "STOP")
    service.work()
    service.api("POST", "/messages", {"msisdn": JOY, "text": "We call you at 3."})
    service.work()

    assert (last(service, JOY)["status"], last(service, JOY)["error"]) == ("suppressed", "opted out")


def test_a_conversation_lists_the_texts_of_one_phone(embedded: Service) -> None:
    embedded.gateway.text(JOY, "HELP")
    embedded.gateway.text(AKINYI, "MONEY")

    assert {text["msisdn"] for text in listed(embedded, "/messages")} == {JOY, AKINYI}
    assert {text["msisdn"] for text in listed(embedded, f"/conversations/{JOY}")} == {JOY}
    assert listed(embedded, f"/conversations/{JOY.replace('+', '%2B')}") == listed(embedded, f"/conversations/{JOY}")
    assert listed(embedded, f"/conversations/{NEW_PHONE}") == []


@pytest.mark.parametrize("msisdn", ["254733000333", "+0733000333", "joy", "+2547330003331234"])
def test_a_number_that_is_not_e164_is_refused(embedded: Service, msisdn: str) -> None:
    answer = request_as(embedded, f"/conversations/{msisdn}")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "#/msisdn"


def test_it_is_stored_who_looked_at_a_conversation(service: Service) -> None:
    with service.services.database.writing.begin() as session:
        key = api_keys.create(service.services.shop(session, TESTER), "a helper", "read")
    headers = {"Authorization": f"Bearer {key}"}
    assert service.http.get(f"/api/v1/conversations/{JOY}", headers=headers).status_code == 200
    service.api("GET", f"/conversations/{AKINYI}")
    with service.services.database.reading() as session:
        looked = lookups.of_phone(session.connection(), JOY)
    assert [(one.by, one.what, one.at) for one in looked] == [("key:a helper", "conversation", service.clock())]


def test_texts_are_filtered_by_direction_and_status(embedded: Service) -> None:
    embedded.gateway.text(JOY, "HELP")

    assert [text["text"] for text in listed(embedded, "/messages?direction=in")] == ["HELP"]
    assert [text["status"] for text in listed(embedded, "/messages?direction=out")] == ["queued"]
    assert [text["direction"] for text in listed(embedded, "/messages?status=queued")] == ["out"]
    assert listed(embedded, f"/conversations/{JOY}?status=failed&direction=out") == []
    assert request_as(embedded, "/messages?status=lost").status_code == 422


def test_new_texts_do_not_shift_the_pages(service: Service) -> None:
    for number in range(5):
        service.gateway.text(NEW_PHONE, f"Text {number}")
    before = [text["id"] for text in listed(service, f"/conversations/{NEW_PHONE}?direction=in")]
    found: list[str] = []
    query = "limit=2&direction=in"
    while True:
        page = service.api("GET", f"/conversations/{NEW_PHONE}?{query}")
        found += [text["id"] for text in page["data"]]
        if not page["has_more"]:
            break
        service.gateway.text(NEW_PHONE, "One more")
        query = f"limit=2&direction=in&cursor={page['next_cursor']}"

    assert found == before
    assert page["next_cursor"] is None


def test_a_cursor_of_another_list_is_refused(embedded: Service) -> None:
    strange = embedded.api("GET", "/events?limit=1")["next_cursor"]

    assert request_as(embedded, f"/messages?cursor={strange}").status_code == 422


def test_a_text_after_stop_is_listed_as_suppressed(service: Service) -> None:
    service.gateway.text(AKINYI, "STOP")
    place_order(service)
    service.work()
    (held,) = listed(service, f"/conversations/{AKINYI}?status=suppressed")

    assert (held["direction"], held["error"]) == ("out", "opted out")
    assert held["sent_at"] is held["cost"] is held["provider"] is None


def test_a_delivery_report_changes_the_message(service: Service) -> None:
    service.gateway.text(JOY, "HELP")
    service.work()
    sent = last(service, JOY)
    service.clock.advance(5)
    service.gateway.report(sent["provider_id"], "Success", msisdn=JOY)
    delivered = last(service, JOY)

    assert (sent["status"], sent["delivered_at"]) == ("sent", None)
    reported = {"status": "delivered", "delivered_at": "2026-11-23T08:00:05Z", "reported": "Success"}
    assert delivered == sent | reported


@pytest.mark.parametrize(
    ("words", "money"),
    [
        ("KES 0.8000", (80, "KES")),
        ("KES 1.6000", (160, "KES")),
        ("USD 0.0075", (1, "USD")),  # rounded up to a cent
        ("UGX 35.0000", (35, "UGX")),  # has no cents
        ("KES 0", (0, "KES")),
        ("0", None),
        ("None", None),
        ("", None),
        (None, None),
    ],
)
def test_a_cost_is_parsed_as_providers_write_it(words: str | None, money: tuple[int, str] | None) -> None:
    assert cost(words) == (money and Money(amount=money[0], currency=money[1]))


# Resending


def resend(service: Service, id: str) -> TestResponse:
    return request_as(service, f"/messages/{id}/resend", method="POST")


def test_a_failed_text_is_sent_again_when_an_operator_asks(service: Service) -> None:
    queue_message(service, JOY, "hello")
    deliver(service, FakeProvider(service.clock, [FINAL]))
    failed = last(service, JOY)
    again = resend(service, failed["id"])

    assert again.status_code == 200
    assert again.get_json() == failed | {"status": "queued", "error": None, "provider": None}
    provider = FakeProvider(service.clock)
    deliver(service, provider, minutes=30)
    assert provider.texts == ["hello"]
    assert (last(service, JOY)["id"], last(service, JOY)["status"]) == (failed["id"], "sent")
    assert outbox_depth(service).dead == 0


def test_resends_at_the_same_time_send_once(service: Service) -> None:
    queue_message(service, JOY, "hello")
    deliver(service, FakeProvider(service.clock, [FINAL]))
    id = last(service, JOY)["id"]
    statuses = together(4, lambda _: resend(service, id).status_code)
    provider = FakeProvider(service.clock)
    deliver(service, provider, minutes=3)

    assert sorted(statuses) == [200, 409, 409, 409]
    assert provider.texts == ["hello"]


def test_a_text_that_was_reported_failed_is_resent_under_a_new_provider_id(service: Service) -> None:
    provider = FakeProvider(service.clock)
    queue_message(service, JOY, "hello")
    deliver(service, provider)
    service.gateway.report("ATXid_1", "Failed", msisdn=JOY, reason="DeliveryFailure")
    resend(service, last(service, JOY)["id"])
    deliver(service, provider)
    service.gateway.report("ATXid_1", "Failed", msisdn=JOY, reason="DeliveryFailure")

    assert provider.texts == ["hello", "hello"]
    assert (last(service, JOY)["status"], last(service, JOY)["provider_id"]) == ("sent", "ATXid_2")


def test_a_resend_is_suppressed_after_stop_and_sent_after_start(service: Service) -> None:
    service.gateway.text(AKINYI, "STOP")
    queue_message(service, AKINYI, "hello")
    provider = FakeProvider(service.clock)
    deliver(service, provider, minutes=1)
    (held,) = listed(service, f"/conversations/{AKINYI}?status=suppressed")
    resend(service, held["id"])
    deliver(service, provider)
    assert listed(service, f"/conversations/{AKINYI}?status=suppressed") == [held]

    service.gateway.text(AKINYI, "START")
    resend(service, held["id"])
    deliver(service, provider, minutes=1)
    assert provider.texts[1:] == ["Soko: you will get texts again. To end them, text STOP.", "hello"]


def test_only_failed_or_suppressed_texts_are_resent(service: Service) -> None:
    service.gateway.text(JOY, "HELP")
    service.work()
    answer, question = (resend(service, text["id"]) for text in listed(service, "/messages"))
    strange = resend(service, "msg_nobody")

    assert answer.status_code == question.status_code == 409
    assert answer.get_json()["reason"] == question.get_json()["reason"] == "message_not_failed"
    assert (strange.status_code, strange.get_json()["reason"]) == (404, "unknown_message")
    assert len(service.inbox(JOY)) == 1


# Help requests


def test_a_help_request_is_closed_once(service: Service) -> None:
    service.gateway.text(JOY, "CALL")
    (waiting,) = listed(service, "/help-requests?status=open")
    service.clock.advance(60)
    closed = service.api("POST", f"/help-requests/{waiting['id']}/close")
    again = request_as(service, f"/help-requests/{waiting['id']}/close", method="POST")

    assert (waiting["phone"], waiting["closed_at"]) == (JOY, None)
    assert closed == waiting | {"closed_at": "2026-11-23T08:01:00Z"}
    assert (again.status_code, again.get_json()["reason"]) == (409, "help_request_closed")
    assert listed(service, "/help-requests?status=open") == []
    assert listed(service, "/help-requests?status=closed") == [closed]


def test_a_new_request_after_the_call_is_open_again(embedded: Service) -> None:
    embedded.gateway.text(JOY, "CALL")
    (first,) = listed(embedded, "/help-requests")
    embedded.api("POST", f"/help-requests/{first['id']}/close")
    embedded.clock.advance(60)
    embedded.gateway.text(JOY, "CALL")

    newest, oldest = listed(embedded, "/help-requests")
    assert (newest["closed_at"], oldest["id"]) == (None, first["id"])


def test_an_unknown_help_request_cannot_be_closed(embedded: Service) -> None:
    answer = request_as(embedded, CLOSE_PATH, method="POST")

    assert (answer.status_code, answer.get_json()["reason"]) == (404, "unknown_help_request")


# The documentation


def test_the_documentation_has_every_path_and_every_schema(embedded: Service) -> None:
    document = embedded.http.get("/api/v1/openapi.json").get_json()
    page = embedded.http.get("/api/v1/docs").get_data(as_text=True)

    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    for schema in document["components"]["schemas"]:
        assert f'id="schema-{schema}"' in page
    assert "<script" not in page
