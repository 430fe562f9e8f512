"""A shop of any size, for benchmarks: artisans, products and orders by the thousand, written in bulk.

Every row is one that the shop could have come to by itself, but none is made the way the shop makes it. Taken for
granted: nobody is told, so there are no events and no texts; and what a product has in stock is what its orders left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import Row, Select, Table, insert, select, text

from bot.demo.seed import MAKERS, DemoProduct
from bot.simulator.wallet import SimulatorPayer
from marketplace_api.catalogue import search
from marketplace_api.models import (
    Artisan,
    Assignment,
    Base,
    Kiosk,
    LedgerAccount,
    LedgerEntry,
    LedgerPosting,
    Order,
    Payout,
    Product,
    ProductWord,
    TimelineEntry,
)
from marketplace_api.orders.orders import OFFER_STANDS
from marketplace_api.payments import ledger
from marketplace_api.payments.money import split
from marketplace_api.schemas.orders import Address
from marketplace_api.shop import CODE_LENGTHS, Coded, Ids, Shop

STEP = 100_00
"""Prices are so many minor units or a multiple, of which any commission leaves whole shillings: no payout has cents."""
AT_ONCE = 5000
"""Rows of one insert: enough for the database to be busy, few enough to be held in memory."""

NAMES = ("Achieng", "Baraka", "Chebet", "Desta", "Esther", "Faraja", "Grace", "Hamisi", "Imani", "Jelimo", "Kerubo")
SORTS = ("Small", "Large", "Tiny", "Plain", "Painted", "Blue", "Red", "Green", "Black", "Wedding", "Lamu", "Turkana")
SHIP_TO = dict.fromkeys(Address.model_fields) | {"line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"}


Made = TypeVar("Made")


class Life(NamedTuple):
    """What an order went through, a day each; its part in the end; hours since it was placed; how many live so."""

    statuses: tuple[str, ...]
    part: str
    hours: tuple[int, int]
    share: int


LIVES = (
    Life(("placed",), "offered", (1, 40), 1),
    Life(("placed", "accepted"), "accepted", (24, 240), 1),
    Life(("placed", "declined"), "declined", (24, 9000), 1),
    Life(("placed", "accepted", "at_kiosk", "shipped", "delivered"), "received", (96, 9000), 7),
)


class Empty(Exception):  # noqa: N818 - it is what the shop is
    """There is nobody to make the products, or nothing to order."""


@dataclass(frozen=True, slots=True)
class BulkCounts:
    """How many are to come, besides those who are there."""

    artisans: int = 0
    products: int = 0
    orders: int = 0


def fill(shop: Shop, crowd: BulkCounts) -> None:
    """Let them all come; raises Empty."""
    # the system's own chance is slow, and nothing here is a secret
    chance = Random(shop.ids.token(20))  # noqa: S311
    shop = replace(shop, ids=Ids(chance))
    _make_room(shop)
    for write, count in ((_register, crowd.artisans), (_list, crowd.products), (_order, crowd.orders)):
        if count:
            write(shop, chance, count)


# -- artisans


def _register(shop: Shop, chance: Random, count: int) -> None:
    kiosks = _all(shop, select(Kiosk.id), "no kiosk for the artisans to bring goods to")
    msisdns = _msisdns(shop, chance)
    crafts = sorted(_wares())

    def row() -> dict[str, Any]:
        msisdn = next(msisdns)
        return {
            "id": shop.ids.new_id("art"),
            "msisdn": msisdn,
            "name": f"{chance.choice(NAMES)} {chance.choice(NAMES)}",
            "language": chance.choice(("en", "sw", "fr", "am")),
            "craft": chance.choice(crafts),
            "status": "active",
            "kiosk_id": chance.choice(kiosks).id,
            "payout_method": "mobile_money",
            "payout_msisdn": msisdn,
            "created_at": shop.now - timedelta(days=400, minutes=chance.random()),
        }

    for rows in _batches(row, count):
        _insert(shop, Artisan, rows)


def _msisdns(shop: Shop, chance: Random) -> Iterator[str]:
    """Kenyan ones that nobody here has."""
    taken = set(shop.session.scalars(select(Artisan.msisdn)))
    while True:
        msisdn = f"+2547{chance.randrange(10**8):08}"
        if msisdn not in taken:
            taken.add(msisdn)
            yield msisdn


# -- products


def _list(shop: Shop, chance: Random, count: int) -> None:
    active = select(Artisan.id, Artisan.craft, Kiosk.town).join(Artisan.kiosk).where(Artisan.status == "active")
    makers = _all(shop, active, "no artisan to make the products")
    wares, codes = _wares(), _codes(shop, Product)

    def row() -> dict[str, Any]:
        maker = chance.choice(makers)
        ware = chance.choice(wares[maker.craft])
        since = shop.now - timedelta(seconds=chance.randrange(365 * 86_400))
        return {
            "id": shop.ids.new_id("prd"),
            "code": next(codes),
            "artisan_id": maker.id,
            "title": f"{chance.choice(SORTS)} {ware.title[0].lower()}{ware.title[1:]}",
            "category": maker.craft,
            "description": f"{ware.description} Made near {maker.town}.",
            "price": max(1, ware.price * chance.randrange(50, 200) // 100 // STEP) * STEP,
            "currency": shop.terms.currency,
            "quantity": chance.randrange(1, 60),
            "status": "listed",
            "created_at": since,
            "updated_at": since,
        }

    for rows in _batches(row, count):
        _insert(shop, Product, rows)
        _copy(shop, ProductWord, [word for row in rows for word in _words(row)])


def _words(row: dict[str, Any]) -> list[dict[str, str]]:
    return search.index_rows(row["id"], row["code"], row["title"], row["description"])


def _wares() -> dict[str, list[DemoProduct]]:
    """What the demo's artisans make, by craft."""
    wares: dict[str, list[DemoProduct]] = defaultdict(list)
    for maker in MAKERS:
        wares[maker.craft] += maker.wares
    return wares


# -- orders


class Placed(NamedTuple):
    """An order's row, what it went through, and the product it is for with its artisan."""

    row: dict[str, Any]
    life: Life
    product: Row[Any]

    def at(self, step: int) -> datetime:
        """When it came to its status of this number."""
        placed_at: datetime = self.row["created_at"]
        return placed_at + timedelta(days=step)


def _order(shop: Shop, chance: Random, count: int) -> None:
    # whom a kiosk pays in cash has secret codes in her payouts, and those are not made in bulk
    maker = (Artisan.id.label("artisan_id"), Artisan.kiosk_id, Artisan.payout_msisdn)
    on_sale = select(Product.id, Product.price, *maker).join(Product.artisan)
    on_sale = on_sale.where(Product.status == "listed", Artisan.payout_method == "mobile_money")
    on_sale = on_sale.where(Product.price % STEP == 0)
    wares = _all(shop, on_sale, "no product to order")
    codes, payout_codes = _codes(shop, Order), _codes(shop, Payout)

    for orders in _batches(lambda: _placed(shop, chance, chance.choice(wares), next(codes)), count):
        _insert(shop, Order, [order.row for order in orders])
        timeline = [_entry(order, step) for order in orders for step in range(len(order.life.statuses))]
        _insert(shop, TimelineEntry, timeline)
        _insert(shop, Assignment, [_part(order) for order in orders])
        parts = _parts(shop, orders)
        received = [order for order in orders if order.life.part == "received"]
        paid = [_payout(shop, order, parts[order.row["id"]], next(payout_codes)) for order in received]
        _insert(shop, Payout, paid)
        _enter(shop, received, paid)


def _placed(shop: Shop, chance: Random, product: Row[Any], code: str) -> Placed:
    life = chance.choices(LIVES, [life.share for life in LIVES])[0]
    at = shop.now - timedelta(hours=chance.uniform(*life.hours))
    quantity, percent, buyer = chance.randint(1, 3), shop.terms.commission_percent, chance.choice(NAMES)
    shares = split(product.price, quantity, percent)
    came = life.part == "received"
    row = {
        "id": shop.ids.new_id("ord"),
        "code": code,
        "status": life.statuses[-1],
        "product_id": product.id,
        "quantity": quantity,
        "unit_price": product.price,
        "commission_percent": percent,
        "currency": shop.terms.currency,
        "total": shares.total,
        "commission": shares.commission,
        "artisan_earns": shares.earns,
        "buyer_name": buyer,
        "buyer_msisdn": f"+2547{chance.randrange(10**8):08}",
        "buyer_locale": "en",
        "ship_to": {**SHIP_TO, "name": buyer},
        "placed_by": "demo",
        "kiosk_id": product.kiosk_id if came else None,
        "carrier": "Posta" if came else None,
        "tracking": f"RR{code}KE" if came else None,
        "created_at": at,
        "expires_at": at + OFFER_STANDS,
    }
    return Placed(row, life, product)


def _entry(order: Placed, step: int) -> dict[str, Any]:
    return {"order_id": order.row["id"], "status": order.life.statuses[step], "at": order.at(step)}


def _part(order: Placed) -> dict[str, Any]:
    return {
        "order_id": order.row["id"],
        "artisan_id": order.product.artisan_id,
        "quantity": order.row["quantity"],
        "earns": order.row["artisan_earns"],
        "status": order.life.part,
        "received_at": _received_at(order) if order.life.part == "received" else None,
    }


def _parts(shop: Shop, orders: Sequence[Placed]) -> dict[str, int]:
    """The number that each order's part was given."""
    theirs = Assignment.order_id.in_([order.row["id"] for order in orders])
    found = shop.session.execute(select(Assignment.order_id, Assignment.id).where(theirs))
    return {part.order_id: part.id for part in found}


def _payout(shop: Shop, order: Placed, part_id: int, code: str) -> dict[str, Any]:
    """Due and paid on the day when her goods came."""
    at, payout_id = _received_at(order), shop.ids.new_id("pay")
    return {
        "id": payout_id,
        "payment_id": payout_id,
        "piece": 0,
        "sends": 1,
        "sent_at": at,
        "provider": SimulatorPayer.name,
        "code": code,
        "artisan_id": order.product.artisan_id,
        "order_id": order.row["id"],
        "assignment_id": part_id,
        "amount": order.row["artisan_earns"],
        "currency": order.row["currency"],
        "method": "mobile_money",
        "msisdn": order.product.payout_msisdn,
        "status": "paid",
        "provider_reference": f"demo-{code}",
        "created_at": at,
        "paid_at": at,
    }


def _enter(shop: Shop, orders: Sequence[Placed], payouts: Sequence[dict[str, Any]]) -> None:
    """In the books, with the entries that the shop makes of goods received and of a payout that is sent and paid."""
    entries: list[dict[str, Any]] = []
    postings: dict[str, dict[str, int]] = {}
    for order, payout in zip(orders, payouts, strict=True):
        hers, total, amount = ledger.artisan_account(payout["artisan_id"]), order.row["total"], payout["amount"]
        steps = {
            f"earned:{payout['assignment_id']}": {
                ledger.BUYERS: total,
                hers: -amount,
                ledger.COMMISSION: amount - total,
            },
            f"sent:{payout['id']}:1": {hers: amount, ledger.PAYOUTS: -amount},
            f"paid:{payout['id']}": {ledger.PAYOUTS: amount, ledger.provider_account(SimulatorPayer.name): -amount},
        }
        entries += [{"key": key, "note": f"order {order.row['code']}", "at": payout["paid_at"]} for key in steps]
        postings |= steps
    _open_accounts(shop, {account for lines in postings.values() for account in lines})
    _insert(shop, LedgerEntry, entries)
    made = select(LedgerEntry.key, LedgerEntry.id).where(LedgerEntry.key.in_(list(postings)))
    numbers = dict(shop.session.execute(made).all())
    _insert(
        shop,
        LedgerPosting,
        [
            {"entry_id": numbers[key], "account": account, "amount": amount}
            for key, lines in postings.items()
            for account, amount in lines.items()
            if amount
        ],
    )


def _open_accounts(shop: Shop, names: set[str]) -> None:
    known = set(shop.session.scalars(select(LedgerAccount.name)))
    _insert(shop, LedgerAccount, [{"name": name, "currency": shop.terms.currency} for name in sorted(names - known)])


def _received_at(order: Placed) -> datetime:
    return order.at(order.life.statuses.index("at_kiosk"))


# -- in bulk


def _make_room(shop: Shop) -> None:
    """With the 2 MB that SQLite keeps in memory by itself, each batch would read and write the whole index again."""
    if shop.session.get_bind().dialect.name == "sqlite":
        shop.session.execute(text("PRAGMA cache_size = -262144"))  # in KiB


def _batches(make: Callable[[], Made], count: int) -> Iterator[list[Made]]:
    made = (make() for _ in range(count))
    while batch := list(islice(made, AT_ONCE)):
        yield batch


def _insert(shop: Shop, of: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Into the table itself: objects would take half as long again."""
    if rows:
        shop.session.execute(insert(cast(Table, of.__table__)), rows)


def _copy(shop: Shop, of: type[Base], rows: Sequence[dict[str, str]]) -> None:
    """As `_insert`, for columns of plain text; on PostgreSQL in a quarter of the time."""
    if shop.session.get_bind().dialect.name != "postgresql":
        _insert(shop, of, rows)
        return
    cursor = shop.session.connection().connection.cursor()
    with cursor.copy(f"COPY {of.__tablename__} ({', '.join(rows[0])}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))


def _codes(shop: Shop, coded: type[Coded]) -> Iterator[str]:
    """Codes that no row has, growing longer as the short ones run out."""
    taken = set(shop.session.scalars(select(coded.code)))
    while True:
        code = next(code for length in CODE_LENGTHS if (code := shop.ids.code(length)) not in taken)
        taken.add(code)
        yield code


def _all(shop: Shop, statement: Select[*tuple[Any, ...]], otherwise: str) -> Sequence[Row[Any]]:
    rows = shop.session.execute(statement).all()
    if not rows:
        raise Empty(otherwise)
    return rows
