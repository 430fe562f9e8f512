"""What Stripe posts and answers, body by body, and how it signs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stripe import WebhookSignature

from bot.providers.collector_contracts import Asked, NotCaptured, NotCapturedReason
from bot.providers.errors import Reason
from bot.providers.stripe_checkout import PROVIDER
from tests.providers.wire import JSON, LATER, UNKNOWN, AnswerRow, CallbackRow, Failed, WireTable

API_KEY = "sk_test_51TheTableOfStripe"
WEBHOOK_KEY = "whsec_of_the_table"
SESSION, INTENT, REFUND = "cs_test_a1B2", "pi_3Mt1", "re_3Mt2"


def signed(_url: str, body: str | bytes, key: str = WEBHOOK_KEY) -> Mapping[str, str]:
    """The header of the signature, as the SDK computes it for tests, by the clock of this machine."""
    payload = body if isinstance(body, str) else body.decode("latin-1")
    return {"Stripe-Signature": WebhookSignature.generate_signature_header(payload, key)}


# What it posts


def event(kind: object, named: object, event_id: object = "evt_1") -> dict[str, Any]:
    return {"id": event_id, "object": "event", "type": kind, "livemode": False, "data": {"object": named}}


def posted(body: object, *told: object, status: int = 200) -> CallbackRow:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return CallbackRow("/webhooks/stripe", raw, told, status, JSON)


def hint(kind: str, named: object, name: str) -> CallbackRow:
    return posted(event(kind, named), ("stripe", name, "evt_1"))


CALLBACKS = [
    *(
        hint(
            f"checkout.session.{kind}", {"id": SESSION, "object": "checkout.session", "payment_intent": INTENT}, SESSION
        )
        for kind in ("completed", "expired", "async_payment_succeeded", "async_payment_failed")
    ),
    hint("charge.refunded", {"id": "ch_1", "object": "charge", "payment_intent": INTENT}, INTENT),
    hint("refund.updated", {"id": REFUND, "object": "refund", "payment_intent": INTENT}, REFUND),
    hint("refund.failed", {"id": REFUND, "object": "refund", "payment_intent": INTENT}, REFUND),
    hint("charge.dispute.created", {"id": "du_1", "object": "dispute", "payment_intent": INTENT}, INTENT),
    hint("charge.dispute.closed", {"id": "du_1", "object": "dispute", "payment_intent": INTENT}, INTENT),
    hint("checkout.session.completed", {"id": "cs_\x00test"}, "cs_test"),
    posted(event("checkout.session.completed", {"id": SESSION}, None), ("stripe", SESSION, None)),
    # what we did not ask for, and what is not ours
    posted(event("payment_intent.succeeded", {"id": INTENT})),
    posted(event("invoice.paid", {"id": "in_1"})),
    posted(event("charge.refunded", {"id": "ch_1", "payment_intent": None})),
    posted(event("checkout.session.completed", {})),
    posted(event("checkout.session.completed", [SESSION])),
    posted(event(None, {"id": SESSION})),
    posted({}),
    posted({"type": "checkout.session.completed", "data": SESSION}),
    # what is too long, and what cannot be read
    posted(event("checkout.session.completed", {"id": "c" * 201}), status=413),
    posted(event("checkout.session.completed", {"id": SESSION}, "e" * 201), status=413),
    *(posted(body, status=400) for body in (b"", b"{", b"[]", b"null", b'"evt_1"', b"[" * 16_000)),
]


# What it answers to a request for a page


def answered(status: int | None, body: object, means: Asked | NotCaptured | Failed) -> AnswerRow:
    return AnswerRow(status, body if isinstance(body, bytes) else json.dumps(body).encode(), means)


def error(kind: str, code: str | None = None, param: str | None = None, message: str = "No.") -> dict[str, Any]:
    return {"error": {"type": kind, "code": code, "param": param, "message": message}}


def wrong(param: str, reason: NotCapturedReason, code: str | None = None) -> AnswerRow:
    detail = f"{code or 'invalid_request_error'} No."
    return answered(400, error("invalid_request_error", code, param), NotCaptured(reason, detail))


def unknown_after(status: int | None, body: object, detail: str) -> AnswerRow:
    """The page may have been made."""
    return answered(status, body, Failed(detail, Reason.NO_ANSWER, UNKNOWN))


OURS, OF_THE_CHARGE = NotCapturedReason.MISCONFIGURED, NotCapturedReason.DECLINED
URL = f"https://checkout.stripe.com/c/pay/{SESSION}"
PAGE = {"id": SESSION, "object": "checkout.session", "status": "open", "payment_status": "unpaid", "url": URL}
ANSWERS = [
    answered(200, PAGE, Asked(SESSION, URL)),
    answered(200, PAGE | {"url": None}, Asked(SESSION, None)),
    unknown_after(200, {"object": "checkout.session"}, "no id in the answer"),
    unknown_after(200, b"\xef\xbb\xbf" + json.dumps(PAGE).encode(), "APIError"),  # only the SDK cannot read it
    *(unknown_after(200, body, "http_200") for body in (b"", b"<html>", b"[]", b"null", b"\xff", b"[" * 100_000)),
    answered(
        *(401, error("invalid_request_error", message="Invalid API Key provided: sk_test_****ripe")),
        NotCaptured(OURS, "invalid_request_error Invalid API Key provided: sk_test_****ripe"),
    ),
    answered(403, error("invalid_request_error"), NotCaptured(OURS, "invalid_request_error No.")),
    wrong("line_items[0][price_data][unit_amount]", OF_THE_CHARGE, "parameter_invalid_integer"),
    wrong("line_items[0][price_data][currency]", OF_THE_CHARGE),
    wrong("success_url", OF_THE_CHARGE, "url_invalid"),
    wrong("expires_at", OF_THE_CHARGE),
    wrong("", OF_THE_CHARGE, "amount_too_small"),
    wrong("", OF_THE_CHARGE, "amount_too_large"),
    wrong("payment_method_types", OURS),
    wrong("", OURS, "account_invalid"),
    answered(402, error("card_error", "card_declined"), NotCaptured(OURS, "card_declined No.")),
    answered(404, error("invalid_request_error", "resource_missing"), NotCaptured(OURS, "resource_missing No.")),
    answered(
        *(400, error("idempotency_error", message="Another request had this key.")),
        Failed("idempotency_error Another request had this key.", Reason.NO_ANSWER, UNKNOWN, duplicate=True),
    ),
    unknown_after(409, error("invalid_request_error", "idempotency_key_in_use"), "idempotency_key_in_use No."),
    answered(
        *(429, error("invalid_request_error", "rate_limit")),
        Failed("rate_limit No.", Reason.THROTTLED, LATER),
    ),
    answered(429, b"<html>", Failed("http_429", Reason.THROTTLED, LATER)),
    *(unknown_after(status, error("api_error"), "api_error No.") for status in (500, 502, 503, 504)),
    *(unknown_after(status, b"<html>", f"http_{status}") for status in (302, 400, 401, 403, 404, 408, 500, 503)),
    *(unknown_after(400, {"error": odd}, "http_400") for odd in (None, "no", [], 7, {})),
    unknown_after(None, b"", "no_answer"),
]

TABLE = WireTable(
    provider=PROVIDER,
    settings={"stripe_api_key": API_KEY, "stripe_webhook_secret": WEBHOOK_KEY},
    base_url="stripe_base_url",
    callbacks=CALLBACKS,
    answers=ANSWERS,
    decides=("id", "error", "type", "code", "param", "message"),
    secrets=[API_KEY.removeprefix("sk_test_"), WEBHOOK_KEY],
    sign=signed,
)
