"""The longest data that the checks allow, for screens that have to fit: names, titles, prices, counts and codes.

Names and titles are words and not one letter repeated, so that lines break as they would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from flows.commands import Command, Outcome
from flows.kit import Person
from flows.kit.conversation import Answer
from flows.market import (
    Earnings,
    KioskDaySummary,
    KioskSummary,
    OrderSummary,
    PayoutSummary,
    ProductSummary,
    PurchaseSummary,
    WaitingCash,
)
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.shares import split

NAME = "Wambui Mwanamkasi Nyawira Mwongeli Wamae"
TITLE = "Woven market bag, mwaa palm, mango and W"
KIOSK = "Women's Weaving Community Workshop and Market Kiosk, Wamunyu Junction, Machakos to Wote Road, Mwalas"
TOWN = "Mwanamwanda Wamunyu"
MOST, PRICE = 999, 500_000_00
EARNED = PRICE * MOST
CODE, PHONE, DUE = "K7P4M2", "+254712345678", date(2026, 12, 28)
CARRIER, TRACKING = "Wells Fargo Courier Mombasa Wa", "WW1234567890KE" * 2 + "WW1234567890"
LINK = "https://a-shop-of-a-long-name.example/p/" + "W" * 37
LINES = 7
"""How many lines a list has that is looked up."""

PERSON = Person(PHONE, name=NAME, kiosk=KIOSK, artisan=True, agent=True, pin=True)
ANSWERS: Mapping[str, Answer] = {
    **dict.fromkeys(("code", "which", "named", "product", "stock"), CODE),
    **dict.fromkeys(("title", "word"), TITLE),
    **dict.fromkeys(("name", "artisan"), NAME),
    **dict.fromkeys(("count", "quantity", "most", "on_hand", "reserved", "left", "back", "part", "fewer"), MOST),
    **dict.fromkeys(("how_many", "days", "sooner"), MOST),
    **dict.fromkeys(("earns", "amount"), EARNED),
    **dict.fromkeys(("payout_msisdn", "other_phone", "whose"), PHONE),
    "bad": MOST - 1,
    "who": "1",
    "why": "different",
    "price": PRICE,
    "kiosk": KIOSK,
    "town": TOWN,
    "carrier": CARRIER,
    "tracking": TRACKING,
    "link": LINK,
    "due_on": DUE.isoformat(),
    "current": "accepted",
    "description": TITLE,
}
"""What was answered before any question of any dialogue, and what the outcomes of commands hold."""


class WorstMarket:
    """A marketplace for reading, in which all that is shown is as long as it can be."""

    def __init__(self, commission_percent: int) -> None:
        self._commission_percent = commission_percent

    def earns(self, price: int) -> int:
        return split(price, 1, self._commission_percent).earns

    def crafts(self) -> Sequence[tuple[str, str]]:
        return list(CATEGORIES.items())

    def kiosks(self) -> Sequence[KioskSummary]:
        return [KioskSummary(str(number), KIOSK, f"{TOWN} {number}") for number in range(LINES)]

    def products(self) -> Sequence[ProductSummary]:
        return [ProductSummary(CODE, TITLE, PRICE, MOST, "listed", reserved=MOST)] * LINES

    def orders(self) -> Sequence[OrderSummary]:
        return [self._order()] * LINES

    def expected(self, _code: str) -> Sequence[OrderSummary]:
        return [self._order()] * LINES

    def awaited(self) -> Sequence[OrderSummary]:
        return self.orders()

    def to_ship(self) -> Sequence[OrderSummary]:
        return self.orders()

    def bought(self, _code: str) -> OrderSummary | None:
        return self._order()

    def earnings(self) -> Earnings:
        return Earnings(EARNED, EARNED, [PayoutSummary(CODE, EARNED, CODE, paid=False, held=True)] * 5, held=EARNED)

    def cash(self) -> WaitingCash | None:
        return WaitingCash(CODE, EARNED, KIOSK, "246810")

    def day(self) -> KioskDaySummary:
        return KioskDaySummary(MOST, MOST, MOST, MOST, EARNED, -EARNED)

    def perform(self, _command: Command) -> Outcome:
        """Nothing can be done here."""
        return Outcome("rejected")

    def _order(self) -> OrderSummary:
        return OrderSummary(
            *(CODE, TITLE, MOST, EARNED, "shipped", NAME, KIOSK),
            part=1,
            due_on=DUE,
            total=EARNED,
            carrier=CARRIER,
            tracking=TRACKING,
            purchase=PurchaseSummary(True, "USD", EARNED, paybill="600638"),
        )
