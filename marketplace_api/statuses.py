"""The statuses and kinds that the API names; each is stored as it is written here."""

from __future__ import annotations

from typing import Literal

ArtisanStatus = Literal["active", "left"]
ProductStatus = Literal["listed", "sold_out", "withdrawn"]
OrderPaymentStatus = Literal["unpaid", "paid", "vouched", "part_refunded", "refunded"]
"""`vouched`: the storefront that placed the order owes us its price."""
OrderStatus = Literal[
    "unpaid", "placed", "accepted", "at_kiosk", "shipped", "delivered", "declined", "expired", "cancelled"
]
BuyerPaymentMethod = Literal["mpesa", "card", "storefront", "operator"]
"""How an order is paid; `storefront`: its storefront vouches; `operator`: an operator saw the money arrive."""
CollectorMethod = Literal["mpesa", "card"]
"""How a buyer can pay a collector."""
BuyerPaymentStatus = Literal["created", "asked", "unknown", "captured", "failed", "lapsed", "disputed", "charged_back"]
DirectPaymentStatus = Literal["noticed", "matched", "unmatched", "returned"]
"""Of money that came without a prompt: its receipt is being queried, it is a payment of an order, it is kept for
nobody, or an operator gave it back."""
RefundStatus = Literal["due", "sending", "unknown", "done", "failed"]
RefundReason = Literal["reduced", "ended", "late", "second", "operator"]
"""Fewer pieces, no pieces, money after the time to pay, money of a second payment, or an operator's decision."""
AssignmentStatus = Literal[
    "offered", "accepted", "received", "declined", "expired", "cancelled", "passed", "released", "refused", "reversed"
]
DisabledReason = Literal["gone", "failing"]
EndpointStatus = Literal["enabled", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
PayoutMethod = Literal["mobile_money", "kiosk_cash"]
FaultParty = Literal["recipient", "us", "nobody"]
HoldReason = Literal["large", "first", "disputed", "new_phone", "day_cap"]
"""Why a payout is held: `payments.holds` says until when."""
PayoutStatus = Literal[
    "held",
    "pending",
    "sending",
    "unknown",
    "paid",
    "failed",
    "awaiting_collection",
    "collected",
    "returned",
    "cancelled",
]
Scope = Literal["storefront", "read", "orders", "kiosks", "money", "bridge", "operator"]
"""What an API key may do; `docs/api.md` says what each scope opens. A key may have several."""
EndpointScope = Literal["storefront", "operator"]
"""Which events an endpoint gets: those of its storefront's own orders and of products, or all."""
ProposalStatus = Literal["open", "approved", "refused"]
OrderProblem = Literal["not_come", "damaged", "wrong", "money", "other"]
"""What a buyer reports: it has not come, it came damaged, it is not what was ordered, or something with the money."""
OperatorRole = Literal["all", "money", "desk", "read"]
"""What an operator may do in the console; `bot/web/operator/access.py` says it for each page."""
