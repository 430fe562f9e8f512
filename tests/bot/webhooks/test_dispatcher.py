"""Events pushed to webhook endpoints: complete, in order, signed, retried, and only to endpoints that they concern."""

from __future__ import annotations

import hmac
import json
import os
import re
import signal
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook, WebhookVerificationError

from bot.webhooks.deliveries import event_consumer
from bot.webhooks.dispatcher import LEASE, WORKERS, signed_request
from bot.webhooks.safe_http import Poster, PostResult
from bot.worker import webhook_runner, webhook_step
from marketplace_api.accounts import api_keys
from marketplace_api.backoff import retry_after
from marketplace_api.events.webhooks import DISABLED_AFTER, OLD_SECRET_FOR, RETRIES
from marketplace_api.models import Event, Product
from marketplace_api.orders import orders, paying
from marketplace_api.payments import buyer_payments
from marketplace_api.rest.webhook_docs import PUSHED_KINDS
from marketplace_api.schemas.events import DATA_SCHEMAS
from tests.actors import TESTER
from tests.bot.fixtures import (
    AKINYI,
    JOY,
    OTIENO,
    POT,
    accepted_order,
    add_artisan,
    add_product,
    outgoing_messages,
    place_order,
    products_titled,
    received_order,
)
from tests.bot.messaging.fakes import run_until_killed
from tests.marketplace.conftest import request
from tests.receivers import PushedRequest, Receiver, receiving
from tests.repository.architecture import ROOT
from tests.service import Service
from tests.threads import together

UNREACHABLE_URL = "http://127.0.0.1:9/"
"""A port without a server."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def endpoint(service: Service, receiver: Receiver | None, *types: str) -> Any:
    """An operator's endpoint that gets all events, or these types."""
    body = {"url": receiver.url if receiver else UNREACHABLE_URL, "event_types": list(types) or None}
    return service.api("POST", "/webhook-endpoints", body)


def send_test_event(service: Service, made: Any) -> str:
    """The id of an event for this endpoint alone."""
    return str(service.api("POST", f"/webhook-endpoints/{made['id']}/test")["id"])


def deliveries(service: Service, made: Any, status: str = "") -> list[Any]:
    """The deliveries of an endpoint, newest first."""
    query = f"?status={status}" if status else ""
    return list(service.api("GET", f"/webhook-endpoints/{made['id']}/deliveries{query}")["data"])


def replay(service: Service, made: Any, delivery: Any) -> Any:
    return service.api("POST", f"/webhook-endpoints/{made['id']}/deliveries/{delivery['id']}/replay")


def status_and_reason(service: Service, made: Any) -> tuple[str, str | None]:
    shown = service.api("GET", f"/webhook-endpoints/{made['id']}")
    return shown["status"], shown["disabled_reason"]


def is_genuine(arrived: PushedRequest, secret: str) -> bool:
    """True if one of the signatures was made with this secret; computed without our own code."""
    signed = f"{arrived.id}.{arrived.headers['webhook-timestamp']}.{arrived.body}".encode()
    code = b64encode(hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, "sha256")).decode()
    return any(hmac.compare_digest(one, f"v1,{code}") for one in arrived.headers["webhook-signature"].split(" "))


def push(service: Service, poster: Poster | None = None) -> bool:
    """Push what is due, as a worker does; True if there was anything."""
    with ThreadPoolExecutor(2) as pool:
        return webhook_step(service.services, pool, poster)()


# -- what is pushed


def test_every_event_is_pushed_once_in_order_and_signed(service: Service, receiver: Receiver) -> None:
    made = endpoint(service, receiver)
    before = len(service.events())
    received_order(service)
    service.work()

    since = service.api("GET", "/events?limit=100")["data"][before:]
    assert receiver.ids == [event["id"] for event in since]
    assert receiver.types[-2:] == ["payout.created", "payout.paid"]
    for arrived, event in zip(receiver.arrived, since, strict=True):
        assert json.loads(arrived.body) == {
            "type": event["type"],
            "timestamp": event["created_at"],
            "data": event["data"],
        }
        assert arrived.headers["content-type"] == "application/json"
        assert is_genuine(arrived, made["secret"])
    assert {delivery["status"] for delivery in deliveries(service, made)} == {"delivered"}


def test_the_reference_library_verifies_a_request_even_if_our_clock_was_moved(
    embedded: Service, receiver: Receiver
) -> None:
    made = endpoint(embedded, receiver)
    embedded.clock.advance(timedelta(days=400).total_seconds())
    send_test_event(embedded, made)
    embedded.work()
    (arrived,) = receiver.arrived

    assert Webhook(made["secret"]).verify(arrived.body, arrived.headers) == json.loads(arrived.body)


SAMPLE_SECRET = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()
SAMPLE = Event(
    id="msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    type="listing.published",
    created_at=datetime(2026, 11, 22, 9, 20, 5, tzinfo=UTC),
    data={"id": "lst_01", "price_minor": 150_000},
)


def test_a_request_is_the_same_as_the_sample_of_the_standard() -> None:
    sent = signed_request(SAMPLE, "https://shop.example/", [SAMPLE_SECRET], SAMPLE.created_at)

    assert sent.body == (
        b'{"type":"listing.published","timestamp":"2026-11-22T09:20:05Z","data":{"id":"lst_01","price_minor":150000}}'
    )
    assert {name: value for name, value in sent.headers.items() if name.startswith("webhook-")} == {
        "webhook-id": SAMPLE.id,
        "webhook-timestamp": "1795339205",
        "webhook-signature": "v1,BlDJ73HjsGCOUohnwwfjzoTwGcM9xHO6hwC5JKwQ658=",
    }


def test_the_reference_library_verifies_a_request_with_either_secret() -> None:
    other = "whsec_" + b64encode(Random(7).randbytes(32)).decode()
    sent = signed_request(SAMPLE, "https://shop.example/", [SAMPLE_SECRET, other], datetime.now(UTC))

    for secret in (SAMPLE_SECRET, other):
        assert Webhook(secret).verify(sent.body, dict(sent.headers))["type"] == "listing.published"


EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_documented_receiver_accepts_our_request_and_rejects_forged_ones(example: str) -> None:
    defined: dict[str, Any] = {}
    exec(example, defined)
    sent = signed_request(SAMPLE, "https://shop.example/", [SAMPLE_SECRET], datetime.now(UTC))
    headers = dict(sent.headers)

    assert defined["verified"](SAMPLE_SECRET, headers, sent.body) == json.loads(sent.body)
    for forged in (
        (SAMPLE_SECRET, headers, sent.body.replace(b"150000", b"1")),
        (SAMPLE_SECRET, headers | {"webhook-id": "msg_1"}, sent.body),
        (SAMPLE_SECRET, headers | {"webhook-timestamp": "1795339205"}, sent.body),
        ("whsec_" + b64encode(bytes(32)).decode(), headers, sent.body),
    ):
        with pytest.raises((ValueError, WebhookVerificationError)):
            defined["verified"](*forged)


def test_the_documents_have_two_examples_of_receivers() -> None:
    assert len(EXAMPLES) == 2


def test_events_from_before_an_endpoint_was_created_are_not_pushed(service: Service, receiver: Receiver) -> None:
    place_order(service)
    endpoint(service, receiver)
    service.work()

    assert receiver.arrived == []


def test_an_endpoint_gets_the_types_it_asked_for(embedded: Service, receiver: Receiver) -> None:
    endpoint(embedded, receiver, "order.placed", "payout.paid")
    received_order(embedded)
    embedded.work()

    assert receiver.types == ["order.placed", "payout.paid"]


def test_a_test_event_is_pushed_only_to_its_endpoint_whatever_types_it_asked_for(
    embedded: Service, receiver: Receiver
) -> None:
    with receiving() as other:
        endpoint(embedded, other)
        made = endpoint(embedded, receiver, "payout.paid")
        sent = send_test_event(embedded, made)
        embedded.work()

        assert receiver.ids == [sent]
        assert receiver.arrived[0].data["id"] == made["id"]
        assert "webhook_endpoint.tested" not in other.types
        assert made["secret"] not in embedded.http.get("/api/v1/events", headers=as_operator(embedded)).text


def test_nothing_is_pushed_to_a_deleted_endpoint(embedded: Service, receiver: Receiver) -> None:
    made = endpoint(embedded, receiver)
    receiver.statuses = [500]
    place_order(embedded)
    embedded.work()
    embedded.http.delete(f"/api/v1/webhook-endpoints/{made['id']}", headers=as_operator(embedded))
    place_order(embedded)
    embedded.later(hours=1)

    assert len(receiver.arrived) == 1


def as_operator(service: Service) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.settings.operator_key}"}


def test_each_event_carries_the_resource_that_the_document_names(embedded: Service, receiver: Receiver) -> None:
    endpoint(embedded, receiver)
    send_test_event(embedded, endpoint(embedded, receiver))
    received_order(embedded)
    embedded.gateway.text(AKINYI, "CALL")
    add_product(embedded, AKINYI, "Clay lamp")
    add_artisan(embedded, "+254711000777", "Wanjiku", embedded.api("GET", "/kiosks")["data"][0]["id"])
    paid_and_cancelled_order(embedded)
    embedded.work()

    met = {arrived.type.partition(".")[0]: arrived.data for arrived in receiver.arrived}
    assert met.keys() == set(PUSHED_KINDS)
    for kind, data in met.items():
        DATA_SCHEMAS[kind].model_validate(data)


def paid_and_cancelled_order(service: Service) -> None:
    """An order whose money came and goes back."""
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        product = shop.session.scalars(select(Product)).first()
        assert product
        order = orders.place(shop, replace(request(), vouched=False), product.id, 1)
        payment = paying.start_by_phone(shop, orders.lock(shop, order), "+254799000999")
        buyer_payments.begin_asking(shop, payment.id)
        paying.settle_captured(shop, payment.id, "SG1")
        orders.cancel(shop, order)


# -- endpoints of a storefront


def test_a_storefront_gets_events_of_products_and_of_its_own_orders_with_no_phone_but_its_buyers(
    service: Service, receiver: Receiver
) -> None:
    with service.services.database.writing.begin() as session:
        key = api_keys.create(service.services.shop(session, TESTER), "window", "storefront")
    mine = {"Authorization": f"Bearer {key}"}
    service.api("POST", "/webhook-endpoints", {"url": receiver.url}, **mine)
    (product,) = products_titled(service, POT)
    body = {
        "product_id": product["id"],
        "quantity": 1,
        "buyer": {"name": "Joy", "phone": JOY, "locale": "en"},
        "ship_to": {"name": "Joy", "line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"},
    }
    placed = service.api("POST", "/orders", body, **mine)
    service.gateway.text(AKINYI, f"YES {placed['code']}")
    received_order(service, title=POT)  # of somebody else
    service.gateway.text(AKINYI, "CALL")
    add_product(service, AKINYI, "Clay lamp")
    service.work()

    assert {"order.placed", "order.accepted", "product.listed"} <= set(receiver.types)
    assert set(service.events()) > {"payout.paid", "help.requested"}
    told_of = {arrived.data["id"] for arrived in receiver.arrived if arrived.type.startswith("order.")}
    assert told_of == {placed["id"]}
    assert {arrived.type.partition(".")[0] for arrived in receiver.arrived} == {"order", "product"}
    for arrived in receiver.arrived:
        assert AKINYI not in arrived.body
        assert OTIENO not in arrived.body


# -- failed deliveries


def test_a_delivery_is_retried_under_one_id_at_growing_intervals_and_then_fails(
    service: Service, receiver: Receiver
) -> None:
    made = endpoint(service, receiver)
    receiver.statuses = [500] * 50
    sent = send_test_event(service, made)
    service.work()
    for wait in RETRIES.gaps:
        service.clock.advance(wait.total_seconds() - 1)
        service.work()
        before = len(receiver.arrived)
        service.later(seconds=wait.total_seconds() * RETRIES.jitter + 2)
        assert len(receiver.arrived) == before + 1
    service.later(days=30)

    assert receiver.ids == [sent] * (len(RETRIES.gaps) + 1)
    assert all(is_genuine(arrived, made["secret"]) for arrived in receiver.arrived)
    (failed,) = deliveries(service, made, "failed")
    assert (failed["event_id"], failed["attempts"], failed["response_status"], failed["error"]) == (
        sent,
        len(RETRIES.gaps) + 1,
        500,
        "http_500",
    )
    assert failed["next_attempt_at"] is None
    assert deliveries(service, made, "pending") == []


@pytest.mark.parametrize("status", [199, 302, 400, 404, 500, 503])
def test_an_answer_other_than_2xx_is_retried(embedded: Service, receiver: Receiver, status: int) -> None:
    made = endpoint(embedded, receiver)
    receiver.statuses = [status, 200]
    send_test_event(embedded, made)
    embedded.work()
    (waiting,) = deliveries(embedded, made)
    assert (waiting["status"], waiting["response_status"], waiting["attempts"]) == ("pending", status, 1)
    embedded.later(seconds=6)

    (delivered,) = deliveries(embedded, made)
    assert (delivered["status"], delivered["response_status"], delivered["error"]) == ("delivered", 200, None)
    assert len(receiver.arrived) == 2


def test_while_an_endpoint_is_busy_all_events_wait_and_then_arrive_in_order(
    embedded: Service, receiver: Receiver
) -> None:
    receiver.statuses = [503, 503]
    endpoint(embedded, receiver, "order.placed")
    codes = [place_order(embedded)["code"] for _ in range(3)]
    embedded.work()
    embedded.later(seconds=6)
    assert len(receiver.arrived) == 2
    embedded.later(minutes=6)

    assert [arrived.data["code"] for arrived in receiver.arrived] == [codes[0], codes[0], *codes]


def test_an_event_that_is_refused_twice_no_longer_delays_the_others(embedded: Service, receiver: Receiver) -> None:
    receiver.statuses = [422, 422]
    endpoint(embedded, receiver, "order.placed")
    codes = [place_order(embedded)["code"] for _ in range(3)]
    embedded.work()
    embedded.later(seconds=6)
    assert [arrived.data["code"] for arrived in receiver.arrived] == [codes[0], *codes]
    embedded.later(minutes=6)

    assert receiver.arrived[-1].data["code"] == codes[0]


@pytest.mark.parametrize("header", ["600", "Mon, 23 Nov 2026 08:10:00 GMT"])
def test_no_request_is_sent_before_the_time_in_retry_after(embedded: Service, receiver: Receiver, header: str) -> None:
    receiver.statuses, receiver.headers = [429], {"Retry-After": header}
    endpoint(embedded, receiver, "order.placed")
    codes = [place_order(embedded)["code"] for _ in range(2)]
    embedded.work()
    embedded.later(seconds=599)
    assert len(receiver.arrived) == 1
    embedded.later(seconds=121)

    assert [arrived.data["code"] for arrived in receiver.arrived] == [codes[0], *codes]


NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("0", timedelta()),
        ("120", timedelta(minutes=2)),
        ("Mon, 23 Nov 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Mon, 23 Nov 2026 11:59:00 GMT", timedelta()),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٥", None),
        ("9" * 5000, None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, NOON) == wait


def test_an_endpoint_that_answers_410_is_disabled_and_operators_get_an_event(
    service: Service, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    with receiving() as operators:
        endpoint(service, operators, "webhook_endpoint.disabled")
        made = endpoint(service, receiver, "order.placed")
        first, second = (place_order(service) for _ in range(2))
        service.work()
        place_order(service)
        service.later(days=3)

        assert [arrived.data["code"] for arrived in receiver.arrived] == [first["code"]]
        assert status_and_reason(service, made) == ("disabled", "gone")
        failed = deliveries(service, made, "failed")
        assert {delivery["error"] for delivery in failed} == {"http_410", "endpoint_disabled"}
        assert len(failed) == len(deliveries(service, made)) == 2
        assert [(arrived.type, arrived.data["id"]) for arrived in operators.arrived] == [
            ("webhook_endpoint.disabled", made["id"])
        ]
        assert second["code"] != first["code"]


def test_an_endpoint_that_fails_for_days_is_disabled(embedded: Service) -> None:
    made = endpoint(embedded, None)
    embedded.work()
    for _ in range(DISABLED_AFTER // timedelta(hours=12)):
        place_order(embedded)
        assert status_and_reason(embedded, made) == ("enabled", None)
        embedded.later(hours=12)
    embedded.later(hours=12)

    assert status_and_reason(embedded, made) == ("disabled", "failing")
    assert deliveries(embedded, made, "pending") == []
    assert embedded.events().count("webhook_endpoint.disabled") == 1


@pytest.mark.every_store
def test_two_workers_that_both_find_an_endpoint_failing_for_days_disable_it_once(
    service: Service, receiver: Receiver
) -> None:
    receiver.statuses = [422, 422, 503, 500, 500]
    made = endpoint(service, receiver, "order.placed")
    for _ in range(3):
        place_order(service)
    service.work()
    service.later(seconds=6)  # the first loses its ordering key, the second keeps it
    service.clock.advance(DISABLED_AFTER.total_seconds())
    receiver.open.clear()
    with ThreadPoolExecutor(2) as pool:
        runner = webhook_runner(service.services, pool)
        one_job = replace(runner.dispatcher, options=replace(runner.dispatcher.options, claimed_at_most=1))
        both = [Thread(target=replace(runner, dispatcher=one_job).step) for _ in range(2)]
        for thread in both:
            thread.start()
        for _ in range(3 + len(both)):
            receiver.asked.get()  # until both requests have arrived; neither is answered yet
        receiver.open.set()
        for thread in both:
            thread.join()

    assert status_and_reason(service, made) == ("disabled", "failing")
    assert len(deliveries(service, made, "failed")) == 3
    assert service.events().count("webhook_endpoint.disabled") == 1


def test_an_endpoint_that_succeeds_now_and_then_is_not_disabled(embedded: Service, receiver: Receiver) -> None:
    made = endpoint(embedded, receiver)
    for _ in range(5):
        receiver.statuses = [500, 500]
        send_test_event(embedded, made)
        embedded.later(days=2)

    assert status_and_reason(embedded, made) == ("enabled", None)


# -- replays and secrets


def test_a_failed_delivery_can_be_replayed_and_enables_a_disabled_endpoint(
    service: Service, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    made = endpoint(service, receiver, "order.placed")
    first, second = (place_order(service) for _ in range(2))
    service.work()
    newest, oldest = deliveries(service, made, "failed")
    assert (replay(service, made, newest)["status"], status_and_reason(service, made)) == (
        "pending",
        ("disabled", "gone"),
    )
    service.work()

    assert [arrived.data["code"] for arrived in receiver.arrived[1:]] in ([second["code"]], [first["code"]])
    assert receiver.ids[1] == newest["event_id"]
    assert status_and_reason(service, made) == ("enabled", None)
    replay(service, made, oldest)
    service.work()
    assert {delivery["status"] for delivery in deliveries(service, made)} == {"delivered"}


def test_a_disabled_endpoint_gets_one_attempt_at_a_replay_and_at_a_test(embedded: Service, receiver: Receiver) -> None:
    receiver.statuses = [410, 500, 500]
    made = endpoint(embedded, receiver)
    send_test_event(embedded, made)
    embedded.work()
    replay(embedded, made, deliveries(embedded, made)[0])
    send_test_event(embedded, made)
    embedded.later(days=1)

    assert len(receiver.arrived) == 3
    assert status_and_reason(embedded, made) == ("disabled", "gone")
    assert [delivery["status"] for delivery in deliveries(embedded, made)] == ["failed", "failed"]
    send_test_event(embedded, made)
    embedded.work()
    assert status_and_reason(embedded, made) == ("enabled", None)


def test_a_replay_of_a_waiting_delivery_is_sent_at_once_and_once(embedded: Service, receiver: Receiver) -> None:
    receiver.statuses = [500] * 3
    made = endpoint(embedded, receiver)
    sent = send_test_event(embedded, made)
    embedded.work()
    embedded.later(seconds=6)
    embedded.later(minutes=6)
    replay(embedded, made, deliveries(embedded, made)[0])
    embedded.work()
    assert receiver.ids == [sent] * 4
    embedded.later(days=1)

    assert len(receiver.arrived) == 4
    (delivered,) = deliveries(embedded, made)
    assert (delivered["status"], delivered["attempts"]) == ("delivered", 1)


def test_a_delivered_event_can_be_replayed_under_its_id(embedded: Service, receiver: Receiver) -> None:
    made = endpoint(embedded, receiver)
    sent = send_test_event(embedded, made)
    embedded.work()
    replay(embedded, made, deliveries(embedded, made)[0])
    embedded.work()

    assert receiver.ids == [sent, sent]


def test_for_a_day_after_a_rotation_both_secrets_are_valid(embedded: Service, receiver: Receiver) -> None:
    made = endpoint(embedded, receiver)
    new = embedded.api("POST", f"/webhook-endpoints/{made['id']}/rotate-secret")["secret"]
    for wait in (timedelta(), OLD_SECRET_FOR - timedelta(minutes=1), timedelta(minutes=1)):
        embedded.clock.advance(wait.total_seconds())
        send_test_event(embedded, made)
        embedded.work()

    assert [is_genuine(arrived, made["secret"]) for arrived in receiver.arrived] == [True, True, False]
    assert all(is_genuine(arrived, new) for arrived in receiver.arrived)


# -- several endpoints and workers


@pytest.mark.every_store
def test_an_endpoint_that_does_not_answer_delays_neither_texts_nor_other_endpoints(
    service: Service, receiver: Receiver
) -> None:
    with receiving() as slow:
        slow.open.clear()
        made = endpoint(service, slow, "order.placed")
        place_order(service)
        stuck = Thread(target=push, args=(service,))
        stuck.start()
        slow.asked.get()
        endpoint(service, receiver, "order.accepted")
        accepted_order(service)
        service.work()

        assert receiver.types == ["order.accepted"]
        assert "order.accepted" in [text.topic for text in outgoing_messages(service, JOY)]
        assert len(slow.arrived) == 1
        slow.open.set()
        stuck.join()
        service.work()
        assert len(slow.arrived) == 2
        assert {delivery["status"] for delivery in deliveries(service, made)} == {"delivered"}


@pytest.mark.every_store
def test_many_workers_push_everything_once_and_in_order(service: Service, receiver: Receiver) -> None:
    endpoint(service, receiver, "order.placed")
    codes = [place_order(service)["code"] for _ in range(10)]

    while len(receiver.arrived) < len(codes):
        together(WORKERS // 2, lambda _: push(service))
    assert not push(service)
    assert [arrived.data["code"] for arrived in receiver.arrived] == codes


class NoticedEvent(Flag):
    """Sets `noticed` when `is_set` returns True."""

    def __init__(self) -> None:
        super().__init__()
        self.noticed = Flag()

    def is_set(self) -> bool:
        if super().is_set():
            self.noticed.set()
        return super().is_set()


def test_a_slow_endpoint_occupies_one_worker_and_a_stopping_runner_finishes_its_delivery_and_starts_no_other(
    embedded: Service, receiver: Receiver
) -> None:
    with receiving() as slow, ThreadPoolExecutor(WORKERS) as pool:
        slow.open.clear()
        made = endpoint(embedded, slow, "order.placed")
        endpoint(embedded, receiver, "order.placed")
        for _ in range(3):
            place_order(embedded)
        event_consumer(embedded.services.database, embedded.services.opener(TESTER)).consume()
        stop = NoticedEvent()
        thread = Thread(target=webhook_runner(embedded.services, pool).run, args=(stop,))
        thread.start()
        for _ in range(3):
            receiver.asked.get()
        slow.asked.get()
        stop.set()
        stop.noticed.wait()
        slow.open.set()
        thread.join()

    assert len(slow.arrived) == 1
    assert sorted(delivery["status"] for delivery in deliveries(embedded, made)) == ["delivered", "pending", "pending"]


class KillingPoster(Poster):
    """Posts, and then kills the process."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> PostResult:
        super().post(url, body, headers)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("still alive")


def killed_after_posting(service: Service) -> None:
    service.services.close()  # no connection may be shared with the child process
    run_until_killed(lambda: push(service, KillingPoster(anywhere=True)))


def test_after_a_worker_was_killed_before_it_stored_the_answer_another_sends_the_same_id(
    service: Service, receiver: Receiver
) -> None:
    made = endpoint(service, receiver)
    sent = send_test_event(service, made)
    killed_after_posting(service)
    service.work()
    assert receiver.ids == [sent]
    service.later(seconds=LEASE.total_seconds())

    assert receiver.ids == [sent, sent]
    assert [delivery["status"] for delivery in deliveries(service, made)] == ["delivered"]


@pytest.mark.every_store
def test_a_consumer_that_lost_its_position_pushes_nothing_again(service: Service, receiver: Receiver) -> None:
    endpoint(service, receiver)
    place_order(service)
    service.work()
    with service.services.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE cursor SET position = 0")
    before = receiver.ids
    service.work()

    assert receiver.ids == before


def test_deliveries_that_ended_long_ago_are_deleted_at_night(service: Service, receiver: Receiver) -> None:
    made = endpoint(service, receiver, "order.placed")
    place_order(service)
    service.work()
    service.later(days=29)
    assert [delivery["status"] for delivery in deliveries(service, made)] == ["delivered"]

    service.later(days=2)
    assert deliveries(service, made) == []


# -- allowed addresses


def test_only_development_pushes_into_its_own_network(embedded: Service) -> None:
    production = replace(embedded.services, settings=embedded.settings.model_copy(update={"environment": "production"}))
    with ThreadPoolExecutor(1) as pool:
        posters = [webhook_runner(services, pool).dispatcher.poster for services in (embedded.services, production)]

    assert [poster.anywhere for poster in posters] == [True, False]


def test_a_name_that_now_has_a_private_address_is_not_connected_to(embedded: Service, receiver: Receiver) -> None:
    made = endpoint(embedded, receiver)
    send_test_event(embedded, made)
    outside_development = Poster(anywhere=False, resolve=lambda host, port: ["127.0.0.1"])
    while push(embedded, outside_development):
        pass

    assert receiver.arrived == []
    (waiting,) = deliveries(embedded, made)
    assert (waiting["status"], waiting["error"]) == ("pending", "not_public")
