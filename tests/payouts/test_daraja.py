"""Daraja's wire: what is sent, and what each answer and callback means."""

from __future__ import annotations

import copy
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug import Response

from bot.providers.daraja import Daraja
from bot.providers.errors import DuplicatePaymentError, PaymentError
from bot.providers.payment_contracts import NotFound, NotPaid, Paid, PaymentCallback, Pending
from bot.simulator.gateway import WsgiAdapter
from bot.simulator.wallet import PaymentScript
from tests.payouts.conftest import CALLBACKS, PHONE, ROOT, SECRET, Safaricom, payment
from tests.providers.conftest import StandIn

RESULT = f"/webhooks/daraja/{SECRET}/result"
TIMEOUT = f"/webhooks/daraja/{SECRET}/timeout"


def result(code: Any = 0, parameters: Any = None, **other: Any) -> dict[str, Any]:
    """A result as Daraja posts it; with parameters when it was paid."""
    envelope = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": "pay_1",
        "ConversationID": "AG_20261122_20106e9209f64bebd05b",
        "TransactionID": "SG632NMUAB",
        "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": "https://internal.example/submit"}},
    }
    if parameters is not None:
        envelope["ResultParameters"] = {"ResultParameter": parameters}
    return {"Result": envelope | other}


AMOUNT = {"Key": "TransactionAmount", "Value": 1500}
PAID = [
    AMOUNT,
    {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
    {"Key": "ReceiverPartyPublicName", "Value": "254711000111 - JANE DOE"},
]
STATUS = [
    {"Key": "DebitPartyName", "Value": "600997 - Soko"},
    {"Key": "DebitPartyName", "Value": "600997 - Soko"},
    {"Key": "OriginatorConversationID", "Value": "pay_1"},
    {"Key": "TransactionReason"},
    {"Key": "TransactionStatus", "Value": "Completed"},
    {"Key": "Amount", "Value": "1500"},
    {"Key": "ReceiptNo", "Value": "SG632NMUAB"},
]
NAMES = ("pay_1", "AG_20261122_20106e9209f64bebd05b")
QUESTION = {"OriginatorConversationID": "1236-7134259-1", "ConversationID": "AG_1234"}


@pytest.fixture
def door(safaricom: Safaricom) -> FlaskClient:
    return safaricom.app.test_client()


# -- callbacks


@pytest.mark.parametrize(
    ("body", "report"),
    [
        (result(0, PAID), PaymentCallback(NAMES, Paid("SG632NMUAB", 1500_00), None)),
        (result("0", PAID[::-1]), PaymentCallback(NAMES, Paid("SG632NMUAB", 1500_00), None)),
        (result(0, PAID[1:]), PaymentCallback(NAMES, Paid("SG632NMUAB", None), None)),
        (result(0, PAID[0]), PaymentCallback(NAMES, Paid("SG632NMUAB", 1500_00), None)),
        (
            result(0, [{"Key": "TransactionAmount", "Value": "1500.50"}]),
            PaymentCallback(NAMES, Paid("SG632NMUAB", 1500_50), None),
        ),
        (
            result(0, [{"Key": "TransactionAmount", "Value": "much"}]),
            PaymentCallback(NAMES, Paid("SG632NMUAB", None), None),
        ),
        (result(2040, ResultDesc="No"), PaymentCallback(NAMES, NotPaid("2040 No", "recipient"), None)),
        (result("SFC_IC0003", ResultDesc=""), PaymentCallback(NAMES, NotPaid("SFC_IC0003", "recipient"), None)),
        (result(8, ResultDesc=""), PaymentCallback(NAMES, NotPaid("8", "recipient"), None)),
        (result(1, ResultDesc=""), PaymentCallback(NAMES, NotPaid("1", "us"), None)),
        (result("2001", ResultDesc=""), PaymentCallback(NAMES, NotPaid("2001", "us"), None)),
        (result(8006, ResultDesc=""), PaymentCallback(NAMES, NotPaid("8006", "us"), None)),
        (result(4, ResultDesc=""), PaymentCallback(NAMES, NotPaid("4", "nobody", try_tomorrow=True), None)),
        (result(15), PaymentCallback(NAMES, None, None)),
        (result(17), PaymentCallback(NAMES, None, None)),
        (result("26"), PaymentCallback(NAMES, None, None)),
        (result(0, [AMOUNT], TransactionID=""), PaymentCallback(NAMES, None, None)),
        (result(2, ResultDesc="no\x00t \ud800enough"), PaymentCallback(NAMES, NotPaid("2 not enough", "nobody"), None)),
        (result(424242), PaymentCallback(NAMES, None, None)),
        (result(2032, **QUESTION), PaymentCallback(("1236-7134259-1", "AG_1234"), None, NotFound())),
    ],
)
def test_a_result_is_read(
    safaricom: Safaricom, door: FlaskClient, body: dict[str, Any], report: PaymentCallback
) -> None:
    answer = door.post(RESULT, json=body)
    assert (answer.status_code, answer.get_json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})
    assert safaricom.handler.callbacks == [report]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("Completed", Paid("SG632NMUAB", 1500_00)),
        ("Declined", NotPaid("it is Declined")),
        ("Expired", NotPaid("it is Expired")),
        ("Initiated", None),
        ("Authorized", None),
    ],
)
def test_the_answer_to_a_question_is_about_the_payment_its_parameters_name(
    safaricom: Safaricom, door: FlaskClient, status: str, word: Any
) -> None:
    parameters = copy.deepcopy(STATUS)
    parameters[4]["Value"] = status
    door.post(RESULT, json=result(0, parameters, **QUESTION))
    (report,) = safaricom.handler.callbacks
    assert (report.names[0], report.if_payment, report.if_query) == ("pay_1", word, word)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"Result"',
        b"{}",
        json.dumps({"Result": []}).encode(),
        json.dumps({"Result": {"ResultDesc": "no code", "ConversationID": "AG_1"}}).encode(),
        json.dumps({"Result": {"ResultCode": 0}}).encode(),
        json.dumps(result(0, PAID, OriginatorConversationID="\x00", ConversationID="\ud800")).encode(),
        b"\xff\xfe",
    ],
)
def test_what_cannot_be_read_is_answered_400_and_says_nothing(
    safaricom: Safaricom, door: FlaskClient, body: bytes
) -> None:
    assert door.post(RESULT, data=body, content_type="application/json").status_code == 400
    assert safaricom.handler.callbacks == []


def test_a_time_out_names_the_payment_of_the_request_it_repeats(safaricom: Safaricom, door: FlaskClient) -> None:
    echo = {"OriginatorConversationID": "pay_1", "InitiatorName": "testapi", "Amount": "1500"}
    assert door.post(TIMEOUT, json=echo).get_json() == {"ResultCode": 0, "ResultDesc": "Accepted"}
    assert door.post(TIMEOUT, json={"OriginalConversationID": "pay_2", "Initiator": "testapi"}).status_code == 200
    assert safaricom.handler.timeouts == ["pay_1"]
    assert door.post(TIMEOUT, json={"Amount": "1500"}).status_code == 400


@pytest.mark.parametrize("path", ["result", "timeout"])
def test_under_another_secret_nobody_is_there(safaricom: Safaricom, door: FlaskClient, path: str) -> None:
    assert door.post(f"/webhooks/daraja/guess/{path}", json=result(0, PAID)).status_code == 404
    assert (safaricom.handler.callbacks, safaricom.handler.timeouts) == ([], [])


# -- requests


def elsewhere(safaricom: Safaricom, url: str) -> Daraja:
    """A client of another API, which gets its tokens from the simulated one."""
    session = requests.Session()
    session.mount(f"{url}/simulator/daraja/oauth", WsgiAdapter(safaricom.app))
    return safaricom.make_client(base_url=f"{url}/simulator/daraja", session=session)


def test_a_request_says_whole_shillings_and_where_its_result_goes(safaricom: Safaricom, api: StandIn) -> None:
    client = elsewhere(safaricom, api.url)
    api.answer(200, b'{"ConversationID": "AG_1", "OriginatorConversationID": "pay_1", "ResponseCode": "0"}')
    assert client.pay(payment(amount=1489_99)) == Pending(("AG_1", "pay_1"))
    (arrived,) = api.arrived
    assert arrived.path.endswith("/mpesa/b2c/v3/paymentrequest")
    assert arrived.headers["authorization"] == f"Bearer {safaricom.bank.tokens[0]}"
    assert json.loads(arrived.body) == {
        "OriginatorConversationID": "pay_1",
        "InitiatorName": "testapi",
        "SecurityCredential": "c3Jl",
        "CommandID": "BusinessPayment",
        "Amount": "1489",
        "PartyA": "600997",
        "PartyB": "254711000111",
        "Remarks": "Soko K7P4",
        "QueueTimeOutURL": f"{CALLBACKS}/timeout",
        "ResultURL": f"{CALLBACKS}/result",
        "Occassion": "K7P4",
    }


@pytest.mark.parametrize(
    ("status", "body", "unknown", "duplicate"),
    [
        (500, {"errorCode": "500.002.1001", "errorMessage": "Duplicate OriginatorConversationID."}, True, True),
        (500, {"errorCode": "500.003.02", "errorMessage": "System is busy."}, True, False),
        (503, None, True, False),
        (200, None, True, False),
        (200, {"ResponseCode": "1"}, True, False),
        (302, None, True, False),
        (403, None, True, False),
        (408, None, True, False),
        (429, {"errorCode": "500.003.02", "errorMessage": "Spike arrest"}, False, False),
        (None, None, True, False),
    ],
)
def test_what_is_no_clear_answer_is_not_taken_for_one(
    safaricom: Safaricom, api: StandIn, status: int | None, body: Any, unknown: bool, duplicate: bool
) -> None:
    client = elsewhere(safaricom, api.url)
    api.answer(status, b"<html>" if body is None else json.dumps(body).encode())
    with pytest.raises(PaymentError) as error:
        client.pay(payment())
    assert (error.value.reason.outcome_unknown, isinstance(error.value, DuplicatePaymentError)) == (unknown, duplicate)


@pytest.mark.parametrize(
    ("status", "code", "words", "blame"),
    [
        (400, "400.002.02", "Bad Request - Invalid Amount", "nobody"),
        (400, "400.002.02", "Bad Request - Invalid PartyB", "recipient"),
        (400, "400.002.02", "Bad Request - Invalid SecurityCredential", "us"),
        (400, "400.003.02", "own ShortCode", "us"),
        (404, "404.003.01", "Resource not found", "us"),
        (405, "405.001", "Method not allowed", "us"),
    ],
)
def test_a_clear_no_is_final(
    safaricom: Safaricom, api: StandIn, status: int, code: str, words: str, blame: str
) -> None:
    client = elsewhere(safaricom, api.url)
    api.answer(status, json.dumps({"errorCode": code, "errorMessage": words}).encode())
    assert client.pay(payment()) == NotPaid(f"{code} {words}", blame)  # type: ignore[arg-type]
    assert len(api.arrived) == 1


def test_who_is_not_there_was_certainly_not_asked(safaricom: Safaricom, nobody_there: str) -> None:
    for client in (elsewhere(safaricom, nobody_there), safaricom.make_client(base_url=nobody_there, session=None)):
        with pytest.raises(PaymentError) as error:
            client.pay(payment())
        assert not error.value.reason.outcome_unknown


# -- the token


def test_one_token_is_fetched_for_all_who_pay_at_once(safaricom: Safaricom) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: safaricom.client.pay(payment(f"pay_{n}")), range(12)))
    assert all(isinstance(answer, Pending) for answer in answers)
    assert len(safaricom.bank.tokens) == 1


def test_a_token_is_renewed_before_it_ends(safaricom: Safaricom) -> None:
    safaricom.client.pay(payment("pay_1"))
    safaricom.passes(50 * 60)
    safaricom.client.pay(payment("pay_2"))
    assert len(safaricom.bank.tokens) == 1
    safaricom.passes(5 * 60)
    safaricom.client.pay(payment("pay_3"))
    assert len(safaricom.bank.tokens) == 2


def test_a_token_that_is_refused_is_renewed_once(safaricom: Safaricom) -> None:
    began = safaricom.now
    client = safaricom.make_client(clock=lambda: began)  # it does not notice that its token has ended
    client.pay(payment("pay_1"))
    safaricom.passes(2 * 3600)
    assert isinstance(client.pay(payment("pay_2")), Pending)
    assert len(safaricom.bank.tokens) == 2


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_while_no_token_is_to_be_had_a_payment_was_certainly_not_asked_for(safaricom: Safaricom, status: int) -> None:
    safaricom.session.mount(ROOT, WsgiAdapter(Response(b"<html>", status)))
    with pytest.raises(PaymentError) as error:
        safaricom.client.pay(payment())
    assert not error.value.reason.outcome_unknown


def test_a_key_that_is_refused_is_our_own_matter(safaricom: Safaricom) -> None:
    client = safaricom.make_client(consumer_secret="wrong")
    assert client.pay(payment()) == NotPaid("the consumer key is refused", "us")
    with pytest.raises(PaymentError) as error:
        client.query(payment())
    assert not error.value.reason.outcome_unknown


def test_no_key_and_no_token_gets_into_the_log(safaricom: Safaricom, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    safaricom.client.pay(payment())
    safaricom.passes(1)
    for secret in ("secret", "c3Jl", safaricom.bank.tokens[0], PHONE[4:]):
        assert secret not in caplog.text.replace(SECRET, "")


# -- how payments fare in the simulated API


@pytest.mark.parametrize(
    ("ending", "taken", "said"),
    [
        ("000111", True, 1),
        ("777003", True, 1),
        ("777202", True, 0),
        ("777222", True, 2),
        ("777500", False, 1),
        ("777503", False, 0),
    ],
)
def test_the_recipients_number_chooses_what_happens(safaricom: Safaricom, ending: str, taken: bool, said: int) -> None:
    answered = False
    with suppress(PaymentError):
        answered = isinstance(safaricom.client.pay(payment(msisdn=f"+254711{ending}")), Pending)
    early = len(safaricom.handler.callbacks)
    safaricom.passes(3)
    assert (answered, len(safaricom.handler.callbacks), early) == (taken, said, ending == "777003")


def test_asked_twice_the_second_is_a_duplicate_and_nothing_more_is_paid(safaricom: Safaricom) -> None:
    safaricom.client.pay(payment())
    with pytest.raises(DuplicatePaymentError):
        safaricom.client.pay(payment())
    safaricom.passes(2)
    assert len(safaricom.handler.callbacks) == 1


def test_a_question_may_go_unanswered_too(safaricom: Safaricom) -> None:
    safaricom.client.pay(payment())
    safaricom.fates[PHONE] = PaymentScript(query_status=500)
    with pytest.raises(PaymentError):
        safaricom.client.query(payment())


@pytest.mark.parametrize("change", [{"msisdn": "+33612345678"}, {"amount": 9_00}, {"amount": 250_001_00}])
def test_what_cannot_be_paid_is_refused(safaricom: Safaricom, change: dict[str, Any]) -> None:
    assert isinstance(safaricom.client.pay(payment(**change)), NotPaid)
