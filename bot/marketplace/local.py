"""The marketplace in our own database: reads and commands are the marketplace's own functions.

They run in the transaction in which the shop is opened: the hop's, or an API request's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy.orm import Session

from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace import events, local_commands
from bot.marketplace.event_details import EventData, EventDetails, read, resource
from bot.marketplace.local_commands import part_summary
from bot.marketplace.wire import ArtisanContact, CallerProfile
from flows import market
from flows.commands import Command, Outcome
from marketplace_api.accounts import artisans, roles
from marketplace_api.accounts.roles import Roles
from marketplace_api.actors import Actor
from marketplace_api.catalogue import products
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.kiosks import activity, cash_float, kiosks
from marketplace_api.models import Order
from marketplace_api.orders import lists, orders, paying, pieces, receiving
from marketplace_api.payments import balances, cash_codes, cash_payouts, payouts, purse
from marketplace_api.schemas.orders import Order as OrderSchema
from marketplace_api.schemas.payouts import Payout as PayoutSchema
from marketplace_api.shares import split
from marketplace_api.shop import Ids, Shop, Terms

P = ParamSpec("P")
T = TypeVar("T")

_READER = Actor("job", "notifications")

PhotoLink = Callable[[str, datetime], str]
"""Returns the upload URL for pictures of a product, from its code and the present time."""


@dataclass(frozen=True, slots=True)
class LocalMarketplace:
    """The `Marketplace` whose changes are part of the hop's own transaction."""

    database: Database
    ids: Ids
    terms: Terms
    photo_link: PhotoLink
    is_local: bool = True

    def session(self, work: UnitOfWork, msisdn: str, now: datetime) -> LocalSession:
        def open_shop() -> Shop:
            return Shop(work.session, now, self.ids, self.terms, Actor.with_phone("phone", msisdn))

        return LocalSession(open_shop, msisdn, self.photo_link)

    def events(self, after: int, limit: int, now: datetime) -> Sequence[EventDetails]:
        with self.database.reading() as session:
            records = events.since(Shop(session, now, self.ids, self.terms, _READER), after, limit)
        return [read(record) for record in records]

    def current(self, id: str, now: datetime) -> EventData | None:
        with self.database.reading() as session:
            shop = Shop(session, now, self.ids, self.terms, _READER)
            if id.startswith("pay_"):
                (payout,) = payouts.by_ids(shop, [id]) or (None,)
                return resource(id, PayoutSchema.of(payout).model_dump(mode="json")) if payout else None
            order = session.get(Order, id)
            return resource(id, OrderSchema.of(order).model_dump(mode="json")) if order else None

    def newest_event(self, now: datetime) -> int:
        return 0  # people are notified of all events of our own shop


def remembered(
    read: Callable[Concatenate[LocalSession, P], T],
) -> Callable[Concatenate[LocalSession, P], T]:
    """A method that reads once for the same arguments, and then gives the same answer until the next command."""

    @wraps(read)
    def answer(session: LocalSession, /, *args: P.args, **named: P.kwargs) -> T:
        key = (read.__name__, *args, *named.items())
        if key not in session.answers:
            session.answers[key] = read(session, *args, **named)
        return session.answers[key]  # type: ignore[no-any-return]

    return answer


class LocalSession:
    """The shop on behalf of one person, for one hop. `open_shop` opens it in the current transaction.

    `answers` are what was read since the last command.
    """

    def __init__(self, open_shop: Callable[[], Shop], msisdn: str, photo_link: PhotoLink) -> None:
        self._open_shop, self._msisdn, self._photo_link = open_shop, msisdn, photo_link
        self.answers: dict[tuple[object, ...], Any] = {}
        self.secrets: list[str] = []
        self._known: tuple[Session, Roles] | None = None

    @property
    def shop(self) -> Shop:
        return self._open_shop()

    # -- the caller

    @remembered
    def caller(self) -> CallerProfile:
        artisan, kiosk = self._roles().artisan, self._roles().kiosk
        return CallerProfile(
            name=artisan.name if artisan else kiosk.agent_name if kiosk else "",
            artisan=artisan is not None,
            agent=kiosk is not None,
            kiosk=kiosk.name if kiosk else "",
            locale=self._roles().locale,
        )

    @remembered
    def artisan_of_kiosk(self, msisdn: str) -> ArtisanContact | None:
        kiosk, artisan = self._roles().kiosk, artisans.by_msisdn_including_left(self.shop, msisdn)
        if kiosk is None or artisan is None or artisan.kiosk_id != kiosk.id or msisdn == self._msisdn:
            return None
        return ArtisanContact.of(artisan)

    def _roles(self) -> Roles:
        """What the caller is in the shop, read once in each transaction."""
        shop = self.shop
        if self._known is None or self._known[0] is not shop.session:
            self._known = shop.session, roles.of_phone(shop, self._msisdn)
        return self._known[1]

    # -- reads

    def earns(self, price: int) -> int:
        return split(price, 1, self.shop.terms.commission_percent).earns

    def crafts(self) -> Sequence[tuple[str, str]]:
        return list(CATEGORIES.items())

    @remembered
    def kiosks(self) -> Sequence[market.KioskSummary]:
        return [market.KioskSummary(row.id, row.name, row.town) for row in kiosks.list_all(self.shop)]

    @remembered
    def products(self) -> Sequence[market.ProductSummary]:
        artisan = self._roles().artisan
        rows = products.of_artisan(self.shop, artisan) if artisan else []
        return [
            market.ProductSummary(row.code, row.title, row.price, row.quantity, row.status, row.reserved)
            for row in rows
        ]

    @remembered
    def orders(self) -> Sequence[market.OrderSummary]:
        artisan = self._roles().artisan
        if artisan is None:
            return []
        offered = lists.parts_of(self.shop, artisan, "offered")
        return [part_summary(row) for row in (*offered, *lists.parts_of(self.shop, artisan, "accepted"))]

    @remembered
    def expected(self, code: str) -> Sequence[market.OrderSummary]:
        kiosk = self._roles().kiosk
        return [part_summary(row) for row in receiving.expected_parts(self.shop, kiosk, code)] if kiosk else []

    @remembered
    def awaited(self) -> Sequence[market.OrderSummary]:
        kiosk = self._roles().kiosk
        return [part_summary(row) for row in receiving.expected_parts(self.shop, kiosk)] if kiosk else []

    @remembered
    def to_ship(self) -> Sequence[market.OrderSummary]:
        kiosk = self._roles().kiosk
        return [_order_summary(row) for row in receiving.received_at_kiosk(self.shop, kiosk)] if kiosk else []

    @remembered
    def bought(self, code: str) -> market.OrderSummary | None:
        order = orders.by_code(self.shop, code)
        if order is None or order.buyer_msisdn != self._msisdn:
            return None
        return _order_summary(order, _purchase_summary(self.shop, order))

    @remembered
    def earnings(self) -> market.Earnings:
        artisan = self._roles().artisan
        if artisan is None:
            return market.Earnings(0, 0)
        balance = balances.balance_of(self.shop, artisan)
        last = [
            market.PayoutSummary(
                row.code, row.amount, row.about, row.status in payouts.SETTLED, held=row.status == "held"
            )
            for row in balance.last
        ]
        return market.Earnings(balance.owed, balance.paid, last, balance.held)

    @remembered
    def cash(self) -> market.WaitingCash | None:
        artisan = self._roles().artisan
        payout = cash_payouts.longest_waiting(self.shop, artisan) if artisan else None
        if payout is None:
            return None
        code = cash_codes.present(self.shop, payout) or ""
        self.secrets.append(code)
        return market.WaitingCash(payout.about, payout.amount, payout.artisan.kiosk.name, code)

    @remembered
    def day(self) -> market.KioskDaySummary:
        kiosk = self._roles().kiosk
        if kiosk is None:
            return market.KioskDaySummary(0, 0)
        expected, midnight = receiving.count_expected(self.shop, kiosk), self.shop.midnight(self.shop.today)
        return market.KioskDaySummary(
            expected.all,
            receiving.count_received_at_kiosk(self.shop, kiosk),
            ready=expected.ready,
            received=activity.parts_received_since(self.shop, kiosk, midnight),
            cash_paid=activity.cash_paid_since(self.shop, [kiosk.id], midnight).get(kiosk.id, 0),
            drawer=cash_float.balance(self.shop, kiosk),
        )

    def photo_link(self, code: str) -> str | None:
        is_own = any(product.code == code for product in self.products())
        return self._photo_link(code, self.shop.now) if is_own else None

    # -- commands

    def perform(self, command: Command, key: str = "") -> Outcome:
        """Perform a command in the open transaction, all or nothing.

        `key` is not used: the owner of the transaction ensures that each key is performed once.
        """
        known = self._roles()
        self.answers.clear()
        self._known = None
        return local_commands.perform(self.shop, self._msisdn, known, command)


def _order_summary(row: Order, purchase: market.PurchaseSummary | None = None) -> market.OrderSummary:
    """A whole order, as its buyer and the kiosk that ships it see it; only its buyer sees the `purchase`."""
    return market.OrderSummary(
        row.code,
        row.title,
        pieces.count(row),
        row.artisan_earns,
        row.status,
        brief=row.brief is not None,
        due_on=row.brief.due_on if row.brief else None,
        total=row.total,
        carrier=row.carrier or "",
        tracking=row.tracking or "",
        purchase=purchase,
    )


def _purchase_summary(shop: Shop, order: Order) -> market.PurchaseSummary | None:
    """What is paid of an order and goes back; None if a storefront vouches for it."""
    if order.payment_status == "vouched":
        return None
    payment = purse.kept_payment(shop, order)
    if payment is None:
        can_be_paid = order.status == "unpaid" and "mpesa" in paying.open_collectors(shop)
        return market.PurchaseSummary(False, order.currency, paybill=shop.terms.paybill if can_be_paid else "")
    return market.PurchaseSummary(
        True,
        payment.currency,
        sum(refund.amount for refund in payment.refunds),
        all(refund.status == "done" for refund in payment.refunds),
    )
