"""Performs the commands of dialogues in our own shop: most are one call to a function of the marketplace."""

from __future__ import annotations

from datetime import timedelta
from typing import NoReturn

from flows import commands, market
from flows.commands import Outcome
from marketplace_api.accounts import artisans, help_requests
from marketplace_api.accounts.roles import Roles
from marketplace_api.actors import Actor
from marketplace_api.catalogue import products
from marketplace_api.models import Artisan, Assignment, Kiosk, Order
from marketplace_api.orders import orders, pieces, receiving
from marketplace_api.payments import cash_payouts
from marketplace_api.refused import RefusalReason, Refused
from marketplace_api.shares import split
from marketplace_api.shop import Shop


def perform(shop: Shop, msisdn: str, roles: Roles, command: commands.Command) -> Outcome:
    """Perform a command on behalf of a phone, all or nothing; `rejected` with the reason if the shop refuses it."""
    try:
        with shop.session.begin_nested():
            return _perform(shop, msisdn, roles, command)
    except Refused as refused:
        values = {name: value for name, value in refused.values.items() if isinstance(value, str | int)}
        return Outcome("rejected", refused.reason, dict(values))


def _perform(shop: Shop, msisdn: str, roles: Roles, command: commands.Command) -> Outcome:
    match command:
        case commands.ChooseLanguage():
            return _choose_language(shop, roles, command)
        case commands.RegisterArtisan():
            return _register(shop, msisdn, command)
        case commands.RenameArtisan(name):
            artisans.rename(shop, _artisan(roles), name)
            return _done()
        case commands.ChangeKiosk(kiosk_id):
            artisans.set_kiosk(shop, _artisan(roles), kiosk_id)
            return _done()
        case commands.ChangePayout():
            artisans.set_payout_method(shop, _artisan(roles), command.method, command.msisdn)
            return _done()
        case commands.Leave():
            artisans.leave(shop, _artisan(roles))
            return _done()
        case commands.ListProduct():
            return _list_product(shop, _artisan(roles), command)
        case commands.SetPrice(code, price):
            return _done(code=products.set_price(shop, _artisan(roles), code, price).code)
        case commands.SetStock():
            return _set_stock(shop, _artisan(roles), command)
        case commands.SetTitle(code, title):
            return _done(code=products.set_title(shop, _artisan(roles), code, title).code)
        case commands.SetDescription(code, description):
            return _done(code=products.set_description(shop, _artisan(roles), code, description).code)
        case commands.RemoveProduct(code):
            return _done(code=products.withdraw(shop, _artisan(roles), code).code)
        case commands.AcceptOrder():
            return _accept(shop, _artisan(roles), command)
        case commands.DeclineOrder():
            part = orders.decline(shop, _artisan(roles), command.code, command.reason)
            return _done_with_stock(part, part.order.quantity)
        case commands.SayReady():
            return _done_with_part(orders.mark_ready(shop, _artisan(roles), command.code))
        case commands.ReleaseOrder(code):
            return _done_with_part(orders.release(shop, _artisan(roles), code))
        case commands.ConfirmDelivery(code):
            return _done(code=orders.deliver(shop, _order_of_buyer(shop, msisdn, code)).code)
        case commands.CancelOrder(code):
            order = orders.cancel_locked(shop, _own(orders.lock_by_code(shop, code), msisdn, code))
            return _done(code=order.code, payment=order.payment_status)
        case commands.RenewCashCode():
            return _done(payout=cash_payouts.renew_code(shop, _artisan(roles)).id)
        case commands.RequestCall():
            return _done(request=help_requests.open_request(shop, msisdn).id)
        case _:
            return _perform_as_agent(shop.acting(Actor.with_phone("agent", msisdn)), _kiosk(roles), command)


def _perform_as_agent(shop: Shop, kiosk: Kiosk, command: commands.Command) -> Outcome:
    match command:
        case commands.ReceiveGoods():
            return _receive(shop, kiosk, command)
        case commands.FindCash():
            return _find_cash(shop, kiosk, command)
        case commands.PayCash():
            return _done(payout=cash_payouts.collect(shop, kiosk, command.payout_id).code)
        case commands.ShipOrder():
            return _ship(shop, kiosk, command)
    raise NotImplementedError(type(command).__name__)


# -- who the command is for


def _artisan(roles: Roles) -> Artisan:
    return roles.artisan or _refuse("not_an_artisan")


def _kiosk(roles: Roles) -> Kiosk:
    """The kiosk whose agent has this phone."""
    return roles.kiosk or _refuse("not_an_agent")


def _order_of_buyer(shop: Shop, msisdn: str, code: str) -> Order:
    """The order with this code, if this phone placed it; otherwise `unknown_code`, so that codes cannot be guessed."""
    return _own(orders.by_code(shop, code), msisdn, code)


def _own(order: Order | None, msisdn: str, code: str) -> Order:
    if order is None or order.buyer_msisdn != msisdn:
        raise Refused("unknown_code", 404, code=code)
    return order


def _refuse(reason: RefusalReason) -> NoReturn:
    raise Refused(reason, 403)


# -- commands that are more than one call


def _choose_language(shop: Shop, roles: Roles, command: commands.ChooseLanguage) -> Outcome:
    if roles.artisan:
        artisans.set_language(shop, roles.artisan, command.language)
    return _done()


def _register(shop: Shop, msisdn: str, command: commands.RegisterArtisan) -> Outcome:
    artisans.register(
        shop,
        name=command.name,
        msisdn=msisdn,
        language=command.language,
        craft=command.craft,
        kiosk_id=command.kiosk_id,
        payout_method=command.payout_method,
        payout_msisdn=command.payout_msisdn,
    )
    return _done()


def _list_product(shop: Shop, artisan: Artisan, command: commands.ListProduct) -> Outcome:
    product = products.list_product(
        shop,
        artisan,
        title=command.title,
        category=command.category,
        price=command.price,
        quantity=command.quantity,
    )
    return _done(code=product.code)


def _set_stock(shop: Shop, artisan: Artisan, command: commands.SetStock) -> Outcome:
    product = products.set_stock(shop, artisan, command.code, command.quantity, besides_orders=command.besides_orders)
    return _done(code=product.code, on_hand=product.on_hand, reserved=product.reserved, left=product.quantity)


def _accept(shop: Shop, artisan: Artisan, command: commands.AcceptOrder) -> Outcome:
    promised = None if command.days is None else shop.today + timedelta(days=command.days)
    part = orders.accept(shop, artisan, command.code, command.quantity, promised, unsaid_is_all=command.all)
    return _done_with_stock(part, part.order.quantity - part.quantity)


def _receive(shop: Shop, kiosk: Kiosk, command: commands.ReceiveGoods) -> Outcome:
    part = receiving.receive(
        shop,
        kiosk,
        command.part,
        command.count,
        refused=command.refused,
        reason=command.reason,
        follows=command.follows,
    )
    return _done(code=part.order.code, title=part.order.title, artisan=part.artisan.name)


def _find_cash(shop: Shop, kiosk: Kiosk, command: commands.FindCash) -> Outcome:
    """A wrong code is an outcome, not a `Refused`, because that would roll back the count of wrong codes."""
    payout = cash_payouts.find(shop, kiosk, command.digits)
    if payout is None:
        return Outcome("rejected", "wrong_code")
    return _done(payout=payout.id, amount=payout.amount, artisan=payout.artisan.name)


def _ship(shop: Shop, kiosk: Kiosk, command: commands.ShipOrder) -> Outcome:
    found = orders.by_code(shop, command.code)
    order = found and orders.lock(shop, found)
    if order is None or order.kiosk_id != kiosk.id:
        raise Refused("unknown_code", 404, code=command.code)
    return _done(order=orders.ship(shop, order, command.carrier, command.tracking).code)


# -- outcomes


def _done(**values: commands.Value) -> Outcome:
    return Outcome("done", values=values)


def _done_with_part(row: Assignment) -> Outcome:
    """Done, with the facts of an artisan's part that the next screen or message may show."""
    part = part_summary(row)
    return _done(
        code=part.code,
        title=part.title,
        quantity=part.quantity,
        earns=part.earns,
        kiosk=part.kiosk,
        artisan=part.artisan,
        due_on=part.due_on.isoformat() if part.due_on else "",
    )


def _done_with_stock(row: Assignment, back: int) -> Outcome:
    """As `_done_with_part`; if `back` pieces of a product can be ordered again, also its code and this number."""
    outcome, product = _done_with_part(row), row.order.product
    if product is None or product.status == "withdrawn" or not back:
        return outcome
    return _done(**outcome.values, stock=product.code, back=back)


def part_summary(row: Assignment) -> market.OrderSummary:
    """An artisan's part of an order; while it is only offered, its pieces are all that no artisan has accepted."""
    order = row.order
    quantity = pieces.left(order) if row.status == "offered" else row.quantity
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
