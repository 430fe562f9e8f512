"""The shop as the dialogues know it: what they may ask of it, and the commands they leave to the hall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

Value = str | int | bool | None


class Kiosk(msgspec.Struct, frozen=True):
    id: str
    name: str
    town: str


class Product(msgspec.Struct, frozen=True):
    """`price` of one in minor units; `quantity` is what is left to sell."""

    code: str
    title: str
    price: int
    quantity: int
    status: str


class Order(msgspec.Struct, frozen=True):
    """One artisan's part of an order. `earns` is hers, in minor units."""

    code: str
    title: str
    quantity: int
    earns: int
    status: str
    artisan: str = ""
    kiosk: str = ""


class Earnings(msgspec.Struct, frozen=True):
    """Sums of payouts, in minor units; `last` are code and amount of the newest, paid or not."""

    owed: int
    paid: int
    last: Sequence[tuple[str, int]] = ()


class Day(msgspec.Struct, frozen=True):
    """A kiosk's work: what is awaited, and what stands ready to be shipped."""

    expected: int
    to_ship: int


class Command(msgspec.Struct, frozen=True):
    """Something to be done once. The hall performs it under the conversation's key."""


class ChooseLanguage(Command, frozen=True):
    language: str


class RegisterArtisan(Command, frozen=True):
    name: str
    language: str
    craft: str
    kiosk_id: str
    payout_method: Literal["mobile_money", "kiosk_cash"]
    payout_msisdn: str | None


class ListProduct(Command, frozen=True):
    title: str
    category: str
    price: int
    quantity: int


class AcceptOrder(Command, frozen=True):
    """`quantity` None accepts all of it."""

    code: str
    quantity: int | None = None


class DeclineOrder(Command, frozen=True):
    code: str


class ReceiveGoods(Command, frozen=True):
    code: str
    count: int


class ShipOrder(Command, frozen=True):
    code: str
    carrier: str
    tracking: str


class FindCash(Command, frozen=True):
    """Who may collect cash with these digits; a wrong guess is counted, and three lock the kiosk for a while."""

    digits: str


class PayCash(Command, frozen=True):
    payout_id: str


class RequestCall(Command, frozen=True):
    """Somebody wants a person to call her back."""


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

    def kiosks(self) -> Sequence[Kiosk]: ...

    def products(self) -> Sequence[Product]:
        """Hers that are on sale or sold out, newest first."""
        ...

    def orders(self) -> Sequence[Order]:
        """Hers that wait for her: to be answered (`placed`) or to be brought (`accepted`), oldest first."""
        ...

    def expected(self, code: str) -> Order | None:
        """An accepted order on its way to the agent's kiosk; None when there is no such."""
        ...

    def to_ship(self) -> Sequence[Order]:
        """Orders whose goods lie at the agent's kiosk."""
        ...

    def bought(self, code: str) -> Order | None:
        """An order this person placed as a buyer; None when there is no such."""
        ...

    def earnings(self) -> Earnings: ...

    def day(self) -> Day: ...

    def perform(self, command: Command) -> Outcome:
        """Does what is asked, or says why the shop refuses."""
        ...
