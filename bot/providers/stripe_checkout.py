"""Stripe: card payments by Checkout, refunds, disputes; events in, which their signature authenticates.

    POST /v1/checkout/sessions      Idempotency-Key: bpy_4k2…
    mode=payment&client_reference_id=bpy_4k2…&line_items[0][price_data][unit_amount]=3450&…
    200  {"id": "cs_live_a1…", "status": "open", "payment_status": "unpaid", "url": "https://checkout.stripe.com/…"}

    POST /webhooks/stripe           Stripe-Signature: t=1764547200,v1=5257a869…
    {"id": "evt_1…", "type": "checkout.session.completed", "data": {"object": {"id": "cs_live_a1…", …}}}

The buyer pays on Stripe's page. An event only makes us query sooner; the fetched session says whether it is paid.
Stripe keeps an idempotency key for a day, so a refund is also looked for by our id in its metadata.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, request
from pydantic import Field, model_validator

from bot.providers import forms
from bot.providers.collector_contracts import (
    Asked,
    Captured,
    Charge,
    ChargeStatus,
    CollectorCallbackHandler,
    CollectorMethod,
    DisputeStatus,
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
from bot.providers.declaration import Provider
from bot.providers.errors import Reason
from bot.providers.http import pooled, text
from bot.providers.stripe_amounts import AmountError, from_stripe, to_stripe
from bot.providers.stripe_api import Fields, RefusedError, StripeApi, nested, unreadable
from bot.runtime import hardening
from bot.runtime.clock import system_clock
from bot.runtime.setting_types import BaseUrl
from bot.runtime.settings import ConflictingSettingError, Settings

if TYPE_CHECKING:
    import requests

NAME = "stripe"
log = logging.getLogger(__name__)
TOLERANCE = timedelta(minutes=5)
"""How far the time of a signature may be from that of this machine."""
WORKERS = 10
"""Threads that may call the API at once, each with a connection that is kept open."""


class StripeSettings(Settings):
    """The environment variables of this provider."""

    stripe_api_key: Annotated[str | None, Field(pattern=r"^(sk|rk)_(test|live)_\w+$")] = None
    stripe_webhook_secret: Annotated[str | None, Field(pattern=r"^whsec_[^\s,]+(,whsec_[^\s,]+)*$")] = None
    """Two with a comma between them while one replaces the other."""
    stripe_base_url: BaseUrl = None

    @model_validator(mode="after")
    def _stripe_is_safe(self) -> StripeSettings:
        if self.stripe_base_url and hardening.is_exposed(self.stripe_base_url):
            raise ConflictingSettingError("STRIPE_BASE_URL", "must be an https address, or one of this machine")
        if not self.development and "_test_" in (self.stripe_api_key or ""):
            why = "with a test key, anybody pays with a test card"
            raise ConflictingSettingError("STRIPE_API_KEY", f"must be a live key when ENVIRONMENT is production: {why}")
        return self


# Routes, and the signature on each event.


def routes(
    handler: CollectorCallbackHandler, secrets: Sequence[str], clock: Callable[[], datetime] = system_clock
) -> Blueprint:
    """The callback. Without a secret no signature can be verified, so every event is refused."""
    blueprint = Blueprint(NAME, __name__, url_prefix="/webhooks")
    view = partial(_event, handler, secrets, clock)
    blueprint.add_url_rule(f"/{NAME}", "event", view, methods=["POST"], strict_slashes=False)
    return blueprint


def is_signed(body: bytes, header: str, secrets: Sequence[str], now: datetime) -> bool:
    """True if a signature in the header is of this body by one of these secrets, and its time is within `TOLERANCE`.

    https://docs.stripe.com/webhooks#verify-manually. The SDK verifies too, but it takes 0.15 s to import.
    """
    fields = [part.strip().partition("=")[::2] for part in header.split(",")]
    at = next((value for name, value in fields if name == "t"), "")
    if not re.fullmatch("[0-9]{1,11}", at) or abs(now.timestamp() - int(at)) > TOLERANCE.total_seconds():
        return False
    given = [value.encode() for name, value in fields if name == "v1"]
    right = [hmac.new(secret.encode(), f"{at}.".encode() + body, "sha256").hexdigest().encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in right for other in given)


# Events.

_NAMED_BY: Mapping[str, str] = {
    **dict.fromkeys(
        (
            *("checkout.session.completed", "checkout.session.expired"),
            *("checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed"),
            *("refund.updated", "refund.failed", "charge.refund.updated"),
        ),
        "id",
    ),
    **dict.fromkeys(("charge.refunded", "charge.dispute.created", "charge.dispute.closed"), "payment_intent"),
}
"""The events after which something is queried, and the field of their object that names it."""


def _event(handler: CollectorCallbackHandler, secrets: Sequence[str], clock: Callable[[], datetime]) -> Response:
    if not is_signed(request.get_data(), request.headers.get("Stripe-Signature", ""), secrets, clock()):
        abort(403)
    event = forms.json_object(request)
    field = _NAMED_BY.get(text(event, "type"))
    if field and (name := text(nested(nested(event, "data"), "object"), field)):
        event_id = forms.bounded("id", text(event, "id")) or None
        handler.on_hint(NAME, forms.bounded(field, name), event_id)
    return Response(status=200)


# Pay, query, close.

_EXPANDED = ["payment_intent.latest_charge.balance_transaction"]
LONGER = timedelta(minutes=31)
"""How much longer a session lives than its charge, because Stripe refuses one that ends in less than 30 minutes.

The time does not depend on when it is asked: a repeated request must be the same to the letter. `close` ends it.
"""
_WRONG_CODES = frozenset({"amount_too_small", "amount_too_large", "url_invalid"})
_WRONG_PARAMETERS = ("line_items", "success_url", "cancel_url", "expires_at")
"""What is wrong in this charge alone: codes, and beginnings of parameters. Anything else is wrong in every charge."""


class StripeCheckout:
    """Collects card payments on Stripe's page. `base_url` replaces `https://api.stripe.com`."""

    name = NAME
    method: CollectorMethod = "card"
    asks_once = False

    def __init__(self, api_key: str, *, base_url: str | None = None, session: requests.Session | None = None) -> None:
        self._api = StripeApi(api_key, base_url, session or pooled(WORKERS))

    def check_account(self) -> None:
        """Raises PaymentError unless our key may read pages of payments."""
        self._api.get("/v1/checkout/sessions", limit=1)

    def ask(self, charge: Charge) -> Asked | NotCaptured:
        """Make the page where the buyer pays. A repeated request gives the same page. Raises PaymentError."""
        try:
            session = self._api.post("/v1/checkout/sessions", charge.id, **_new_session(charge))
        except AmountError as error:
            return NotCaptured(NotCapturedReason.DECLINED, str(error))
        except RefusedError as refusal:
            of_the_charge = refusal.code in _WRONG_CODES or refusal.param.startswith(_WRONG_PARAMETERS)
            reason = NotCapturedReason.DECLINED if of_the_charge else NotCapturedReason.MISCONFIGURED
            return NotCaptured(reason, refusal.detail)
        return Asked(text(session, "id") or unreadable("id"), text(session, "url") or None)

    def query(self, charge: Charge, provider_id: str) -> ChargeStatus:
        """The status of a session. Raises PaymentError."""
        return _charge_status(self._api.get(f"/v1/checkout/sessions/{quote(provider_id, safe='')}", expand=_EXPANDED))

    def close(self, charge: Charge, provider_id: str) -> ChargeStatus:
        """End a session, so that nobody can pay it any more; its status if it has ended. Raises PaymentError."""
        path = f"/v1/checkout/sessions/{quote(provider_id, safe='')}/expire"
        try:
            return _charge_status(self._api.post(path, None, expand=_EXPANDED))
        except RefusedError:  # it is not open any more
            return self.query(charge, provider_id)

    # Refunds and disputes.

    def refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        """Give money back, unless Stripe has a refund with this id that did not fail. Raises PaymentError."""
        try:
            intent = self._intent(refunding.reference or refunding.provider_id)
            earlier = self._refunds(refunding, intent)
            if earlier and not isinstance(earlier[0], NotRefunded):
                return earlier[0]
            made = self._api.post(
                "/v1/refunds",
                f"{refunding.id}-{len(earlier)}" if earlier else refunding.id,  # Stripe repeats what failed before
                payment_intent=intent,
                amount=to_stripe(refunding.amount, refunding.currency),
                metadata={"refund": refunding.id, "charge": refunding.charge_id, "order": refunding.about},
            )
        except AmountError as error:
            return NotRefunded(NotRefundedReason.NOT_POSSIBLE, str(error))
        except RefusedError as refusal:
            if refusal.reason is Reason.MISCONFIGURED:
                return NotRefunded(NotRefundedReason.MISCONFIGURED, refusal.detail)
            return NotRefunded(_NOT_REFUNDED.get(refusal.code, NotRefundedReason.NOT_POSSIBLE), refusal.detail)
        return _refund_status(made)

    def query_refund(self, refunding: Refunding) -> RefundStatus | RefundPending:
        """The outcome of a refund: that of its last attempt. Raises PaymentError."""
        earlier = self._refunds(refunding, self._intent(refunding.reference or refunding.provider_id))
        return earlier[0] if earlier else NotRefunded(NotRefundedReason.NOT_FOUND, "Stripe has no such refund")

    def dispute(self, provider_id: str) -> DisputeStatus | None:
        """The worst status of the disputes about a session or payment intent; None without any. Raises PaymentError."""
        disputes = self._api.get("/v1/disputes", payment_intent=self._intent(provider_id), limit=100)
        statuses = {_DISPUTES.get(text(dispute, "status"), "open") for dispute in _list(disputes)}
        return next((status for status in _WORST_FIRST if status in statuses), None)

    def _refunds(self, refunding: Refunding, intent: str) -> list[RefundStatus | RefundPending]:
        """The attempts at this refund; the last one first, but before it one that did not fail."""
        listed = _list(self._api.get("/v1/refunds", payment_intent=intent, limit=100))
        ours = [refund for refund in listed if text(nested(refund, "metadata"), "refund") == refunding.id]
        return sorted(map(_refund_status, ours), key=lambda status: isinstance(status, NotRefunded))

    def _intent(self, provider_id: str) -> str:
        """The payment intent of a session; a payment intent is returned as it is."""
        if not provider_id.startswith("cs_"):
            return provider_id
        return _intent_of(self._api.get(f"/v1/checkout/sessions/{quote(provider_id, safe='')}")) or unreadable("intent")


def _new_session(charge: Charge) -> Fields:
    """The parameters of a session. Raises AmountError if Stripe cannot charge this amount."""
    if charge.return_url is None:
        raise ValueError("a card payment needs an address to return to")
    names = {"charge": charge.id, "order": charge.about}
    price = {
        "currency": charge.currency.lower(),
        "unit_amount": to_stripe(charge.amount, charge.currency),
        "product_data": {"name": f"Soko {charge.about}"},
    }
    return {
        "mode": "payment",
        "payment_method_types": ["card"],
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": charge.id,
        "metadata": names,
        "payment_intent_data": {"description": f"Soko {charge.about}", "metadata": names},
        "adaptive_pricing": {"enabled": False},  # the buyer pays the amount and currency that we said
        "expires_at": int((charge.expires_at + LONGER).timestamp()),
        "success_url": charge.return_url,
        "cancel_url": charge.return_url,
    }


# What the API's objects mean.

_NEVER_PAID = frozenset({"requires_payment_method", "canceled"})
"""The statuses of the payment intent of a session that is complete, unpaid and will stay so."""


def _charge_status(session: Fields) -> ChargeStatus:
    """The status in a session whose payment intent is expanded. Raises PaymentError if it has none."""
    if text(session, "payment_status") == "paid":
        return _captured(session)
    intent = nested(session, "payment_intent")
    error = nested(intent, "last_payment_error")
    declined = text(error, "decline_code") or text(error, "code")
    match text(session, "status"):
        case "open":
            return StillOpen()
        case "complete" if text(intent, "status") in _NEVER_PAID:
            return NotCaptured(NotCapturedReason.DECLINED, declined or text(intent, "status"))
        case "complete":  # a bank is still moving the money
            return StillOpen()
        case "expired":
            reason = NotCapturedReason.DECLINED if declined else NotCapturedReason.EXPIRED
            return NotCaptured(reason, declined or "expired")
    return unreadable("status")


def _captured(session: Fields) -> Captured:
    intent, currency = nested(session, "payment_intent"), text(session, "currency").upper()
    settled = nested(nested(intent, "latest_charge"), "balance_transaction")
    in_same_currency = text(settled, "currency").upper() == currency  # else Stripe converted it for our account
    return Captured(
        _minor(session.get("amount_total"), currency),
        currency or None,
        _intent_of(session) or None,
        fee=_fee(settled, currency) if in_same_currency else None,
        name=text(nested(session, "customer_details"), "name")[: forms.LONGEST_ID] or None,  # the buyer types it
    )


def _fee(settled: Fields, currency: str) -> int | None:
    """The fee in our minor units; None if it has parts that are smaller, which the statement of Stripe shows."""
    fee = settled.get("fee")
    try:
        return from_stripe(fee, currency) if isinstance(fee, int) else None
    except AmountError:
        return None


def _minor(amount: Any, currency: str) -> int | None:
    """Our minor units; None if there is no amount. Raises PaymentError if it cannot be ours."""
    if not isinstance(amount, int) or isinstance(amount, bool):
        return None
    try:
        return from_stripe(amount, currency)
    except AmountError:
        unreadable("amount of ours")


def _intent_of(session: Fields) -> str:
    return text(session, "payment_intent") or text(nested(session, "payment_intent"), "id")


_NOT_REFUNDED = {
    "charge_already_refunded": NotRefundedReason.ALREADY,
    "balance_insufficient": NotRefundedReason.NO_FLOAT,
    "insufficient_funds": NotRefundedReason.NO_FLOAT,
}


def _refund_status(refund: Fields) -> RefundStatus | RefundPending:
    """Raises PaymentError if it has no id or no status."""
    refund_id, cause = text(refund, "id") or unreadable("id"), text(refund, "failure_reason")
    match text(refund, "status"):
        case "succeeded":
            return Refunded(refund_id)
        case "pending" | "requires_action":
            if text(refund, "pending_reason") == "insufficient_funds":
                log.warning("refund %s waits until our balance at Stripe is topped up", refund_id)
            return RefundPending((refund_id,))
        case "failed" | "canceled" as status:
            reason = _NOT_REFUNDED.get(cause, NotRefundedReason.NOT_POSSIBLE)
            return NotRefunded(reason, f"{refund_id} {status} {cause}".strip())
    return unreadable("status")


_DISPUTES: Mapping[str, DisputeStatus] = {"won": "won", "warning_closed": "won", "prevented": "won", "lost": "lost"}
"""What is decided; any other status is open."""
_WORST_FIRST: Sequence[DisputeStatus] = ("open", "lost", "won")


def _list(fields: Fields) -> list[Fields]:
    """The objects in a list of the API. Raises PaymentError if it is none."""
    data = fields.get("data")
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else unreadable("list")


# The declaration for the registry.


def webhook_secrets(settings: StripeSettings) -> list[str]:
    """The secrets of which one has signed an event."""
    return settings.stripe_webhook_secret.split(",") if settings.stripe_webhook_secret else []


PROVIDER = Provider(
    name=NAME,
    settings=StripeSettings,
    needs=("stripe_api_key", "stripe_webhook_secret"),
    blueprint=lambda settings, handlers: routes(handlers.collections, webhook_secrets(settings)),
    check_account=lambda settings, _: StripeCheckout(
        settings.stripe_api_key or "", base_url=settings.stripe_base_url
    ).check_account(),
    collector=lambda settings, _: StripeCheckout(settings.stripe_api_key or "", base_url=settings.stripe_base_url),
)
