"""Events as the bot reads them: typed, with only what messages to people need.

    details = read(record)
    match details.data:
        case OrderData(code=code): ...

An event may come from a newer shop. A status or reason that is not listed here is read as OTHER, and an unknown event
type as "unknown", so that one new value does not stop all notifications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, TypeGuard, get_args

import msgspec

from bot.marketplace.wire import ArtisanContact, EventRecord, PayoutNotice, PurchaseNotice, ShippingNotice
from marketplace_api.actors import Actor
from marketplace_api.event_types import EventType

_EVENT_TYPES = frozenset(get_args(EventType))


class OpenEnum(StrEnum):
    """An enum that reads every value without a member as its member OTHER."""

    @classmethod
    def _missing_(cls, _value: object) -> OpenEnum:
        return cls("other")


class OrderProgress(OpenEnum):
    PLACED = "placed"
    ACCEPTED = "accepted"
    AT_KIOSK = "at_kiosk"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    OTHER = "other"


class PaymentProgress(OpenEnum):
    UNPAID = "unpaid"
    PAID = "paid"
    VOUCHED = "vouched"
    PART_REFUNDED = "part_refunded"
    REFUNDED = "refunded"
    OTHER = "other"


class PartStatus(OpenEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    RECEIVED = "received"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    RELEASED = "released"
    OTHER = "other"


class TurnBackReason(OpenEnum):
    """Why goods were turned back at the kiosk. For a declined part, the artisan's own words are read as OTHER."""

    DAMAGED = "damaged"
    DIFFERENT = "different"
    BADLY_MADE = "badly_made"
    OTHER = "other"


class PayoutProgress(OpenEnum):
    HELD = "held"
    PENDING = "pending"
    FAILED = "failed"
    AWAITING_COLLECTION = "awaiting_collection"
    OTHER = "other"


class PayoutFault(OpenEnum):
    RECIPIENT = "recipient"
    OTHER = "other"


class PayoutWay(OpenEnum):
    KIOSK_CASH = "kiosk_cash"
    MOBILE_MONEY = "mobile_money"
    OTHER = "other"


class RefundCause(OpenEnum):
    """Why money goes back: fewer pieces, none, it came too late, twice, or an operator decided so."""

    REDUCED = "reduced"
    ENDED = "ended"
    LATE = "late"
    SECOND = "second"
    OPERATOR = "operator"
    OTHER = "other"


class MoneyData(msgspec.Struct, frozen=True):
    """An amount in minor units."""

    amount: int
    currency: str


class ItemData(msgspec.Struct, frozen=True):
    """What was ordered: a product, or a brief, which is due on a day."""

    title: str
    due_on: date | None = None


class BuyerData(msgspec.Struct, frozen=True):
    phone: str
    locale: str


class ShipmentData(msgspec.Struct, frozen=True):
    carrier: str
    tracking: str


class PartArtisanData(msgspec.Struct, frozen=True):
    id: str
    name: str


class PartData(msgspec.Struct, frozen=True):
    """One artisan's part of an order; `refused` counts the pieces that were turned back."""

    artisan: PartArtisanData
    quantity: int
    earns: MoneyData
    status: PartStatus
    reason: TurnBackReason = TurnBackReason.OTHER
    refused: int = 0
    promised_on: date | None = None
    ready_at: datetime | None = None
    received_at: datetime | None = None
    reminded_at: datetime | None = None

    @property
    def is_taken(self) -> bool:
        """True if the artisan has accepted the part, or has brought it."""
        return self.status in (PartStatus.ACCEPTED, PartStatus.RECEIVED)


class OrderData(msgspec.Struct, frozen=True):
    """An order of a product or of a brief; the other field is None. Older shops vouch for every order."""

    id: str
    code: str
    quantity: int
    total: MoneyData
    buyer: BuyerData
    product: ItemData | None
    brief: ItemData | None
    assignments: tuple[PartData, ...]
    status: OrderProgress = OrderProgress.OTHER
    payment_status: PaymentProgress = PaymentProgress.VOUCHED
    created_at: datetime | None = None
    shipment: ShipmentData | None = None

    @property
    def title(self) -> str:
        item = self.product or self.brief
        return item.title if item else ""

    @property
    def taken(self) -> list[PartData]:
        """The parts that artisans have accepted or brought."""
        return [part for part in self.assignments if part.is_taken]

    @property
    def pieces_taken(self) -> int:
        """The number of pieces in the parts that artisans have accepted or brought."""
        return sum(part.quantity for part in self.taken)


class PayoutData(msgspec.Struct, frozen=True):
    """A payout; `order_id` is None if it was not for one order."""

    id: str
    status: PayoutProgress
    fault: PayoutFault | None = msgspec.field(default=None, name="blame")
    order_id: str | None = None


class PayoutMethodData(msgspec.Struct, frozen=True):
    """How an artisan is paid; `phone` is the MSISDN for mobile money."""

    method: PayoutWay
    phone: str | None = None


class ArtisanData(msgspec.Struct, frozen=True):
    """An artisan. After a change of the payout method, `previous` is how it was.

    `held_until` is then the day from which a changed phone is paid; None if it is paid at once.
    """

    id: str
    payout: PayoutMethodData
    previous: PayoutMethodData | None = msgspec.field(default=None, name="previous_payout")
    held_until: date | None = msgspec.field(default=None, name="payout_held_until")


class PaymentData(msgspec.Struct, frozen=True):
    """A payment of a buyer, in the currency that the buyer paid. One that is not kept goes back whole."""

    id: str
    amount: MoneyData
    reference: str | None = None
    is_kept: bool = False
    captured_at: datetime | None = None


class RefundData(msgspec.Struct, frozen=True):
    """Money that goes back to a buyer; `shop_amount` is its worth in the shop's currency.

    `returned_at` is when it came back to us, although it was done.
    """

    id: str
    amount: MoneyData
    shop_amount: MoneyData
    cause: RefundCause = msgspec.field(name="reason")
    reference: str | None = None
    returned_at: datetime | None = None


EventData = OrderData | PayoutData | ArtisanData | PaymentData | RefundData

_DATA: Mapping[str, type[EventData]] = {
    "order": OrderData,
    "payout": PayoutData,
    "artisan": ArtisanData,
    "payment": PaymentData,
    "refund": RefundData,
}
"""By first word of the event's type, the class of its `data`."""
_BY_PREFIX: Mapping[str, type[EventData]] = {"ord": OrderData, "pay": PayoutData}


@dataclass(frozen=True, slots=True)
class EventDetails:
    """An event, with the contacts of the artisans whom it concerns.

    `data` is None for events that cause no message. `artisans` has every artisan in the data, by id. Only the events
    of a payout have a `notice`, and only reminders to ship an order at a kiosk have `shipping`. Those of payments,
    refunds and orders that their buyers paid have a `purchase`. `by` is who caused it, None if the shop does not say.
    """

    seq: int
    id: str
    type: EventType | Literal["unknown"]
    created_at: datetime
    data: EventData | None
    artisans: Mapping[str, ArtisanContact]
    notice: PayoutNotice | None = None
    by: str | None = None
    shipping: ShippingNotice | None = None
    purchase: PurchaseNotice | None = None

    def is_by(self, msisdn: str) -> bool:
        """True if a person with this phone caused the event, who has read the answer to it."""
        return self.by == str(Actor.with_phone("phone", msisdn))


def read(record: EventRecord) -> EventDetails:
    """The details of an event. Raises msgspec.ValidationError if its data lacks what messages need."""
    type = record.type if _is_known(record.type) else "unknown"
    shape = _DATA.get(type.partition(".")[0])
    data = msgspec.convert(record.data, shape) if shape else None
    return EventDetails(
        record.seq,
        record.id,
        type,
        record.created_at,
        data,
        record.artisans,
        record.notice,
        record.by,
        record.shipping,
        record.purchase,
    )


def resource(id: str, data: object) -> EventData:
    """An order or payout that the shop shows, by the prefix of its id. Raises as `read`."""
    return msgspec.convert(data, _BY_PREFIX[id.partition("_")[0]])


def _is_known(type: str) -> TypeGuard[EventType]:
    return type in _EVENT_TYPES


for _shape in _DATA.values():
    # two threads that make msgspec's first decoder of a type at the same time crash the process
    msgspec.json.Decoder(_shape)
