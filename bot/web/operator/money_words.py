"""What an act on money does, in words: a sentence for each posting, and for what else it causes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bot.web.formats import price
from bot.web.operator.effects import Written
from marketplace_api.models import Event, LedgerAccount
from marketplace_api.payments import ledger
from marketplace_api.schemas.money import Money
from marketplace_api.shop import Shop

_ELSEWHERE = ledger.provider_account("elsewhere")
_WORDS: Sequence[tuple[str, str, str]] = (
    (ledger.BANK, "{money} comes to our bank account.", "{money} leaves our bank account."),
    (ledger.kiosk_account(""), "The kiosk has {money} more of our cash.", "The kiosk has {money} less of our cash."),
    (
        ledger.ADJUSTMENTS,
        "{money} leaves the books by the account adjustments.",
        "{money} comes into the books by the account adjustments.",
    ),
    (ledger.REFUNDS, "{money} less is to go back to buyers.", "{money} more is to go back to buyers."),
    (ledger.artisan_account(""), "{money} less is owed to the artisan.", "{money} more is owed to the artisan."),
    (
        ledger.storefront_account(""),
        "{money} more is owed by the storefront.",
        "{money} less is owed by the storefront.",
    ),
    (ledger.PURSE, "{money} leaves the purse of the order.", "{money} comes into the purse of the order."),
    (
        ledger.collector_account(""),
        "{money} more is at the collector {name}.",
        "{money} less is at the collector {name}.",
    ),
    (_ELSEWHERE, "{money} came back by other means.", "{money} was paid by other means."),
    (ledger.provider_account(""), "{money} more is at the provider {name}.", "{money} less is at the provider {name}."),
    (ledger.UNMATCHED, "{money} less is unmatched.", "{money} more is unmatched."),
    (ledger.FEES, "{money} of fees is entered.", "{money} less of fees is entered."),
    (ledger.ROUNDING, "{money} is lost by rounding.", "{money} is gained by rounding."),
)
"""By the beginning of an account's name: the sentences for a debit and for a credit."""

_EVENTS: Mapping[str, str] = {
    "payout.released": "The payout {code} of {money} to the artisan is paid out now.",
    "payout.retried": "The payout {code} of {money} is sent to the artisan again.",
    "payout.paid": "The payout {code} of {money} counts as paid, and nothing more is sent.",
    "payouts.resumed": "Payouts to all artisans, which are paused, go on.",
    "refund.due": "{money} is sent back to the buyer.",
    "refund.done": "The refund of {money} counts as done, and nothing more is sent.",
    "payment.captured": "The payment of {money} counts as received.",
    "payment.lapsed": "The payment of {money} has lapsed: nothing is booked for it.",
    "order.placed": "The order is paid, and offered to artisans.",
    "order.funded": "The order is paid.",
}
"""By type of event; other types say nothing that is not said by one of these."""


def sentences(shop: Shop, written: Written) -> Iterator[str]:
    """What was written, in words: the debits of an account together, and its credits together."""
    sums: dict[tuple[str, bool], int] = {}
    for posting in written.postings:
        side = posting.account, posting.amount > 0
        sums[side] = sums.get(side, 0) + posting.amount
    for (account, _), amount in sums.items():
        yield _moved(shop, account, amount)
    for event in written.events:
        if event.type in _EVENTS:
            yield _EVENTS[event.type].format(money=_amount(event), code=event.data.get("code"))


def _moved(shop: Shop, account: str, amount: int) -> str:
    currency = shop.session.get_one(LedgerAccount, account).currency
    money = price(Money(amount=abs(amount), currency=currency))
    for begin, debit, credit in _WORDS:
        if account.startswith(begin):
            name = account.removeprefix(begin).partition(":")[0]
            return (debit if amount > 0 else credit).format(money=money, name=name)
    return f"{money} moves {'to' if amount > 0 else 'from'} the account {account}."


def _amount(event: Event) -> str:
    amount = event.data.get("amount")
    return price(Money(**amount)) if amount else ""
