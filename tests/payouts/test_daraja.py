"""The Daraja client: what it sends, its access token, and the outcome of payments in the simulated API.

What each answer and callback means is in `tests/providers/rows/daraja.py`.
"""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import requests
from werkzeug import Response

from bot.providers.daraja import Daraja
from bot.providers.errors import DuplicatePaymentError, PaymentError
from bot.providers.payment_contracts import NotPaid, Pending
from bot.simulator.wallet import PaymentScript
from bot.simulator.wsgi_adapter import WsgiAdapter
from tests.payouts.conftest import PHONE, TOKEN, Safaricom, payment
from tests.providers.rows.daraja import PAID, result
from tests.providers.stand_in import StandIn
from tests.simulated_daraja import CALLBACKS, ROOT, SECRET

# -- callbacks


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("result", result(0, PAID)),
        (f"result/{TOKEN}", result(0, PAID)),
        ("timeout", {"OriginatorConversationID": "pay_1"}),
        (f"timeout/{TOKEN}", {"OriginatorConversationID": "pay_1"}),
    ],
)
def test_a_callback_is_answered_that_it_was_accepted(safaricom: Safaricom, path: str, body: dict[str, Any]) -> None:
    answer = safaricom.app.test_client().post(f"/webhooks/daraja/{SECRET}/{path}", json=body)
    assert (answer.status_code, answer.get_json()) == (200, {"ResultCode": 0, "ResultDesc": "Accepted"})


@pytest.mark.parametrize("path", ["result", "timeout", f"result/{TOKEN}", f"timeout/{TOKEN}"])
def test_a_callback_with_another_secret_is_404(safaricom: Safaricom, path: str) -> None:
    answer = safaricom.app.test_client().post(f"/webhooks/daraja/guess/{path}", json=result(0, PAID))
    assert answer.status_code == 404
    assert safaricom.handler.recorded == []


# -- requests


def client_of(safaricom: Safaricom, url: str) -> Daraja:
    """A client of another API, which gets its tokens from the simulated one."""
    session = requests.Session()
    session.mount(f"{url}/simulator/daraja/oauth", WsgiAdapter(safaricom.app))
    return safaricom.make_client(base_url=f"{url}/simulator/daraja", session=session)


def test_a_request_names_whole_shillings_and_where_the_result_goes(safaricom: Safaricom, api: StandIn) -> None:
    client = client_of(safaricom, api.url)
    api.answer(200, b'{"ConversationID": "AG_1", "OriginatorConversationID": "pay_1", "ResponseCode": "0"}')
    assert client.pay(payment(amount=1489_99)) == Pending(("AG_1", "pay_1"))
    (arrived,) = api.arrived
    assert arrived.path.endswith("/mpesa/b2c/v3/paymentrequest")
    assert arrived.headers["authorization"] == f"Bearer {safaricom.simulator.tokens[0]}"
    assert json.loads(arrived.body) == {
        "OriginatorConversationID": "pay_1",
        "InitiatorName": "testapi",
        "SecurityCredential": "c3Jl",
        "CommandID": "BusinessPayment",
        "Amount": "1489",
        "PartyA": "600997",
        "PartyB": "254711000111",
        "Remarks": "Soko K7P4",
        "QueueTimeOutURL": f"{CALLBACKS}/timeout/{TOKEN}",
        "ResultURL": f"{CALLBACKS}/result/{TOKEN}",
        "Occassion": "K7P4",
    }


def test_a_query_names_addresses_with_its_own_token(safaricom: Safaricom, api: StandIn) -> None:
    client = client_of(safaricom, api.url)
    api.answer(200, b'{"ConversationID": "AG_1", "OriginatorConversationID": "1-2-1", "ResponseCode": "0"}')
    client.query(replace(payment(), token="another"))
    (arrived,) = api.arrived
    asked = json.loads(arrived.body)
    assert (asked["ResultURL"], asked["QueueTimeOutURL"]) == (
        f"{CALLBACKS}/result/another",
        f"{CALLBACKS}/timeout/another",
    )


def test_no_payment_was_requested_if_nothing_listens(safaricom: Safaricom, unused_address: str) -> None:
    for client in (client_of(safaricom, unused_address), safaricom.make_client(base_url=unused_address, session=None)):
        with pytest.raises(PaymentError) as error:
            client.pay(payment())
        assert not error.value.reason.outcome_unknown


# -- the token


def test_one_access_token_is_fetched_for_all_threads(safaricom: Safaricom) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: safaricom.client.pay(payment(f"pay_{n}")), range(12)))
    assert all(isinstance(answer, Pending) for answer in answers)
    assert len(safaricom.simulator.tokens) == 1


def test_an_access_token_is_renewed_before_it_expires(safaricom: Safaricom) -> None:
    safaricom.client.pay(payment("pay_1"))
    safaricom.advance(50 * 60)
    safaricom.client.pay(payment("pay_2"))
    assert len(safaricom.simulator.tokens) == 1
    safaricom.advance(5 * 60)
    safaricom.client.pay(payment("pay_3"))
    assert len(safaricom.simulator.tokens) == 2


def test_an_access_token_that_is_refused_is_renewed_once(safaricom: Safaricom) -> None:
    began = safaricom.now
    client = safaricom.make_client(clock=lambda: began)  # it does not notice that its token has expired
    client.pay(payment("pay_1"))
    safaricom.advance(2 * 3600)
    assert isinstance(client.pay(payment("pay_2")), Pending)
    assert len(safaricom.simulator.tokens) == 2


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_without_an_access_token_no_payment_was_requested(safaricom: Safaricom, status: int) -> None:
    safaricom.session.mount(ROOT, WsgiAdapter(Response(b"<html>", status)))
    with pytest.raises(PaymentError) as error:
        safaricom.client.pay(payment())
    assert not error.value.reason.outcome_unknown


def test_a_consumer_key_that_is_refused_is_our_fault(safaricom: Safaricom) -> None:
    client = safaricom.make_client(consumer_secret="wrong")
    assert client.pay(payment()) == NotPaid("the consumer key is refused", "us")
    with pytest.raises(PaymentError) as error:
        client.query(payment())
    assert not error.value.reason.outcome_unknown


def test_no_key_and_no_access_token_is_logged(safaricom: Safaricom, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    safaricom.client.pay(payment())
    safaricom.advance(1)
    for secret in ("secret", "c3Jl", safaricom.simulator.tokens[0], PHONE[4:]):
        assert secret not in caplog.text.replace(SECRET, "")


# -- the outcome of payments in the simulated API


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
def test_the_recipients_number_selects_the_outcome(safaricom: Safaricom, ending: str, taken: bool, said: int) -> None:
    answered = False
    with suppress(PaymentError):
        answered = isinstance(safaricom.client.pay(payment(msisdn=f"+254711{ending}")), Pending)
    early = len(safaricom.handler.callbacks)
    safaricom.advance(3)
    assert (answered, len(safaricom.handler.callbacks), early) == (taken, said, ending == "777003")


def test_a_second_request_is_a_duplicate_and_pays_nothing(safaricom: Safaricom) -> None:
    safaricom.client.pay(payment())
    with pytest.raises(DuplicatePaymentError):
        safaricom.client.pay(payment())
    safaricom.advance(2)
    assert len(safaricom.handler.callbacks) == 1


def test_a_query_may_fail_too(safaricom: Safaricom) -> None:
    safaricom.client.pay(payment())
    safaricom.scripts[PHONE] = PaymentScript(query_status=500)
    with pytest.raises(PaymentError):
        safaricom.client.query(payment())


@pytest.mark.parametrize("change", [{"msisdn": "+33612345678"}, {"amount": 9_00}, {"amount": 250_001_00}])
def test_a_payment_outside_the_limits_is_refused(safaricom: Safaricom, change: dict[str, Any]) -> None:
    assert isinstance(safaricom.client.pay(payment(**change)), NotPaid)
