"""The Stripe client: what it sends, and the outcome of payments, refunds and disputes in the simulated API.

What each answer to a request for a page means, and each event, is in `tests/providers/rows/stripe_checkout.py`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from flask import redirect

from bot.db.engine import create_engine
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    ChargeStatus,
    NotCaptured,
    NotCapturedReason,
    NotRefunded,
    NotRefundedReason,
    Refunded,
    Refunding,
    RefundPending,
    RefundStatus,
    StillOpen,
)
from bot.providers.errors import DuplicatePaymentError, PaymentError, Reason
from bot.providers.stripe_checkout import StripeCheckout
from bot.simulator import tables
from tests.collectors.simulated_stripe import API_KEY, CHARGE, REFUND, ROOT, SECRET, SimulatedStripe
from tests.providers.stand_in import StandIn, free_address, serving_stand_in
from tests.providers.test_odd_fields import changed

SESSION = "cs_test_1"


@pytest.fixture
def stripe_account(sqlite_url: str) -> Iterator[SimulatedStripe]:
    engine = create_engine(sqlite_url)
    tables.metadata.create_all(engine)
    yield SimulatedStripe(engine)
    engine.dispose()


@pytest.fixture
def api() -> Iterator[StandIn]:
    with serving_stand_in() as stand_in:
        yield stand_in


def client_of(api: StandIn) -> StripeCheckout:
    return StripeCheckout(API_KEY, base_url=api.url)


# -- what it sends


def test_a_page_is_asked_for_once_under_the_id_of_the_charge(api: StandIn) -> None:
    api.answer(200, b'{"id": "cs_test_1", "url": "https://checkout.stripe.com/c/pay/cs_test_1"}')
    assert client_of(api).ask(CHARGE) == Asked(SESSION, "https://checkout.stripe.com/c/pay/cs_test_1")
    (arrived,) = api.arrived
    assert arrived.path == "/v1/checkout/sessions"
    assert arrived.headers["authorization"] == f"Bearer {API_KEY}"
    assert arrived.headers["idempotency-key"] == CHARGE.id
    assert dict(parse_qsl(arrived.body)) == {
        "mode": "payment",
        "payment_method_types[0]": "card",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "3450",
        "line_items[0][price_data][product_data][name]": "Soko K7P4",
        "client_reference_id": "bpy_1",
        "metadata[charge]": "bpy_1",
        "metadata[order]": "K7P4",
        "payment_intent_data[description]": "Soko K7P4",
        "payment_intent_data[metadata][charge]": "bpy_1",
        "payment_intent_data[metadata][order]": "K7P4",
        "adaptive_pricing[enabled]": "false",
        "expires_at": str(int((CHARGE.expires_at + timedelta(minutes=31)).timestamp())),
        "success_url": "https://shop.example/o/t0ken",
        "cancel_url": "https://shop.example/o/t0ken",
    }


def test_a_query_asks_for_the_fee_too(api: StandIn) -> None:
    api.answer(200, b'{"status": "open"}')
    assert client_of(api).query(CHARGE, SESSION) == StillOpen()
    (arrived,) = api.arrived
    assert urlsplit(arrived.path).path == "/v1/checkout/sessions/cs_test_1"
    expanded = parse_qs(urlsplit(arrived.path).query)
    assert expanded == {"expand[0]": ["payment_intent.latest_charge.balance_transaction"]}


def test_the_sdk_tells_stripe_nothing_about_this_machine(
    api: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    api.answer(200, b'{"status": "open"}')
    client_of(api).query(CHARGE, SESSION)
    told = json.loads(api.arrived[0].headers["x-stripe-client-user-agent"])
    assert not {"platform", "telemetry_id"} & told.keys()


def test_no_redirect_is_followed(stripe_account: SimulatedStripe) -> None:
    stripe_account.app.add_url_rule("/moved/<path:path>", view_func=lambda path: redirect(f"/simulator/stripe/{path}"))
    moved = StripeCheckout(API_KEY, base_url=f"{ROOT}/moved", session=stripe_account.session)
    with pytest.raises(PaymentError) as error:
        moved.query(CHARGE, stripe_account.ask())
    assert error.value.reason.outcome_unknown


def test_nothing_was_asked_if_nothing_listens() -> None:
    with free_address() as address, pytest.raises(PaymentError) as error:
        StripeCheckout(API_KEY, base_url=address).ask(CHARGE)
    assert error.value.reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [(401, Reason.MISCONFIGURED), (404, Reason.REFUSED), (429, Reason.THROTTLED), (500, Reason.NO_ANSWER)],
)
def test_a_query_that_fails_settles_nothing(api: StandIn, status: int, reason: Reason) -> None:
    api.answer(status, b'{"error": {"type": "invalid_request_error", "message": "No."}}')
    for ask in (
        lambda: client_of(api).query(CHARGE, SESSION),
        lambda: client_of(api).close(CHARGE, SESSION),
        lambda: client_of(api).query_refund(replace(REFUND, reference="pi_1")),
        lambda: client_of(api).dispute("pi_1"),
    ):
        with pytest.raises(PaymentError) as error:
            ask()
        assert error.value.reason is reason


def test_no_key_is_logged(stripe_account: SimulatedStripe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stripe_account.paid()
    stripe_account.advance(1)
    assert API_KEY not in caplog.text
    assert SECRET not in caplog.text


# -- what the answer to a query means

PAID = {
    "id": SESSION,
    "status": "complete",
    "payment_status": "paid",
    "amount_total": 3450,
    "currency": "usd",
    "customer_details": {"name": "Joy \x00Wambui"},
    "payment_intent": {
        "id": "pi_1",
        "status": "succeeded",
        "latest_charge": {"id": "ch_1", "balance_transaction": {"id": "txn_1", "fee": 130, "currency": "usd"}},
    },
}
CAPTURED = Captured(34_50, "USD", "pi_1", fee=1_30, name="Joy Wambui")


def with_intent(**fields: object) -> dict[str, object]:
    return {"id": SESSION, "payment_status": "unpaid", "payment_intent": {"id": "pi_1"} | fields}


EXPIRED = NotCaptured(NotCapturedReason.EXPIRED, "expired")
NO_FUNDS = NotCaptured(NotCapturedReason.DECLINED, "insufficient_funds")
LAST_ERROR = {"code": "card_declined", "decline_code": "insufficient_funds"}


@pytest.mark.parametrize(
    ("session", "means"),
    [
        (PAID, CAPTURED),
        (PAID | {"currency": "kes"}, replace(CAPTURED, currency="KES", fee=None)),  # settled in another currency
        (PAID | {"currency": "ugx", "amount_total": 450000}, replace(CAPTURED, amount=4500, currency="UGX", fee=None)),
        (PAID | {"currency": "jpy", "amount_total": 450}, replace(CAPTURED, amount=450, currency="JPY", fee=None)),
        (PAID | {"payment_intent": "pi_1"}, replace(CAPTURED, fee=None)),
        (PAID | {"payment_intent": None}, replace(CAPTURED, reference=None, fee=None)),
        (PAID | {"amount_total": None, "customer_details": None}, replace(CAPTURED, amount=None, name=None)),
        (PAID | {"customer_details": {"name": "J" * 5000}}, replace(CAPTURED, name="J" * 200)),
        (with_intent() | {"status": "open"}, StillOpen()),
        (with_intent(last_payment_error=LAST_ERROR) | {"status": "open"}, StillOpen()),
        (with_intent(status="processing") | {"status": "complete"}, StillOpen()),
        (PAID | {"payment_status": "unpaid"}, StillOpen()),
        (PAID | {"payment_status": "no_payment_required"}, StillOpen()),
        (
            with_intent(status="requires_payment_method", last_payment_error=LAST_ERROR) | {"status": "complete"},
            NO_FUNDS,
        ),
        (with_intent(status="canceled") | {"status": "complete"}, NotCaptured(NotCapturedReason.DECLINED, "canceled")),
        ({"status": "expired", "payment_intent": None}, EXPIRED),
        (with_intent(last_payment_error=LAST_ERROR) | {"status": "expired"}, NO_FUNDS),
    ],
)
def test_only_a_session_that_says_paid_is_captured(
    api: StandIn, session: dict[str, object], means: ChargeStatus
) -> None:
    api.answer(200, json.dumps(session).encode())
    assert client_of(api).query(CHARGE, SESSION) == means


@pytest.mark.parametrize(
    "session",
    [{}, {"status": "new"}, {"status": None}, PAID | {"currency": "ugx", "amount_total": 4550}],
)
def test_an_answer_that_cannot_be_read_settles_nothing(api: StandIn, session: dict[str, object]) -> None:
    api.answer(200, json.dumps(session).encode())
    with pytest.raises(PaymentError) as error:
        client_of(api).query(CHARGE, SESSION)
    assert error.value.reason.outcome_unknown


def test_an_odd_field_turns_no_outcome_into_its_opposite(api: StandIn) -> None:
    client, refund = client_of(api), replace(REFUND, reference="pi_1")
    asks: list[tuple[dict[str, object], Callable[[], object], tuple[type, ...]]] = [
        (PAID, lambda: client.query(CHARGE, SESSION), (Captured, StillOpen)),
        (with_intent() | {"status": "open"}, lambda: client.query(CHARGE, SESSION), (StillOpen,)),
        ({"data": [refund_object("succeeded")]}, lambda: client.query_refund(refund), (Refunded,)),
        ({"data": [refund_object("pending")]}, lambda: client.query_refund(refund), (RefundPending,)),
        ({"data": [{"id": "du_1", "status": "won"}]}, lambda: client.dispute("pi_1"), (str, type(None))),
    ]
    for answer, ask, outcomes in asks:
        for name, body in changed(json.dumps(answer).encode()):
            api.answer(200, body)
            with suppress(PaymentError):
                outcome = ask()
                not_ours = isinstance(outcome, NotRefunded) and outcome.reason is NotRefundedReason.NOT_FOUND
                assert isinstance(outcome, outcomes) or (not_ours and name in ("data", "metadata", "refund")), body


# -- a charge


def test_a_buyer_pays_the_amount_and_an_event_says_when_to_ask(stripe_account: SimulatedStripe) -> None:
    asked = stripe_account.client.ask(CHARGE)
    assert isinstance(asked, Asked)
    assert asked.url == f"http://stripe/simulator/stripe/pay/{asked.provider_id}"
    assert stripe_account.query(asked.provider_id) == StillOpen()
    stripe_account.act(asked.provider_id, "pay")
    stripe_account.advance(1)
    captured = stripe_account.query(asked.provider_id)
    assert isinstance(captured, Captured)
    assert (captured.amount, captured.currency, captured.fee) == (34_50, "USD", 1_30)
    assert captured.reference
    ((collector, hinted, event_id),) = stripe_account.handler.recorded  # type: ignore[misc]
    assert (collector, hinted) == ("stripe", asked.provider_id)
    assert event_id.startswith("evt_")


def test_a_second_request_gives_the_same_page_at_any_time(stripe_account: SimulatedStripe) -> None:
    first = stripe_account.client.ask(CHARGE)
    stripe_account.advance(34 * 60)
    assert stripe_account.client.ask(CHARGE) == first


def test_a_second_request_with_another_amount_is_a_duplicate(stripe_account: SimulatedStripe) -> None:
    stripe_account.ask()
    with pytest.raises(DuplicatePaymentError):
        stripe_account.client.ask(replace(CHARGE, amount=34_51))


def test_after_a_lost_acknowledgement_the_same_page_is_found(stripe_account: SimulatedStripe) -> None:
    charge = replace(CHARGE, amount=77_40)
    with pytest.raises(PaymentError) as error:
        stripe_account.client.ask(charge)
    assert error.value.reason.outcome_unknown
    stripe_account.act(stripe_account.ask(charge), "pay")
    assert stripe_account.balance == 77_40


@pytest.mark.parametrize(
    ("fate", "events", "status"),
    [
        ("declined", 0, StillOpen),
        ("early", 1, Captured),
        ("silent", 0, Captured),
        ("twice", 2, Captured),
        ("late", 0, Captured),
    ],
)
def test_the_fate_of_a_payment_is_chosen(
    stripe_account: SimulatedStripe, fate: str, events: int, status: type[ChargeStatus]
) -> None:
    session_id = stripe_account.ask()
    stripe_account.act(session_id, "pay", fate)
    assert len(stripe_account.handler.recorded) == (fate == "early")
    stripe_account.advance(5)
    assert len(stripe_account.handler.recorded) == events
    assert isinstance(stripe_account.query(session_id), status)
    stripe_account.advance(600)
    assert len(stripe_account.handler.recorded) == events + (fate == "late")


@pytest.mark.parametrize(("amount", "paid"), [(77_02, 0), (77_04, 77_04), (77_99, 77_98), (20_77_99, 20_77_98)])
def test_the_last_digits_of_the_amount_choose_too(stripe_account: SimulatedStripe, amount: int, paid: int) -> None:
    stripe_account.paid(amount)
    assert stripe_account.balance == paid


def test_a_declined_buyer_may_pay_in_another_way(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.ask()
    stripe_account.act(session_id, "decline")
    assert stripe_account.query(session_id) == StillOpen()
    stripe_account.act(session_id, "pay")
    assert isinstance(stripe_account.query(session_id), Captured)


def test_a_session_that_is_complete_is_not_captured_before_it_is_paid(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.ask()
    stripe_account.act(session_id, "later")
    stripe_account.advance(2)
    assert len(stripe_account.handler.recorded) == 1
    assert stripe_account.query(session_id) == StillOpen()
    stripe_account.advance(60)
    assert len(stripe_account.handler.recorded) == 2
    assert isinstance(stripe_account.query(session_id), Captured)


def test_a_bank_may_not_pay_after_all(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.ask()
    stripe_account.act(session_id, "later", "declined")
    assert stripe_account.query(session_id) == NotCaptured(NotCapturedReason.DECLINED, "generic_decline")


def test_a_closed_session_cannot_be_paid(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.ask()
    assert stripe_account.client.close(CHARGE, session_id) == EXPIRED
    stripe_account.act(session_id, "pay")
    assert stripe_account.query(session_id) == EXPIRED
    assert stripe_account.client.close(CHARGE, session_id) == EXPIRED
    assert stripe_account.balance == 0


def test_closing_a_session_that_was_paid_says_so(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.paid()
    assert isinstance(stripe_account.client.close(CHARGE, session_id), Captured)


def test_a_session_that_nobody_closed_ends_half_an_hour_after_its_charge(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.ask()
    stripe_account.advance(66 * 60)
    stripe_account.act(session_id, "pay")
    assert stripe_account.query(session_id) == EXPIRED


def test_a_wrong_key_is_our_fault(stripe_account: SimulatedStripe) -> None:
    asked = stripe_account.make_client("sk_test_other").ask(CHARGE)
    assert isinstance(asked, NotCaptured)
    assert asked.reason is NotCapturedReason.MISCONFIGURED


def test_an_amount_that_stripe_cannot_charge_is_not_asked_for(api: StandIn) -> None:
    asked = client_of(api).ask(replace(CHARGE, amount=5_123, currency="KWD"))
    assert isinstance(asked, NotCaptured)
    assert (asked.reason, api.arrived) == (NotCapturedReason.DECLINED, [])


# -- refunds


def refund_of(session_id: str, **changes: object) -> Refunding:
    return replace(REFUND, provider_id=session_id, **changes)  # type: ignore[arg-type]


def test_a_refund_is_made_once_however_often_it_is_asked_for(stripe_account: SimulatedStripe) -> None:
    refund = refund_of(stripe_account.paid())
    first = stripe_account.client.refund(refund)
    assert isinstance(first, Refunded)
    assert stripe_account.client.refund(refund) == first
    assert stripe_account.client.query_refund(refund) == first
    assert stripe_account.balance == 0


def test_a_refund_is_found_after_stripe_has_forgotten_its_key(stripe_account: SimulatedStripe) -> None:
    half = refund_of(stripe_account.paid(), amount=17_25, whole=False)
    first = stripe_account.client.refund(half)
    with stripe_account.engine.begin() as conn:
        conn.exec_driver_sql("DELETE FROM simulated_request")  # as a day later
    assert stripe_account.client.refund(half) == first
    assert stripe_account.balance == 17_25


def test_parts_are_refunded_up_to_the_whole(stripe_account: SimulatedStripe) -> None:
    session_id = stripe_account.paid()
    parts = [
        refund_of(session_id, id=f"rfd_{n}", amount=amount, whole=False) for n, amount in enumerate((10_00, 24_50))
    ]
    assert all(isinstance(stripe_account.client.refund(part), Refunded) for part in parts)
    assert stripe_account.balance == 0
    more = stripe_account.client.refund(refund_of(session_id, id="rfd_9", amount=1, whole=False))
    assert isinstance(more, NotRefunded)
    assert more.reason is NotRefundedReason.ALREADY


def test_more_than_was_paid_is_not_refunded(stripe_account: SimulatedStripe) -> None:
    refused = stripe_account.client.refund(refund_of(stripe_account.paid(), amount=34_51))
    assert isinstance(refused, NotRefunded)
    assert refused.reason is NotRefundedReason.NOT_POSSIBLE


def test_a_refund_that_was_never_asked_for_is_not_found(stripe_account: SimulatedStripe) -> None:
    refund = refund_of(stripe_account.paid())
    answer = stripe_account.client.query_refund(refund)
    assert isinstance(answer, NotRefunded)
    assert answer.reason is NotRefundedReason.NOT_FOUND


def test_a_pending_refund_is_settled_later(stripe_account: SimulatedStripe) -> None:
    refund = refund_of(stripe_account.paid(77_60), amount=77_60)
    pending = stripe_account.client.refund(refund)
    assert isinstance(pending, RefundPending)
    stripe_account.advance(61)
    (name,) = pending.names
    assert ("stripe", name) in [told[:2] for told in stripe_account.handler.recorded]  # type: ignore[index]
    assert stripe_account.client.query_refund(refund) == Refunded(name)


def test_a_refund_that_failed_is_tried_again_as_another_attempt(stripe_account: SimulatedStripe) -> None:
    refund = refund_of(stripe_account.paid(77_61), amount=77_61)
    assert isinstance(stripe_account.client.refund(refund), RefundPending)
    stripe_account.advance(61)
    failed = stripe_account.client.query_refund(refund)
    assert isinstance(failed, NotRefunded)
    assert failed.reason is NotRefundedReason.NOT_POSSIBLE
    again = stripe_account.client.refund(refund)
    assert isinstance(again, RefundPending)
    assert again.names[0] not in failed.detail


def test_a_refund_that_was_made_may_be_returned_by_the_bank(stripe_account: SimulatedStripe) -> None:
    refund = refund_of(stripe_account.paid(77_63), amount=77_63)
    assert isinstance(stripe_account.client.refund(refund), Refunded)
    stripe_account.advance(61)
    assert len(stripe_account.handler.recorded) == 3  # paid, refunded, returned
    returned = stripe_account.client.query_refund(refund)
    assert isinstance(returned, NotRefunded)
    assert stripe_account.balance == 77_63


def test_a_refund_that_waits_for_our_balance_is_logged(api: StandIn, caplog: pytest.LogCaptureFixture) -> None:
    waiting = refund_object("pending") | {"pending_reason": "insufficient_funds"}
    api.answer(200, json.dumps({"data": [waiting]}).encode())
    assert client_of(api).query_refund(replace(REFUND, reference="pi_1")) == RefundPending(("re_1",))
    assert "re_1 waits until our balance at Stripe is topped up" in caplog.text


def test_after_a_lost_acknowledgement_a_refund_is_not_made_twice(stripe_account: SimulatedStripe) -> None:
    half = refund_of(stripe_account.paid(2 * 77_40), amount=77_40, whole=False)
    with pytest.raises(PaymentError) as error:
        stripe_account.client.refund(half)
    assert error.value.reason.outcome_unknown
    assert isinstance(stripe_account.client.refund(half), Refunded)
    assert stripe_account.balance == 77_40


@pytest.mark.parametrize(
    ("amount", "act", "reason"),
    [(77_65, "", NotRefundedReason.NO_FLOAT), (34_50, "dispute", NotRefundedReason.NOT_POSSIBLE)],
)
def test_a_refund_is_refused(stripe_account: SimulatedStripe, amount: int, act: str, reason: NotRefundedReason) -> None:
    session_id = stripe_account.paid(amount)
    stripe_account.act(session_id, act)
    refused = stripe_account.client.refund(refund_of(session_id, amount=amount))
    assert isinstance(refused, NotRefunded)
    assert (refused.reason, stripe_account.balance) == (reason, amount)


def refund_object(status: str | None, cause: str | None = None) -> dict[str, object]:
    return {"id": "re_1", "status": status, "failure_reason": cause, "metadata": {"refund": REFUND.id}}


@pytest.mark.parametrize(
    ("refund", "means"),
    [
        (refund_object("succeeded"), Refunded("re_1")),
        (refund_object("pending"), RefundPending(("re_1",))),
        (refund_object("requires_action"), RefundPending(("re_1",))),
        (
            refund_object("failed", "insufficient_funds"),
            NotRefunded(NotRefundedReason.NO_FLOAT, "re_1 failed insufficient_funds"),
        ),
        (
            refund_object("failed", "lost_or_stolen_card"),
            NotRefunded(NotRefundedReason.NOT_POSSIBLE, "re_1 failed lost_or_stolen_card"),
        ),
        (refund_object("canceled"), NotRefunded(NotRefundedReason.NOT_POSSIBLE, "re_1 canceled")),
    ],
)
def test_the_status_of_a_refund_means_one_thing(
    api: StandIn, refund: dict[str, object], means: RefundStatus | RefundPending
) -> None:
    api.answer(200, json.dumps({"object": "list", "data": [refund]}).encode())
    assert client_of(api).query_refund(replace(REFUND, reference="pi_1")) == means


@pytest.mark.parametrize(
    "listed", [{}, {"data": None}, {"data": [refund_object(None)]}, {"data": [refund_object("new")]}]
)
def test_a_list_of_refunds_that_cannot_be_read_settles_nothing(api: StandIn, listed: dict[str, object]) -> None:
    api.answer(200, json.dumps(listed).encode())
    with pytest.raises(PaymentError) as error:
        client_of(api).refund(replace(REFUND, reference="pi_1"))
    assert error.value.reason.outcome_unknown
    assert len(api.arrived) == 1  # nothing was asked for


def test_a_key_that_may_not_refund_is_our_fault(api: StandIn) -> None:
    api.answer(403, b'{"error": {"type": "invalid_request_error", "message": "No."}}')
    refused = client_of(api).refund(replace(REFUND, reference="pi_1"))
    assert isinstance(refused, NotRefunded)
    assert refused.reason is NotRefundedReason.MISCONFIGURED


# -- disputes


@pytest.mark.parametrize(("act", "status"), [("win", "won"), ("lose", "lost")])
def test_a_dispute_is_open_until_it_is_decided(stripe_account: SimulatedStripe, act: str, status: str) -> None:
    session_id = stripe_account.paid()
    captured = stripe_account.query(session_id)
    assert isinstance(captured, Captured)
    assert captured.reference is not None
    for name in (session_id, captured.reference):
        assert stripe_account.client.dispute(name) is None
    stripe_account.advance(1)
    stripe_account.handler.recorded.clear()
    stripe_account.act(session_id, "dispute")
    assert stripe_account.client.dispute(session_id) == "open"
    stripe_account.act(session_id, act)
    assert stripe_account.client.dispute(captured.reference) == status
    stripe_account.advance(1)
    assert [told[:2] for told in stripe_account.handler.recorded] == [("stripe", captured.reference)] * 2  # type: ignore[index]


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        ([], None),
        (["won"], "won"),
        (["warning_closed"], "won"),
        (["prevented"], "won"),
        (["won", "lost"], "lost"),
        (["lost", "under_review"], "open"),
        (["warning_needs_response"], "open"),
        (["appeal_under_review"], "open"),
        ([None], "open"),
    ],
)
def test_the_worst_of_several_disputes_counts(api: StandIn, statuses: list[str | None], worst: str | None) -> None:
    disputes = [{"id": f"du_{n}", "status": status} for n, status in enumerate(statuses)]
    api.answer(200, json.dumps({"data": disputes}).encode())
    assert client_of(api).dispute("pi_1") == worst
