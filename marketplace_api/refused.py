"""The one error that the shop raises for people."""

from __future__ import annotations

from typing import Literal

RefusalReason = Literal[
    "absurd_amount",
    "already_registered",
    "bad_idempotency_key",
    "credit_exhausted",
    "drawer_short",
    "entry_final",
    "due_too_soon",
    "external_ref_known",
    "help_request_closed",
    "idempotency_key_reused",
    "locked",
    "many_keys",
    "code_erased",
    "message_not_failed",
    "money_owed",
    "no_collector",
    "no_exchange_rate",
    "no_shipping_there",
    "nobody_to_ask",
    "not_a_wallet",
    "not_an_agent",
    "not_an_artisan",
    "not_due",
    "not_enough_stock",
    "not_funded",
    "not_your_order",
    "not_your_product",
    "operator_known",
    "order_being_made",
    "order_not_at_kiosk",
    "order_not_expected",
    "order_not_open",
    "order_not_shipped",
    "order_not_unpaid",
    "order_not_voidable",
    "orders_open",
    "other_currency",
    "other_kiosk",
    "own_goods",
    "own_product",
    "payment_decided",
    "problem_known",
    "payment_needed",
    "payment_not_captured",
    "money_not_unmatched",
    "payment_not_open",
    "payment_open",
    "payout_not_awaiting_collection",
    "payout_not_failed",
    "payout_not_held",
    "payout_not_open",
    "payout_not_sendable",
    "payout_not_settled",
    "payout_on_its_way",
    "payouts_paused",
    "phone_not_charged",
    "price_changed",
    "product_withdrawn",
    "receipt_final",
    "quantity_unsaid",
    "reference_known",
    "refund_not_done",
    "refund_not_due",
    "refund_not_failed",
    "refund_not_open",
    "refund_on_its_way",
    "refund_too_large",
    "statement_too_long",
    "still_running",
    "too_late",
    "too_late_to_pay",
    "too_many_unpaid_orders",
    "too_many_webhook_endpoints",
    "unknown_artisan",
    "unknown_category",
    "unknown_code",
    "unknown_entry",
    "unknown_help_request",
    "unknown_key",
    "unknown_kiosk",
    "unknown_message",
    "unknown_operator",
    "unknown_order",
    "unknown_part",
    "unknown_payment",
    "unknown_payout",
    "unknown_product",
    "unknown_refund",
    "unknown_webhook_delivery",
    "unknown_webhook_endpoint",
    "unsafe_text",
    "wrong_count",
    "wrong_currency",
    "wrong_total",
]
"""All reasons; each has a sentence in `problems`."""


class Refused(Exception):  # noqa: N818 - an outcome, not a fault
    """The shop refuses a request, and nothing was changed.

    `reason` is a stable word for programs, `values` fill the sentence that explains it, and `status` is the HTTP status
    that the API answers.
    """

    def __init__(self, reason: RefusalReason, status: int = 409, **values: object) -> None:
        super().__init__(reason)
        self.reason: RefusalReason = reason
        self.status = status
        self.values = values
