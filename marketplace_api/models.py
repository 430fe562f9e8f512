"""The marketplace's tables.

Amounts are whole minor units beside their currency; every `…_at` is an aware UTC time.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy_utc import UtcDateTime

from marketplace_api import event_order
from marketplace_api.event_order import next_xid
from marketplace_api.event_types import EventType
from marketplace_api.statuses import (
    ArtisanStatus,
    AssignmentStatus,
    BuyerPaymentMethod,
    BuyerPaymentStatus,
    DeliveryStatus,
    DirectPaymentStatus,
    DisabledReason,
    EndpointScope,
    FaultParty,
    HoldReason,
    OperatorRole,
    OrderPaymentStatus,
    OrderProblem,
    OrderStatus,
    PayoutMethod,
    PayoutStatus,
    ProductStatus,
    ProposalStatus,
    RefundReason,
    RefundStatus,
)

# SQLite generates row numbers only in a column of the exact type INTEGER
Counter = BigInteger().with_variant(Integer, "sqlite")
# for inner joins: SQLite would evaluate `a LEFT JOIN (b JOIN c)` by joining all rows of b and c first
UNNESTED: Any = "unnested"
# sorted by code point in every database, so that words with the same beginning are one range
Sorted = Text().with_variant(Text(collation="C"), "postgresql")


_LITERALS: tuple[Any, ...] = (
    ArtisanStatus,
    AssignmentStatus,
    BuyerPaymentMethod,
    BuyerPaymentStatus,
    DeliveryStatus,
    DirectPaymentStatus,
    DisabledReason,
    EndpointScope,
    EventType,
    FaultParty,
    HoldReason,
    OperatorRole,
    OrderPaymentStatus,
    OrderProblem,
    OrderStatus,
    PayoutMethod,
    PayoutStatus,
    ProductStatus,
    RefundReason,
    RefundStatus,
)


class Base(DeclarativeBase):
    """The base of all tables here; `Base.metadata` contains them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's convention
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[str]: JSON(none_as_null=True),
        # plain text without a check in the database, so that an older process can read the values of a newer one
        **dict.fromkeys(_LITERALS, String()),
    }


class Kiosk(Base):
    """A kiosk, where goods are dropped and cash is paid, and its agent."""

    __tablename__ = "kiosk"

    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    town: Mapped[str]
    agent_name: Mapped[str]
    agent_msisdn: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    wrong_cash_codes: Mapped[int] = mapped_column(default=0)
    cash_locked_until: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "town"),
    )


class WrongCashCode(Base):
    """A code typed at a kiosk under which no cash waited; the code itself is not stored."""

    __tablename__ = "wrong_cash_code"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    kiosk_id: Mapped[str] = mapped_column(ForeignKey("kiosk.id"))
    at: Mapped[datetime]

    __table_args__ = (Index(None, "kiosk_id", "at"),)


class Artisan(Base):
    """An artisan, with kiosk and payout method; `payout_changed_at` is when the phone for payouts last changed."""

    __tablename__ = "artisan"

    id: Mapped[str] = mapped_column(primary_key=True)
    msisdn: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str]
    craft: Mapped[str]
    status: Mapped[ArtisanStatus]
    kiosk_id: Mapped[str] = mapped_column(ForeignKey("kiosk.id"), index=True)
    payout_method: Mapped[PayoutMethod]
    payout_msisdn: Mapped[str | None]
    payout_changed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    kiosk: Mapped[Kiosk] = relationship(lazy="joined", innerjoin=UNNESTED)

    __table_args__ = (Index(None, "created_at", "id"),)

    def has_phone(self, msisdn: str | None) -> bool:
        """True if this is the artisan's phone, or the one on which the artisan is paid."""
        return msisdn is not None and msisdn in (self.msisdn, self.payout_msisdn)


class Product(Base):
    """A product: `on_hand` pieces that the artisan has, of which `reserved` are in offered or accepted orders."""

    __tablename__ = "product"

    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    artisan_id: Mapped[str] = mapped_column(ForeignKey("artisan.id"))
    title: Mapped[str]
    category: Mapped[str]
    description: Mapped[str]
    price: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    on_hand: Mapped[int]
    reserved: Mapped[int] = mapped_column(default=0)
    status: Mapped[ProductStatus]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    artisan: Mapped[Artisan] = relationship(lazy="joined", innerjoin=UNNESTED)
    photos: Mapped[list[Photo]] = relationship(order_by="Photo.number.desc()", cascade="all, delete-orphan")

    __table_args__ = (
        Index(None, "status", "created_at", "id"),
        Index(None, "status", "price", "id"),
        Index(None, "category", "status", "created_at", "id"),
        Index(None, "artisan_id", "created_at", "id"),
        CheckConstraint("price > 0", name="price"),
        CheckConstraint("on_hand >= 0", name="on_hand"),
        CheckConstraint("reserved >= 0", name="reserved"),
    )

    @property
    def quantity(self) -> int:
        """How many pieces can still be ordered; 0 if more are ordered than the artisan has."""
        return max(self.on_hand - self.reserved, 0)


class Photo(Base):
    """A photo of a product: `number` counts the product's photos, `digest` is the hash of the file that was sent."""

    __tablename__ = "photo"

    id: Mapped[str] = mapped_column(primary_key=True)
    product_id: Mapped[str] = mapped_column(ForeignKey("product.id"))
    number: Mapped[int]
    digest: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("product_id", "number"),
        UniqueConstraint("product_id", "digest"),
    )


class ProductWord(Base):
    """A word by which a product is found; see `catalogue.search`."""

    __tablename__ = "product_word"

    product_id: Mapped[str] = mapped_column(ForeignKey("product.id", ondelete="CASCADE"), primary_key=True)
    word: Mapped[str] = mapped_column(Sorted, primary_key=True)

    __table_args__ = (
        Index(None, "word", "product_id"),
        {"sqlite_with_rowid": False},
    )


SHOP_WINDOW = "shop_window"
"""Who places the orders of our own shop window, which never vouches: see `Order.placed_by`."""


class Order(Base):
    """An order of a product or of a brief. Its amounts follow the pieces that are accepted and received.

    The buyer pays `total`: the goods (`commission + artisan_earns`), `shipping` and `tax`, which is `tax_points` basis
    points (hundredths of a percent) of goods and shipping. The money is in the order's purse, see `payments.purse`.
    """

    __tablename__ = "order"

    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    status: Mapped[OrderStatus]
    product_id: Mapped[str | None] = mapped_column(ForeignKey("product.id"), index=True)
    quantity: Mapped[int]
    unit_price: Mapped[int] = mapped_column(BigInteger)
    commission_percent: Mapped[int]
    currency: Mapped[str]
    total: Mapped[int] = mapped_column(BigInteger)
    commission: Mapped[int] = mapped_column(BigInteger)
    artisan_earns: Mapped[int] = mapped_column(BigInteger)
    shipping: Mapped[int] = mapped_column(BigInteger, default=0)
    tax_points: Mapped[int] = mapped_column(default=0)
    tax: Mapped[int] = mapped_column(BigInteger, default=0)
    payment_status: Mapped[OrderPaymentStatus]
    buyer_name: Mapped[str]
    buyer_msisdn: Mapped[str]
    buyer_locale: Mapped[str]
    ship_to: Mapped[dict[str, Any]]
    note: Mapped[str | None]
    external_ref: Mapped[str | None]
    placed_by: Mapped[str]
    kiosk_id: Mapped[str | None] = mapped_column(ForeignKey("kiosk.id"))
    carrier: Mapped[str | None]
    tracking: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    shipping_reminded_at: Mapped[datetime | None]
    delivery_asked_at: Mapped[datetime | None]
    address_erased_at: Mapped[datetime | None]

    product: Mapped[Product | None] = relationship(lazy="joined")
    brief: Mapped[Brief | None] = relationship(lazy="joined")
    assignments: Mapped[list[Assignment]] = relationship(
        lazy="selectin", order_by="Assignment.id", back_populates="order"
    )
    timeline: Mapped[list[TimelineEntry]] = relationship(lazy="selectin", order_by="TimelineEntry.id")
    payments: Mapped[list[BuyerPayment]] = relationship(
        order_by="BuyerPayment.created_at, BuyerPayment.id", back_populates="order"
    )

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "placed_by", "created_at", "id"),
        Index(None, "buyer_msisdn", "created_at", "id"),
        Index(None, "kiosk_id", "status", "created_at", "id"),
        Index(None, "status", "expires_at"),
        Index(None, "status", "created_at", "id"),
        Index(None, "external_ref"),
        Index(
            "ix_order_address",
            "created_at",
            sqlite_where=text("address_erased_at IS NULL"),
            postgresql_where=text("address_erased_at IS NULL"),
        ),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("commission + artisan_earns + shipping + tax = total", name="split"),
    )

    @property
    def title(self) -> str:
        """The title of the product or the brief."""
        ordered = self.product or self.brief
        assert ordered is not None, "an order is for a product or for a brief"
        return ordered.title


class BuyerPayment(Base):
    """A payment of a buyer for an order: `amount` of `currency`, which is `shop_amount` in the shop's currency.

    `rate` is the price of one unit of `currency` in the shop's, as a decimal number; None if they are the same. `token`
    is unguessable, and stands in the address that the collector calls back. `provider_id` is the collector's own id of
    the request, `reference` its proven receipt. `is_kept` is True for the captured payment that pays for the order; any
    other captured payment goes back whole. `asks` is how often the buyer was asked. `means` is an operator's word for
    how money came, such as `bank`; None for any other payment.
    """

    __tablename__ = "buyer_payment"

    id: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"))
    method: Mapped[BuyerPaymentMethod]
    collector: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int] = mapped_column(BigInteger)
    shop_amount: Mapped[int] = mapped_column(BigInteger)
    rate: Mapped[str | None]
    msisdn: Mapped[str | None]
    return_url: Mapped[str | None]
    token: Mapped[str] = mapped_column(unique=True)
    status: Mapped[BuyerPaymentStatus]
    asks: Mapped[int] = mapped_column(default=0)
    provider_id: Mapped[str | None]
    url: Mapped[str | None]
    name: Mapped[str | None]
    reference: Mapped[str | None]
    failure: Mapped[str | None]
    detail: Mapped[str | None]
    means: Mapped[str | None]
    fee: Mapped[int | None] = mapped_column(BigInteger)
    is_kept: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    asked_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]
    captured_at: Mapped[datetime | None]

    order: Mapped[Order] = relationship(lazy="joined", innerjoin=UNNESTED, back_populates="payments")
    refunds: Mapped[list[Refund]] = relationship(order_by="Refund.created_at, Refund.id", back_populates="payment")

    __table_args__ = (
        UniqueConstraint("collector", "reference"),
        Index(None, "order_id", "created_at", "id"),
        Index(None, "created_at", "id"),
        Index(None, "status", "created_at", "id"),
        Index(None, "collector", "provider_id"),
        Index(None, "msisdn"),
        Index(
            "uq_buyer_payment_kept",
            "order_id",
            unique=True,
            sqlite_where=text("is_kept"),
            postgresql_where=text("is_kept"),
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint("shop_amount > 0", name="shop_amount"),
    )


class Refund(Base):
    """Money that goes back to a buyer: `amount` of the payment's currency, and what it is in the shop's.

    The collector knows it as `id`, for ever. `token` is unguessable and new for each send, `query_token` new for each
    query.
    `payer_ids` is 0 while the collector gives it back. Where the collector cannot, a payout to the paying phone does;
    it counts the ids that the payer was asked under.
    `note` is an operator's reason in words. `returned_at` is when we learned that the newest one that was done has come
    back, as a card's bank may return it; None if none has.
    """

    __tablename__ = "refund"

    id: Mapped[str] = mapped_column(primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("buyer_payment.id"), index=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    shop_amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reason: Mapped[RefundReason]
    note: Mapped[str | None]
    status: Mapped[RefundStatus]
    provider: Mapped[str | None]
    provider_id: Mapped[str | None]
    token: Mapped[str | None] = mapped_column(unique=True)
    query_token: Mapped[str | None] = mapped_column(unique=True)
    payer_ids: Mapped[int] = mapped_column(default=0)
    sends: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    reference: Mapped[str | None]
    failure: Mapped[str | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]

    payment: Mapped[BuyerPayment] = relationship(lazy="joined", innerjoin=UNNESTED, back_populates="refunds")

    __table_args__ = (
        UniqueConstraint("provider", "reference"),
        Index(None, "created_at", "id"),
        Index(None, "status", "created_at", "id"),
        CheckConstraint("amount >= 0", name="amount"),
        CheckConstraint("shop_amount >= 0", name="shop_amount"),
    )

    @property
    def payment_id_at_payer(self) -> str:
        """Our id of the payout to the paying phone; a new one only after the payer has refused the one before."""
        return self.id if self.payer_ids < 2 else f"{self.id}-{self.payer_ids}"


class DirectPayment(Base):
    """Money that came to our paybill number without a prompt, by the collector's receipt.

    `account` is what the payer typed: the code of an order. `token` is unguessable and stands in the address at which
    the collector answers our query of the receipt. Until then `amount`, `msisdn` and `name` are None.
    `asked_payment_id` is the payment at whose own address we were told of it, `payment_id` the payment that it became.
    """

    __tablename__ = "direct_payment"

    id: Mapped[str] = mapped_column(primary_key=True)
    collector: Mapped[str]
    receipt: Mapped[str]
    account: Mapped[str]
    token: Mapped[str] = mapped_column(unique=True)
    status: Mapped[DirectPaymentStatus]
    asked_payment_id: Mapped[str | None] = mapped_column(ForeignKey("buyer_payment.id"))
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("buyer_payment.id"))
    amount: Mapped[int | None] = mapped_column(BigInteger)
    msisdn: Mapped[str | None]
    name: Mapped[str | None]
    reference: Mapped[str | None]
    created_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("collector", "receipt"), Index(None, "status", "created_at"))


class CollectorEvent(Base):
    """An event that a collector has told us, so that it is handled once."""

    __tablename__ = "collector_event"

    collector: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


class CollectingPause(Base):
    """While there is a row, no buyer is asked to pay by this collector, because we have to correct something."""

    __tablename__ = "collecting_pause"

    collector: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    since: Mapped[datetime]


class StorefrontTerms(Base):
    """What a storefront's key may order before it pays us. A key without terms may vouch for any amount.

    `credit` is the amount that it may owe us, in minor units; None for no limit. It settles within `settle_days`.
    """

    __tablename__ = "storefront_terms"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    may_vouch: Mapped[bool]
    credit: Mapped[int | None] = mapped_column(BigInteger)
    settle_days: Mapped[int]


class Settlement(Base):
    """A payment with which a storefront paid what it owes us."""

    __tablename__ = "settlement"

    id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    reference: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("amount > 0", name="amount"),)


class ExchangeRate(Base):
    """The price of one unit of `currency` in the shop's, as an operator set it; `margin` is in percent.

    Both are decimal numbers as text. The newest row of a currency is valid.
    """

    __tablename__ = "exchange_rate"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    currency: Mapped[str]
    rate: Mapped[str]
    margin: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]

    __table_args__ = (Index(None, "currency", "id"),)


class ShippingCharge(Base):
    """What shipping to a country costs for up to `pieces` pieces, in minor units of the shop's currency.

    `country` is ISO 3166 alpha-2, or `*` for every country without a row of its own.
    """

    __tablename__ = "shipping_charge"

    country: Mapped[str] = mapped_column(primary_key=True)
    pieces: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[int] = mapped_column(BigInteger)


class TaxRate(Base):
    """The tax on goods and shipping to a country, in basis points (hundredths of a percent)."""

    __tablename__ = "tax_rate"

    country: Mapped[str] = mapped_column(primary_key=True)
    points: Mapped[int]


class Brief(Base):
    """Many pieces of something that is not in the catalogue, to be made by several artisans until `due_on`.

    If it has a kiosk, only the artisans of this kiosk get an offer, and all goods go there.
    """

    __tablename__ = "brief"

    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"), primary_key=True)
    title: Mapped[str]
    category: Mapped[str]
    kiosk_id: Mapped[str | None] = mapped_column(ForeignKey("kiosk.id"), index=True)
    due_on: Mapped[date]

    kiosk: Mapped[Kiosk | None] = relationship(lazy="joined")


class Assignment(Base):
    """The part of an order that one artisan is offered, has accepted or has delivered.

    A part that is brought in two deliveries becomes two assignments. For a brief, `quantity` is the number offered
    until the artisan accepts. `refused` pieces were rejected at the kiosk for `reason`; if the artisan declined,
    `reason` is the artisan's. `received_by` is the kiosk that received it.
    """

    __tablename__ = "assignment"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"))
    artisan_id: Mapped[str] = mapped_column(ForeignKey("artisan.id"))
    quantity: Mapped[int]
    earns: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[AssignmentStatus]
    reason: Mapped[str] = mapped_column(default="")
    refused: Mapped[int] = mapped_column(default=0)
    promised_on: Mapped[date | None]
    ready_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    received_by: Mapped[str | None] = mapped_column(ForeignKey("kiosk.id"))
    reminded_at: Mapped[datetime | None]

    artisan: Mapped[Artisan] = relationship(lazy="joined", innerjoin=UNNESTED)
    order: Mapped[Order] = relationship(back_populates="assignments")

    __table_args__ = (
        Index(None, "order_id", "artisan_id"),
        # the next two hold all that is counted in them
        Index(None, "artisan_id", "status", "order_id", "ready_at"),
        Index(None, "status", "artisan_id"),
        Index(None, "received_by", "received_at"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("earns >= 0", name="earns"),
    )

    @property
    def kiosk(self) -> Kiosk:
        """The kiosk where the goods have to be dropped."""
        brief = self.order.brief
        return brief.kiosk if brief and brief.kiosk else self.artisan.kiosk

    @property
    def due_on(self) -> date | None:
        """The day by which the goods have to be at the kiosk: the one the artisan promised, else the brief's."""
        return self.promised_on or (self.order.brief.due_on if self.order.brief else None)


class TimelineEntry(Base):
    """The time at which an order reached a status.

    `by` is who caused it, as `actors.Actor` writes it; None for those from before this was stored.
    """

    __tablename__ = "order_timeline"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    order_id: Mapped[str] = mapped_column(ForeignKey("order.id"), index=True)
    status: Mapped[OrderStatus]
    at: Mapped[datetime]
    by: Mapped[str | None]


class Payout(Base):
    """A payment to an artisan for goods received; an amount above a provider's limit is split into several.

    The provider knows it as `payment_id`, and got `sends` requests to pay it. If it failed, `fault_party` has to act.
    A held one was held at `held_at` because of `hold`; `released_at` is when the last hold ended.
    """

    __tablename__ = "payout"

    id: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    artisan_id: Mapped[str] = mapped_column(ForeignKey("artisan.id"))
    order_id: Mapped[str | None] = mapped_column(ForeignKey("order.id"), index=True)
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("assignment.id"))
    piece: Mapped[int]
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    method: Mapped[PayoutMethod]
    msisdn: Mapped[str | None]
    cash_code_hash: Mapped[str | None] = mapped_column(unique=True)
    cash_code_number: Mapped[int] = mapped_column(default=0, server_default="0")
    cash_code_made_at: Mapped[datetime | None]
    status: Mapped[PayoutStatus]
    payment_id: Mapped[str] = mapped_column(unique=True)
    sends: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    retried: Mapped[bool] = mapped_column(default=False)
    provider: Mapped[str | None]
    provider_reference: Mapped[str | None] = mapped_column(index=True)
    failure: Mapped[str | None]
    fault_party: Mapped[FaultParty | None] = mapped_column("blame")  # the stored name
    hold: Mapped[HoldReason | None]
    held_at: Mapped[datetime | None]
    released_at: Mapped[datetime | None]
    kiosk_id: Mapped[str | None] = mapped_column(ForeignKey("kiosk.id"))
    created_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]

    artisan: Mapped[Artisan] = relationship()
    order: Mapped[Order | None] = relationship()
    assignment: Mapped[Assignment | None] = relationship()
    kiosk: Mapped[Kiosk | None] = relationship()

    __table_args__ = (
        UniqueConstraint("assignment_id", "piece"),
        UniqueConstraint("provider", "provider_reference"),
        Index(None, "created_at", "id"),
        Index(None, "status", "created_at", "id"),
        Index(None, "artisan_id", "created_at", "id"),
        Index(None, "artisan_id", "status", "amount"),
        Index(None, "artisan_id", "paid_at", "amount"),
        Index(None, "kiosk_id", "paid_at"),
        Index(None, "kiosk_id", "created_at", "id"),
        Index(None, "method", "created_at", "id"),
        CheckConstraint("amount >= 0", name="amount"),
    )

    @property
    def about(self) -> str:
        """The code that people see: the code of its order, or its own if it has no order."""
        return self.order.code if self.order else self.code


class PaidSum(Base):
    """The sum of the artisan's payouts that were paid or collected until `upto`, also of those that came back later.

    The sum of all payouts begins here, so that it reads few rows.
    """

    __tablename__ = "paid_sum"

    artisan_id: Mapped[str] = mapped_column(ForeignKey("artisan.id"), primary_key=True)
    upto: Mapped[datetime]
    amount: Mapped[int] = mapped_column(BigInteger)


class PaymentName(Base):
    """A name that a provider may use for a payout, and its `meaning`: see `payments.provider_names`.

    `sends` is how often the payout had been sent when the name was stored.
    """

    __tablename__ = "payment_name"

    name: Mapped[str] = mapped_column(primary_key=True)
    payout_id: Mapped[str] = mapped_column(ForeignKey("payout.id"))
    meaning: Mapped[str]
    sends: Mapped[int]


class PayoutPause(Base):
    """While its one row exists, no payout is sent, because something on our side has to be corrected."""

    __tablename__ = "payout_pause"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reason: Mapped[str]
    since: Mapped[datetime]


class Event(Base):
    """Something that happened; `seq` is its number, and (xid, seq) its place in the order (`event_order`).

    `by` is who caused it, as `actors.Actor` writes it; None for events from before this was stored.
    """

    __tablename__ = "event"

    seq: Mapped[int] = mapped_column(Counter, primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger, server_default=next_xid())
    id: Mapped[str] = mapped_column(unique=True, insert_sentinel=True)
    type: Mapped[EventType]
    created_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    by: Mapped[str | None]

    # SQLite must not reuse a number: a reader with a cursor would miss the second event with it
    __table_args__ = (Index(None, "xid", "seq"), {"sqlite_autoincrement": True})


# a condition without parameters, because SQLite uses a partial index only for a condition that it can compare
IS_PAYOUT_CHANGE = text("event.type = 'artisan.payout_changed'")
_payout_change = text("type = 'artisan.payout_changed'")
Index("ix_event_payout_change", Event.seq, sqlite_where=_payout_change, postgresql_where=_payout_change)


class WebhookEndpoint(Base):
    """A URL to which events after the place (after_xid, after_seq) are pushed, for the API key `owner`.

    `failing_since` is the first failed attempt after the last successful one.
    """

    __tablename__ = "webhook_endpoint"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]
    scope: Mapped[EndpointScope]
    url: Mapped[str]
    event_types: Mapped[list[str] | None]
    after_xid: Mapped[int] = mapped_column(BigInteger, server_default="0")
    after_seq: Mapped[int] = mapped_column(BigInteger)
    secret: Mapped[str]
    old_secret: Mapped[str | None]
    old_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[DisabledReason | None] = mapped_column("disabled_why")  # the stored name

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "owner", "created_at", "id"),
    )


class WebhookDelivery(Base):
    """An event that is delivered to an endpoint. Each replay begins a new `round`, and `attempts` starts at 0 again."""

    __tablename__ = "webhook_delivery"

    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoint.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("event.id"))
    status: Mapped[DeliveryStatus]
    round: Mapped[int]
    attempts: Mapped[int]
    created_at: Mapped[datetime]
    last_attempt_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    response_status: Mapped[int | None]
    error: Mapped[str | None]

    endpoint: Mapped[WebhookEndpoint] = relationship(lazy="joined", innerjoin=UNNESTED)
    event: Mapped[Event] = relationship(lazy="joined", innerjoin=UNNESTED)

    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index(None, "endpoint_id", "created_at", "id"),
        Index(None, "endpoint_id", "status", "created_at", "id"),
    )


class HelpRequest(Base):
    """A person's request for a call back; a person has at most one that is open.

    A buyer who reported a problem on the page of an order has said of which order, of what kind, and why in `words`.

    `handler_id` is the operator who has taken it, `answered_at` when the person was first answered, by text or by call.
    """

    __tablename__ = "help_request"

    id: Mapped[str] = mapped_column(primary_key=True)
    msisdn: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    order_id: Mapped[str | None]
    problem: Mapped[OrderProblem | None]
    words: Mapped[str | None]
    handler_id: Mapped[str | None]
    answered_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "created_at", "id"),
        Index(None, "closed_at", "created_at", "id"),
        Index(
            "uq_help_request_open",
            "msisdn",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )


class ApiKey(Base):
    """An API key; only its hash is stored. `scopes` are separated by commas."""

    __tablename__ = "api_key"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    scopes: Mapped[str] = mapped_column("scope")  # the stored name
    prefix: Mapped[str]
    hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class ArtisanLogIn(Base):
    """The one-time code with which an artisan logs in on the web: the last one that was texted, as a keyed hash.

    `tries` is how many codes were typed since.
    """

    __tablename__ = "artisan_log_in"

    artisan_id: Mapped[str] = mapped_column(ForeignKey("artisan.id"), primary_key=True)
    hash: Mapped[str]
    tries: Mapped[int]
    expires_at: Mapped[datetime]


class ArtisanSession(Base):
    """A log-in of an artisan on the web, valid until `ended_at` is set or it is too old; its token is hashed."""

    __tablename__ = "artisan_session"

    hash: Mapped[str] = mapped_column(primary_key=True)
    artisan_id: Mapped[str] = mapped_column(ForeignKey("artisan.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    artisan: Mapped[Artisan] = relationship(lazy="joined", innerjoin=UNNESTED)


class ConsoleOperator(Base):
    """A person who uses the console, and may do what the role says. At most one in use has a name.

    `code_secret` is the encrypted secret of the one-time codes, None if there is none; `code_step` is the time step of
    the last code that was used, so that no code is used twice.
    """

    __tablename__ = "operator"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[OperatorRole]
    code_secret: Mapped[str | None]
    code_step: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_operator_name",
            "name",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )


class OperatorInvitation(Base):
    """A link with which an operator sets up the first log-in, once; only the hash of its token is stored."""

    __tablename__ = "operator_invitation"

    hash: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    operator: Mapped[ConsoleOperator] = relationship(lazy="joined", innerjoin=UNNESTED)


class OperatorPasskey(Base):
    """A passkey of an operator: `id` is its credential id and `public_key` the credential's data, both in base64."""

    __tablename__ = "operator_passkey"

    id: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id"), index=True)
    public_key: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    operator: Mapped[ConsoleOperator] = relationship(lazy="joined", innerjoin=UNNESTED)


class OperatorSession(Base):
    """A log-in of an operator, valid until `ended_at` is set or it was idle for too long; its token is hashed."""

    __tablename__ = "operator_session"

    hash: Mapped[str] = mapped_column(primary_key=True)
    operator_id: Mapped[str] = mapped_column(ForeignKey("operator.id"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    operator: Mapped[ConsoleOperator] = relationship(lazy="joined", innerjoin=UNNESTED)


class OperatorAct(Base):
    """The audit log of the console: who did what to what, and what it was `before` and `after`. Append-only.

    `about` is the id of what was changed. No row has a secret or a whole phone number.
    """

    __tablename__ = "operator_act"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    at: Mapped[datetime]
    by: Mapped[str]
    act: Mapped[str]
    about: Mapped[str | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))

    __table_args__ = (Index(None, "about", "id"),)


class MoneyProposal(Base):
    """An act on money that an operator of the console proposes, and a second one approves or refuses.

    `act` is done to what has the id `about`, with what was `typed`. `effects` are the sentences that the first operator
    saw, `digest` is the same as long as the act does the same, and `amount` is in the shop's currency, None if the act
    moves another one.
    """

    __tablename__ = "money_proposal"

    id: Mapped[str] = mapped_column(primary_key=True)
    act: Mapped[str]
    about: Mapped[str]
    typed: Mapped[dict[str, Any]] = mapped_column(JSON)
    effects: Mapped[list[str]] = mapped_column(JSON)
    digest: Mapped[str]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    status: Mapped[ProposalStatus]
    proposed_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "status", "expires_at"),)


class IdempotencyKey(Base):
    """The first answer to a request that had an idempotency key."""

    __tablename__ = "idempotency_key"

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)


class LedgerAccount(Base):
    """An account of the ledger, in one currency for ever."""

    __tablename__ = "ledger_account"

    name: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str]


class LedgerEntry(Base):
    """An entry in the ledger, written once under its key and never changed.

    `by` is who caused it, as `actors.Actor` writes it; None for entries from before this was stored.
    """

    __tablename__ = "ledger_entry"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    note: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    by: Mapped[str | None]

    postings: Mapped[list[LedgerPosting]] = relationship(order_by="LedgerPosting.id")


class LedgerPosting(Base):
    """One line of an entry: a positive amount is a debit, a negative one a credit."""

    __tablename__ = "ledger_posting"

    id: Mapped[int] = mapped_column(Counter, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("ledger_entry.id"), index=True)
    account: Mapped[str] = mapped_column(ForeignKey("ledger_account.name"))
    amount: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index(None, "account", "id"), CheckConstraint("amount <> 0", name="amount"))


class LedgerCheckpoint(Base):
    """The balance of an account after the posting `upto`; sums begin here, so that they read few rows."""

    __tablename__ = "ledger_checkpoint"

    account: Mapped[str] = mapped_column(ForeignKey("ledger_account.name"), primary_key=True)
    upto: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    balance: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]


class ShopCurrency(Base):
    """The currency of all amounts: one row, written at the first start and never changed."""

    __tablename__ = "shop_currency"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    currency: Mapped[str]


def _append_only(table: Any) -> None:
    """Add triggers with which the database refuses to change, replace or delete a row of `table`."""
    name = table.name
    refusal = f"BEGIN SELECT RAISE(ABORT, '{name} is append-only'); END"
    replaces = f"EXISTS (SELECT 1 FROM {name} WHERE {_SAME_ROW[name]})"  # noqa: S608 - nothing is typed
    function = f"LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{name} is append-only'; END $$"
    for dialect, statement in (
        ("sqlite", f"CREATE TRIGGER {name}_no_update BEFORE UPDATE ON {name} {refusal}"),
        ("sqlite", f"CREATE TRIGGER {name}_no_delete BEFORE DELETE ON {name} {refusal}"),
        # REPLACE INTO deletes the row that it replaces without the trigger for DELETE
        ("sqlite", f"CREATE TRIGGER {name}_no_replace BEFORE INSERT ON {name} WHEN {replaces} {refusal}"),
        ("postgresql", f"CREATE OR REPLACE FUNCTION {name}_stays() RETURNS trigger {function}"),
        (
            "postgresql",
            f"CREATE TRIGGER {name}_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}_stays()",
        ),
    ):
        ddl = DDL(statement)  # type: ignore[no-untyped-call]
        event.listen(table, "after_create", ddl.execute_if(dialect=dialect))


_SAME_ROW = {
    "ledger_account": "name = NEW.name",
    "ledger_entry": "id = NEW.id OR key = NEW.key",
    "ledger_posting": "id = NEW.id",
    "ledger_checkpoint": "account = NEW.account AND upto = NEW.upto",
    "shop_currency": "id = NEW.id",
    "operator_act": "id = NEW.id",
}
"""The append-only tables, and the condition under which a row that is inserted would replace one."""

for _table in _SAME_ROW:
    _append_only(Base.metadata.tables[_table])

for _statement in event_order.FUNCTIONS:
    _ddl = DDL(_statement)  # type: ignore[no-untyped-call]
    event.listen(Base.metadata.tables["event"], "before_create", _ddl.execute_if(dialect="postgresql"))
