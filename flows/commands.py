"""The commands that dialogues ask for, as data, and their outcomes.

    AcceptOrder("K7P4", quantity=20)     {"type": "AcceptOrder", "code": "K7P4", "quantity": 20, "days": null}
    Outcome("rejected", "too_late")      {"kind": "rejected", "reason": "too_late", "values": {}}

A dialogue only returns a command; the conversation service performs it. The class names are the `type` on the wire and
in stored commands, so they do not change.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from flows.msisdn import E164

Value = str | int | bool | None

# The bounds of the fields. They are checked when a command arrives as JSON; dialogues have checks of their own.
Line = Annotated[str, Meta(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Paragraph = Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")]
Id = Annotated[str, Meta(max_length=44, pattern=r"^[a-z]{3}_[0-9a-z]+$")]
Code = Annotated[str, Meta(pattern=r"^[0-9A-Za-z]{1,20}$")]
Language = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")]
Msisdn = Annotated[str, Meta(pattern=E164)]
Digits = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$")]
Price = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Days = Annotated[int, Meta(ge=0, le=1000)]
Number = Annotated[int, Meta(ge=0, le=2**53)]

PayoutMethod = Literal["mobile_money", "kiosk_cash"]


class Command(msgspec.Struct, frozen=True, tag=True):
    """A request that is performed once, under the conversation's command key."""


class ChooseLanguage(Command, frozen=True):
    language: Language


class RegisterArtisan(Command, frozen=True):
    """Rejected for `pin` if this phone has a PIN from before and the caller did not give it just now."""

    name: Line
    language: Language
    craft: Line
    kiosk_id: Id
    payout_method: PayoutMethod
    payout_msisdn: Msisdn | None


class RenameArtisan(Command, frozen=True):
    name: Line


class ChangeKiosk(Command, frozen=True):
    kiosk_id: Id


class CheckPin(Command, frozen=True):
    """The first PIN given becomes the person's PIN.

    Rejected for `wrong` with `left`, the number of tries that are left, and after three wrong PINs for `locked`: for a
    day even the right PIN is rejected.
    """

    pin: str

    def __repr__(self) -> str:
        return "CheckPin(pin='****')"  # a PIN must not reach a log


class ChangePayout(Command, frozen=True):
    """Rejected for `pin` unless the right PIN was given just before."""

    method: PayoutMethod
    msisdn: Msisdn | None


class Leave(Command, frozen=True):
    """The artisan leaves, and all products of the artisan are withdrawn. Rejected for `orders_open` or `money_owed`."""


class ListProduct(Command, frozen=True):
    """Puts a product on sale. The outcome `done` has its `code`."""

    title: Line
    category: Line
    price: Price
    quantity: Count


class SetPrice(Command, frozen=True):
    code: Code
    price: Price


class SetStock(Command, frozen=True):
    """Sets how many pieces the artisan has; with `besides_orders`, those that are ordered are not counted."""

    code: Code
    quantity: Count
    besides_orders: bool = False


class SetTitle(Command, frozen=True):
    code: Code
    title: Line


class SetDescription(Command, frozen=True):
    code: Code
    description: Paragraph


class RemoveProduct(Command, frozen=True):
    code: Code


class AcceptOrder(Command, frozen=True):
    """Accepts `quantity` pieces, or all if None, to be brought within `days` from today, if given.

    Of a brief, all pieces are accepted only if `all` says so: otherwise it is rejected for `quantity_unsaid`. Rejected
    for `wrong_count`, or for `too_late` if that day is after the day on which a brief is due.
    """

    code: Code
    quantity: Count | None = None
    days: Days | None = None
    all: bool = False


class DeclineOrder(Command, frozen=True):
    code: Code
    reason: Line = ""


class SayReady(Command, frozen=True):
    """The artisan says that the goods are made. Rejected for `order_not_expected`."""

    code: Code


class ReleaseOrder(Command, frozen=True):
    """The artisan cannot make what they accepted: a part of a brief is offered to others, another order ends."""

    code: Code


class ConfirmDelivery(Command, frozen=True):
    """The buyer has received the order."""

    code: Code


class CancelOrder(Command, frozen=True):
    """The buyer cancels the order. Rejected once an artisan has accepted it.

    The outcome `done` has `payment`, `unpaid` or `vouched` if the buyer has paid us nothing.
    """

    code: Code


class ReceiveGoods(Command, frozen=True):
    """The agent takes in `count` good pieces of a part and gives `refused` pieces back for `reason`.

    With `follows`, the remaining pieces are still expected; otherwise the part ends. If no piece is good and none
    follows, the artisan earns nothing.
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
    """Finds the payout that these digits collect. The outcome `done` has `payout`, `amount` and `artisan`.

    Rejected for `wrong_code`, and after three wrong codes for `locked`.
    """

    digits: Digits


class RenewCashCode(Command, frozen=True):
    """Gives a new code to the cash that has waited longest for the artisan; its code before is void.

    The outcome `done` has the id of the `payout`. Rejected for `asked_often`, and if no cash waits.
    """


class PayCash(Command, frozen=True):
    payout_id: Id


class RequestCall(Command, frozen=True):
    """The person wants to be called back."""


class SendStatement(Command, frozen=True):
    """Sends the artisan's statement as a text: what is owed, what was paid, and for which orders."""


class SendPhotoLink(Command, frozen=True):
    """The outcome `done` has `link`, a page that takes pictures of the product; `texted` also sends it as a text."""

    code: str
    texted: bool


class OfferPinReset(Command, frozen=True):
    """An agent helps an artisan of their kiosk who forgot the PIN: the artisan is sent a one-time code.

    The outcome `done` has `artisan`, the name. Rejected for `not_yours` if no artisan of this kiosk has that phone, or
    for `locked`.
    """

    msisdn: str


class ResetPin(Command, frozen=True):
    """Deletes the artisan's PIN if the agent types the code that the artisan was sent.

    The next PIN that the artisan gives is the new one. Rejected for `wrong_code`, `expired` or `not_yours`; three wrong
    codes end the offer: `locked`.
    """

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
    | SetTitle
    | SetDescription
    | RemoveProduct
    | AcceptOrder
    | DeclineOrder
    | SayReady
    | ReleaseOrder
    | ConfirmDelivery
    | CancelOrder
    | ReceiveGoods
    | ShipOrder
    | RenewCashCode
    | FindCash
    | PayCash
    | RequestCall
)
"""The commands that the shop performs. The bot performs the others itself, on its own data."""

OutcomeKind = Literal["done", "queued", "rejected"]
RejectionReason = Literal[
    "expired",
    "locked",
    "money_owed",
    "not_yours",
    "order_not_expected",
    "order_not_open",
    "own_goods",
    "orders_open",
    "pin",
    "quantity_unsaid",
    "too_late",
    "wrong_count",
]
"""The reasons that have an edge of their own. A shop may give others, which take the edge without a guard."""


class Outcome(msgspec.Struct, frozen=True):
    """The result of a command.

    `reason` says why it was rejected: one of `RejectionReason`, or another reason of the shop. Later screens can show
    `values`. `queued` means that the shop cannot be reached and the command is performed later.
    """

    kind: OutcomeKind
    reason: str = ""
    values: dict[str, Value] = {}
