"""Bulk data for benchmarks: thousands of artisans, products and orders, inserted many rows at once.

The rows are like those that the shop writes, but no domain function is called. So there are no events and no texts,
and the stock of a product grows by the pieces of its open orders, which are reserved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, select, text

from bot.demo.inserting import batches, copy_rows, enlarge_cache, insert_rows
from bot.demo.order_histories import ORDER_HISTORIES, OrderHistory
from bot.demo.seed import ARTISANS, DemoProduct
from bot.runtime.settings import SIMULATOR
from marketplace_api.catalogue import search
from marketplace_api.models import (
    Artisan,
    Assignment,
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
from marketplace_api.payments.purse import ENDED_UNFULFILLED
from marketplace_api.schemas.orders import Address
from marketplace_api.shares import split
from marketplace_api.shop import CODE_LENGTHS, Coded, Ids, Shop

PRICE_STEP = 100_00
"""Prices are multiples of this, in minor units, so that a commission in whole percent leaves no cents in a payout."""

NAMES = ("Achieng", "Baraka", "Chebet", "Desta", "Esther", "Faraja", "Grace", "Hamisi", "Imani", "Jelimo", "Kerubo")
SORTS = ("Small", "Large", "Tiny", "Plain", "Painted", "Blue", "Red", "Green", "Black", "Wedding", "Lamu", "Turkana")
SHIP_TO = dict.fromkeys(Address.model_fields) | {"line1": "1 Moi Avenue", "city": "Nairobi", "country": "KE"}


class PrerequisiteError(Exception):
    """The rows that new rows refer to are missing: kiosks for artisans, artisans for products, products for orders."""


@dataclass(frozen=True, slots=True)
class BulkCounts:
    """How many new rows of each kind to add."""

    artisans: int = 0
    products: int = 0
    orders: int = 0
    delivered: int = 0
    """Further orders, all of them delivered."""


def fill(shop: Shop, counts: BulkCounts) -> None:
    """Add the rows in the transaction of `shop`; raises PrerequisiteError."""
    # the operating system's random source is slow, and nothing here is a secret
    random = Random(shop.ids.token(20))  # noqa: S311
    shop = replace(shop, ids=Ids(random))
    enlarge_cache(shop)
    for add, count in (
        (_add_artisans, counts.artisans),
        (_add_products, counts.products),
        (_add_orders, counts.orders),
        (partial(_add_orders, histories=ORDER_HISTORIES[-1:]), counts.delivered),
    ):
        if count:
            add(shop, random, count)


# Artisans


def _add_artisans(shop: Shop, random: Random, count: int) -> None:
    kiosks = _all(shop, select(Kiosk.id), "no kiosk for the artisans to bring goods to")
    msisdns = _msisdns(shop, random)
    crafts = sorted(_products_by_craft())

    def row() -> dict[str, Any]:
        msisdn = next(msisdns)
        return {
            "id": shop.ids.new_id("art"),
            "msisdn": msisdn,
            "name": f"{random.choice(NAMES)} {random.choice(NAMES)}",
            "language": random.choice(("en", "sw", "fr", "am")),
            "craft": random.choice(crafts),
            "status": "active",
            "kiosk_id": random.choice(kiosks).id,
            "payout_method": "mobile_money",
            "payout_msisdn": msisdn,
            "created_at": shop.now - timedelta(days=400, minutes=random.random()),
        }

    for rows in batches(row, count):
        insert_rows(shop, Artisan, rows)


def _msisdns(shop: Shop, random: Random) -> Iterator[str]:
    """Kenyan MSISDNs that no artisan has."""
    taken = set(shop.session.scalars(select(Artisan.msisdn)))
    while True:
        msisdn = f"+2547{random.randrange(10**8):08}"
        if msisdn not in taken:
            taken.add(msisdn)
            yield msisdn


# Products


def _add_products(shop: Shop, random: Random, count: int) -> None:
    active = select(Artisan.id, Artisan.craft, Kiosk.town).join(Artisan.kiosk).where(Artisan.status == "active")
    artisans = _all(shop, active, "no artisan to make the products")
    templates, codes = _products_by_craft(), _codes(shop, Product)

    def row() -> dict[str, Any]:
        artisan = random.choice(artisans)
        template = random.choice(templates[artisan.craft])
        listed_at = shop.now - timedelta(seconds=random.randrange(365 * 86_400))
        return {
            "id": shop.ids.new_id("prd"),
            "code": next(codes),
            "artisan_id": artisan.id,
            "title": f"{random.choice(SORTS)} {template.title[0].lower()}{template.title[1:]}",
            "category": artisan.craft,
            "description": f"{template.description} Made near {artisan.town}.",
            "price": max(1, template.price * random.randrange(50, 200) // 100 // PRICE_STEP) * PRICE_STEP,
            "currency": shop.terms.currency,
            "on_hand": random.randrange(1, 60),
            "reserved": 0,
            "status": "listed",
            "created_at": listed_at,
            "updated_at": listed_at,
        }

    for rows in batches(row, count):
        insert_rows(shop, Product, rows)
        copy_rows(shop, ProductWord, [word for row in rows for word in _search_words(row)])


def _search_words(row: dict[str, Any]) -> list[dict[str, str]]:
    return search.index_rows(row["id"], row["code"], row["title"], row["description"])


def _products_by_craft() -> dict[str, list[DemoProduct]]:
    """The products of the demo's artisans, by craft."""
    by_craft: dict[str, list[DemoProduct]] = defaultdict(list)
    for artisan in ARTISANS:
        by_craft[artisan.craft] += artisan.products
    return by_craft


# Orders


class BulkOrder(NamedTuple):
    """An order's row, its history, and the row of its product with its artisan."""

    row: dict[str, Any]
    history: OrderHistory
    product: Row[Any]

    def reached_at(self, step: int) -> datetime:
        """When the order reached the status with this index."""
        placed_at: datetime = self.row["created_at"]
        return placed_at + timedelta(days=step)


_RESERVE = text("UPDATE product SET on_hand = on_hand + :pieces, reserved = reserved + :pieces WHERE id = :of")


def _add_orders(shop: Shop, random: Random, count: int, histories: Sequence[OrderHistory] = ORDER_HISTORIES) -> None:
    # a payout in cash has a secret code, which is not made in bulk: only artisans with mobile money get orders
    artisan = (Artisan.id.label("artisan_id"), Artisan.kiosk_id, Artisan.payout_msisdn)
    on_sale = select(Product.id, Product.price, *artisan).join(Product.artisan)
    on_sale = on_sale.where(Product.status == "listed", Artisan.payout_method == "mobile_money")
    on_sale = on_sale.where(Product.price % PRICE_STEP == 0)
    products = _all(shop, on_sale, "no product to order")
    codes, payout_codes = _codes(shop, Order), _codes(shop, Payout)

    def order() -> BulkOrder:
        (history,) = random.choices(histories, [history.weight for history in histories])
        return _new_order(shop, random, random.choice(products), next(codes), history)

    for orders in batches(order, count):
        insert_rows(shop, Order, [order.row for order in orders])
        timeline = [_timeline_entry(order, step) for order in orders for step in range(len(order.history.statuses))]
        insert_rows(shop, TimelineEntry, timeline)
        insert_rows(shop, Assignment, [_assignment(order) for order in orders])
        still_open = [order for order in orders if order.history.assignment in ("offered", "accepted")]
        if rows := [{"of": order.product.id, "pieces": order.row["quantity"]} for order in still_open]:
            shop.session.connection().execute(_RESERVE, rows)
        assignment_ids = _assignment_ids(shop, orders)
        received = [order for order in orders if order.history.assignment == "received"]
        paid = [_payout(shop, order, assignment_ids[order.row["id"]], next(payout_codes)) for order in received]
        insert_rows(shop, Payout, paid)
        _add_ledger_entries(shop, orders, received, paid)


def _new_order(shop: Shop, random: Random, product: Row[Any], code: str, history: OrderHistory) -> BulkOrder:
    at = shop.now - timedelta(hours=random.uniform(*history.hours))
    quantity, percent, buyer = random.randint(1, 3), shop.terms.commission_percent, random.choice(NAMES)
    shares = split(product.price, quantity, percent)
    is_received = history.assignment == "received"
    row = {
        "id": shop.ids.new_id("ord"),
        "code": code,
        "status": history.statuses[-1],
        "product_id": product.id,
        "quantity": quantity,
        "unit_price": product.price,
        "commission_percent": percent,
        "currency": shop.terms.currency,
        "total": shares.total,
        "shipping": 0,
        "tax_points": 0,
        "tax": 0,
        "payment_status": "vouched",
        "commission": shares.commission,
        "artisan_earns": shares.earns,
        "buyer_name": buyer,
        "buyer_msisdn": f"+2547{random.randrange(10**8):08}",
        "buyer_locale": "en",
        "ship_to": {**SHIP_TO, "name": buyer},
        "placed_by": "demo",
        "kiosk_id": product.kiosk_id if is_received else None,
        "carrier": "Posta" if is_received else None,
        "tracking": f"RR{code}KE" if is_received else None,
        "created_at": at,
        "expires_at": at + OFFER_STANDS,
    }
    return BulkOrder(row, history, product)


def _timeline_entry(order: BulkOrder, step: int) -> dict[str, Any]:
    return {"order_id": order.row["id"], "status": order.history.statuses[step], "at": order.reached_at(step)}


def _assignment(order: BulkOrder) -> dict[str, Any]:
    return {
        "order_id": order.row["id"],
        "artisan_id": order.product.artisan_id,
        "quantity": order.row["quantity"],
        "earns": order.row["artisan_earns"],
        "status": order.history.assignment,
        "received_at": _received_at(order) if order.history.assignment == "received" else None,
        "received_by": order.row["kiosk_id"],
    }


def _assignment_ids(shop: Shop, orders: Sequence[BulkOrder]) -> dict[str, int]:
    """The id of each order's assignment, by the id of the order."""
    in_batch = Assignment.order_id.in_([order.row["id"] for order in orders])
    found = shop.session.execute(select(Assignment.order_id, Assignment.id).where(in_batch))
    return {assignment.order_id: assignment.id for assignment in found}


def _payout(shop: Shop, order: BulkOrder, assignment_id: int, code: str) -> dict[str, Any]:
    """A payout that became due, and was paid, when the kiosk received the goods."""
    at, payout_id = _received_at(order), shop.ids.new_id("pay")
    return {
        "id": payout_id,
        "payment_id": payout_id,
        "piece": 0,
        "sends": 1,
        "sent_at": at,
        "provider": SIMULATOR,
        "code": code,
        "artisan_id": order.product.artisan_id,
        "order_id": order.row["id"],
        "assignment_id": assignment_id,
        "amount": order.row["artisan_earns"],
        "currency": order.row["currency"],
        "method": "mobile_money",
        "msisdn": order.product.payout_msisdn,
        "status": "paid",
        "provider_reference": f"demo-{code}",
        "created_at": at,
        "paid_at": at,
    }


def _add_ledger_entries(
    shop: Shop, orders: Sequence[BulkOrder], received: Sequence[BulkOrder], payouts: Sequence[dict[str, Any]]
) -> None:
    """The ledger entries that the shop writes when an order is placed, when goods are received, and for payouts."""
    entries: list[dict[str, Any]] = []
    postings: dict[str, dict[str, int]] = {}
    for order in orders:
        lines = _purse_entries(order)
        entries += [{"key": key, "note": f"order {order.row['code']}", "at": order.row["created_at"]} for key in lines]
        postings |= lines
    for order, payout in zip(received, payouts, strict=True):
        artisan, total, amount = ledger.artisan_account(payout["artisan_id"]), order.row["total"], payout["amount"]
        postings_by_key = {
            f"earned:{payout['assignment_id']}": {
                ledger.purse(order.row["id"]): total,
                artisan: -amount,
                ledger.COMMISSION: amount - total,
            },
            f"sent:{payout['id']}:1": {artisan: amount, ledger.PAYOUTS: -amount},
            f"paid:{payout['id']}": {ledger.PAYOUTS: amount, ledger.provider_account(SIMULATOR): -amount},
        }
        entries += [
            {"key": key, "note": f"order {order.row['code']}", "at": payout["paid_at"]} for key in postings_by_key
        ]
        postings |= postings_by_key
    _open_accounts(shop, {account for lines in postings.values() for account in lines})
    insert_rows(shop, LedgerEntry, entries)
    inserted = select(LedgerEntry.key, LedgerEntry.id).where(LedgerEntry.key.in_(list(postings)))
    entry_ids = dict(shop.session.execute(inserted).all())
    insert_rows(
        shop,
        LedgerPosting,
        [
            {"entry_id": entry_ids[key], "account": account, "amount": amount}
            for key, lines in postings.items()
            for account, amount in lines.items()
            if amount
        ],
    )


def _purse_entries(order: BulkOrder) -> dict[str, dict[str, int]]:
    """The entries by key: the storefront vouches for the order, and gets its price back if the order has ended."""
    order_id, total = order.row["id"], order.row["total"]
    storefront, purse = ledger.storefront_account(order.row["placed_by"]), ledger.purse(order_id)
    entries = {f"vouched:{order_id}": {storefront: total, purse: -total}}
    if order.row["status"] in ENDED_UNFULFILLED:
        entries[f"credit:{order_id}:1"] = {purse: total, storefront: -total}
    return entries


def _open_accounts(shop: Shop, names: set[str]) -> None:
    existing = set(shop.session.scalars(select(LedgerAccount.name)))
    insert_rows(
        shop, LedgerAccount, [{"name": name, "currency": shop.terms.currency} for name in sorted(names - existing)]
    )


def _received_at(order: BulkOrder) -> datetime:
    return order.reached_at(order.history.statuses.index("at_kiosk"))


def _codes(shop: Shop, coded: type[Coded]) -> Iterator[str]:
    """Codes that no row has; they become longer when few short ones are free."""
    taken = set(shop.session.scalars(select(coded.code)))
    while True:
        code = next(code for length in CODE_LENGTHS if (code := shop.ids.code(length)) not in taken)
        taken.add(code)
        yield code


def _all(shop: Shop, statement: Select[*tuple[Any, ...]], error: str) -> Sequence[Row[Any]]:
    """All rows; raises PrerequisiteError with the message `error` if there is none."""
    rows = shop.session.execute(statement).all()
    if not rows:
        raise PrerequisiteError(error)
    return rows
