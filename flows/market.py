"""The interface between dialogues and a shop, and the values that a dialogue reads there.

Amounts are minor units of the shop's currency. A bot and a remote shop exchange the same values as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Literal, Protocol

import msgspec

from flows.commands import Command, Outcome

ProductStatus = Literal["listed", "sold_out", "withdrawn"]
OrderStatus = Literal[
    "unpaid", "placed", "accepted", "at_kiosk", "shipped", "delivered", "declined", "expired", "cancelled"
]
"""Only its buyer sees an order that is `unpaid`."""
PartStatus = Literal[
    "accepted", "received", "declined", "expired", "cancelled", "passed", "released", "refused", "reversed"
]
"""The status of one artisan's part. A part that is only offered has the status of its order."""
SummaryStatus = Literal[OrderStatus, PartStatus]


class KioskSummary(msgspec.Struct, frozen=True):
    """A kiosk as a line of a list."""

    id: str
    name: str
    town: str


class ProductSummary(msgspec.Struct, frozen=True):
    """A product of the caller. `price` is for one piece; `quantity` is how many pieces are left to sell.

    `reserved` pieces are in orders that the caller has not brought yet.
    """

    code: str
    title: str
    price: int
    quantity: int
    status: ProductStatus
    reserved: int = 0


class PurchaseSummary(msgspec.Struct, frozen=True):
    """The money of an order that its buyer pays. `back` is what went back or goes back, in minor units of `currency`.

    `currency` is that in which the buyer paid. `is_back` is True once all of `back` has been sent.
    """

    is_paid: bool
    currency: str
    back: int = 0
    is_back: bool = False
    paybill: str = ""
    """Of an unpaid order, the paybill number to which it can be paid with its code; empty if there is none."""


class OrderSummary(msgspec.Struct, frozen=True):
    """An order, or one artisan's part of it; `earns` is what the artisan gets for `quantity` pieces.

    While a brief is still offered, `quantity` is the number of pieces that no artisan has accepted, and `earns` is for
    all of them.
    """

    code: str
    title: str
    quantity: int
    earns: int
    status: SummaryStatus
    artisan: str = ""
    kiosk: str = ""
    ready: bool = False
    """True once the artisan has said that the goods are made."""
    part: int = 0
    """The number of this part, unique among all parts of all orders; 0 for a whole order."""
    brief: bool = False
    """True for a bulk order that several artisans may share."""
    due_on: date | None = None
    """The day by which the goods must be at the kiosk: as the artisan promised, or else as the buyer asked."""
    total: int | None = None
    """For a whole order, what it costs the buyer; None from a shop that does not say it."""
    carrier: str = ""
    tracking: str = ""
    """For a whole order that is shipped, its carrier and tracking number; empty from a shop that does not say them."""
    purchase: PurchaseSummary | None = None
    """For a whole order that its buyer pays and asks about; None if a storefront holds the money."""


class PayoutSummary(msgspec.Struct, frozen=True):
    """A payout as its artisan sees it: its own code, its amount, and the code of the order it is for."""

    code: str
    amount: int
    order: str
    paid: bool
    held: bool = False
    """True while it waits for a reason that the artisan was told."""


class Earnings(msgspec.Struct, frozen=True):
    """Sums of an artisan's payouts; `last` are the newest ones, paid or not. `held` is a part of `owed`."""

    owed: int
    paid: int
    last: Sequence[PayoutSummary] = ()
    held: int = 0


class WaitingCash(msgspec.Struct, frozen=True):
    """A payout that waits for its artisan in cash at the kiosk, by the code of its order.

    `code` is the one-time code that the artisan shows there; empty if the artisan has to ask for a new one.
    """

    order: str
    amount: int
    kiosk: str
    code: str = ""


class KioskDaySummary(msgspec.Struct, frozen=True):
    """A kiosk's day in numbers of parts and orders; `received` and `cash_paid` count since midnight."""

    expected: int
    to_ship: int
    ready: int = 0
    """How many of the expected parts are made."""
    received: int = 0
    cash_paid: int = 0
    drawer: int = 0
    """The marketplace's cash at the kiosk; negative when the agent has paid from their own money."""


class OutOfReach(Exception):  # noqa: N818 - a state of the shop, not a bug
    """The shop cannot be read now. What is read only to check an answer is then left to the command."""


class Market(Protocol):
    """What a dialogue can read and do in a shop, always on behalf of the caller. Every read may raise OutOfReach."""

    def earns(self, price: int) -> int:
        """What the artisan earns of a price after the commission."""
        ...

    def crafts(self) -> Sequence[tuple[str, str]]:
        """Slug and English label of every craft; products have the same categories."""
        ...

    def kiosks(self) -> Sequence[KioskSummary]: ...

    def products(self) -> Sequence[ProductSummary]:
        """The artisan's products that are on sale or sold out, newest first."""
        ...

    def orders(self) -> Sequence[OrderSummary]:
        """The artisan's orders to answer (`placed`) or to bring (`accepted`), oldest first."""
        ...

    def expected(self, code: str) -> Sequence[OrderSummary]:
        """The parts of an order that the agent's kiosk still expects, one per artisan."""
        ...

    def awaited(self) -> Sequence[OrderSummary]:
        """All parts that the agent's kiosk still expects, oldest order first."""
        ...

    def to_ship(self) -> Sequence[OrderSummary]:
        """Orders whose goods are at the agent's kiosk."""
        ...

    def bought(self, code: str) -> OrderSummary | None:
        """The order with this code if this person placed it as a buyer; None otherwise."""
        ...

    def earnings(self) -> Earnings: ...

    def cash(self) -> WaitingCash | None:
        """The cash that has waited longest for the artisan, with its code; None if none waits."""
        ...

    def day(self) -> KioskDaySummary: ...

    def perform(self, command: Command) -> Outcome:
        """Performs the command. If the shop rejects it, the outcome says why."""
        ...
