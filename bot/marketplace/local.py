"""Our own shop: what the hall may ask of a marketplace, answered by the marketplace's own functions.

Reads and commands run in whatever transaction the shop is opened in: the hop's, or a request's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from bot.db.unit_of_work import Database, UnitOfWork
from bot.marketplace import events
from bot.marketplace.port import ArtisanContact, CallerProfile, EventDetails
from flows import commands, market
from flows.commands import Outcome
from marketplace_api.accounts import artisans, help_requests
from marketplace_api.catalogue import products
from marketplace_api.catalogue.categories import CATEGORIES
from marketplace_api.kiosks import activity, cash_float, kiosks
from marketplace_api.models import Artisan, Assignment, Kiosk, Order
from marketplace_api.orders import orders, receiving
from marketplace_api.payments import balances, cash_payouts, payouts
from marketplace_api.payments.money import split
from marketplace_api.refused import RefusalReason, Refused
from marketplace_api.shop import Ids, Shop, Terms

PhotoLink = Callable[[str, datetime], str]
"""The address for pictures of the product with a code, given out at a time."""


@dataclass(frozen=True, slots=True)
class LocalMarketplace:
    """The marketplace in our own database: what a hop does there is in the hop's own transaction."""

    database: Database
    ids: Ids
    terms: Terms
    photo_link: PhotoLink
    is_local: bool = True

    def session(self, work: UnitOfWork, msisdn: str, now: datetime) -> LocalSession:
        return LocalSession(lambda: Shop(work.session, now, self.ids, self.terms), msisdn, self.photo_link)

    def events(self, after: int, limit: int, now: datetime) -> Sequence[EventDetails]:
        with self.database.reading() as session:
            return events.since(Shop(session, now, self.ids, self.terms), after, limit)

    def newest_event(self, now: datetime) -> int:
        return 0  # this bot was here from the beginning


class LocalSession:
    """The shop on behalf of one person. `open_shop` gives it as the transaction of the moment sees it."""

    def __init__(self, open_shop: Callable[[], Shop], msisdn: str, photo_link: PhotoLink) -> None:
        self._open_shop, self._msisdn, self._photo_link = open_shop, msisdn, photo_link

    @property
    def shop(self) -> Shop:
        return self._open_shop()

    # -- who speaks

    def caller(self) -> CallerProfile:
        artisan, kiosk = self.artisan(), self.kiosk()
        return CallerProfile(
            name=artisan.name if artisan else kiosk.agent_name if kiosk else "",
            artisan=artisan is not None,
            agent=kiosk is not None,
            kiosk=kiosk.name if kiosk else "",
        )

    def artisan(self) -> Artisan | None:
        return artisans.by_msisdn(self.shop, self._msisdn)

    def kiosk(self) -> Kiosk | None:
        """The kiosk where she is the agent."""
        return kiosks.by_agent(self.shop, self._msisdn)

    def artisan_of_kiosk(self, msisdn: str) -> ArtisanContact | None:
        kiosk, artisan = self.kiosk(), artisans.by_msisdn_including_left(self.shop, msisdn)
        is_hers = kiosk and artisan and artisan.kiosk_id == kiosk.id and msisdn != self._msisdn
        return ArtisanContact.of(artisan) if artisan and is_hers else None

    def _the_artisan(self) -> Artisan:
        return self.artisan() or _refuse("not_an_artisan")

    def _the_kiosk(self) -> Kiosk:
        return self.kiosk() or _refuse("not_an_agent")

    # -- reads

    def earns(self, price: int) -> int:
        return split(price, 1, self.shop.terms.commission_percent).earns

    def crafts(self) -> Sequence[tuple[str, str]]:
        return list(CATEGORIES.items())

    def kiosks(self) -> Sequence[market.KioskSummary]:
        return [market.KioskSummary(row.id, row.name, row.town) for row in kiosks.list_all(self.shop)]

    def products(self) -> Sequence[market.ProductSummary]:
        artisan = self.artisan()
        rows = products.of_artisan(self.shop, artisan) if artisan else []
        return [market.ProductSummary(row.code, row.title, row.price, row.quantity, row.status) for row in rows]

    def orders(self) -> Sequence[market.OrderSummary]:
        artisan = self.artisan()
        if artisan is None:
            return []
        offered = orders.parts_of(self.shop, artisan, "offered")
        return [_part(row) for row in (*offered, *orders.parts_of(self.shop, artisan, "accepted"))]

    def expected(self, code: str) -> Sequence[market.OrderSummary]:
        kiosk = self.kiosk()
        return [_part(row) for row in receiving.expected_parts(self.shop, kiosk, code)] if kiosk else []

    def to_ship(self) -> Sequence[market.OrderSummary]:
        kiosk = self.kiosk()
        return [_whole(row) for row in orders.received_at_kiosk(self.shop, kiosk)] if kiosk else []

    def bought(self, code: str) -> market.OrderSummary | None:
        order = orders.by_code(self.shop, code)
        return _whole(order) if order and order.buyer_msisdn == self._msisdn else None

    def earnings(self) -> market.Earnings:
        artisan = self.artisan()
        if artisan is None:
            return market.Earnings(0, 0)
        standing = balances.balance_of(self.shop, artisan)
        last = [
            market.PayoutSummary(row.code, row.amount, row.about, row.status in payouts.SETTLED)
            for row in standing.last
        ]
        return market.Earnings(standing.owed, standing.paid, last)

    def day(self) -> market.KioskDaySummary:
        kiosk = self.kiosk()
        if kiosk is None:
            return market.KioskDaySummary(0, 0)
        coming, midnight = receiving.expected_parts(self.shop, kiosk), self.shop.midnight(self.shop.today)
        return market.KioskDaySummary(
            len(coming),
            len(orders.received_at_kiosk(self.shop, kiosk)),
            ready=sum(part.ready_at is not None for part in coming),
            received=activity.parts_received_since(self.shop, kiosk, midnight),
            cash_paid=activity.cash_paid_since(self.shop, [kiosk.id], midnight).get(kiosk.id, 0),
            drawer=cash_float.balance(self.shop, kiosk),
        )

    def photo_link(self, code: str) -> str | None:
        hers = any(product.code == code for product in self.products())
        return self._photo_link(code, self.shop.now) if hers else None

    # -- commands

    def perform(self, command: commands.Command, key: str = "") -> Outcome:
        """Does it in the transaction, all or nothing; a refusal by the shop is an outcome, not an error.

        That a key is performed once is for whoever holds the transaction to see to.
        """
        try:
            with self.shop.session.begin_nested():
                return self._do(command)
        except Refused as refused:
            values = {name: value for name, value in refused.values.items() if isinstance(value, str | int)}
            return Outcome("rejected", refused.reason, dict(values))

    def _do(self, command: commands.Command) -> Outcome:
        match command:
            case commands.ChooseLanguage():
                return self._choose_language(command)
            case commands.RegisterArtisan():
                return self._register(command)
            case commands.RenameArtisan(name):
                artisans.rename(self.shop, self._the_artisan(), name)
                return _done()
            case commands.ChangeKiosk(kiosk_id):
                artisans.set_kiosk(self.shop, self._the_artisan(), kiosk_id)
                return _done()
            case commands.ChangePayout(method, msisdn):
                artisans.set_payout_method(self.shop, self._the_artisan(), method, msisdn)
                return _done()
            case commands.Leave():
                artisans.leave(self.shop, self._the_artisan())
                return _done()
            case commands.ListProduct():
                return self._list_product(command)
            case commands.SetPrice(code, price):
                return _done(code=products.set_price(self.shop, self._the_artisan(), code, price).code)
            case commands.SetStock(code, quantity):
                return _done(code=products.set_stock(self.shop, self._the_artisan(), code, quantity).code)
            case commands.RemoveProduct(code):
                return _done(code=products.withdraw(self.shop, self._the_artisan(), code).code)
            case commands.AcceptOrder():
                return self._accept(command)
            case commands.DeclineOrder():
                return _made(orders.decline(self.shop, self._the_artisan(), command.code, command.reason))
            case commands.SayReady():
                return _made(orders.mark_ready(self.shop, self._the_artisan(), command.code))
            case commands.ReleaseOrder(code):
                return _made(orders.release(self.shop, self._the_artisan(), code))
            case commands.ConfirmDelivery(code):
                return _done(code=orders.deliver(self.shop, self._bought(code)).code)
            case commands.CancelOrder(code):
                return _done(code=orders.cancel(self.shop, self._bought(code)).code)
            case commands.ReceiveGoods():
                return self._receive(command)
            case commands.FindCash():
                return self._find_cash(command)
            case commands.PayCash():
                return _done(payout=cash_payouts.collect(self.shop, self._the_kiosk(), command.payout_id).code)
            case commands.ShipOrder():
                return self._ship(command)
            case commands.RequestCall():
                return _done(request=help_requests.open_request(self.shop, self._msisdn).id)
        raise NotImplementedError(type(command).__name__)

    def _choose_language(self, command: commands.ChooseLanguage) -> Outcome:
        artisan = self.artisan()
        if artisan:
            artisans.set_language(self.shop, artisan, command.language)
        return _done()

    def _register(self, command: commands.RegisterArtisan) -> Outcome:
        artisans.register(
            self.shop,
            name=command.name,
            msisdn=self._msisdn,
            language=command.language,
            craft=command.craft,
            kiosk_id=command.kiosk_id,
            payout_method=command.payout_method,
            payout_msisdn=command.payout_msisdn,
        )
        return _done()

    def _list_product(self, command: commands.ListProduct) -> Outcome:
        product = products.list_product(
            self.shop,
            self._the_artisan(),
            title=command.title,
            category=command.category,
            price=command.price,
            quantity=command.quantity,
        )
        return _done(code=product.code)

    def _accept(self, command: commands.AcceptOrder) -> Outcome:
        promised = None if command.days is None else self.shop.today + timedelta(days=command.days)
        return _made(orders.accept(self.shop, self._the_artisan(), command.code, command.quantity, promised))

    def _bought(self, code: str) -> Order:
        """An order she placed herself; of another's nobody learns that it is there."""
        order = orders.by_code(self.shop, code)
        if order is None or order.buyer_msisdn != self._msisdn:
            raise Refused("unknown_code", 404, code=code)
        return order

    def _receive(self, command: commands.ReceiveGoods) -> Outcome:
        part = receiving.receive(
            self.shop,
            self._the_kiosk(),
            command.part,
            command.count,
            refused=command.refused,
            reason=command.reason,
            follows=command.follows,
        )
        return _done(code=part.order.code, title=part.order.title, artisan=part.artisan.name)

    def _find_cash(self, command: commands.FindCash) -> Outcome:
        """A wrong code is no error to be undone: that it was tried has to be kept."""
        payout = cash_payouts.find(self.shop, self._the_kiosk(), command.digits)
        if payout is None:
            return Outcome("rejected", "wrong_code")
        return _done(payout=payout.id, amount=payout.amount, artisan=payout.artisan.name)

    def _ship(self, command: commands.ShipOrder) -> Outcome:
        order = orders.by_code(self.shop, command.code)
        if order is None or order.kiosk_id != self._the_kiosk().id:
            raise Refused("unknown_code", 404, code=command.code)
        return _done(order=orders.ship(self.shop, order, command.carrier, command.tracking).code)


def _done(**values: commands.Value) -> Outcome:
    return Outcome("done", values=values)


def _refuse(reason: RefusalReason) -> NoReturn:
    raise Refused(reason, 403)


def _part(row: Assignment) -> market.OrderSummary:
    """An artisan's part of an order; while it is only offered to her, all that is left of it."""
    order = row.order
    quantity = orders.pieces_left(order) if row.status == "offered" else row.quantity
    return market.OrderSummary(
        order.code,
        order.title,
        quantity,
        split(order.unit_price, quantity, order.commission_percent).earns,
        row.status if row.status != "offered" else order.status,
        row.artisan.name,
        row.kiosk.name,
        ready=row.ready_at is not None,
        part=row.id,
        brief=order.brief is not None,
        due_on=row.due_on,
    )


def _whole(row: Order) -> market.OrderSummary:
    """An order as the buyer sees it, and the kiosk that ships it."""
    return market.OrderSummary(
        row.code,
        row.title,
        orders.piece_count(row),
        row.artisan_earns,
        row.status,
        brief=row.brief is not None,
        due_on=row.brief.due_on if row.brief else None,
    )


def _made(row: Assignment) -> Outcome:
    """What words may name of her part once something was done with it."""
    part = _part(row)
    made = {name: getattr(part, name) for name in ("code", "title", "quantity", "earns", "kiosk", "artisan")}
    return _done(**made)
