"""What an act on money is about, in words: a payout, refund or payment, other money, a storefront, kiosk, collector."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for

from bot.web.formats import price
from marketplace_api.accounts import api_keys
from marketplace_api.kiosks import cash_float, kiosks
from marketplace_api.orders import direct_payments
from marketplace_api.payments import buyer_payments, payouts, refunds, storefronts
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop


@dataclass(frozen=True, slots=True)
class MoneySubject:
    """`words` name it, `state` is its status, `balance` what its account holds, and `url` the page to go back to."""

    words: str
    url: str
    state: str = ""
    balance: str = ""


def payout(shop: Shop, id: str) -> MoneySubject:
    """A payout, or `Refused` with `unknown_payout`."""
    found = payouts.by_id(shop, id)
    amount = _price(found.amount, found.currency)
    of_order = f", order {found.order.code}" if found.order else ""
    return MoneySubject(
        f"payout {found.code} of {amount} to {found.artisan.name}{of_order}", _money_page(), found.status
    )


def refund(shop: Shop, id: str) -> MoneySubject:
    """A refund, or `Refused` with `unknown_refund`."""
    found = refunds.by_id(shop, id)
    words = f"refund of {_price(found.amount, found.currency)} for order {found.payment.order.code}"
    return MoneySubject(words, _money_page(), found.status)


def payment(shop: Shop, id: str) -> MoneySubject:
    """A payment of a buyer, or `Refused` with `unknown_payment`."""
    found = buyer_payments.by_id(shop, id)
    amount = _price(found.amount, found.currency)
    asked = f"payment for order {found.order.code}, {found.collector}"
    is_open = found.failure == buyer_payments.OTHER_AMOUNT
    words = f"{asked}: we asked for {amount}, and it reports {found.detail}" if is_open else f"{asked}: {amount}"
    return MoneySubject(words, _money_page(), found.status)


def unmatched(shop: Shop, id: str) -> MoneySubject:
    """Money that came without a prompt, or `Refused` with `unknown_payment`."""
    found = direct_payments.by_id(shop, id)
    words = f"{_own(shop, found.amount or 0)} by {found.collector}, receipt {found.receipt}, for “{found.account}”"
    return MoneySubject(words, _money_page(), found.status)


def storefront(shop: Shop, id: str) -> MoneySubject:
    """A storefront, or `Refused` with `unknown_key`."""
    key = api_keys.by_id(shop, id)
    owes = _own(shop, storefronts.owes(shop, key.id))
    return MoneySubject(f"storefront {key.name}", url_for("storefronts.page", key_id=id), balance=f"owes {owes}")


def kiosk(shop: Shop, id: str) -> MoneySubject:
    """A kiosk, or `Refused` with `unknown_kiosk`."""
    found = kiosks.by_id(shop, id)
    held = _own(shop, cash_float.balance(shop, found))
    return MoneySubject(f"{found.name}, {found.town}", _money_page(), balance=f"holds {held} of our cash")


def collector(_shop: Shop, id: str) -> MoneySubject:
    """The account of a collector, such as `collector:mpesa`."""
    return MoneySubject(f"statement of {id.partition(':')[2]}", url_for("reconciling.page"))


def _money_page() -> str:
    return url_for("money.page")


def _own(shop: Shop, amount: int) -> str:
    return _price(amount, shop.terms.currency)


def _price(amount: int, currency: str) -> str:
    return price(Money(amount=amount, currency=currency))
