"""The CPU time of menus and texts at a kiosk with 1,000 orders, and at one with a hundred times as many.

As many orders are open in both; the others are delivered. The ratio compares the large kiosk with the small one: 1
means that the cost does not grow with the orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import process_time
from typing import Any

from sqlalchemy import select

from bot.demo import bulk
from bot.demo.bulk import BulkCounts
from bot.providers.contracts import Inbound
from marketplace_api.models import Assignment
from marketplace_api.payments import balances
from state import people
from tests.actors import TESTER
from tests.bench import growth
from tests.service import Service, serving

SIZES = SMALL, LARGE = 1_000, 100_000
OPEN, ARTISANS, PRODUCTS = 1_000, 40, 200
"""Of the orders in `OPEN` about three in ten are open."""
TURNS = 40
AGENT = "+254722000222"

Operation = Callable[[], object]
"""What is measured; everything before it has been done."""


@dataclass
class KioskShop:
    """A shop with one kiosk, and the people whose calls and texts are measured."""

    service: Service
    artisan: str
    buyer: str
    code: str
    """The order of the buyer, which its artisan has accepted and the kiosk expects."""

    def __post_init__(self) -> None:
        self._numbers = count()

    def call(self, msisdn: str, *typed: str, shows: str) -> Operation:
        """The last hop of a new call, which must show these words."""
        conversation, id = self.service.services.conversation, f"call-{next(self._numbers)}"
        self.service.services.sessions.delete(msisdn)  # otherwise the call before this one would be resumed
        hops = [self._hop("ussd", id, msisdn, "*".join(typed[:n])) for n in range(len(typed) + 1)]
        for hop in hops[:-1]:
            conversation.ussd(hop)

        def last_hop() -> None:
            screen = conversation.ussd(hops[-1])
            if shows not in screen:
                raise RuntimeError(f"the screen is {screen!r}")

        return last_hop

    def text(self, msisdn: str, body: str) -> Operation:
        """The second of two texts: the first one finds no session after a measured call."""
        conversation = self.service.services.conversation
        first, second = (self._hop("sms", f"text-{next(self._numbers)}", msisdn, each) for each in ("MENU", body))
        conversation.sms(first)
        return lambda: conversation.sms(second)

    def _hop(self, channel: Any, id: str, msisdn: str, body: str) -> Inbound:
        return Inbound(channel, "africastalking", id, msisdn, "*384*22#", body)


SUBJECTS: dict[str, Callable[[KioskShop], Operation]] = {
    "agent: dial": lambda shop: shop.call(AGENT, shows="Receive goods"),
    "agent: Today": lambda shop: shop.call(AGENT, "4", shows="To come: "),
    "agent: Receive goods, the code": lambda shop: shop.call(AGENT, "1", shop.code, shows="How many came?"),
    "agent: Ship orders": lambda shop: shop.call(AGENT, "3", shows="Nothing waits to be shipped."),
    "artisan: Orders": lambda shop: shop.call(shop.artisan, "3", shows="Your orders:"),
    "artisan: one order": lambda shop: shop.call(shop.artisan, "3", "1", shows="You earn"),
    "artisan: My products": lambda shop: shop.call(shop.artisan, "2", shows="Your products:"),
    "artisan: My money": lambda shop: shop.call(shop.artisan, "4", shows="paid you"),
    "artisan: text ORDERS": lambda shop: shop.text(shop.artisan, "ORDERS"),
    "buyer: text TRACK": lambda shop: shop.text(shop.buyer, f"TRACK {shop.code}"),
}


def measure(folder: Path) -> list[growth.Row]:
    """Two rows for each subject: microseconds of CPU at the small kiosk and at the large one."""
    with ExitStack() as stack:
        shops = {size: stack.enter_context(_filled(folder / f"orders-{size}", size)) for size in SIZES}
        return growth.measure(lambda what, size: _cost(SUBJECTS[what](shops[size])), SUBJECTS, SIZES, TURNS, " orders")


def _cost(operation: Operation) -> float:
    """Microseconds of CPU."""
    begun = process_time()
    operation()
    return (process_time() - begun) * 1e6


@contextmanager
def _filled(folder: Path, orders: int) -> Iterator[KioskShop]:
    folder.mkdir()
    with serving(folder) as service:
        shop = fill(service, BulkCounts(artisans=ARTISANS, products=PRODUCTS, orders=OPEN, delivered=orders - OPEN))
        growth.settle(service.services.engine)
        yield shop


def fill(service: Service, counts: BulkCounts) -> KioskShop:
    """Fill an empty shop with these rows, all of one kiosk, and store the sums that the worker stores each night."""
    service.kiosk(AGENT)
    with service.services.database.writing.begin() as session:
        shop = service.services.shop(session, TESTER)
        bulk.fill(shop, counts)
        while balances.store_sums(shop):
            pass
        accepted = select(Assignment).where(Assignment.status == "accepted").order_by(Assignment.id).limit(1)
        part = session.scalars(accepted).one()
        for msisdn in (AGENT, part.artisan.msisdn, part.order.buyer_msisdn):
            people.set_language(session.connection(), msisdn, "en", service.clock())
        return KioskShop(service, part.artisan.msisdn, part.order.buyer_msisdn, part.order.code)
