"""M-PESA Express: what is requested, what each code means, reversals, receipts, paybill, and the simulated phones.

What each answer and callback means is in `tests/providers/rows/mpesa_express.py`.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import requests

from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    NotCaptured,
    NotCapturedReason,
    NotRefunded,
    NotRefundedReason,
    PaybillNotice,
    Refunding,
    RefundPending,
    StillOpen,
)
from bot.providers.errors import PaymentError, Reason
from bot.simulator import buyers, express
from tests.collectors.rigs import PASSKEY, SHORTCODE, MpesaRig
from tests.providers.rows.mpesa_express import CHARGE_CODES
from tests.simulated_daraja import CALLBACKS

REFUNDING = Refunding(
    *("rfd_1", "refund-token", "bpy_1", "ws_CO_1", "SG632NMUAB"),
    amount=1500_00,
    currency="KES",
    whole=True,
    about="K7P4",
)


def requested(mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """The paths and bodies of the requests that will be made."""
    made: list[tuple[str, dict[str, Any]]] = []
    send = mpesa.connection.send

    def recorded(request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if request.method == "POST":
            made.append((request.path_url.removeprefix("/simulator/daraja"), json.loads(request.body or b"{}")))
        return send(request, *args, **options)

    monkeypatch.setattr(mpesa.connection, "send", recorded)
    return made


def asked(mpesa: MpesaRig, charge: Charge) -> str:
    answer = mpesa.collector.ask(charge)
    assert isinstance(answer, Asked)
    return answer.provider_id


def paid(mpesa: MpesaRig, phone: str | None = None, amount: int = 1500_00) -> tuple[Charge, Captured]:
    """A charge that was paid, and what its callback says."""
    charge = mpesa.charge("waits", amount)
    if phone:
        charge = replace(charge, msisdn=phone)
    provider_id = asked(mpesa, charge)
    if not phone:
        mpesa.pay(provider_id)
    mpesa.advance(2)
    ((_, told),) = mpesa.handler.recorded  # type: ignore[misc]
    assert isinstance(told, Captured)
    return charge, told


def answering(mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch, status: int, fields: object) -> None:
    """Let the provider answer everything but a request for a token with these fields."""
    send = mpesa.connection.send

    def answer(request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        if "oauth" in request.path_url:
            return send(request, *args, **options)
        answered = requests.Response()
        answered.status_code, answered.raw = status, BytesIO(json.dumps(fields).encode())
        return answered

    monkeypatch.setattr(mpesa.connection, "send", answer)


# -- what is requested


def test_a_prompt_names_whole_shillings_rounded_up_and_where_the_callback_goes(
    mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = requested(mpesa, monkeypatch)
    charge = replace(mpesa.charge("waits", 1499_01), about="K7P4ABCDEFGHIJ")
    asked(mpesa, charge)
    ((path, body),) = made
    assert path == "/mpesa/stkpush/v1/processrequest"
    assert b64decode(body.pop("Password")).decode() == f"{SHORTCODE}{PASSKEY}20261122120000"
    assert body == {
        "BusinessShortCode": SHORTCODE,
        "Timestamp": "20261122120000",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": "1500",
        "PartyA": "254711000111",
        "PartyB": SHORTCODE,
        "PhoneNumber": "254711000111",
        "CallBackURL": f"{CALLBACKS}/express/{charge.token}",
        "AccountReference": "K7P4ABCDEFGH",
        "TransactionDesc": "Soko K7P4ABCD",
    }


def test_a_reversal_names_the_receipt_and_addresses_with_a_token(
    mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = requested(mpesa, monkeypatch)
    assert isinstance(mpesa.collector.refund(REFUNDING), RefundPending)
    ((path, body),) = made
    assert path == "/mpesa/reversal/v1/request"
    assert body == {
        "Initiator": "testapi",
        "SecurityCredential": "c3Jl",
        "CommandID": "TransactionReversal",
        "TransactionID": "SG632NMUAB",
        "Amount": "1500",
        "ReceiverParty": SHORTCODE,
        "RecieverIdentifierType": "11",
        "ResultURL": f"{CALLBACKS}/reversal/refund-token",
        "QueueTimeOutURL": f"{CALLBACKS}/unanswered/refund-token",
        "Remarks": "Soko K7P4",
        "Occasion": "K7P4",
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"msisdn": None}, NotCapturedReason.INVALID_PHONE),
        ({"msisdn": "+33612345678"}, NotCapturedReason.INVALID_PHONE),
        ({"msisdn": "+254201234567"}, NotCapturedReason.INVALID_PHONE),
        ({"amount": 250_000_01}, NotCapturedReason.DECLINED),
        ({"amount": 0}, NotCapturedReason.DECLINED),
        ({"currency": "USD"}, NotCapturedReason.DECLINED),
    ],
)
def test_what_the_network_cannot_charge_is_not_requested(
    mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], reason: NotCapturedReason
) -> None:
    made = requested(mpesa, monkeypatch)
    answer = mpesa.collector.ask(replace(mpesa.charge("waits"), **change))
    assert isinstance(answer, NotCaptured)
    assert (answer.reason, made) == (reason, [])


@pytest.mark.parametrize("change", [{"whole": False}, {"reference": None}])
def test_a_part_and_a_payment_without_a_receipt_are_not_reversed(
    mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    made = requested(mpesa, monkeypatch)
    answer = mpesa.collector.refund(replace(REFUNDING, **change))
    assert isinstance(answer, NotRefunded)
    assert (answer.reason, made) == (NotRefundedReason.NOT_POSSIBLE, [])


# -- access


def test_a_wrong_passkey_is_our_mistake(mpesa: MpesaRig) -> None:
    collector = mpesa.make_collector(passkey="wrong")
    answer = collector.ask(mpesa.charge("waits"))
    assert isinstance(answer, NotCaptured)
    assert answer.reason is NotCapturedReason.MISCONFIGURED


def test_a_wrong_consumer_key_is_our_mistake_and_says_nothing_about_a_charge(mpesa: MpesaRig) -> None:
    collector, charge = mpesa.make_collector(secret="wrong"), mpesa.charge("waits")
    answer, refunded = collector.ask(charge), collector.refund(REFUNDING)
    assert isinstance(answer, NotCaptured)
    assert isinstance(refunded, NotRefunded)
    assert answer.reason is NotCapturedReason.MISCONFIGURED
    assert refunded.reason is NotRefundedReason.MISCONFIGURED
    for query in (lambda: collector.query(charge, "ws_CO_1"), lambda: collector.query_refund(REFUNDING)):
        with pytest.raises(PaymentError) as error:
            query()
        assert error.value.reason is Reason.MISCONFIGURED


def test_the_access_token_is_renewed_before_it_expires(mpesa: MpesaRig) -> None:
    for hours in range(3):
        asked(mpesa, replace(mpesa.charge("waits"), msisdn=f"+25471100011{hours}"))
        asked(mpesa, replace(mpesa.charge("waits"), msisdn=f"+25471100012{hours}"))
        mpesa.advance(3600)
    assert len(mpesa.daraja.tokens) == 3


def test_an_access_token_that_is_refused_is_renewed_once(mpesa: MpesaRig) -> None:
    charge = mpesa.charge("waits")
    provider_id = asked(mpesa, charge)
    mpesa.now += timedelta(hours=2)
    mpesa.collector._client._token._valid_until = mpesa.now + timedelta(hours=1)  # it does not notice
    assert isinstance(mpesa.collector.query(charge, provider_id), NotCaptured)
    assert len(mpesa.daraja.tokens) == 2


def test_no_key_no_token_and_no_phone_is_logged(mpesa: MpesaRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    charge, _ = paid(mpesa)
    for secret in (PASSKEY, "c3Jl", charge.token, mpesa.daraja.tokens[0], "254711000111"):
        assert secret not in caplog.text


# -- codes


@pytest.mark.parametrize(("code", "reason"), CHARGE_CODES.items())
def test_each_final_code_of_a_query_has_its_reason(
    mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch, code: str, reason: NotCapturedReason
) -> None:
    answering(mpesa, monkeypatch, 200, {"ResponseCode": "0", "ResultCode": code, "ResultDesc": "so it is"})
    assert mpesa.collector.query(mpesa.charge("waits"), "ws_CO_1") == NotCaptured(reason, f"{code} so it is")


@pytest.mark.parametrize(
    ("status", "fields", "is_warned"),
    [
        (500, {"errorCode": "500.001.1001", "errorMessage": "The transaction is being processed"}, False),
        (200, {"ResponseCode": "0", "ResultCode": "4999", "ResultDesc": "under processing"}, False),
        (200, {"ResponseCode": "0", "ResultCode": "424242"}, True),
        (200, {"ResponseCode": "0", "ResultCode": 26}, True),
    ],
)
def test_a_charge_stays_open_while_the_code_is_not_final(
    mpesa: MpesaRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    status: int,
    fields: dict[str, Any],
    is_warned: bool,
) -> None:
    answering(mpesa, monkeypatch, status, fields)
    assert mpesa.collector.query(mpesa.charge("waits"), "ws_CO_1") == StillOpen()
    assert ("not final" in caplog.text) is is_warned


@pytest.mark.parametrize(
    ("status", "fields", "reason"),
    [
        (500, {"errorCode": "500.001.1001", "errorMessage": "Internal"}, Reason.NO_ANSWER),
        (500, {"errorCode": "500.001.1001", "errorMessage": "Wrong credentials"}, Reason.MISCONFIGURED),
        (400, {"errorCode": "400.002.02", "errorMessage": "Invalid CheckoutRequestID"}, Reason.REFUSED),
        (429, {"errorCode": "500.003.02", "errorMessage": "Spike arrest"}, Reason.THROTTLED),
        (200, {"ResponseCode": "0"}, Reason.NO_ANSWER),
        (200, {"ResponseCode": "0", "ResultCode": []}, Reason.NO_ANSWER),
    ],
)
def test_a_query_that_fails_says_nothing_about_the_charge(
    mpesa: MpesaRig, monkeypatch: pytest.MonkeyPatch, status: int, fields: dict[str, Any], reason: Reason
) -> None:
    answering(mpesa, monkeypatch, status, fields)
    with pytest.raises(PaymentError) as error:
        mpesa.collector.query(mpesa.charge("waits"), "ws_CO_1")
    assert error.value.reason is reason


def test_the_same_again_and_a_phone_that_is_locked_are_put_back_for_two_minutes(mpesa: MpesaRig) -> None:
    asked(mpesa, mpesa.charge("waits"))
    for charge in (mpesa.charge("waits"), replace(mpesa.charge("waits"), msisdn="+254711888017")):
        with pytest.raises(PaymentError) as error:
            mpesa.collector.ask(charge)
        assert (error.value.reason.retryable, error.value.retry_after) == (True, timedelta(minutes=2))


def test_a_payment_of_another_amount_is_told_with_its_amount(mpesa: MpesaRig) -> None:
    _, told = paid(mpesa, "+254711888999")
    assert told.amount == 1501_00


# -- reversals


def reversed_with(mpesa: MpesaRig, captured: Captured, **change: Any) -> Any:
    wanted = replace(REFUNDING, reference=captured.reference, **change)
    assert isinstance(mpesa.collector.refund(wanted), RefundPending)
    return mpesa.refund_outcome(wanted)


def test_a_reversal_of_an_unknown_receipt_is_not_possible(mpesa: MpesaRig) -> None:
    outcome = reversed_with(mpesa, Captured(1500_00, "KES", "SIMUNKNOWN"))
    assert outcome.reason is NotRefundedReason.NOT_POSSIBLE


def test_without_float_nothing_is_reversed(mpesa: MpesaRig) -> None:
    _, told = paid(mpesa, "+254711888801")
    assert reversed_with(mpesa, told).reason is NotRefundedReason.NO_FLOAT
    assert mpesa.total_collected() == 1500_00


def test_while_a_payment_is_not_reversed_a_query_about_the_refund_has_no_outcome(mpesa: MpesaRig) -> None:
    _, told = paid(mpesa)
    wanted = replace(REFUNDING, reference=told.reference)
    assert isinstance(mpesa.collector.query_refund(wanted), RefundPending)
    assert mpesa.refund_outcome(wanted) is None
    assert mpesa.handler.recorded[-1] == ("refund-token", None)


# -- receipts and paybill


def test_a_notice_of_paybill_names_a_receipt_that_a_query_proves(mpesa: MpesaRig) -> None:
    paying = {"msisdn": "+254711000222", "account": "K7P4", "amount": 1500}
    receipt = mpesa.app.test_client().post("/simulator/paybill", json=paying).get_json()["receipt"]
    mpesa.advance(2)
    notice = PaybillNotice(receipt, "K7P4", 1500_00, "SIMULATED PERSON")
    assert mpesa.handler.recorded == [("mpesa", notice)]
    mpesa.collector.query_receipt(receipt, "receipt-token")
    mpesa.advance(2)
    proof = Captured(1500_00, "KES", receipt, msisdn="+254711000222", name="SIMULATED PERSON")
    assert mpesa.handler.recorded[1:] == [("receipt-token", proof)]


def test_a_receipt_that_does_not_exist_and_one_that_was_reversed_prove_nothing(mpesa: MpesaRig) -> None:
    _, told = paid(mpesa)
    reversed_with(mpesa, told)
    mpesa.handler.recorded.clear()
    for receipt in ("SIMUNKNOWN", told.reference or ""):
        mpesa.collector.query_receipt(receipt, "receipt-token")
    mpesa.advance(2)
    assert mpesa.handler.recorded == [("receipt-token", None)] * 2


@pytest.mark.parametrize(
    "path",
    ["express/t", "reversal/t", "receipt/t", "unanswered/t", "c2b/confirmation", "c2b/validation"],
)
def test_a_callback_with_another_secret_is_404(mpesa: MpesaRig, path: str) -> None:
    assert mpesa.post(f"https://soko.example/webhooks/daraja/guess/{path}", {}) == 404
    assert mpesa.handler.recorded == []


# -- simulated phones


def test_a_prompt_waits_a_minute_on_the_phone(mpesa: MpesaRig) -> None:
    provider_id = asked(mpesa, mpesa.charge("waits"))
    get = mpesa.app.test_client().get
    shown = get("/simulator/prompts", query_string={"msisdn": "+254711000111"}).get_json()
    prompt = {"id": provider_id, "msisdn": "+254711000111", "amount": 1500, "account": "K7P4"}
    assert shown == {"data": [prompt]}
    several = get("/simulator/prompts", query_string={"msisdn": ["+254711000112", "+254711000111"]}).get_json()
    assert several == {"data": [prompt]}
    mpesa.advance(60)
    assert get("/simulator/prompts", query_string={"msisdn": "+254711000111"}).get_json() == {"data": []}
    assert not express.answer_prompt(mpesa.simulator, provider_id, "1234")


@pytest.mark.parametrize(
    ("pin", "code"),
    [("1234", buyers.PAID), ("0000", buyers.WRONG_PIN), ("12", buyers.WRONG_PIN), (None, buyers.CANCELLED)],
)
def test_a_pin_pays_a_wrong_one_does_not_and_a_buyer_may_cancel(mpesa: MpesaRig, pin: str | None, code: str) -> None:
    provider_id = asked(mpesa, mpesa.charge("waits"))
    post = mpesa.app.test_client().post
    answers = [post(f"/simulator/prompts/{provider_id}", json={"pin": pin}).get_json() for _ in range(2)]
    assert answers == [{"answered": True}, {"answered": False}]
    with mpesa.engine.begin() as conn:
        prompt = buyers.find(conn, provider_id, mpesa.now)
    assert prompt is not None
    assert prompt.code == code


def test_with_an_option_buyers_pay_at_once(mpesa: MpesaRig) -> None:
    at_once = replace(mpesa.simulator, pays_at_once=True)
    assert at_once.script_for("+254711000111").code == buyers.PAID
    assert at_once.script_for("+254711888032").code == buyers.CANCELLED


def test_every_fate_is_in_the_table_of_the_docstring() -> None:
    assert {ending for ending in buyers.SCRIPTS if f"…{ending}" not in (buyers.__doc__ or "")} == set()
