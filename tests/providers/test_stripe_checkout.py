"""Stripe's events: how they are signed, and amounts as Stripe counts them.

The events that are understood are in `tests/providers/rows/stripe_checkout.py`.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from babel.numbers import get_currency_precision
from flask import Flask
from stripe import WebhookSignature
from werkzeug.test import TestResponse

from bot.providers import stripe_checkout
from bot.providers.stripe_amounts import AmountError, from_stripe, to_stripe
from marketplace_api.payments import card_units
from marketplace_api.payments.card_units import DIGITS, STEPS
from tests.providers.recording import CollectionRecorder
from tests.providers.wire import JSON

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BODY = '{"id": "evt_1", "type": "refund.updated", "data": {"object": {"id": "re_é"}}}'
OLD, NEW = "whsec_the_old_one", "whsec_the_new_one"


def sign(secret: str = NEW, at: datetime = NOW, body: str = BODY) -> str:
    """As the SDK does it."""
    return str(WebhookSignature.generate_signature_header(body, secret, int(at.timestamp())))


def post(handler: CollectionRecorder, signature: str | None, body: bytes, *secrets: str) -> TestResponse:
    app = Flask(__name__)
    app.register_blueprint(stripe_checkout.routes(handler, secrets or (OLD, NEW), lambda: NOW))
    headers = {} if signature is None else {"Stripe-Signature": signature}
    return app.test_client().post("/webhooks/stripe", data=body, content_type=JSON, headers=headers)


TIME, RIGHT = sign().split(",")
WRONG = f"v1={'0' * 64}"


@pytest.mark.parametrize(
    "signature",
    [
        sign(),
        sign(OLD),
        sign(at=NOW - timedelta(minutes=5)),
        sign(at=NOW + timedelta(minutes=5)),
        f"{TIME},{WRONG},{RIGHT}",  # two at once while Stripe replaces the secret
        f"{TIME}, {RIGHT}, v0={'1' * 64}",
        f"{RIGHT},{TIME}",
    ],
)
def test_an_event_with_a_good_signature_is_heard(signature: str) -> None:
    handler = CollectionRecorder()
    answer = post(handler, signature, BODY.encode())
    assert (answer.status_code, answer.data) == (200, b"")
    assert handler.recorded == [("stripe", "re_é", "evt_1")]


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        ",",
        "t=,v1=",
        TIME,
        RIGHT,
        f"{TIME},{WRONG}",
        f"{TIME},v0={RIGHT[3:]}",
        f"{TIME},v1={RIGHT[3:].upper()}",
        f"t=0,{RIGHT}",
        f"t=-1,{RIGHT}",
        f"t=1e9,{RIGHT}",
        f"t={'9' * 400},{RIGHT}",
        f"t=٣,{RIGHT}",
        f"{TIME},v1=ñ",
        sign("whsec_another"),
        sign(body=BODY.replace("re_é", "re_1")),
        sign(at=NOW - timedelta(minutes=5, seconds=1)),
        sign(at=NOW + timedelta(minutes=5, seconds=1)),
    ],
)
def test_any_other_is_403_and_heard_by_nobody(signature: str | None) -> None:
    handler = CollectionRecorder()
    assert post(handler, signature and signature.encode().decode("latin-1"), BODY.encode()).status_code == 403
    assert handler.recorded == []


def test_the_signature_is_of_the_raw_bytes() -> None:
    handler = CollectionRecorder()
    spaced = BODY.replace(": ", ":  ")
    assert post(handler, sign(), spaced.encode()).status_code == 403
    assert post(handler, sign(body=spaced), spaced.encode()).status_code == 200
    assert post(handler, sign(), b"\xff" + BODY.encode()).status_code == 403


def test_without_a_secret_every_event_is_403() -> None:
    app = Flask(__name__)
    app.register_blueprint(stripe_checkout.routes(CollectionRecorder(), (), lambda: NOW))
    for signature in (sign(), sign("")):
        headers = {"Stripe-Signature": signature}
        assert app.test_client().post("/webhooks/stripe", data=BODY.encode(), headers=headers).status_code == 403


def test_the_adapter_does_not_import_the_sdk() -> None:
    """It takes 0.15 s and 17 MB, and the web process verifies signatures only."""
    program = "import bot.providers.registry, sys; sys.exit('stripe' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# -- amounts


@pytest.mark.parametrize(
    ("currency", "ours", "stripes"),
    [
        ("USD", 34_50, 3450),
        ("KES", 4500_00, 450000),
        ("JPY", 450, 450),
        ("XOF", 450, 450),
        ("MGA", 450, 450),
        ("KWD", 5_120, 5120),
        ("ISK", 500, 50000),
        ("UGX", 4500, 450000),
        ("HUF", 10_45, 1045),
        ("TWD", 800_45, 80045),
        ("RSD", 450, 45000),  # of which Babel counts no parts
    ],
)
def test_an_amount_is_the_same_on_both_sides(currency: str, ours: int, stripes: int) -> None:
    assert to_stripe(ours, currency) == stripes
    assert from_stripe(stripes, currency) == ours


@pytest.mark.parametrize(("currency", "amount"), [("KWD", 5_123), ("OMR", 1), ("CLF", 1_0001)])
def test_an_amount_that_stripe_cannot_charge_is_refused(currency: str, amount: int) -> None:
    with pytest.raises(AmountError):
        to_stripe(amount, currency)


@pytest.mark.parametrize(("currency", "amount"), [("UGX", 4550), ("ISK", 1), ("RSD", 45050)])
def test_an_amount_that_we_cannot_write_is_refused(currency: str, amount: int) -> None:
    with pytest.raises(AmountError):
        from_stripe(amount, currency)


@pytest.mark.parametrize(
    ("currency", "step"), [("USD", 1), ("JPY", 1), ("KWD", 10), ("TND", 10), ("ISK", 1), ("UGX", 1), ("CLF", 100)]
)
def test_the_smallest_step_is_the_smallest_amount_that_can_be_charged(currency: str, step: int) -> None:
    assert card_units.step(currency) == step
    for amount in range(1, 2 * step + 1):
        if amount % step:
            with pytest.raises(AmountError):
                to_stripe(amount, currency)
        else:
            assert from_stripe(to_stripe(amount, currency), currency) == amount


def test_the_exceptions_are_those_that_stripe_lists() -> None:
    """https://docs.stripe.com/currencies: without decimals, with three, and the special cases."""
    none = {currency for currency, digits in DIGITS.items() if digits == 0}
    assert " ".join(sorted(none)) == "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
    assert {currency for currency, digits in DIGITS.items() if digits == 3} == {"BHD", "JOD", "KWD", "OMR", "TND"}
    assert dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 10) | {"ISK": 100, "UGX": 100} == STEPS
    assert {get_currency_precision(currency) for currency in none} == {0}
