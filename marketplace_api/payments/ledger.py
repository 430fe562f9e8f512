"""The ledger: double entry in whole minor units, append-only.

    ledger.post(shop, "earned:412", "goods received of K7P4", {
        ledger.purse("ord_1"): 300_000, ledger.artisan_account("art_1"): -270_000, ledger.COMMISSION: -30_000})

Positive is a debit: money that we hold or are owed. Negative is a credit: money that we owe or have earned. The
postings of an entry sum to zero, and so do all balances together. An entry is never changed; `reverse` writes its
opposite.

| account | its balance |
|---|---|
| `order:<id>` | the order's purse: minus the money that waits to be earned, shipped or given back; never positive |
| `storefront:<key>` | the amount that a storefront owes for the orders it vouched for |
| `collector:<name>[:<currency>]` | the money that a collector holds for us; the currency if it is not the shop's |
| `bank` | the money that came to our bank account, from providers too, minus what we moved from it |
| `refunds` | minus the amount that is to go back to buyers, and that nobody is giving back yet |
| `refunding[:<currency>]` | minus the amount that collectors are giving back at this moment |
| `fx`, `fx:<currency>` | both sides of exchanges: what card payments in other currencies are worth |
| `unmatched` | minus the amount that came without a prompt and belongs to no order |
| `fees` | what collectors and providers kept for their work |
| `losses` | what was charged back, or given back from our own money |
| `rounding` | what buyers paid too much or too little because of the smallest coin |
| `carriers` | minus the amount for shipping that is owed to carriers |
| `tax` | minus the amount of tax that we took and owe |
| `commission` | minus the earnings of the marketplace |
| `artisan:<id>` | minus the amount that the artisan is owed and no provider is paying yet |
| `payouts` | minus the amount of payouts in flight: requested from providers, and not settled (payout clearing) |
| `provider:<name>` | what we moved to this provider, minus what it has paid for us; `elsewhere` is an operator |
| `kiosk:<id>` | the marketplace's cash in the kiosk's drawer (its float); negative if the agent paid out own money |
| `adjustments` | the other side of cash handed over, and of payments that are not for goods |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Select,
    cast,
    func,
    literal,
    null,
    select,
    text,
    union_all,
)
from sqlalchemy.exc import IntegrityError

from marketplace_api.models import LedgerAccount, LedgerCheckpoint, LedgerEntry, LedgerPosting
from marketplace_api.payments import entries
from marketplace_api.payments.entries import EntryHead, Lines
from marketplace_api.refused import Refused
from marketplace_api.shop import Shop, insert_new

COMMISSION, PAYOUTS, ADJUSTMENTS = "commission", "payouts", "adjustments"
BANK, REFUNDS, REFUNDING, FX, FEES, LOSSES, ROUNDING = (
    *("bank", "refunds", "refunding", "fx", "fees", "losses", "rounding"),
)
CARRIERS, TAX, UNMATCHED = "carriers", "tax", "unmatched"
PURSE = "order:"
"""The begin of the name of a purse."""
REVERSAL = "reversal"
"""The first word of a reversal's key; the key of the reversed entry follows."""
MAX_AMOUNT = 10**13
"""In minor units. Nothing handmade costs more, so a larger posting is a mistake."""


@dataclass(frozen=True, slots=True)
class LedgerSize:
    """How many entries and accounts the ledger has."""

    entries: int
    accounts: int


def artisan_account(artisan_id: str) -> str:
    """The name of the artisan's account."""
    return f"artisan:{artisan_id}"


def kiosk_account(kiosk_id: str) -> str:
    """The name of the kiosk's account."""
    return f"kiosk:{kiosk_id}"


def purse(order_id: str) -> str:
    """The name of the order's purse."""
    return f"{PURSE}{order_id}"


def storefront_account(key_id: str) -> str:
    """The name of the account of a storefront, by the id of its API key."""
    return f"storefront:{key_id}"


def collector_account(name: str) -> str:
    """The name of the collector's account in the shop's currency."""
    return f"collector:{name}"


def in_currency(account: str, currency: str) -> str:
    """The name of the same account in another currency than the shop's."""
    return f"{account}:{currency}"


def provider_account(name: str) -> str:
    """The name of the provider's account."""
    return f"provider:{name}"


def post(
    shop: Shop,
    key: str,
    note: str,
    postings: Mapping[str, int],
    currency: str | None = None,
    *,
    floor: str | None = None,
) -> bool:
    """Write an entry once, by `shop.by`; False if it was written under `key` before. Postings of zero are left out.

    `currency` defaults to the shop's. `Refused` with `wrong_currency` if an account has another currency, and with
    `not_funded` if the purse `floor` would have a positive balance; the caller has locked the order of the purse.
    Raises ValueError, which shows a bug, if the postings do not sum to zero, are fewer than two or above `MAX_AMOUNT`,
    or if `key` was used for other postings.
    """
    lines = _checked(key, postings)
    # another transaction that writes the same key waits here, and then fails on the unique key
    with suppress(IntegrityError), shop.session.begin_nested():
        _write(shop, key, note, lines, currency or shop.terms.currency, floor)
        return True
    if {line.account: line.amount for line in entry_of(shop, key).postings} != lines:
        raise ValueError(f"{key} stands for another fact")
    return False


def append(
    shop: Shop,
    key: str,
    note: str,
    postings: Mapping[str, int],
    currency: str | None = None,
    *,
    floor: str | None = None,
) -> None:
    """Write an entry as `post` does, under a key that is certainly new, as its caller's lock makes sure.

    Raises IntegrityError, which shows a bug, if the key was used before.
    """
    _write(shop, key, note, _checked(key, postings), currency or shop.terms.currency, floor)


def _checked(key: str, postings: Mapping[str, int]) -> Mapping[str, int]:
    """The postings that are not zero; ValueError if they do not sum to zero, are fewer than two, or one is absurd."""
    lines = {account: amount for account, amount in postings.items() if amount}
    if sum(lines.values()) or len(lines) < 2 or any(abs(amount) > MAX_AMOUNT for amount in lines.values()):
        raise ValueError(f"{key} is no entry: {dict(postings)}")
    return lines


def _write(shop: Shop, key: str, note: str, amounts: Mapping[str, int], currency: str, floor: str | None) -> None:
    """Write an entry and its lines, and open the accounts that are new."""
    shop.session.flush()
    conn, lines = shop.session.connection(), Lines(amounts, currency, floor)
    without_lines = entries.write(conn, EntryHead(key, note, shop.now, str(shop.by)), lines)
    if without_lines is None:
        return
    _open_all(shop, amounts, currency)  # also finds an account in another currency
    if not entries.post_lines(conn, without_lines, lines):
        raise Refused("not_funded", account=floor)


def reverse(shop: Shop, key: str, why: str) -> bool:
    """Write the opposite of an entry, and nothing else; False if that was done before.

    `Refused` with `unknown_entry`. `orders.corrections` also corrects what the entry was about.
    """
    entry = entry_of(shop, key)
    opposite = {line.account: -line.amount for line in entry.postings}
    currency = shop.session.get_one(LedgerAccount, entry.postings[0].account).currency
    return post(shop, f"{REVERSAL}:{key}", why, opposite, currency)


def is_reversed(shop: Shop, key: str) -> bool:
    """True if the entry was reversed."""
    return has_entry(shop, f"{REVERSAL}:{key}")


def has_entry(shop: Shop, key: str) -> bool:
    """True if an entry was written under this key."""
    return shop.session.scalar(select(LedgerEntry.id).where(LedgerEntry.key == key)) is not None


def entry_of(shop: Shop, key: str) -> LedgerEntry:
    """The entry with this key, or `Refused` with `unknown_entry`."""
    entry = shop.session.scalars(select(LedgerEntry).where(LedgerEntry.key == key)).one_or_none()
    if entry is None:
        raise Refused("unknown_entry", 404, key=key)
    return entry


def balance(shop: Shop, account: str) -> int:
    """The balance in minor units: the last checkpoint and all later postings; 0 if there is no such account."""
    return balances(shop, [account])[account]


def balances(shop: Shop, accounts: Collection[str]) -> Mapping[str, int]:
    """The balances of many accounts, by name. One statement, so that no checkpoint is written in between."""
    total = dict.fromkeys(accounts, 0)
    for account, amount in shop.session.execute(balance_rows(accounts)):
        total[account] += int(amount)
    return total


def balance_rows(accounts: Collection[str] | Select[str]) -> CompoundSelect[str, int]:
    """Rows of a name and an amount, which sum up to the balances of these accounts, or of those that are selected."""
    # a subquery per account, so that both indexes are read from its last checkpoint on
    last = select(func.max(LedgerCheckpoint.upto)).where(LedgerCheckpoint.account == LedgerAccount.name)
    upto = last.correlate(LedgerAccount).scalar_subquery()
    at_last = (LedgerCheckpoint.account == LedgerAccount.name) & (LedgerCheckpoint.upto == upto)
    newer = (LedgerPosting.account == LedgerAccount.name) & (LedgerPosting.id > func.coalesce(upto, 0))
    at_checkpoint = select(LedgerAccount.name, LedgerCheckpoint.balance).join(LedgerCheckpoint, at_last)
    after_checkpoint = select(LedgerAccount.name, func.sum(LedgerPosting.amount)).join(LedgerPosting, newer)
    asked = LedgerAccount.name.in_(accounts)
    return union_all(at_checkpoint.where(asked), after_checkpoint.where(asked).group_by(LedgerAccount.name))


def balance_before(shop: Shop, account: str, time: datetime) -> int:
    """The account's balance before a time: the present balance minus the postings since then, usually few."""
    after = (
        select(func.coalesce(func.sum(LedgerPosting.amount), 0))
        .join(LedgerEntry, LedgerEntry.id == LedgerPosting.entry_id)
        .where(LedgerPosting.account == account, LedgerEntry.at >= time)
    )
    return balance(shop, account) - int(shop.session.scalar(after) or 0)


def lines(
    shop: Shop, account: str, since: datetime | None, until: datetime | None, limit: int
) -> Sequence[tuple[LedgerEntry, int]]:
    """The first `limit` entries of an account from `since` on, before `until`, each with the amount it posts there."""
    found = select(LedgerEntry, LedgerPosting.amount).join(LedgerEntry.postings).where(LedgerPosting.account == account)
    if since:
        found = found.where(LedgerEntry.at >= since)
    if until:
        found = found.where(LedgerEntry.at < until)
    found = found.order_by(LedgerEntry.at, LedgerPosting.id).limit(limit)
    return [(entry, amount) for entry, amount in shop.session.execute(found)]


def checkpoint(shop: Shop) -> int:
    """Write a checkpoint for every account that changed since its last one; returns their number."""
    _lock_postings(shop)
    moved = _moved(shop)
    for account, upto in moved:
        now = balance(shop, account)
        shop.session.add(LedgerCheckpoint(account=account, upto=upto, balance=now, at=shop.now))
        shop.session.flush()
    return len(moved)


def size(shop: Shop) -> LedgerSize:
    """The size of the ledger."""
    entries = shop.session.scalar(select(func.count()).select_from(LedgerEntry))
    accounts = shop.session.scalar(select(func.count()).select_from(LedgerAccount))
    return LedgerSize(entries or 0, accounts or 0)


def inconsistencies(shop: Shop) -> Iterator[str]:
    """One sentence for each inconsistency of the ledger itself; sums use all postings, not checkpoints."""
    total, lines = func.sum(LedgerPosting.amount), func.count()
    sums = select(LedgerPosting.entry_id, total, lines).group_by(LedgerPosting.entry_id)
    for entry_id, amount, count in shop.session.execute(sums.having((total != 0) | (lines < 2))):
        yield f"entry {entry_id} has {count} postings that sum to {amount}"
    empty = select(LedgerEntry.key).where(~LedgerEntry.postings.any())
    yield from (f"entry {key} has no postings" for key in shop.session.scalars(empty))
    yield from _mixed_currencies(shop)
    yield from _wrong_checkpoints(shop)


def _open_all(shop: Shop, names: Collection[str], currency: str) -> None:
    """Open the accounts that do not exist yet; `Refused` with `wrong_currency` if one has another currency."""
    found = {row.name: row for row in shop.session.scalars(select(LedgerAccount).where(LedgerAccount.name.in_(names)))}
    for name in sorted(names):  # one order for all, because two that open the same account wait for each other
        row = found.get(name) or open_account(shop, name, currency)
        if row.currency != currency:
            raise Refused("wrong_currency", 422, currency=currency, kept=row.currency)


def open_account(shop: Shop, name: str, currency: str) -> LedgerAccount:
    """Open an account that does not exist yet, unless another transaction opens it at this moment."""
    with suppress(IntegrityError), shop.session.begin_nested():
        account = LedgerAccount(name=name, currency=currency)
        shop.session.add(account)
        shop.session.flush()
        return account
    return shop.session.get_one(LedgerAccount, name)  # another transaction has opened it meanwhile


def open_accounts(shop: Shop, names: Collection[str], currency: str | None = None) -> None:
    """Open those of these accounts that do not exist yet, by one statement; `currency` defaults to the shop's."""
    rows = union_all(*(select(literal(name).label("name")) for name in names)).subquery()
    known = select(LedgerAccount.name).where(LedgerAccount.name == rows.c.name)
    unknown = select(rows.c.name, literal(currency or shop.terms.currency)).where(~known.exists())
    shop.session.execute(insert_new(shop.session, LedgerAccount).from_select(["name", "currency"], unknown))


def _lock_postings(shop: Shop) -> None:
    """Wait for transactions that are posting, and block new postings and checkpoints until we commit.

    PostgreSQL numbers rows before they are committed, so a checkpoint could miss a row that is not committed yet.
    """
    if shop.session.get_bind().dialect.name == "postgresql":
        shop.session.execute(text(f"LOCK TABLE {LedgerPosting.__tablename__} IN SHARE ROW EXCLUSIVE MODE"))


def _moved(shop: Shop) -> Sequence[tuple[str, int]]:
    """Every account with postings since its last checkpoint, and the id of its last posting."""
    last = (
        select(LedgerCheckpoint.account, func.max(LedgerCheckpoint.upto).label("upto"))
        .group_by(LedgerCheckpoint.account)
        .subquery()
    )
    newer = (
        select(LedgerPosting.account, func.max(LedgerPosting.id))
        .outerjoin(last, last.c.account == LedgerPosting.account)
        # a purse has few postings, so a checkpoint would save nothing
        .where(LedgerPosting.id > func.coalesce(last.c.upto, 0), LedgerPosting.account.not_like(f"{PURSE}%"))
        .group_by(LedgerPosting.account)
    )
    return [(account, upto) for account, upto in shop.session.execute(newer)]


def _mixed_currencies(shop: Shop) -> Iterator[str]:
    """Entries with accounts in several currencies; only those with one in another than the shop's are looked at."""
    in_currency = select(LedgerPosting.entry_id).join(LedgerAccount, LedgerAccount.name == LedgerPosting.account)
    foreign = in_currency.where(LedgerAccount.currency != shop.terms.currency)
    mixed = (
        in_currency.where(LedgerPosting.entry_id.in_(foreign))
        .group_by(LedgerPosting.entry_id)
        .having(func.min(LedgerAccount.currency) != func.max(LedgerAccount.currency))
    )
    yield from (f"entry {entry_id} mixes currencies" for entry_id in shop.session.scalars(mixed))


def _wrong_checkpoints(shop: Shop) -> Iterator[str]:
    """Checkpoints that are not the sum so far. Each posting is read once, however many checkpoints follow it."""
    has_any = LedgerPosting.account.in_(select(LedgerCheckpoint.account))
    nothing, none = literal(0, BigInteger), cast(null(), BigInteger)
    postings = select(LedgerPosting.account, LedgerPosting.id.label("upto"), LedgerPosting.amount, none.label("kept"))
    checkpoints = select(LedgerCheckpoint.account, LedgerCheckpoint.upto, nothing, LedgerCheckpoint.balance)
    rows = union_all(postings.where(has_any), checkpoints).subquery()
    # of rows with one `upto` the sum has all, so that a checkpoint includes its own posting
    so_far = func.sum(rows.c.amount).over(partition_by=rows.c.account, order_by=rows.c.upto)
    summed = select(rows.c.account, rows.c.upto, rows.c.kept, so_far.label("amount")).subquery()
    for account, upto, kept, amount in shop.session.execute(select(summed).where(summed.c.kept != summed.c.amount)):
        yield f"the checkpoint of {account} at {upto} says {kept}, its postings {amount}"
