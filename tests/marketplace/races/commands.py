"""The commands that are raced: each changes one order, payout, product, artisan or kiosk of the `World`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from marketplace_api.accounts import api_keys, artisans, help_requests
from marketplace_api.catalogue import photos, products
from marketplace_api.events import webhooks
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.models import Artisan, Kiosk, Order, Product
from marketplace_api.orders import briefs, closing, corrections, deadlines, orders, paying, receiving
from marketplace_api.payments import (
    buyer_payments,
    cash_payouts,
    elsewhere,
    ledger,
    pausing,
    payout_methods,
    payouts,
    refunds,
    returns,
    settlement,
    storefronts,
)
from marketplace_api.shop import Shop
from tests.marketplace.conftest import register, request
from tests.marketplace.races.world import BASKETS, BUYER, NEWCOMER, SETTINGS_KEY, World

Command = Callable[[Shop, World], object]
OTHER_PHONE = "+254733000000"
REFERENCE = "BANK-77"


def _artisan(shop: Shop, world: World) -> Artisan:
    return artisans.by_id(shop, world.artisan)


def _second(shop: Shop, world: World) -> Artisan:
    return artisans.by_id(shop, world.second)


def _third(shop: Shop, world: World) -> Artisan:
    return artisans.by_id(shop, world.third)


def _kiosk(shop: Shop, world: World) -> Kiosk:
    return kiosks.by_id(shop, world.kiosk)


def _order(shop: Shop, order_id: str) -> Order:
    return orders.by_id(shop, order_id)


def _product(shop: Shop, world: World) -> Product:
    return products.by_id(shop, world.product)


def _receive(count: int, **details: object) -> Command:
    def receive(shop: Shop, world: World) -> object:
        return receiving.receive(shop, _kiosk(shop, world), world.accepted_part, count, **details)  # type: ignore[arg-type]

    return receive


def _paid_elsewhere(shop: Shop, artisan: Artisan, amount: int, order: Order | None) -> object:
    return elsewhere.record_paid_elsewhere(shop, artisan, amount, "KES", REFERENCE, order)


def _settle_elsewhere(payout_id: Callable[[World], str]) -> Command:
    def settle(shop: Shop, world: World) -> object:
        payout = payouts.by_id(shop, payout_id(world))
        return _paid_elsewhere(shop, _artisan(shop, world), payout.amount, payout.order)

    return settle


def _send_reminders(shop: Shop, world: World) -> object:
    return deadlines.send_reminders(replace(shop, now=shop.now + timedelta(hours=7)))


def _in_days(shop: Shop, days: int) -> Shop:
    return replace(shop, now=shop.now + timedelta(days=days))


def _attach_photo(shop: Shop, world: World) -> object:
    new_id = shop.ids.new_id("pho")
    return photos.attach(shop, _product(shop, world).code, id=new_id, digest="d1", width=1, height=1)


def _create_endpoint(shop: Shop, owner: str) -> object:
    return webhooks.create(shop, owner, "storefront", "https://shop.example/last")


ORDER_COMMANDS: Mapping[str, Command] = {
    "accept": lambda shop, world: orders.accept(shop, _artisan(shop, world), _order(shop, world.placed).code),
    "accept one": lambda shop, world: orders.accept(shop, _artisan(shop, world), _order(shop, world.placed).code, 1),
    "decline": lambda shop, world: orders.decline(shop, _artisan(shop, world), _order(shop, world.placed).code),
    "cancel": lambda shop, world: orders.cancel(shop, _order(shop, world.placed)),
    "expire": lambda shop, world: orders.expire(shop, _order(shop, world.placed)),
    "mark ready": lambda shop, world: orders.mark_ready(shop, _artisan(shop, world), _order(shop, world.accepted).code),
    "release": lambda shop, world: orders.release(shop, _artisan(shop, world), _order(shop, world.accepted).code),
    "receive all": _receive(3),
    "receive some": _receive(2),
    "receive, rest follows": _receive(1, follows=True),
    "receive none": _receive(0, refused=3, reason="damaged"),
    "ship": lambda shop, world: orders.ship(shop, _order(shop, world.at_kiosk), "DHL", "7"),
    "deliver": lambda shop, world: orders.deliver(shop, _order(shop, world.shipped)),
    "remind": _send_reminders,
    "void accepted": lambda shop, world: closing.void(shop, _order(shop, world.accepted), "lost"),
    "void shipped": lambda shop, world: closing.void(shop, _order(shop, world.shipped), "lost"),
    "give up late": lambda shop, world: closing.give_up_late(_in_days(shop, 60)),
    "remind to ship": lambda shop, world: closing.remind_to_ship(_in_days(shop, 28)),
    "void unshipped": lambda shop, world: closing.void_unshipped(_in_days(shop, 60)),
    "ask whether it came": lambda shop, world: closing.ask_whether_it_came(_in_days(shop, 20)),
}
BRIEF_COMMANDS: Mapping[str, Command] = {
    "second accepts": lambda shop, world: orders.accept(shop, _second(shop, world), _order(shop, world.begun).code, 40),
    "third accepts": lambda shop, world: orders.accept(shop, _third(shop, world), _order(shop, world.begun).code, 30),
    "second declines": lambda shop, world: orders.decline(shop, _second(shop, world), _order(shop, world.begun).code),
    "release of brief": lambda shop, world: orders.release(shop, _artisan(shop, world), _order(shop, world.begun).code),
    "reopen": lambda shop, world: orders.release(shop, _artisan(shop, world), _order(shop, world.passed_over).code),
    "expire brief": lambda shop, world: orders.expire(shop, _order(shop, world.begun)),
    "cancel brief": lambda shop, world: orders.cancel(shop, _order(shop, world.brief)),
    "place brief": lambda shop, world: briefs.place(shop, request(), BASKETS),
}
PAYOUT_COMMANDS: Mapping[str, Command] = {
    "begin sending": lambda shop, world: settlement.begin_sending(shop, world.pending),
    "settle paid": lambda shop, world: settlement.settle_paid(shop, world.sending, "SFF6"),
    "settle failed": lambda shop, world: settlement.settle_failed(shop, world.sending, "wrong phone", "recipient"),
    "settle failed by us": lambda shop, world: settlement.settle_failed(shop, world.sending, "no money", "us"),
    "unknown failed by us": lambda shop, world: settlement.settle_failed(shop, world.unknown, "no money", "us"),
    "mark unknown": lambda shop, world: settlement.mark_unknown(shop, world.sending),
    "release payout": lambda shop, world: settlement.release(shop, world.sending),
    "retry": lambda shop, world: settlement.retry(shop, world.failed),
    "recheck": lambda shop, world: settlement.recheck(shop, world.failed),
    "unknown paid": lambda shop, world: settlement.settle_paid(shop, world.unknown, "SFF6"),
    "offer cash": lambda shop, world: payout_methods.offer_cash(shop, world.unknown),
    "collect": lambda shop, world: cash_payouts.collect(shop, _kiosk(shop, world), world.awaiting),
    "wrong cash code": lambda shop, world: cash_payouts.find(shop, _kiosk(shop, world), "none"),
    "pending paid elsewhere": _settle_elsewhere(lambda world: world.pending),
    "failed paid elsewhere": _settle_elsewhere(lambda world: world.failed),
    "awaiting paid elsewhere": _settle_elsewhere(lambda world: world.awaiting),
    "give back": lambda shop, world: returns.give_back(shop, world.paid, "came back"),
    "reverse payment": lambda shop, world: corrections.reverse(shop, f"paid:{world.paid}", "came back"),
    "reverse sending": lambda shop, world: corrections.reverse(shop, f"sent:{world.sending}:1", "not sent"),
    "reverse receipt": lambda shop, world: corrections.reverse(shop, f"earned:{world.received_part}", "miscounted"),
    "second paid elsewhere": lambda shop, world: _paid_elsewhere(shop, _second(shop, world), 70_00, None),
    "pause": lambda shop, world: pausing.pause(shop, "by hand"),
    "resume": lambda shop, world: pausing.resume(shop),
    "checkpoint": lambda shop, world: ledger.checkpoint(shop),
}
PAYMENT_COMMANDS: Mapping[str, Command] = {
    "place unpaid": lambda shop, world: orders.place(shop, replace(request(), vouched=False), world.product, 3),
    "start paying": lambda shop, world: paying.start_by_phone(
        shop, orders.lock(shop, _order(shop, world.unpaid)), BUYER
    ),
    "begin asking": lambda shop, world: buyer_payments.begin_asking(shop, world.started),
    "capture": lambda shop, world: paying.settle_captured(shop, world.asked, "SGC1"),
    "capture a second time": lambda shop, world: paying.settle_captured(shop, world.failed_payment, "SGC2"),
    "fail payment": lambda shop, world: buyer_payments.fail(shop, world.asked, "no_balance", "1"),
    "doubt payment": lambda shop, world: buyer_payments.mark_unknown(shop, world.asked),
    "put back payment": lambda shop, world: buyer_payments.put_back(shop, world.asked),
    "lapse": lambda shop, world: buyer_payments.lapse(shop, world.asked),
    "announce": lambda shop, world: paying.announce(shop, _order(shop, world.unpaid), 1_500_00, "wire 1"),
    "vouch": lambda shop, world: paying.vouch(shop, _order(shop, world.unpaid)),
    "cancel unpaid": lambda shop, world: orders.cancel(shop, _order(shop, world.unpaid)),
    "expire unpaid": lambda shop, world: orders.expire(shop, _order(shop, world.unpaid)),
    "cancel paid": lambda shop, world: orders.cancel(shop, _order(shop, world.bought)),
    "decline paid": lambda shop, world: orders.decline(shop, _artisan(shop, world), _order(shop, world.bought).code),
    "accept paid": lambda shop, world: orders.accept(shop, _artisan(shop, world), _order(shop, world.bought).code),
    "give back payment": lambda shop, world: paying.give_back(shop, world.kept, 500_00),
    "dispute": lambda shop, world: paying.dispute(shop, world.kept),
    "send refund": lambda shop, world: refunds.begin_sending(shop, world.refund_due, "simulator"),
    "refund elsewhere": lambda shop, world: refunds.settle_elsewhere(shop, world.refund_due, "wire 2"),
    "refund done": lambda shop, world: refunds.settle_done(shop, world.refund_sending, "RV1"),
    "refund failed": lambda shop, world: refunds.settle_failed(shop, world.refund_sending, "no float"),
    "doubt refund": lambda shop, world: refunds.mark_unknown(shop, world.refund_sending),
    "settle": lambda shop, world: storefronts.settle(shop, "window", 100_00, "wire 3"),
    "pause collecting": lambda shop, world: paying.pause_collecting(shop, "simulator", "wrong passkey"),
}
ARTISAN_COMMANDS: Mapping[str, Command] = {
    "choose cash": lambda shop, world: artisans.set_payout_method(shop, _artisan(shop, world), "kiosk_cash"),
    "choose phone": lambda shop, world: artisans.set_payout_method(
        shop, _artisan(shop, world), "mobile_money", OTHER_PHONE
    ),
    "change kiosk": lambda shop, world: artisans.set_kiosk(shop, _artisan(shop, world), world.other_kiosk),
    "rename": lambda shop, world: artisans.rename(shop, _artisan(shop, world), "Amina K."),
    "leave": lambda shop, world: artisans.leave(shop, _artisan(shop, world)),
    "second leaves": lambda shop, world: artisans.leave(shop, _second(shop, world)),
    "third leaves": lambda shop, world: artisans.leave(shop, _third(shop, world)),
    "register": lambda shop, world: register(shop, _kiosk(shop, world), NEWCOMER),
    "ask for help": lambda shop, world: help_requests.open_request(shop, NEWCOMER),
    "change agent": lambda shop, world: kiosks.update(shop, _kiosk(shop, world), agent_msisdn=NEWCOMER),
    "take cash out": lambda shop, world: cash_float.record_cash(shop, _kiosk(shop, world), -4_000_00, "taken"),
}
PRODUCT_COMMANDS: Mapping[str, Command] = {
    "set price": lambda shop, world: products.set_price(
        shop, _artisan(shop, world), _product(shop, world).code, 1_700_00
    ),
    "set stock": lambda shop, world: products.set_stock(shop, _artisan(shop, world), _product(shop, world).code, 4),
    "set title": lambda shop, world: products.set_title(
        shop, _artisan(shop, world), _product(shop, world).code, "Market basket"
    ),
    "set description": lambda shop, world: products.set_description(
        shop, _artisan(shop, world), _product(shop, world).code, "Woven of sisal"
    ),
    "withdraw": lambda shop, world: products.withdraw(shop, _artisan(shop, world), _product(shop, world).code),
    "place": lambda shop, world: orders.place(shop, request(), world.product, 3),
    "place second's": lambda shop, world: orders.place(shop, request(), world.second_product, 1),
    "second lists": lambda shop, world: products.list_product(
        shop, _second(shop, world), title="Tray", category="baskets", price=900_00, quantity=1
    ),
    "attach photo": _attach_photo,
}
KEY_COMMANDS: Mapping[str, Command] = {
    "create endpoint": lambda shop, world: _create_endpoint(shop, world.key),
    "create endpoint by settings": lambda shop, world: _create_endpoint(shop, SETTINGS_KEY),
    "revoke key": lambda shop, world: api_keys.revoke(shop, world.key),
}
COMMANDS: Mapping[str, Command] = {
    **ORDER_COMMANDS,
    **BRIEF_COMMANDS,
    **PAYOUT_COMMANDS,
    **PAYMENT_COMMANDS,
    **ARTISAN_COMMANDS,
    **PRODUCT_COMMANDS,
    **KEY_COMMANDS,
}
SKIPPING_COMMANDS: Mapping[str, Command] = {
    "expire offers": lambda shop, world: deadlines.expire_offers(_in_days(shop, 3)),
}
"""Commands that leave out rows that others have locked, and do them in a later run.

So a race with one of them has a serial result only if the other command is about the same row.
"""
