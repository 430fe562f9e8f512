"""A marketplace in memory, for dialogues that are played without a database.

Its person has made every product and bought every order, and is the agent of the only kiosk, so one phone can play
every dialogue.

    marketplace = FakeMarketplace(person)
    marketplace.add_product("Kiondo", price=1500_00, quantity=3)
    marketplace.add_order("K7P4", "Kiondo", quantity=2, earns=2700_00)
    marketplace.add_order("B2N3", "Kiondo", quantity=90, earns=81000_00, due_on=date(2026, 12, 9), brief=True)
    marketplace.perform(AcceptOrder("K7P4"))       Outcome("done", values={"code": "K7P4", …})
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from msgspec.structs import replace

from flows import commands
from flows.commands import Outcome, Value
from flows.kit import Person
from flows.market import (
    Earnings,
    KioskDaySummary,
    KioskSummary,
    OrderStatus,
    OrderSummary,
    PayoutSummary,
    ProductSummary,
    PurchaseSummary,
    WaitingCash,
)

CRAFTS = ("Baskets", "Beadwork", "Jewellery", "Textiles", "Wood carving", "Pottery", "Leather", "Metalwork")
SENT: tuple[OrderStatus, ...] = ("shipped", "delivered")
MAX_TRIES = 3
"""After so many wrong codes or PINs, the right one is rejected too."""
LINK = "https://a-shop-of-a-long-name.example/p/".ljust(73, "W")
"""With a code of four characters at its end, as long as a link of a shop whose address has 40 characters."""
TODAY = date(2026, 11, 24)
REASONS = {
    "placed": "order_not_open",
    "accepted": "order_not_expected",
    "at_kiosk": "order_not_at_kiosk",
    "shipped": "order_not_shipped",
}
"""By the status that a command needs: the reason of the rejection if the order has another status."""


class Rejection(Exception):  # noqa: N818 - an outcome, not a fault
    """The marketplace rejects the command; nothing was changed."""

    def __init__(self, reason: str, **values: Value) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


@dataclass(slots=True)
class FakeMarketplace:
    """The `Market` of the dialogues, and its data in plain dictionaries."""

    person: Person
    kiosk_list: list[KioskSummary] = field(default_factory=list)
    product_by_code: dict[str, ProductSummary] = field(default_factory=dict)
    parts: dict[int, OrderSummary] = field(default_factory=dict)
    """Every part of every order by its number."""
    cash_by_code: dict[str, int] = field(default_factory=dict)
    """Cash to collect at the kiosk: the amount by its code."""
    pin: str = ""
    callbacks: list[str] = field(default_factory=list)
    """The phones that asked for a call."""
    kiosk_artisans: dict[str, str] = field(default_factory=dict)
    """The artisans whose PIN the agent may reset: phone and name."""
    reset_code: str = ""
    """The code that one of these artisans was texted."""
    statements_sent: int = 0
    wrong_codes: int = 0
    wrong_pins: int = 0
    pin_verified: bool = False
    """True if the right PIN was given just now."""
    purchases: dict[str, PurchaseSummary] = field(default_factory=dict)
    """By code, the money of the orders that their buyers pay."""
    holds_payouts: bool = False
    """True if what is owed waits."""
    owns_goods: bool = False
    """True if the goods that come to the kiosk, and the cash there, are this person's own."""
    rejects_all: bool = False

    # -- setting up

    def add_kiosk(self, name: str, town: str) -> None:
        self.kiosk_list.append(KioskSummary(f"ksk_{len(self.kiosk_list)}", name, town))

    def add_product(self, title: str, price: int, quantity: int) -> str:
        """Puts a product on sale under the first free code, and returns the code."""
        codes = (f"{letter}{digit}P4" for digit in "72345689" for letter in "ABCDEFGH")
        code = next(code for code in codes if code not in self.product_by_code)
        self.product_by_code[code] = ProductSummary(code, title, price, quantity, "listed")
        return code

    def reserve(self, code: str, pieces: int) -> None:
        """Lets pieces of a product be ordered."""
        self.product_by_code[code] = replace(self.product_by_code[code], reserved=pieces)

    def add_order(
        self,
        code: str,
        title: str,
        quantity: int,
        earns: int,
        status: OrderStatus = "placed",
        *,
        brief: bool = False,
        due_on: date | None = None,
    ) -> None:
        """Adds an order, or another part of the order if there is one with this code."""
        kiosk, part = self.kiosk_list[0].name if self.kiosk_list else "", len(self.parts) + 1
        self.parts[part] = OrderSummary(
            code, title, quantity, earns, status, self.person.name, kiosk, part=part, brief=brief, due_on=due_on
        )

    def copy(self) -> FakeMarketplace:
        """An independent copy of the marketplace."""
        other = object.__new__(FakeMarketplace)
        for name in self.__slots__:
            value = getattr(self, name)
            setattr(other, name, value.copy() if isinstance(value, (dict, list)) else value)
        return other

    # -- reads

    def earns(self, price: int) -> int:
        return price * 9 // 10

    def crafts(self) -> Sequence[tuple[str, str]]:
        return [(label.casefold(), label) for label in CRAFTS]

    def kiosks(self) -> Sequence[KioskSummary]:
        return self.kiosk_list

    def products(self) -> Sequence[ProductSummary]:
        return list(self.product_by_code.values())

    def orders(self) -> Sequence[OrderSummary]:
        return list(self._parts_with("placed", "accepted"))

    def expected(self, code: str) -> Sequence[OrderSummary]:
        return [part for part in self._parts_with("accepted") if part.code == code]

    def awaited(self) -> Sequence[OrderSummary]:
        return list(self._parts_with("accepted"))

    def to_ship(self) -> Sequence[OrderSummary]:
        return list(self._parts_with("at_kiosk"))

    def bought(self, code: str) -> OrderSummary | None:
        part = next((part for part in self.parts.values() if part.code == code), None)
        if part is None:
            return None
        shipment = {"carrier": "W" * 30, "tracking": "W" * 40} if part.status in SENT else {}
        return replace(part, total=part.earns * 10 // 9, purchase=self.purchases.get(code), **shipment)

    def earnings(self) -> Earnings:
        owed = [
            PayoutSummary("U2J9", part.earns, part.code, paid=False, held=self.holds_payouts)
            for part in self._parts_with("at_kiosk")
        ]
        paid = [PayoutSummary("U2J9", part.earns, part.code, paid=True) for part in self._parts_with(*SENT)]
        owes = sum(one.amount for one in owed)
        held = owes if self.holds_payouts else 0
        return Earnings(owes, sum(one.amount for one in paid), [*owed, *paid][:5], held)

    def cash(self) -> WaitingCash | None:
        """For the first order at the kiosk, if there is cash; an agent who makes goods too waits for none."""
        if self.owns_goods:
            return None
        part, code = next(self._parts_with("at_kiosk"), None), next(iter(self.cash_by_code), None)
        return WaitingCash(part.code, part.earns, part.kiosk, code) if part and code else None

    def day(self) -> KioskDaySummary:
        expected, here = list(self._parts_with("accepted")), self.to_ship()
        cash = sum(part.earns for part in self._parts_with(*SENT))
        ready = sum(part.ready for part in expected)
        return KioskDaySummary(len(expected), len(here), ready, received=len(here), cash_paid=cash, drawer=-cash)

    def _parts_with(self, *statuses: OrderStatus) -> Iterator[OrderSummary]:
        return (part for part in self.parts.values() if part.status in statuses)

    # -- commands

    def perform(self, command: commands.Command) -> Outcome:
        try:
            return Outcome("done", values=self._do(command))
        except Rejection as rejection:
            return Outcome("rejected", rejection.reason, rejection.values)

    def _do(self, command: commands.Command) -> dict[str, Value]:
        """Performs the command; returns the values of its outcome. Raises Rejection."""
        if self.rejects_all:
            raise Rejection("closed")
        for perform in (self._do_for_person, self._do_with_product, self._do_with_order, self._do_as_agent):
            values = perform(command)
            if values is not None:
                return values
        raise TypeError(f"not a command of the marketplace: {command!r}")

    # Each returns the values of the outcome, or None if the command belongs to another group.

    def _do_for_person(self, command: commands.Command) -> dict[str, Value] | None:
        match command:
            case commands.ChooseLanguage(language):
                self.person = replace(self.person, language=language)
            case commands.RegisterArtisan(name, language):
                if self.pin and not self.pin_verified:
                    raise Rejection("pin")
                self.person = replace(self.person, name=name, language=language, artisan=True)
            case commands.RenameArtisan(name):
                self.person = replace(self.person, name=name)
            case commands.ChangeKiosk():
                pass
            case commands.CheckPin(pin):
                self._check_pin(pin)
            case commands.ChangePayout():
                if not self.pin_verified:
                    raise Rejection("pin")
            case commands.Leave():
                self._leave()
            case commands.RequestCall():
                self.callbacks.append(self.person.msisdn)
            case commands.SendStatement():
                self.statements_sent += 1
            case commands.RenewCashCode():
                return {"payout": "pay_1"}
            case _:
                return None
        return {}

    def _do_with_product(self, command: commands.Command) -> dict[str, Value] | None:
        match command:
            case commands.ListProduct(title, _, price, quantity):
                return {"code": self.add_product(title, price, quantity)}
            case commands.SetPrice(code, price):
                self.product_by_code[code] = replace(self._product(code), price=price)
            case commands.SetStock():
                return self._set_stock(self._product(command.code), command)
            case commands.SetTitle(code, title):
                self.product_by_code[code] = replace(self._product(code), title=title)
            case commands.SetDescription(code):
                self._product(code)
            case commands.RemoveProduct(code):
                del self.product_by_code[self._product(code).code]
            case commands.SendPhotoLink(code):
                return {"link": LINK + self._product(code).code}
            case _:
                return None
        return {}

    def _do_with_order(self, command: commands.Command) -> dict[str, Value] | None:
        match command:
            case commands.AcceptOrder():
                return self._accept(self._part(command.code, "placed"), command)
            case commands.DeclineOrder(code):
                declined = self._move(self._part(code, "placed"), "declined")
                return {"code": code, "title": declined.title, **self._stock_of(declined, declined.quantity)}
            case commands.SayReady(code):
                return self._say_ready(self._part(code, "accepted"))
            case commands.ReleaseOrder(code):
                self._move(self._part(code, "accepted"), "declined")
            case commands.ConfirmDelivery(code):
                self._move(self._part(code, "shipped"), "delivered")
            case commands.CancelOrder(code):
                return {"code": code, "payment": self._cancel(code)}
            case _:
                return None
        return {}

    def _cancel(self, code: str) -> str:
        """Cancels an order that is unpaid or offered, and returns its payment status; what was paid goes back."""
        unpaid = (part for part in self._parts_with("unpaid") if part.code == code)
        part = next(unpaid, None) or self._part(code, "placed")
        self._move(part, "cancelled")
        if (purchase := self.purchases.get(code)) and purchase.is_paid:
            self.purchases[code] = replace(purchase, back=part.earns * 10 // 9)
            return "refunded"
        return "unpaid" if purchase else "vouched"

    def _do_as_agent(self, command: commands.Command) -> dict[str, Value] | None:
        match command:
            case commands.ReceiveGoods():
                return self._receive(command)
            case commands.ShipOrder(code):
                self._move(self._part(code, "at_kiosk"), "shipped")
            case commands.FindCash(digits):
                return {"payout": f"pay_{digits}", "amount": self._find_cash(digits), "artisan": self.person.name}
            case commands.PayCash() if self.owns_goods:
                raise Rejection("own_goods")
            case commands.PayCash(payout):
                if self.cash_by_code.pop(payout.removeprefix("pay_"), None) is None:
                    raise Rejection("payout_not_awaiting_collection")
            case commands.OfferPinReset(msisdn):
                return self._offer_reset(msisdn)
            case commands.ResetPin(_, digits):
                self._reset_pin(digits)
            case _:
                return None
        return {}

    def _product(self, code: str) -> ProductSummary:
        if code not in self.product_by_code:
            raise Rejection("unknown_code", code=code)
        return self.product_by_code[code]

    def _say_ready(self, part: OrderSummary) -> dict[str, Value]:
        self.parts[part.part] = replace(part, ready=True)
        return {"code": part.code, "title": part.title, "quantity": part.quantity, "kiosk": part.kiosk}

    def _part(self, code: str, status: OrderStatus) -> OrderSummary:
        """The first part of the order with this status. Raises Rejection."""
        parts = [part for part in self.parts.values() if part.code == code]
        if not parts:
            raise Rejection("unknown_code", code=code)
        for part in parts:
            if part.status == status:
                return part
        raise Rejection(REASONS[status], current=parts[0].status)

    def _accept(self, offered: OrderSummary, command: commands.AcceptOrder) -> dict[str, Value]:
        """Accepts the pieces; those of a brief that the artisan does not accept stay offered."""
        if command.quantity is None and offered.brief and not command.all:
            raise Rejection("quantity_unsaid", code=offered.code, most=offered.quantity)
        part = self._counted(offered, offered.quantity if command.quantity is None else command.quantity)
        promised = None if command.days is None else TODAY + timedelta(days=command.days)
        if promised and part.due_on and promised > part.due_on:
            raise Rejection("too_late", code=part.code, due_on=part.due_on.isoformat())
        part = self._move(replace(part, due_on=promised or part.due_on), "accepted")
        if part.brief and part.quantity < offered.quantity:
            left, earns = offered.quantity - part.quantity, offered.earns - part.earns
            self.add_order(part.code, part.title, left, earns, brief=True, due_on=offered.due_on)
        return {
            "code": part.code,
            "title": part.title,
            "quantity": part.quantity,
            "earns": part.earns,
            "kiosk": part.kiosk,
            "due_on": part.due_on.isoformat() if part.due_on else "",
            **self._stock_of(part, offered.quantity - part.quantity),
        }

    def _stock_of(self, part: OrderSummary, back: int) -> dict[str, Value]:
        """The product of an order, any of hers, if `back` of its pieces can be ordered again."""
        stock = next(iter(self.product_by_code), None)
        return {} if part.brief or not back or stock is None else {"stock": stock, "back": back}

    def _set_stock(self, product: ProductSummary, command: commands.SetStock) -> dict[str, Value]:
        left = command.quantity if command.besides_orders else max(command.quantity - product.reserved, 0)
        on_hand = left + product.reserved if command.besides_orders else command.quantity
        self.product_by_code[product.code] = replace(product, quantity=left)
        return {"code": product.code, "on_hand": on_hand, "reserved": product.reserved, "left": left}

    def _counted(self, part: OrderSummary, count: int) -> OrderSummary:
        """The part with `count` pieces and what they earn. Raises Rejection."""
        if not 1 <= count <= part.quantity:
            raise Rejection("wrong_count", code=part.code, count=count, most=part.quantity)
        return self._reduced(part, count)

    def _reduced(self, part: OrderSummary, count: int) -> OrderSummary:
        return replace(part, quantity=count, earns=part.earns * count // part.quantity)

    def _receive(self, command: commands.ReceiveGoods) -> dict[str, Value]:
        """Puts the good pieces at the kiosk; with `follows`, the others are still expected."""
        part = self.parts.get(command.part)
        if part is None:
            raise Rejection("unknown_part")
        if part.status != "accepted":
            raise Rejection("order_not_expected", current=part.status)
        if self.owns_goods:
            raise Rejection("own_goods")
        if not 1 <= command.count + command.refused <= part.quantity:
            raise Rejection("wrong_count", code=part.code, count=command.count, most=part.quantity)
        if command.follows and command.count < part.quantity:
            self.add_order(part.code, part.title, part.quantity - command.count, part.earns, "accepted")
        self._move(self._reduced(part, command.count), "at_kiosk" if command.count else "declined")
        return {"code": part.code, "title": part.title, "artisan": part.artisan}

    def _move(self, part: OrderSummary, status: OrderStatus) -> OrderSummary:
        self.parts[part.part] = moved = replace(part, status=status)
        return moved

    def _check_pin(self, pin: str) -> None:
        """The first PIN given becomes the person's PIN."""
        if self.wrong_pins >= MAX_TRIES:
            raise Rejection("locked")
        self.pin = self.pin or pin
        self.person = replace(self.person, pin=True)
        self.wrong_pins = 0 if pin == self.pin else self.wrong_pins + 1
        if pin != self.pin:
            raise Rejection("wrong", left=MAX_TRIES - self.wrong_pins)
        self.pin_verified = True

    def _leave(self) -> None:
        if self.orders():
            raise Rejection("orders_open")
        if self.earnings().owed:
            raise Rejection("money_owed")
        self.product_by_code.clear()
        self.person = replace(self.person, artisan=False)

    def _find_cash(self, digits: str) -> int:
        if self.wrong_codes >= MAX_TRIES:
            raise Rejection("locked")
        if digits not in self.cash_by_code:
            self.wrong_codes += 1
            raise Rejection("no_such_cash")
        return self.cash_by_code[digits]

    def _offer_reset(self, msisdn: str) -> dict[str, Value]:
        if self.wrong_codes >= MAX_TRIES:
            raise Rejection("locked")
        if msisdn not in self.kiosk_artisans:
            raise Rejection("not_yours")
        self.reset_code = next(iter(self.cash_by_code), "246810")
        return {"artisan": self.kiosk_artisans[msisdn]}

    def _reset_pin(self, digits: str) -> None:
        if self.wrong_codes >= MAX_TRIES:
            raise Rejection("locked")
        if not self.reset_code:
            raise Rejection("expired")
        if digits != self.reset_code:
            self.wrong_codes += 1
            raise Rejection("wrong_code")
        self.reset_code = ""
