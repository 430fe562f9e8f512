"""A village in memory: the shop, for dialogues that are played without one.

Whoever speaks made every ware, bought every order and keeps the only kiosk, so a single phone can meet the
whole book.

    village = Village(person)
    village.stock("Kiondo", price=1500_00, quantity=3)
    village.order("K7P4", "Kiondo", quantity=2, earns=2700_00)
    village.order("B2N3", "Kiondo", quantity=90, earns=81000_00, due_on=date(2026, 12, 9), brief=True)
    village.perform(AcceptOrder("K7P4"))       Outcome("done", values={"code": "K7P4", …})
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as copied
from datetime import date, timedelta

from msgspec.structs import replace

from flows import commands
from flows.commands import Outcome, Value
from flows.kit import Person
from flows.market import Earnings, KioskDaySummary, KioskSummary, OrderSummary, PayoutSummary, ProductSummary

CRAFTS = ("Baskets", "Beadwork", "Jewellery", "Textiles", "Wood carving", "Pottery", "Leather", "Metalwork")
SENT = ("shipped", "delivered")
TRIES = 3
LINK = "https://a-shop-of-a-long-name.example/p/".ljust(73, "W")
"""With a code of four letters at its end as long as a link can be in a shop whose address has 40."""
TODAY = date(2026, 11, 24)
OTHERWISE = {
    "placed": "order_not_open",
    "accepted": "order_not_expected",
    "at_kiosk": "order_not_at_kiosk",
    "shipped": "order_not_shipped",
}
"""Why a command is refused that needs an order to stand so."""


class Refusal(Exception):  # noqa: N818 - the village's word, not a fault
    """The village will not have it; nothing was changed."""

    def __init__(self, reason: str, **values: Value) -> None:
        super().__init__(reason)
        self.reason, self.values = reason, values


@dataclass(slots=True)
class Village:
    """Everything there is, in plain dictionaries; `shut` while the shop refuses whatever it is told."""

    person: Person
    street: list[KioskSummary] = field(default_factory=list)
    shelf: dict[str, ProductSummary] = field(default_factory=dict)
    parcels: dict[int, OrderSummary] = field(default_factory=dict)
    """Every part of every order by its number."""
    purse: dict[str, int] = field(default_factory=dict)
    """Cash at the kiosk: the digits that open it, and how much there is."""
    pin: str = ""
    callers: list[str] = field(default_factory=list)
    neighbours: dict[str, str] = field(default_factory=dict)
    """Artisans of the kiosk: phone and name."""
    reset: str = ""
    """The digits that a neighbour was texted."""
    statements: int = 0
    wrong_digits: int = 0
    wrong_pins: int = 0
    proven: bool = False
    """Whether the PIN was right a moment ago."""
    shut: bool = False

    # -- how it came to be so

    def build(self, name: str, town: str) -> None:
        self.street.append(KioskSummary(f"ksk_{len(self.street)}", name, town))

    def stock(self, title: str, price: int, quantity: int) -> str:
        """A ware on the shelf, under the first code that is free."""
        codes = (f"{letter}{digit}P4" for digit in "72345689" for letter in "ABCDEFGH")
        code = next(code for code in codes if code not in self.shelf)
        self.shelf[code] = ProductSummary(code, title, price, quantity, "listed")
        return code

    def order(
        self,
        code: str,
        title: str,
        quantity: int,
        earns: int,
        status: str = "placed",
        *,
        brief: bool = False,
        due_on: date | None = None,
    ) -> None:
        """An order, or when there is one of this code, another part of it."""
        kiosk, part = self.street[0].name if self.street else "", len(self.parcels) + 1
        self.parcels[part] = OrderSummary(
            code, title, quantity, earns, status, self.person.name, kiosk, part=part, brief=brief, due_on=due_on
        )

    def twin(self) -> Village:
        """The same village, to go another way from here."""
        return copied(
            self,
            street=[*self.street],
            shelf={**self.shelf},
            parcels={**self.parcels},
            purse={**self.purse},
            callers=[*self.callers],
        )

    # -- what may be asked

    def earns(self, price: int) -> int:
        return price * 9 // 10

    def crafts(self) -> Sequence[tuple[str, str]]:
        return [(label.casefold(), label) for label in CRAFTS]

    def kiosks(self) -> Sequence[KioskSummary]:
        return self.street

    def products(self) -> Sequence[ProductSummary]:
        return list(self.shelf.values())

    def orders(self) -> Sequence[OrderSummary]:
        return list(self._standing("placed", "accepted"))

    def expected(self, code: str) -> Sequence[OrderSummary]:
        return [order for order in self._standing("accepted") if order.code == code]

    def to_ship(self) -> Sequence[OrderSummary]:
        return list(self._standing("at_kiosk"))

    def bought(self, code: str) -> OrderSummary | None:
        return next((order for order in self.parcels.values() if order.code == code), None)

    def earnings(self) -> Earnings:
        owed = [PayoutSummary(order.code, order.earns, order.code, paid=False) for order in self._standing("at_kiosk")]
        paid = [PayoutSummary(order.code, order.earns, order.code, paid=True) for order in self._standing(*SENT)]
        return Earnings(sum(due.amount for due in owed), sum(due.amount for due in paid), [*owed, *paid][:5])

    def day(self) -> KioskDaySummary:
        coming, here = list(self._standing("accepted")), self.to_ship()
        cash = sum(order.earns for order in self._standing(*SENT))
        ready = sum(order.ready for order in coming)
        return KioskDaySummary(len(coming), len(here), ready, received=len(here), cash_paid=cash, drawer=-cash)

    def _standing(self, *statuses: str) -> Iterator[OrderSummary]:
        return (order for order in self.parcels.values() if order.status in statuses)

    # -- what may be told

    def perform(self, command: commands.Command) -> Outcome:
        try:
            return Outcome("done", values=self._do(command))
        except Refusal as refusal:
            return Outcome("rejected", refusal.reason, refusal.values)

    def _do(self, command: commands.Command) -> dict[str, Value]:
        if self.shut:
            raise Refusal("shut")
        match command:
            case commands.ChooseLanguage(language):
                self.person = replace(self.person, language=language)
            case commands.RegisterArtisan(name, language):
                if self.pin and not self.proven:
                    raise Refusal("pin")
                self.person = replace(self.person, name=name, language=language, artisan=True)
            case commands.RenameArtisan(name):
                self.person = replace(self.person, name=name)
            case commands.ChangeKiosk():
                pass
            case commands.CheckPin(pin):
                self._prove(pin)
            case commands.ChangePayout():
                if not self.proven:
                    raise Refusal("pin")
            case commands.Leave():
                self._leave()
            case commands.ListProduct(title, _, price, quantity):
                return {"code": self.stock(title, price, quantity)}
            case commands.SetPrice(code, price):
                self.shelf[code] = replace(self._ware(code), price=price)
            case commands.SetStock(code, quantity):
                self.shelf[code] = replace(self._ware(code), quantity=quantity)
            case commands.RemoveProduct(code):
                del self.shelf[self._ware(code).code]
            case commands.AcceptOrder(code, quantity, days):
                return self._accept(self._parcel(code, "placed"), quantity, days)
            case commands.DeclineOrder(code):
                self._move(self._parcel(code, "placed"), "declined")
            case commands.SayReady(code):
                return self._made(self._parcel(code, "accepted"))
            case commands.ReleaseOrder(code):
                self._move(self._parcel(code, "accepted"), "placed")
            case commands.ConfirmDelivery(code):
                self._move(self._parcel(code, "shipped"), "delivered")
            case commands.CancelOrder(code):
                self._move(self._parcel(code, "placed"), "cancelled")
            case commands.ReceiveGoods():
                return self._receive(command)
            case commands.ShipOrder(code):
                self._move(self._parcel(code, "at_kiosk"), "shipped")
            case commands.FindCash(digits):
                return {"payout": f"pay_{digits}", "amount": self._cash(digits), "artisan": self.person.name}
            case commands.PayCash(payout):
                if self.purse.pop(payout.removeprefix("pay_"), None) is None:
                    raise Refusal("payout_not_awaiting_collection")
            case commands.SendPhotoLink(code):
                return {"link": LINK + self._ware(code).code}
            case commands.RequestCall():
                self.callers.append(self.person.msisdn)
            case commands.SendStatement():
                self.statements += 1
            case commands.OfferPinReset(msisdn):
                return self._offer_reset(msisdn)
            case commands.ResetPin(_, digits):
                self._reset(digits)
        return {}

    def _ware(self, code: str) -> ProductSummary:
        if code not in self.shelf:
            raise Refusal("unknown_code", code=code)
        return self.shelf[code]

    def _made(self, order: OrderSummary) -> dict[str, Value]:
        self.parcels[order.part] = replace(order, ready=True)
        return {"code": order.code, "title": order.title, "quantity": order.quantity, "kiosk": order.kiosk}

    def _parcel(self, code: str, status: str) -> OrderSummary:
        """The order, which has to stand so."""
        parts = [order for order in self.parcels.values() if order.code == code]
        if not parts:
            raise Refusal("unknown_code", code=code)
        for part in parts:
            if part.status == status:
                return part
        raise Refusal(OTHERWISE[status], current=parts[0].status)

    def _accept(self, offered: OrderSummary, quantity: int | None, days: int | None) -> dict[str, Value]:
        """Of a brief, what she does not take stays offered."""
        order = self._counted(offered, offered.quantity if quantity is None else quantity)
        promised = None if days is None else TODAY + timedelta(days=days)
        if promised and order.due_on and promised > order.due_on:
            raise Refusal("too_late", code=order.code)
        order = self._move(replace(order, due_on=promised or order.due_on), "accepted")
        if order.brief and order.quantity < offered.quantity:
            left, earns = offered.quantity - order.quantity, offered.earns - order.earns
            self.order(order.code, order.title, left, earns, brief=True, due_on=offered.due_on)
        return {
            "code": order.code,
            "title": order.title,
            "quantity": order.quantity,
            "earns": order.earns,
            "kiosk": order.kiosk,
        }

    def _counted(self, order: OrderSummary, count: int) -> OrderSummary:
        """The order as of `count` pieces; who makes fewer earns less."""
        if not 1 <= count <= order.quantity:
            raise Refusal("wrong_count", code=order.code, count=count, most=order.quantity)
        return self._of(order, count)

    def _of(self, order: OrderSummary, count: int) -> OrderSummary:
        return replace(order, quantity=count, earns=order.earns * count // order.quantity)

    def _receive(self, command: commands.ReceiveGoods) -> dict[str, Value]:
        """What is good comes to the kiosk; the rest is still awaited if it follows."""
        order = self.parcels.get(command.part)
        if order is None:
            raise Refusal("unknown_part")
        if order.status != "accepted":
            raise Refusal("order_not_expected", current=order.status)
        if not 1 <= command.count + command.refused <= order.quantity:
            raise Refusal("wrong_count", code=order.code, count=command.count, most=order.quantity)
        if command.follows and command.count < order.quantity:
            self.order(order.code, order.title, order.quantity - command.count, order.earns, "accepted")
        came = self._of(order, command.count)
        self._move(came, "at_kiosk" if command.count else "declined")
        return {"code": order.code, "title": order.title, "artisan": order.artisan}

    def _move(self, order: OrderSummary, status: str) -> OrderSummary:
        self.parcels[order.part] = moved = replace(order, status=status)
        return moved

    def _prove(self, pin: str) -> None:
        """The first one typed becomes hers."""
        if self.wrong_pins >= TRIES:
            raise Refusal("locked")
        self.pin = self.pin or pin
        self.person = replace(self.person, pin=True)
        self.wrong_pins = 0 if pin == self.pin else self.wrong_pins + 1
        if pin != self.pin:
            raise Refusal("wrong")
        self.proven = True

    def _leave(self) -> None:
        if self.orders():
            raise Refusal("orders_open")
        if self.earnings().owed:
            raise Refusal("money_owed")
        self.shelf.clear()
        self.person = replace(self.person, artisan=False)

    def _cash(self, digits: str) -> int:
        if self.wrong_digits >= TRIES:
            raise Refusal("locked")
        if digits not in self.purse:
            self.wrong_digits += 1
            raise Refusal("no_such_cash")
        return self.purse[digits]

    def _offer_reset(self, msisdn: str) -> dict[str, Value]:
        if self.wrong_digits >= TRIES:
            raise Refusal("locked")
        if msisdn not in self.neighbours:
            raise Refusal("not_yours")
        self.reset = next(iter(self.purse), "246810")
        return {"artisan": self.neighbours[msisdn]}

    def _reset(self, digits: str) -> None:
        if self.wrong_digits >= TRIES:
            raise Refusal("locked")
        if not self.reset:
            raise Refusal("expired")
        if digits != self.reset:
            self.wrong_digits += 1
            raise Refusal("wrong_code")
        self.reset = ""
