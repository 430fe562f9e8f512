"""Any entry of a busy shop is reversed with what it was about, or refused; the audit finds nothing afterwards."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import func, select

from marketplace_api.actors import Actor
from marketplace_api.kiosks import kiosks
from marketplace_api.models import Assignment, Event, LedgerEntry, Payout
from marketplace_api.orders import corrections
from marketplace_api.payments import audit, cash_payouts, elsewhere, ledger, payouts, returns
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop
from tests.marketplace.conftest import ShopDatabase
from tests.marketplace.races.world import broken_rules, build

OPERATOR = Actor("operator", "Wairimu")
REFUSED = "refused"
ENDS = {
    "paid": {"returned"},
    "collected": {"returned"},
    "sent": {"failed", REFUSED},  # only the payment that is on its way
    "back": {REFUSED},
    "reversal": {REFUSED},
    "earned": {"reversed", REFUSED},  # not goods that were paid
    "float": {""},
    "vouched": {REFUSED},
    "captured": {REFUSED},
    "refund": {REFUSED},
    "refunding": {REFUSED},
}
"""By kind of entry, the status of its payout or part after the reversal."""


def fill(shop: Shop) -> None:
    """Enter every kind of entry, for payouts in every state."""
    world = build(shop)
    cash_payouts.collect(shop, kiosks.by_id(shop, world.kiosk), world.awaiting)
    artisan = payouts.by_id(shop, world.paid).artisan
    besides = [elsewhere.record_paid_elsewhere(shop, artisan, 70_00, "KES", f"BANK-{n}", None) for n in range(2)]
    returns.give_back(shop, besides[0].id, "came back")


def status_of_subject(shop: Shop, key: str) -> str:
    """The status of the payout or part that an entry is about; empty if it is about neither."""
    kind, subject = key.split(":")[:2]
    if kind == "earned":
        return shop.session.get_one(Assignment, int(subject)).status
    return "" if kind == "float" else shop.session.get_one(Payout, subject).status


def reverse(shop: Shop, key: str) -> str:
    """Reverse an entry, check what must hold then, and undo all; returns the subject's status, or `REFUSED`."""
    count = select(func.count())
    entries, seen = (shop.session.scalar(count.select_from(table)) or 0 for table in (LedgerEntry, Event))
    with shop.session.begin_nested() as undone:
        try:
            with shop.session.begin_nested():
                assert corrections.reverse(shop, key, "by mistake")
            end, by = status_of_subject(shop, key), {str(OPERATOR)}
        except Refused:
            end, by = REFUSED, set()
        assert [*audit.inconsistencies(shop), *broken_rules(shop)] == [], key
        new = [
            *shop.session.scalars(select(LedgerEntry.by).order_by(LedgerEntry.id).offset(entries)),
            *shop.session.scalars(select(Event.by).order_by(Event.seq).offset(seen)),
        ]
        assert set(new) == by, key
        undone.rollback()
    shop.session.expunge_all()
    return end


def test_every_entry_is_reversed_with_what_it_was_about_or_refused(database: ShopDatabase) -> None:
    with database.open() as shop:
        fill(shop)
    ends = defaultdict(set)
    with database.open() as shop:
        keys = shop.session.scalars(select(LedgerEntry.key).order_by(LedgerEntry.id)).all()
        for key in keys:
            if not ledger.is_reversed(shop, key):
                ends[key.partition(":")[0]].add(reverse(shop.acting(OPERATOR), key))
    assert ends == ENDS
