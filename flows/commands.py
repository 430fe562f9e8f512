"""The shop as the dialogues know it: what they may ask of it, and the commands they leave to the hall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

Value = str | int | bool | None

# What a command may hold; read where one comes in from elsewhere, since dialogues have checks of their own.
Line = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Id = Annotated[str, Meta(max_length=44, pattern=r"^[a-z]{3}_[0-9a-z]+$")]
Code = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,20}$")]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
Msisdn = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{4,14}$")]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$")]
Price = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Days = Annotated[int, Meta(ge=0, le=1000)]
Number = Annotated[int, Meta(ge=0, le=2**53)]


class KioskSummary(msgspec.Struct, frozen=True):
    id: str
    name: str
    town: str


class ProductSummary(msgspec.Struct, frozen=True):
    """`price` of one in minor units; `quantity` is what is left to sell."""

    code: str
    title: str
    price: int
    quantity: int
    status: str


class OrderSummary(msgspec.Struct, frozen=True):
    """One artisan's part of an order. `earns` is hers, in minor units.

    Of a brief that is still offered, `quantity` is what nobody has taken yet, and `earns` what all of it would bring.
    """

    code: str
    title: str
    quantity: int
    earns: int
    status: str
    artisan: str = ""
    kiosk: str = ""
    ready: bool = False
    """Whether she has said that it is made."""
    part: int = 0
    """Names this part among all parts of all orders."""
    brief: bool = False
    """Whether several artisans make it together."""
    due_on: date | None = None
    """The day by which it has to be at the kiosk: the buyer's wish, or what she has promised."""


class Earned(msgspec.Struct, frozen=True):
    """A payout as its artisan sees it: its code and amount, and the code of the order it is for."""

    code: str
    amount: int
    order: str
    paid: bool


class Earnings(msgspec.Struct, frozen=True):
    """Sums of payouts, in minor units; `last` are the newest, paid or not."""

    owed: int
    paid: int
    last: Sequence[Earned] = ()


class KioskDay(msgspec.Struct, frozen=True):
    """A kiosk's day: what is awaited, how much of it is made, what lies there to be shipped; and since midnight,
    what came in and what was paid in cash. `drawer` is the marketplace's cash there, less than nothing when the agent
    has paid out of her own pocket. In minor units."""

    expected: int
    to_ship: int
    ready: int = 0
    received: int = 0
    cash_paid: int = 0
    drawer: int = 0


class Command(msgspec.Struct, frozen=True, tag=True):
    """Something to be done once. The hall performs it under the conversation's key.

    Written down, its `type` is its name.
    """


class ChooseLanguage(Command, frozen=True):
    language: Language


class RegisterArtisan(Command, frozen=True):
    name: Line
    language: Language
    craft: Line
    kiosk_id: Id
    payout_method: Literal["mobile_money", "kiosk_cash"]
    payout_msisdn: Msisdn | None


class RenameArtisan(Command, frozen=True):
    name: Line


class ChangeKiosk(Command, frozen=True):
    kiosk_id: Id


class CheckPin(Command, frozen=True):
    """The first PIN becomes hers. A wrong one is counted, and three lock even the right one out for a day."""

    pin: str

    def __repr__(self) -> str:
        return "CheckPin(pin='****')"  # whatever prints a command, the PIN stays unsaid


class ChangePayout(Command, frozen=True):
    """Rejected for `pin` unless her PIN was right a moment ago."""

    method: Literal["mobile_money", "kiosk_cash"]
    msisdn: Msisdn | None


class Leave(Command, frozen=True):
    """Her products are withdrawn. Rejected for `orders_open` or `money_owed` while there are any."""


class ListProduct(Command, frozen=True):
    title: Line
    category: Line
    price: Price
    quantity: Count


class SetPrice(Command, frozen=True):
    code: Code
    price: Price


class SetStock(Command, frozen=True):
    code: Code
    quantity: Count


class RemoveProduct(Command, frozen=True):
    code: Code


class AcceptOrder(Command, frozen=True):
    """`quantity` None accepts all of it; `days` from today, if given, is by when she will bring it.

    Rejected for `too_late` when that is after the day on which a brief is due.
    """

    code: Code
    quantity: Count | None = None
    days: Days | None = None


class DeclineOrder(Command, frozen=True):
    code: Code
    reason: Line = ""


class SayReady(Command, frozen=True):
    code: Code


class ReleaseOrder(Command, frozen=True):
    """She cannot make after all what she accepted: her part of a brief is offered to others, another order ends."""

    code: Code


class ConfirmDelivery(Command, frozen=True):
    """The buyer has her order."""

    code: Code


class CancelOrder(Command, frozen=True):
    """The buyer wants it no more; rejected once it is accepted."""

    code: Code


class ReceiveGoods(Command, frozen=True):
    """`count` good pieces of a part have come, and `refused` ones went back to her for `reason`.

    The rest is still awaited if it `follows`; otherwise the part ends here. Nothing good and nothing to follow
    ends it with nothing earned.
    """

    part: Number
    count: Count
    refused: Count = 0
    reason: Line = ""
    follows: bool = False


class ShipOrder(Command, frozen=True):
    code: Code
    carrier: Line
    tracking: Line


class FindCash(Command, frozen=True):
    """Who may collect cash with these digits; a wrong guess is counted, and three lock the kiosk for a while."""

    digits: Digits


class PayCash(Command, frozen=True):
    payout_id: Id


class RequestCall(Command, frozen=True):
    """Somebody wants a person to call her back."""


class SendStatement(Command, frozen=True):
    """A text to her own phone: what is owed, what was paid, and for which orders."""


class SendPhotoLink(Command, frozen=True):
    """Done with `link`, where she can upload pictures of a product; on a call it is texted to her too."""

    code: str
    texted: bool


class OfferPinReset(Command, frozen=True):
    """An agent wants to help an artisan of her kiosk who forgot her PIN: the artisan is texted a one-time code.

    Done with `artisan`, her name. Rejected for `not_yours` when no artisan of this kiosk has that phone.
    """

    msisdn: str


class ResetPin(Command, frozen=True):
    """The agent types what the artisan was texted; her next PIN is the one she types first. Rejected for
    `wrong_code`, and three wrong ones end the offer: `locked`."""

    msisdn: str
    digits: str

    def __repr__(self) -> str:
        return f"ResetPin(msisdn={self.msisdn!r}, digits='******')"


ShopCommand = (
    ChooseLanguage
    | RegisterArtisan
    | RenameArtisan
    | ChangeKiosk
    | ChangePayout
    | Leave
    | ListProduct
    | SetPrice
    | SetStock
    | RemoveProduct
    | AcceptOrder
    | DeclineOrder
    | SayReady
    | ReleaseOrder
    | ConfirmDelivery
    | CancelOrder
    | ReceiveGoods
    | ShipOrder
    | FindCash
    | PayCash
    | RequestCall
)
"""Commands that a shop performs; the others concern the person alone."""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command: `reason` says why it was rejected, `values` can be named in words."""

    kind: Literal["done", "queued", "rejected"]
    reason: str = ""
    values: dict[str, Value] = {}


class Market(Protocol):
    """What a dialogue may ask, always on behalf of the one person who speaks."""

    def earns(self, price: int) -> int:
        """What the artisan keeps of a price, both in minor units."""
        ...

    def crafts(self) -> Sequence[tuple[str, str]]:
        """Slug and English label of every craft; products are sorted into the same."""
        ...

    def kiosks(self) -> Sequence[KioskSummary]: ...

    def products(self) -> Sequence[ProductSummary]:
        """Hers that are on sale or sold out, newest first."""
        ...

    def orders(self) -> Sequence[OrderSummary]:
        """Hers that wait for her: to be answered (`placed`) or to be brought (`accepted`), oldest first."""
        ...

    def expected(self, code: str) -> Sequence[OrderSummary]:
        """The parts of an order that are on their way to the agent's kiosk, each of another artisan."""
        ...

    def to_ship(self) -> Sequence[OrderSummary]:
        """Orders whose goods lie at the agent's kiosk."""
        ...

    def bought(self, code: str) -> OrderSummary | None:
        """An order this person placed as a buyer; None when there is no such."""
        ...

    def earnings(self) -> Earnings: ...

    def day(self) -> KioskDay: ...

    def perform(self, command: Command) -> Outcome:
        """Does what is asked, or says why the shop refuses."""
        ...
